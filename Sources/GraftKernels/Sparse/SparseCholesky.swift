import GraftTensor

/// The Cholesky factor of a sparse Hermitian matrix, row by row.
struct SparseCholesky<F: MatrixField> {
  /// The columns of each row of the factor, in ascending order, and what stands there.
  private(set) var rows: [[(column: Int, value: F)]] = []

  /// - Parameters:
  ///   - lower: the elements on and below the diagonal, row by row.
  ///   - checkpoint: ends the work early by an error.
  /// - Returns: nil for a matrix that is not positive definite.
  init?(_ lower: [[(column: Int, value: F)]], checkpoint: () throws -> Void) rethrows {
    let count = lower.count
    /// Which row of the factor is the next that a column reaches.
    var parent = [Int](repeating: -1, count: count)
    var seen = [Int](repeating: -1, count: count)
    var work = [F](repeating: F.zero, count: count)
    var columns = [[(row: Int, value: F)]](repeating: [], count: count)
    var diagonal = [F](repeating: F.zero, count: count)
    for row in 0..<count {
      if row % 64 == 0 { try checkpoint() }
      var pattern: [Int] = []
      var pivot = F.zero
      seen[row] = row
      for (column, value) in lower[row] {
        guard column < row else {
          pivot = value
          continue
        }
        work[column] = value
        var node = column
        while seen[node] != row {
          pattern.append(node)
          seen[node] = row
          if parent[node] == -1 { parent[node] = row }
          node = parent[node]
        }
      }
      pattern.sort()
      var entries: [(column: Int, value: F)] = []
      entries.reserveCapacity(pattern.count + 1)
      for column in pattern {
        let value = work[column] / diagonal[column]
        work[column] = F.zero
        for (below, other) in columns[column] { work[below] -= value * other.conjugate }
        pivot -= value * value.conjugate
        columns[column].append((row, value))
        entries.append((column, value))
      }
      guard pivot.realPart > 0 else { return nil }
      let root = F(real: pivot.realPart.squareRoot())
      diagonal[row] = root
      entries.append((row, root))
      rows.append(entries)
    }
  }
}

enum SparseCholeskyOps {
  static let all: [OpDefinition] = [ordering, cholesky]

  private static let ordering = OpDefinition(
    "SparseMatrixOrderingAMD",
    "An order of the rows in which the Cholesky factors of sparse symmetric matrices stay sparse, by the "
      + "approximate minimum degree algorithm.",
    shape: ShapeRules.unknown
  ) { _ in
    return { context in
      let matrix = try context.compressedRows(0, of: nil)
      try checkSquare(matrix)
      let count = matrix.rows
      let output = try context.allocate(
        0, .int32, Shape(matrix.hasBatch ? [matrix.batch, count] : [count]))
      let target = output.mutableBuffer(as: Int32.self)
      for batch in 0..<matrix.batch {
        try context.checkpoint()
        // The pattern of the matrix and its transpose together.
        var neighbours = [[Int32]](repeating: [], count: count)
        for row in 0..<count {
          for element in matrix.starts[batch * count + row]..<matrix.starts[batch * count + row + 1] {
            let column = matrix.columns[element]
            neighbours[row].append(column)
            if Int(column) != row { neighbours[Int(column)].append(Int32(truncatingIfNeeded: row)) }
          }
        }
        for row in 0..<count {
          neighbours[row].sort()
          var unique: [Int32] = []
          for column in neighbours[row] where column != unique.last { unique.append(column) }
          neighbours[row] = unique
        }
        for (place, row) in MinimumDegreeOrdering.order(neighbours).enumerated() where place < count {
          target[batch * count + place] = row
        }
      }
    }
  }

  private static let cholesky = OpDefinition(
    "SparseMatrixSparseCholesky",
    "Sparse lower triangular factors of the matrices with rows and columns in the order of `permutation`; of the "
      + "matrices the part on and below the diagonal is read.",
    types: ["type": CompressedRowsOps.types], shape: ShapeRules.scalar
  ) { node in
    let dtype = try node.type("type")
    return { context in
      if dtype.isComplex {
        try factor(context, dtype, Complex128.self)
      } else {
        try factor(context, dtype, Double.self)
      }
    }
  }

  private static func checkSquare(_ matrix: CompressedRows) throws {
    guard matrix.rows == matrix.width else {
      throw ArrayArguments.invalid(
        "Square matrices are expected, and their shape is \(matrix.shape).", input: 0)
    }
  }

  private static func factor<F: MatrixField>(
    _ context: KernelContext, _ dtype: DataType, _ type: F.Type
  ) throws {
    let matrix = try context.compressedRows(0, of: dtype)
    try checkSquare(matrix)
    let count = matrix.rows
    let permutation = try context.input(1)
    let expected = Shape(matrix.hasBatch ? [matrix.batch, count] : [count])
    guard permutation.shape == expected else {
      throw ArrayArguments.invalid(
        "A permutation of shape \(expected) is expected, and the shape is \(permutation.shape).", input: 1)
    }
    let orders = permutation.buffer(as: Int32.self)
    let source = F.read(matrix.values)
    var starts = [0]
    var columns: [Int32] = []
    var values: [F] = []
    for batch in 0..<matrix.batch {
      let order = orders[batch * count..<(batch + 1) * count].map { Int($0) }
      var place = [Int](repeating: -1, count: count)
      for (index, row) in order.enumerated() where place.indices.contains(row) { place[row] = index }
      guard !place.contains(-1) else {
        throw ArrayArguments.invalid("The permutation has each row's number once.", input: 1)
      }
      var lower = [[(column: Int, value: F)]](repeating: [], count: count)
      for row in 0..<count {
        for element in matrix.starts[batch * count + row]..<matrix.starts[batch * count + row + 1] {
          let column = Int(matrix.columns[element])
          guard column <= row else { continue }
          let (a, b) = (place[row], place[column])
          let value = source[element]
          if a >= b { lower[a].append((b, value)) } else { lower[b].append((a, value.conjugate)) }
        }
      }
      guard let factor = try SparseCholesky(lower, checkpoint: context.checkpoint) else {
        throw GraftError(
          .invalidArgument, "The sparse Cholesky factorization failed: a matrix is not positive definite.",
          at: .init(input: 0))
      }
      for row in 0..<count {
        for (column, value) in factor.rows[row] {
          columns.append(Int32(truncatingIfNeeded: column))
          values.append(value)
        }
        starts.append(columns.count)
      }
    }
    let tensor = try Tensor(uninitialized: dtype, shape: Shape([values.count]))
    F.write(values, into: tensor)
    try context.setCompressedRows(
      0, CompressedRows(shape: matrix.shape, columns: columns, starts: starts, values: tensor))
  }
}
