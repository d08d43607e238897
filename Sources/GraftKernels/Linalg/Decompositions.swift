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

  /// - Parameter checkpoint: is asked between steps.
  /// - Throws: what `checkpoint` throws.
  init(_ matrix: Matrix<F>, checkpoint: () throws -> Void) rethrows {
    packed = matrix
    let size = matrix.rows
    permutation = Array(0..<size)
    for step in 0..<size {
      try checkpoint()
      var pivot = step
      for row in step..<size where packed[row, step].magnitude > packed[pivot, step].magnitude { pivot = row }
      let isZero = packed[pivot, step].magnitude == 0
      if pivot != step {
        for column in 0..<size {
          let value = packed[step, column]
          packed[step, column] = packed[pivot, column]
          packed[pivot, column] = value
        }
        permutation.swapAt(step, pivot)
        sign = -sign
      }
      for row in step + 1..<max(size, step + 1) {
        let factor = isZero ? packed[row, step] : packed[row, step] / packed[step, step]
        packed[row, step] = factor
        for column in step + 1..<size { packed[row, column] -= factor * packed[step, column] }
      }
    }
  }

  /// The solution of `matrix * x = right`.
  func solve(_ right: Matrix<F>, checkpoint: () throws -> Void) rethrows -> Matrix<F> {
    let size = packed.rows
    var x = Matrix<F>(rows: size, columns: right.columns)
    for column in 0..<right.columns {
      try checkpoint()
      for row in 0..<size {
        var sum = right[permutation[row], column]
        for index in 0..<row { sum -= packed[row, index] * x[index, column] }
        x[row, column] = sum
      }
      for row in (0..<size).reversed() {
        var sum = x[row, column]
        for index in row + 1..<max(size, row + 1) { sum -= packed[row, index] * x[index, column] }
        x[row, column] = sum / packed[row, row]
      }
    }
    return x
  }
}

/// Products of triangular and orthogonal matrices.
enum Factorization {
  /// The lower triangular matrix whose product with its adjoint is the given one, of which the lower triangle alone is
  /// read; nil where it is not positive definite.
  static func cholesky<F: MatrixField>(
    _ matrix: Matrix<F>, checkpoint: () throws -> Void
  ) rethrows -> Matrix<F>? {
    let size = matrix.rows
    var lower = Matrix<F>(rows: size, columns: size)
    for column in 0..<size {
      try checkpoint()
      var diagonal = matrix[column, column].realPart
      for index in 0..<column { diagonal -= lower[column, index].squaredMagnitude }
      // What is no number goes through, as LAPACK and Eigen have it.
      if diagonal <= 0 { return nil }
      let root = diagonal.squareRoot()
      lower[column, column] = F(real: root)
      for row in column + 1..<max(size, column + 1) {
        var sum = matrix[row, column]
        for index in 0..<column { sum -= lower[row, index] * lower[column, index].conjugate }
        lower[row, column] = sum / F(real: root)
      }
    }
    return lower
  }

  /// The first columns of an orthogonal matrix, and an upper triangular one whose product is the given matrix:
  /// by reflections, so that a diagonal element has the sign opposite to what it was.
  ///
  /// - Parameters:
  ///   - count: how many columns of the orthogonal one there are to be.
  ///   - checkpoint: is asked between reflections.
  /// - Throws: what `checkpoint` throws, and `GraftError` (`resourceExhausted`) where there is no room for the
  ///   columns.
  static func qr<F: MatrixField>(
    _ matrix: Matrix<F>, columns count: Int, checkpoint: () throws -> Void
  ) throws -> (q: Matrix<F>, r: Matrix<F>) {
    try requireRoom(for: [matrix.rows, count], of: F.self)
    var r = matrix
    var reflections: [(step: Int, vector: [F], tau: F)] = []
    for step in 0..<min(matrix.rows, matrix.columns) {
      try checkpoint()
      var tail = 0.0
      for row in step + 1..<max(matrix.rows, step + 1) { tail += r[row, step].squaredMagnitude }
      let head = r[step, step]
      let isReal = (head - head.conjugate) == F.zero
      guard tail > 0 || !isReal else { continue }
      let norm = (head.squaredMagnitude + tail).squareRoot()
      let beta = head.realPart >= 0 ? -norm : norm
      // The reflection 1 - tau v v*, with v's first element 1.
      var vector = [F](repeating: F.zero, count: matrix.rows)
      vector[step] = F.one
      for row in step + 1..<max(matrix.rows, step + 1) { vector[row] = r[row, step] / (head - F(real: beta)) }
      let tau = (F(real: beta) - head) / F(real: beta)
      for column in step..<matrix.columns {
        var sum = F.zero
        for row in step..<matrix.rows { sum += vector[row].conjugate * r[row, column] }
        sum *= tau.conjugate
        for row in step..<matrix.rows { r[row, column] -= vector[row] * sum }
      }
      for row in step + 1..<max(matrix.rows, step + 1) { r[row, step] = F.zero }
      reflections.append((step, vector, tau))
    }
    var q = Matrix<F>(rows: matrix.rows, columns: count)
    for index in 0..<min(matrix.rows, count) { q[index, index] = F.one }
    // The last one first: what stands left of a reflection's column is not there yet.
    for (step, vector, tau) in reflections.reversed() {
      try checkpoint()
      for column in step..<max(count, step) {
        var sum = F.zero
        for row in step..<matrix.rows { sum += vector[row].conjugate * q[row, column] }
        sum *= tau
        for row in step..<matrix.rows { q[row, column] -= vector[row] * sum }
      }
    }
    return (q, r)
  }

  /// - Throws: `GraftError` where the session has no room for matrices of such sizes, or nobody has.
  static func requireRoom<F: MatrixField>(for sizes: [Int], of type: F.Type) throws {
    try MemoryAccount.requireRoom(
      for: try Shape(validating: sizes).elementCount, bytesEach: 2 * MemoryLayout<F>.stride)
  }

  /// The solution of a triangular system. Elements on the other side of the diagonal are not read.
  static func solveTriangular<F: MatrixField>(
    _ matrix: Matrix<F>, _ right: Matrix<F>, lower: Bool, checkpoint: () throws -> Void
  ) rethrows -> Matrix<F> {
    let size = matrix.rows
    var x = right
    for column in 0..<right.columns {
      try checkpoint()
      for step in 0..<size {
        let row = lower ? step : size - 1 - step
        var sum = x[row, column]
        for index in lower ? 0..<row : row + 1..<max(size, row + 1) {
          sum -= matrix[row, index] * x[index, column]
        }
        x[row, column] = sum / matrix[row, row]
      }
    }
    return x
  }
}
