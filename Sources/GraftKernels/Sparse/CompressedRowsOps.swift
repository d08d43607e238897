import GraftTensor

/// Ops that make, take apart and turn sparse matrices by compressed rows.
enum CompressedRowsOps {
  static let all: [OpDefinition] =
    [
      fromSparse, toSparse, fromDense, toDense, components, count, transpose, zeros,
    ] + CompressedRowsProductOps.all

  static let types: [DataType] = [.float32, .float64] + .complexes

  private static let fromSparse = OpDefinition(
    "SparseTensorToCSRSparseMatrix", "Sparse matrices from indices and values.", types: ["T": types],
    shape: ShapeRules.scalar,
    prepare: { _ in
      { context in
        let shape = try CompressedRows.check(
          try ArrayArguments.vector(context, 2, "dense_shape"), input: 2)
        let values = try context.input(1).persistent()
        try context.setCompressedRows(
          0, try CompressedRows(shape: shape, indices: try context.input(0), values: values, input: 0))
      }
    })

  private static let toSparse = OpDefinition(
    "CSRSparseMatrixToSparseTensor", "The indices, values and shape of sparse matrices.",
    types: ["type": types],
    shape: { _ in [PartialShape([nil, nil]), PartialShape([nil]), PartialShape([nil])] },
    prepare: { setup in
      let dtype = try setup.type("type")
      return { context in
        let matrix = try context.compressedRows(0, of: dtype)
        try context.setOutput(0, try matrix.indices())
        try context.setOutput(1, matrix.values)
        try context.setOutput(2, try .shape(matrix.shape, as: .int64))
      }
    })

  private static let fromDense = OpDefinition(
    "DenseToCSRSparseMatrix", "Sparse matrices of the elements of dense ones that the indices name.",
    types: ["T": types], shape: ShapeRules.scalar,
    prepare: { _ in
      { context in
        let (dense, indices) = (try context.input(0), try context.input(1))
        let shape = try CompressedRows.check(dense.shape.dimensions, input: 0)
        guard indices.rank == 2, indices.shape[1] == dense.rank else {
          throw ArrayArguments.invalid(
            "Indices of shape \(indices.shape) do not name elements of shape \(shape).", input: 1)
        }
        let count = indices.shape[0]
        let values = try Tensor(uninitialized: dense.dtype, shape: Shape([count]))
        let matrix = try CompressedRows(shape: shape, indices: indices, values: values, input: 1)
        if count > 0 {
          let numbers = try RowNumbers.ofSlices(indices, in: shape, input: 1, ignoresBad: false, context)
          try dense.dtype.withElement(
            RowGather(
              source: dense, rows: numbers, length: 1, target: values, picked: count, workers: context.workers
            ))
        }
        try context.setCompressedRows(0, matrix)
      }
    })

  private static let toDense = OpDefinition(
    "CSRSparseMatrixToDense", "Sparse matrices with their zeros.", types: ["type": types],
    shape: ShapeRules.unknown,
    prepare: { setup in
      let dtype = try setup.type("type")
      return { context in
        let matrix = try context.compressedRows(0, of: dtype)
        let output = try context.allocate(0, dtype, matrix.shape)
        output.clear()
        guard !matrix.columns.isEmpty else { return }
        let numbers = try context.scratch(.int64, matrix.values.shape)
        let places = numbers.mutableBuffer(as: Int64.self)
        for line in 0..<matrix.starts.count - 1 {
          for element in matrix.starts[line]..<matrix.starts[line + 1] {
            places[element] = Int64(line * matrix.width) + Int64(matrix.columns[element])
          }
        }
        try RowScatter.apply(.update, matrix.values, rows: numbers, to: output, length: 1)
      }
    })

  private static let components = OpDefinition(
    "CSRSparseMatrixComponents",
    "Where the rows of one of the sparse matrices begin, its columns and values.",
    types: ["type": types],
    shape: { _ in [PartialShape([nil]), PartialShape([nil]), PartialShape([nil])] },
    prepare: { setup in
      let dtype = try setup.type("type")
      return { context in
        let matrix = try context.compressedRows(0, of: dtype)
        let index = try ArrayArguments.scalar(context, 1, "index")
        guard index >= 0, index < matrix.batch else {
          throw ArrayArguments.invalid(
            "There is no matrix \(index) in a batch of \(matrix.batch).", input: 1)
        }
        let lines = matrix.starts[index * matrix.rows...(index + 1) * matrix.rows]
        let (first, end) = (lines.first ?? 0, lines.last ?? 0)
        try context.setOutput(0, try Tensor(lines.map { Int32(truncatingIfNeeded: $0 - first) }))
        try context.setOutput(1, try Tensor(Array(matrix.columns[first..<end])))
        try context.setOutput(2, matrix.values.view(firstElement: first, shape: Shape([end - first])))
      }
    })

  private static let count = OpDefinition(
    "SparseMatrixNNZ", "How many elements sparse matrices hold, for each of a batch.",
    shape: ShapeRules.unknown,
    prepare: { _ in
      { context in
        let matrix = try context.compressedRows(0, of: nil)
        let counts = (0..<matrix.batch).map {
          Int32(
            truncatingIfNeeded: matrix.starts[($0 + 1) * matrix.rows] - matrix.starts[$0 * matrix.rows])
        }
        try context.setOutput(0, try Tensor(shape: matrix.hasBatch ? [counts.count] : [], scalars: counts))
      }
    })

  private static let transpose = OpDefinition(
    "SparseMatrixTranspose", "Sparse matrices turned around, and conjugated where `conjugate` asks for it.",
    types: ["type": types], shape: ShapeRules.scalar,
    prepare: { setup in
      let dtype = try setup.type("type")
      let conjugates = try setup.bool("conjugate")
      return { context in
        let matrix = try context.compressedRows(0, of: dtype).transposed()
        try context.setCompressedRows(0, conjugates ? try matrix.conjugated() : matrix)
      }
    })

  private static let zeros = OpDefinition(
    "SparseMatrixZeros", "Sparse matrices that hold nothing.", types: ["type": types],
    shape: ShapeRules.scalar,
    prepare: { setup in
      let dtype = try setup.type("type")
      return { context in
        let shape = try CompressedRows.check(
          try ArrayArguments.vector(context, 0, "dense_shape"), input: 0)
        let lines = (shape.rank == 3 ? shape[0] : 1) * shape[shape.rank - 2]
        try MemoryAccount.requireRoom(for: lines, bytesEach: MemoryLayout<Int>.stride)
        try context.setCompressedRows(
          0,
          CompressedRows(
            shape: shape, columns: [], starts: [Int](repeating: 0, count: lines + 1),
            values: try Tensor(uninitialized: dtype, shape: Shape([0]))))
      }
    })
}
