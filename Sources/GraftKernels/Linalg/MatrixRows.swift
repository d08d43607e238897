import CGraftVector
import GraftTensor

/// Work on rows of matrices in memory, which is where the time goes when they are taken apart.
extension MatrixField {
  /// c -= a b, in ascending order with two roundings for each product: m rows of a, element (i, p) at
  /// `a[i * row + p * column]`; b and c row after row, c apart from the others.
  @inline(__always)
  static func subtractProductInSteps(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Self>, row: Int, column: Int, _ b: UnsafePointer<Self>,
    bRow: Int, from c: UnsafeMutablePointer<Self>, cRow: Int
  ) {
    for i in 0..<m {
      let target = c + i * cRow
      for p in 0..<k {
        let (factor, source) = (a[i * row + p * column], b + p * bRow)
        for j in 0..<n { target[j] = target[j] - factor * source[j] }
      }
    }
  }

  /// The product taken off with or without fused instructions.
  @inline(__always)
  static func subtractProduct(
    inSteps: Bool, m: Int, n: Int, k: Int, _ a: UnsafePointer<Self>, row: Int, column: Int,
    _ b: UnsafePointer<Self>, bRow: Int, from c: UnsafeMutablePointer<Self>, cRow: Int
  ) {
    if inSteps {
      subtractProductInSteps(
        m: m, n: n, k: k, a, row: row, column: column, b, bRow: bRow, from: c, cRow: cRow)
    } else {
      subtractProduct(m: m, n: n, k: k, a, row: row, column: column, b, bRow: bRow, from: c, cRow: cRow)
    }
  }

  /// Turns two rows of `count` elements: (x, y) becomes (cosine x - sine y, sine x + cosine y).
  @inline(__always)
  static func rotate(
    _ x: UnsafeMutablePointer<Self>, _ y: UnsafeMutablePointer<Self>, count: Int, _ cosine: Self, _ sine: Self
  ) {
    let (sineConjugate, cosineConjugate) = (sine.conjugate, cosine.conjugate)
    for index in 0..<count {
      let (a, b) = (x[index], y[index])
      x[index] = cosine * a - sine * b
      y[index] = sineConjugate * a + cosineConjugate * b
    }
  }
}

extension Complex where Real == Double {
  static func subtractProduct(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Complex>, row: Int, column: Int,
    _ b: UnsafePointer<Complex>, bRow: Int, from c: UnsafeMutablePointer<Complex>, cRow: Int
  ) {
    subtractProductInSteps(m: m, n: n, k: k, a, row: row, column: column, b, bRow: bRow, from: c, cRow: cRow)
  }
}

extension Double {
  static func subtractProduct(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, row: Int, column: Int, _ b: UnsafePointer<Double>,
    bRow: Int, from c: UnsafeMutablePointer<Double>, cRow: Int
  ) {
    graft_matrix_subtract_product_f64(m, n, k, a, row, column, b, bRow, c, cRow)
  }
}

/// How matrices are taken apart in blocks of rows.
enum MatrixBlocks {
  /// Rows of a block.
  private static let rows = 16
  /// Up to this size matrices are one block.
  private static let whole = 32

  static func width(of size: Int) -> Int { isSmall(size) ? max(size, 1) : rows }

  /// Whether each product is rounded by itself, so that what is exact in a small matrix, and whether it is singular,
  /// does not depend on the processor.
  static func isSmall(_ size: Int) -> Bool { size <= whole }
}
