import Glibc

/// The eigenvalues of a Hermitian matrix in ascending order, and its eigenvectors.
///
/// By reflections to a tridiagonal matrix and implicit QR steps with Wilkinson's shift, each in the order that
/// TensorFlow's library has, so that the vectors have the same signs.
struct HermitianEigen<F: MatrixField> {
  /// The eigenvalues.
  private(set) var values: [Double]
  /// The eigenvectors, as columns.
  private(set) var vectors: Matrix<F>

  private var offDiagonal: [Double] = []
  private let wantsVectors: Bool
  private let precision: NumberPrecision
  /// QR steps for each row at most.
  private static var patience: Int { 30 }

  /// Reads the lower triangle alone; nil where the matrix holds what is not a number, or the steps do not come
  /// to an end.
  ///
  /// - Parameters:
  ///   - wantsVectors: whether there are to be eigenvectors.
  ///   - checkpoint: is asked between steps.
  /// - Throws: what `checkpoint` throws.
  init?(
    _ matrix: Matrix<F>, _ precision: NumberPrecision, wantsVectors: Bool = true,
    checkpoint: () throws -> Void
  ) throws {
    let size = matrix.rows
    self.precision = precision
    self.wantsVectors = wantsVectors
    values = (0..<size).map { matrix[$0, $0].realPart }
    vectors = .identity(wantsVectors ? size : 0)
    var lower = Matrix<F>(rows: size, columns: size)
    var largest = 0.0
    for row in 0..<size {
      for column in 0...row {
        guard matrix[row, column].magnitude.isFinite else { return nil }
        lower[row, column] = matrix[row, column]
        largest = max(largest, matrix[row, column].magnitude)
      }
    }
    guard size > 1 else { return }
    let scale = largest == 0 ? 1 : largest
    try tridiagonalize(lower.scaled(by: F(real: 1 / scale)), checkpoint)
    // Steps turn pairs of vectors, which for that lie in rows.
    vectors = vectors.transposed
    guard try iterate(checkpoint) else { return nil }
    sort()
    vectors = vectors.transposed
    values = values.map { $0 * scale }
  }

  private mutating func tridiagonalize(_ matrix: Matrix<F>, _ checkpoint: () throws -> Void) throws {
    let size = matrix.rows
    var a = matrix
    for row in 0..<size {
      a[row, row] = F(real: a[row, row].realPart)
      for column in 0..<row { a[column, row] = a[row, column].conjugate }
    }
    var reflections: [Reflection<F>] = []
    for step in 0..<size - 1 {
      try checkpoint()
      let first = step + 1
      let reflection = Reflection(a.column(step, from: first), precision)
      reflection.applyToBothSides(of: &a)
      offDiagonal.append(reflection.beta)
      reflections.append(reflection)
    }
    values = (0..<size).map { a[$0, $0].realPart }
    guard wantsVectors else { return }
    // The last one first: what stands left of a reflection's columns is not there yet.
    for reflection in reflections.reversed() {
      try checkpoint()
      reflection.apply(reflection.tau.conjugate, to: &vectors, columns: size - reflection.vector.count..<size)
    }
  }

  private mutating func iterate(_ checkpoint: () throws -> Void) throws -> Bool {
    var end = values.count - 1
    var start = 0
    for _ in 0...Self.patience * values.count {
      try checkpoint()
      for index in start..<end where isNegligible(index) { offDiagonal[index] = 0 }
      while end > 0, offDiagonal[end - 1] == 0 { end -= 1 }
      guard end > 0 else { return true }
      start = end - 1
      while start > 0, offDiagonal[start - 1] != 0 { start -= 1 }
      step(start, end)
    }
    return false
  }

  private func isNegligible(_ index: Int) -> Bool {
    guard abs(offDiagonal[index]) >= precision.smallest else { return true }
    let scaled = offDiagonal[index] / precision.step
    return scaled * scaled <= abs(values[index]) + abs(values[index + 1])
  }

  /// One QR step on the rows from `start` to `end`.
  private mutating func step(_ start: Int, _ end: Int) {
    let half = (values[end - 1] - values[end]) / 2
    let last = offDiagonal[end - 1]
    var shift = values[end]
    if half == 0 {
      shift -= abs(last)
    } else if last != 0 {
      let length = half > 0 ? hypot(half, last) : -hypot(half, last)
      let square = last * last
      shift -= square == 0 ? last / ((half + length) / last) : square / (half + length)
    }
    var x = values[start] - shift
    var z = offDiagonal[start]
    for k in start..<end where z != 0 {
      let (c, s) = PlaneRotation.givens(x, z)
      let (a, b, off) = (values[k], values[k + 1], offDiagonal[k])
      let upper = s * a + c * off
      let lower = s * off + c * b
      values[k] = c * (c * a - s * off) - s * (c * off - s * b)
      values[k + 1] = s * upper + c * lower
      offDiagonal[k] = c * upper - s * lower
      if k > start { offDiagonal[k - 1] = c * offDiagonal[k - 1] - s * z }
      x = offDiagonal[k]
      if k < end - 1 {
        z = -s * offDiagonal[k + 1]
        offDiagonal[k + 1] = c * offDiagonal[k + 1]
      }
      if wantsVectors { PlaneRotation(F(real: c), F(real: s)).apply(toVectors: &vectors, k, k + 1) }
    }
  }

  private mutating func sort() {
    for index in values.indices {
      var least = index
      for other in index..<values.count where values[other] < values[least] { least = other }
      values.swapAt(index, least)
      if wantsVectors { vectors.swapRows(index, least) }
    }
  }
}

/// A rotation in the plane of two rows or columns.
struct PlaneRotation<F: MatrixField> {
  let cosine: F
  let sine: F

  init(_ cosine: F, _ sine: F) {
    self.cosine = cosine
    self.sine = sine
  }

  /// The conjugate transpose.
  var adjoint: PlaneRotation { PlaneRotation(cosine.conjugate, -sine) }

  /// Turns two rows.
  func apply(toRowsOf matrix: inout Matrix<F>, _ p: Int, _ q: Int) {
    PlaneRotation(cosine, -sine.conjugate).apply(toVectors: &matrix, p, q)
  }

  /// Turns two columns that lie in rows: those of the transpose.
  func apply(toVectors matrix: inout Matrix<F>, _ p: Int, _ q: Int) {
    let columns = matrix.columns
    matrix.elements.withUnsafeMutableBufferPointer { elements in
      guard let base = elements.baseAddress, p != q else { return }
      F.rotate(base + p * columns, base + q * columns, count: columns, cosine, sine)
    }
  }

  /// Turns two columns.
  func apply(toColumnsOf matrix: inout Matrix<F>, _ p: Int, _ q: Int) {
    let (rows, columns) = (matrix.rows, matrix.columns)
    let (sineConjugate, cosineConjugate) = (sine.conjugate, cosine.conjugate)
    matrix.elements.withUnsafeMutableBufferPointer { elements in
      guard var row = elements.baseAddress else { return }
      for _ in 0..<rows {
        let (x, y) = (row[p], row[q])
        row[p] = cosine * x - sine * y
        row[q] = sineConjugate * x + cosineConjugate * y
        row += columns
      }
    }
  }
}

extension PlaneRotation where F == Double {
  /// The cosine and sine that turn (p, q) so that the second is zero.
  static func givens(_ p: Double, _ q: Double) -> (cosine: Double, sine: Double) {
    if q == 0 { return (p < 0 ? -1 : 1, 0) }
    if p == 0 { return (0, q < 0 ? 1 : -1) }
    if abs(p) > abs(q) {
      let t = q / p
      let u = (1 + t * t).squareRoot()
      let cosine = 1 / (p < 0 ? -u : u)
      return (cosine, -t * cosine)
    }
    let t = p / q
    let u = (1 + t * t).squareRoot()
    let sine = -1 / (q < 0 ? -u : u)
    return (-t * sine, sine)
  }
}
