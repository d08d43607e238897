import GraftTensor

/// Products of triangular and orthogonal matrices.
enum Factorization {
  /// The lower triangular matrix whose product with its adjoint is the given one, of which the lower triangle alone is
  /// read; nil where it is not positive definite.
  static func cholesky<F: MatrixField>(
    _ matrix: Matrix<F>, checkpoint: () throws -> Void
  ) rethrows -> Matrix<F>? {
    let size = matrix.rows
    // The adjoint, row after row: what is done to it runs along its rows.
    var upper = Matrix<F>(rows: size, columns: size)
    for row in 0..<size {
      for column in 0...row { upper[column, row] = matrix[row, column].conjugate }
    }
    let width = MatrixBlocks.width(of: size)
    var factors = [F](repeating: F.zero, count: width * min(2 * width, size - width + 1))
    for first in stride(from: 0, to: size, by: width) {
      let last = min(first + width, size)
      for step in first..<last {
        try checkpoint()
        for row in first..<step { factors[row - first] = upper[row, step].conjugate }
        subtract(factors, 1, &upper, first..<step, from: step..<step + 1, inSteps: width == size)
        let diagonal = upper[step, step].realPart
        // What is no number goes through, as LAPACK and Eigen have it.
        if diagonal <= 0 { return nil }
        let root = F(real: diagonal.squareRoot())
        upper[step, step] = root
        upper.elements.withUnsafeMutableBufferPointer { upper in
          for index in step * size + step + 1..<(step + 1) * size { upper[index] = upper[index] / root }
        }
      }
      // The rows below, as many at once as have about the same length.
      for start in stride(from: last, to: size, by: 2 * width) {
        let rows = start..<min(start + 2 * width, size)
        for row in first..<last {
          for column in rows {
            factors[(column - start) * width + row - first] = upper[row, column].conjugate
          }
        }
        subtract(factors, width, &upper, first..<last, from: rows, inSteps: false)
      }
    }
    // Rows brought up to date together were so from the first one's diagonal on.
    for row in 0..<(width < size ? size : 0) {
      for column in 0..<row { upper[row, column] = F.zero }
    }
    return upper.adjoint
  }

  /// Takes rows off rows below, from the first one's diagonal on, times the factors: a row of them for each.
  private static func subtract<F: MatrixField>(
    _ factors: [F], _ step: Int, _ upper: inout Matrix<F>, _ sources: Range<Int>, from rows: Range<Int>,
    inSteps: Bool
  ) {
    let (size, column) = (upper.columns, rows.lowerBound)
    factors.withUnsafeBufferPointer { factors in
      upper.elements.withUnsafeMutableBufferPointer { upper in
        guard let factors = factors.baseAddress, let upper = upper.baseAddress else { return }
        let (source, target) = (upper + sources.lowerBound * size + column, upper + column * size + column)
        F.subtractProduct(
          inSteps: inSteps, m: rows.count, n: size - column, k: sources.count, factors, row: step, column: 1,
          source, bRow: size, from: target, cRow: size)
      }
    }
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
    var reflections: [(step: Int, reflection: Reflection<F>)] = []
    for step in 0..<min(matrix.rows, matrix.columns) {
      try checkpoint()
      guard let reflection = Reflection(below: step, of: r) else { continue }
      reflection.apply(reflection.tau.conjugate, to: &r, columns: step..<matrix.columns)
      for row in step + 1..<max(matrix.rows, step + 1) { r[row, step] = F.zero }
      reflections.append((step, reflection))
    }
    var q = Matrix<F>(rows: matrix.rows, columns: count)
    for index in 0..<min(matrix.rows, count) { q[index, index] = F.one }
    // The last one first: what stands left of a reflection's column is not there yet.
    for (step, reflection) in reflections.reversed() {
      try checkpoint()
      reflection.apply(reflection.tau, to: &q, columns: step..<max(count, step))
    }
    return (q, r)
  }

  /// - Throws: `GraftError` where the session has no room for matrices of such sizes, or nobody has.
  static func requireRoom<F: MatrixField>(for sizes: [Int], of type: F.Type) throws {
    try MemoryAccount.requireRoom(
      for: try Shape(validating: sizes).elementCount, bytesEach: 2 * MemoryLayout<F>.stride)
  }
}
