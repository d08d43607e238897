import GraftTensor

extension Factorization {
  /// The solution of a triangular system. Elements on the other side of the diagonal are not read.
  static func solveTriangular<F: MatrixField>(
    _ matrix: Matrix<F>, _ right: Matrix<F>, lower: Bool, checkpoint: () throws -> Void
  ) rethrows -> Matrix<F> {
    var x = right
    try substitute(matrix, &x, lower: lower, hasUnitDiagonal: false, checkpoint: checkpoint)
    return x
  }

  /// Makes of the right sides of a triangular system its solutions, a block of rows after the other.
  static func substitute<F: MatrixField>(
    _ matrix: Matrix<F>, _ x: inout Matrix<F>, lower: Bool, hasUnitDiagonal: Bool,
    checkpoint: () throws -> Void
  ) rethrows {
    let (size, width) = (matrix.rows, MatrixBlocks.width(of: matrix.rows))
    for start in stride(from: 0, to: size, by: width) {
      try checkpoint()
      let end = min(start + width, size)
      let rows = lower ? start..<end : size - end..<size - start
      // What the solutions of the blocks before it make of a block, and then each of its rows of the next.
      subtract(matrix, &x, rows, lower ? 0..<rows.lowerBound : rows.upperBound..<size)
      for step in 0..<rows.count {
        let row = lower ? rows.lowerBound + step : rows.upperBound - 1 - step
        subtract(matrix, &x, row..<row + 1, lower ? rows.lowerBound..<row : row + 1..<rows.upperBound)
        if !hasUnitDiagonal { divide(&x, row, by: matrix[row, row]) }
      }
    }
  }

  /// Takes rows of solutions off other rows, times the elements of the matrix where they meet.
  private static func subtract<F: MatrixField>(
    _ matrix: Matrix<F>, _ x: inout Matrix<F>, _ rows: Range<Int>, _ solved: Range<Int>
  ) {
    let (size, columns) = (matrix.rows, x.columns)
    guard !solved.isEmpty, columns > 0 else { return }
    matrix.elements.withUnsafeBufferPointer { a in
      x.elements.withUnsafeMutableBufferPointer { x in
        guard let a = a.baseAddress, let x = x.baseAddress else { return }
        F.subtractProduct(
          inSteps: MatrixBlocks.isSmall(size), m: rows.count, n: columns, k: solved.count,
          a + rows.lowerBound * size + solved.lowerBound,
          row: size, column: 1, x + solved.lowerBound * columns, bRow: columns,
          from: x + rows.lowerBound * columns, cRow: columns)
      }
    }
  }

  private static func divide<F: MatrixField>(_ x: inout Matrix<F>, _ row: Int, by divisor: F) {
    let columns = x.columns
    x.elements.withUnsafeMutableBufferPointer { x in
      for index in row * columns..<(row + 1) * columns { x[index] = x[index] / divisor }
    }
  }
}
