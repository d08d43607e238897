import GraftGraph
import GraftTensor

/// Inverses and determinants.
enum InverseOps {
  static let all: [OpDefinition] = inverses + determinants

  private static let inverses = [
    ("MatrixInverse", [.float16] + .matrixNumbers), ("BatchMatrixInverse", [.float16, .float32, .float64]),
  ]
  .map { name, types in
    OpDefinition(
      name, "The inverse of each matrix, or of its adjoint.", types: ["T": types],
      shape: ShapeRules.sameAsInput
    ) { node in
      let work = Inverse(adjoint: try node.bool("adjoint"))
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    }
  }

  private struct Inverse: MatrixWork {
    let adjoint: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<F>(context.input(0), input: 0)
      try input.checkSquare(input: 0)
      let results = try (0..<input.count).map { index in
        let lu = try LUDecomposition(
          adjoint ? input[index].adjoint : input[index], checkpoint: context.checkpoint)
        guard !lu.isSingular else { throw singular(index, input.batch) }
        return try lu.solve(.identity(input.rows), checkpoint: context.checkpoint)
      }
      try MatrixResult.write(
        results, batch: input.batch, rows: input.rows, columns: input.columns, output: 0, dtype, context)
    }
  }

  /// The matrix with the given number, of those of a batch, has no inverse.
  static func singular(_ index: Int, _ batch: [Int]) -> GraftError {
    GraftError(
      .invalidArgument, batch.isEmpty ? "The matrix has no inverse." : "Matrix \(index) has no inverse.")
  }

  private static let determinants = [
    determinant("MatrixDeterminant", .matrixNumbers), determinant("BatchMatrixDeterminant", .matrixNumbers),
    OpDefinition(
      "LogMatrixDeterminant", "Each matrix's determinant: its sign, and the logarithm of its absolute value.",
      types: ["T": .matrixNumbers],
      shape: { context in
        let batch = PartialShape(context.input(0).dimensions.map { Array($0.dropLast(2)) })
        return [batch, batch]
      }
    ) { node in
      let dtype = try node.type("T")
      return { context in try Determinant(logarithm: true).run(context, dtype) }
    },
  ]

  private static func determinant(_ name: String, _ types: [DataType]) -> OpDefinition {
    OpDefinition(
      name, "The determinant of each matrix.", types: ["T": types],
      shape: { [PartialShape($0.input(0).dimensions.map { Array($0.dropLast(2)) })] }
    ) { node in
      let dtype = try node.type("T")
      return { context in try Determinant(logarithm: false).run(context, dtype) }
    }
  }

  private struct Determinant: MatrixWork {
    let logarithm: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<F>(context.input(0), input: 0)
      try input.checkSquare(input: 0)
      var (signs, values): ([F], [F]) = ([], [])
      for index in 0..<input.count {
        let lu = try LUDecomposition(input[index], checkpoint: context.checkpoint)
        var (sign, product, size) = (F(real: lu.sign), F(real: lu.sign), 0.0)
        for step in 0..<input.rows {
          let pivot = lu.packed[step, step]
          product *= pivot
          size += Double.logarithm(pivot.magnitude)
          sign = sign * pivot.direction
        }
        signs.append(sign)
        values.append(logarithm ? F(real: size) : product)
      }
      let shape = try Shape(validating: input.batch)
      if logarithm { F.write(signs, into: try context.allocate(0, dtype, shape)) }
      F.write(values, into: try context.allocate(logarithm ? 1 : 0, dtype, shape))
    }
  }
}
