import GraftTensor

/// A matrix as a product of a permutation, a lower and an upper triangular one, with partial pivoting.
struct LUDecomposition<F: MatrixField> {
  /// Both triangles in one matrix; the lower one's diagonal is 1.
  private(set) var packed: Matrix<F>
  /// Which row of the matrix each row of the product is.
  private(set) var permutation: [Int]
  /// 1 or -1: whether the number of exchanges is even.
  private(set) var sign = 1.0

  /// Whether the smallest pivot is zero. NaN is not smaller than a number, as the first pivot alone it counts.
  var isSingular: Bool {
    guard packed.rows > 0 else { return false }
    var smallest = packed[0, 0].magnitude
    for step in 0..<packed.rows where packed[step, step].magnitude < smallest {
      smallest = packed[step, step].magnitude
    }
    return !(smallest > 0)
  }

  /// Takes blocks of columns apart one after the other, and brings what is right of a block up to date at once.
  ///
  /// - Parameter checkpoint: is asked between steps.
  /// - Throws: what `checkpoint` throws.
  init(_ matrix: Matrix<F>, checkpoint: () throws -> Void) rethrows {
    packed = matrix
    let size = matrix.rows
    permutation = Array(0..<size)
    let width = MatrixBlocks.width(of: size)
    for first in stride(from: 0, to: size, by: width) {
      let last = min(first + width, size)
      for step in first..<last {
        try checkpoint()
        exchange(step, pivot(step))
        eliminate(step, upTo: last)
      }
      if last < size { update(first, last) }
    }
  }

  /// The row whose element in a column is the largest.
  private func pivot(_ step: Int) -> Int {
    let size = packed.rows
    return packed.elements.withUnsafeBufferPointer { a in
      var (pivot, largest) = (step, a[step * size + step].magnitude)
      for row in step + 1..<max(size, step + 1) {
        let value = a[row * size + step].magnitude
        if value > largest { (pivot, largest) = (row, value) }
      }
      return pivot
    }
  }

  private mutating func exchange(_ step: Int, _ pivot: Int) {
    guard pivot != step else { return }
    let size = packed.rows
    packed.elements.withUnsafeMutableBufferPointer { a in
      for column in 0..<size { a.swapAt(step * size + column, pivot * size + column) }
    }
    permutation.swapAt(step, pivot)
    sign = -sign
  }

  /// Takes a row off those below it, in the columns before `end`.
  private mutating func eliminate(_ step: Int, upTo end: Int) {
    let size = packed.rows
    packed.elements.withUnsafeMutableBufferPointer { buffer in
      guard let a = buffer.baseAddress else { return }
      let source = a + step * size
      let pivot = source[step]
      let isZero = pivot.magnitude == 0
      for row in step + 1..<max(size, step + 1) {
        let target = a + row * size
        let factor = isZero ? target[step] : target[step] / pivot
        target[step] = factor
        for column in step + 1..<max(end, step + 1) {
          target[column] = target[column] - factor * source[column]
        }
      }
    }
  }

  /// What the rows and columns of a block do to the columns right of it.
  private mutating func update(_ first: Int, _ last: Int) {
    let (size, rest) = (packed.rows, packed.rows - last)
    packed.elements.withUnsafeMutableBufferPointer { buffer in
      guard let a = buffer.baseAddress else { return }
      let upper = a + first * size + last
      for row in first + 1..<max(last, first + 1) {
        F.subtractProduct(
          m: 1, n: rest, k: row - first, a + row * size + first, row: size, column: 1, upper, bRow: size,
          from: a + row * size + last, cRow: size)
      }
      F.subtractProduct(
        m: rest, n: rest, k: last - first, a + last * size + first, row: size, column: 1, upper, bRow: size,
        from: a + last * size + last, cRow: size)
    }
  }

  /// The solution of `matrix * x = right`.
  func solve(_ right: Matrix<F>, checkpoint: () throws -> Void) rethrows -> Matrix<F> {
    let width = right.columns
    var x = Matrix<F>(rows: packed.rows, columns: width)
    for (row, source) in permutation.enumerated() {
      for column in 0..<width { x.elements[row * width + column] = right.elements[source * width + column] }
    }
    try Factorization.substitute(packed, &x, lower: true, hasUnitDiagonal: true, checkpoint: checkpoint)
    try Factorization.substitute(packed, &x, lower: false, hasUnitDiagonal: false, checkpoint: checkpoint)
    return x
  }
}
