import GraftGraph
import GraftTensor

/// Matrices as orthogonal and triangular ones.
enum DecompositionOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Qr", "Each matrix as an orthogonal one times an upper triangular one.",
      types: ["T": [.float16] + .matrixNumbers],
      shape: qrShape
    ) { node in
      let work = QR(isFull: try node.bool("full_matrices"))
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    },
    OpDefinition(
      "Lu", "Each matrix as a permutation of a lower times an upper triangular one, both in one matrix.",
      types: ["T": .matrixNumbers, "output_idx_type": .indices],
      shape: { [$0.input(0), PartialShape($0.input(0).dimensions.map { Array($0.dropLast()) })] }
    ) { node in
      let (dtype, indexType) = (try node.type("T"), try node.outputType(1))
      return { context in try LU(indexType: indexType).run(context, dtype) }
    },
  ]

  private static let qrShape: ShapeRule = { context in
    guard let sizes = context.input(0).dimensions, sizes.count >= 2 else { return [.unknown, .unknown] }
    let (batch, rows, columns) = (Array(sizes.dropLast(2)), sizes[sizes.count - 2], sizes[sizes.count - 1])
    let inner =
      try context.node.bool("full_matrices") ? rows : rows.flatMap { m in columns.map { min(m, $0) } }
    return [PartialShape(batch + [rows, inner]), PartialShape(batch + [inner, columns])]
  }

  private struct QR: MatrixWork {
    let isFull: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<F>(context.input(0), input: 0)
      let inner = isFull ? input.rows : min(input.rows, input.columns)
      try Factorization.requireRoom(for: [input.count, input.rows, inner], of: F.self)
      let results = try (0..<input.count).map {
        try Factorization.qr(input[$0], columns: inner, checkpoint: context.checkpoint)
      }
      try MatrixResult.write(
        results.map(\.q), batch: input.batch, rows: input.rows, columns: inner, output: 0, dtype, context)
      try MatrixResult.write(
        results.map {
          Matrix(
            rows: inner, columns: input.columns, elements: Array($0.r.elements.prefix(inner * input.columns)))
        },
        batch: input.batch, rows: inner, columns: input.columns, output: 1, dtype, context)
    }
  }

  private struct LU: MatrixWork {
    let indexType: DataType

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<F>(context.input(0), input: 0)
      try input.checkSquare(input: 0)
      let results = try (0..<input.count).map { index in
        let lu = try LUDecomposition(input[index], checkpoint: context.checkpoint)
        guard !lu.isSingular else { throw InverseOps.singular(index, input.batch) }
        return lu
      }
      try MatrixResult.write(
        results.map(\.packed), batch: input.batch, rows: input.rows, columns: input.columns, output: 0, dtype,
        context)
      let permutation = try context.allocate(1, indexType, Shape(validating: input.batch + [input.rows]))
      let order = results.flatMap(\.permutation)
      if indexType == .int64 {
        let target = permutation.mutableBuffer(as: Int64.self)
        for (index, row) in order.enumerated() { target[index] = Int64(row) }
      } else {
        let target = permutation.mutableBuffer(as: Int32.self)
        for (index, row) in order.enumerated() { target[index] = Int32(clamping: row) }
      }
    }
  }
}
