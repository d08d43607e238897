import GraftGraph
import GraftTensor

/// Matrices as two orthogonal ones with singular values between them.
enum SingularValueOps {
  static let all: [OpDefinition] = [singular("Svd", .matrixNumbers), singular("BatchSvd", .matrixNumbers)]

  private static func singular(_ name: String, _ types: [DataType]) -> OpDefinition {
    OpDefinition(
      name, "The singular values of each matrix in descending order, and the vectors of both sides.",
      types: ["T": types],
      shape: { context in
        guard let sizes = context.input(0).dimensions, sizes.count >= 2 else {
          return [.unknown, .unknown, .unknown]
        }
        let (batch, rows, columns) = (
          Array(sizes.dropLast(2)), sizes[sizes.count - 2], sizes[sizes.count - 1]
        )
        let count = rows.flatMap { m in columns.map { min(m, $0) } }
        guard try context.node.bool("compute_uv") else {
          return [PartialShape(batch + [count]), .scalar, .scalar]
        }
        let isFull = try context.node.bool("full_matrices")
        return [
          PartialShape(batch + [count]), PartialShape(batch + [rows, isFull ? rows : count]),
          PartialShape(batch + [columns, isFull ? columns : count]),
        ]
      }
    ) { node in
      let work = SingularValues(
        wantsVectors: try node.bool("compute_uv"), isFull: try node.bool("full_matrices"))
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    }
  }

  private struct SingularValues: MatrixWork {
    let wantsVectors: Bool
    let isFull: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<F>(context.input(0), input: 0)
      let count = min(input.rows, input.columns)
      let isFull = isFull && wantsVectors
      let (left, right) = (isFull ? input.rows : count, isFull ? input.columns : count)
      try Factorization.requireRoom(for: [input.count, input.rows, left], of: F.self)
      try Factorization.requireRoom(for: [input.count, input.columns, right], of: F.self)
      guard wantsVectors else { return try writeValues(of: input, count, context, dtype) }
      let results = try (0..<input.count).map { index in
        // Where there are no numbers, none are found.
        try SingularDecomposition(
          input[index], NumberPrecision(dtype), isFull: isFull, checkpoint: context.checkpoint
        ).map { ($0.values, $0.left, $0.right) }
          ?? (
            [Double](repeating: .nan, count: count), .notANumber(input.rows, left),
            .notANumber(input.columns, right)
          )
      }
      let values = try context.allocate(0, dtype, Shape(validating: input.batch + [count]))
      F.write(results.flatMap { $0.0.prefix(count).map { F(real: $0) } }, into: values)
      try MatrixResult.write(
        results.map(\.1), batch: input.batch, rows: input.rows, columns: left, output: 1, dtype, context)
      try MatrixResult.write(
        results.map(\.2), batch: input.batch, rows: input.columns, columns: right, output: 2, dtype, context)
    }

    private func writeValues<F: MatrixField>(
      of input: MatrixBatch<F>, _ count: Int, _ context: KernelContext, _ dtype: DataType
    ) throws {
      let results = try (0..<input.count).flatMap { index in
        try SingularDecomposition.values(
          of: input[index], NumberPrecision(dtype), checkpoint: context.checkpoint)
          ?? [Double](repeating: .nan, count: count)
      }
      let values = try context.allocate(0, dtype, Shape(validating: input.batch + [count]))
      F.write(results.map { F(real: $0) }, into: values)
      try context.allocate(1, dtype, .scalar).clear()
      try context.allocate(2, dtype, .scalar).clear()
    }
  }
}
