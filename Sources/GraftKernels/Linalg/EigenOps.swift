import GraftGraph
import GraftTensor

/// Eigenvalues and eigenvectors of matrices.
enum EigenOps {
  static let all: [OpDefinition] = [
    eigen("SelfAdjointEigV2", .matrixNumbers), eigen("BatchSelfAdjointEigV2", [.float32, .float64]),
    joinedEigen("SelfAdjointEig"), joinedEigen("BatchSelfAdjointEig"),
    OpDefinition(
      "Eig", "The eigenvalues of each square matrix, and its eigenvectors, as complex numbers in no order.",
      types: ["T": .matrixNumbers, "Tout": .complexes],
      shape: { context in
        let values = PartialShape(context.input(0).dimensions.map { Array($0.dropLast()) })
        return [values, try context.node.bool("compute_v") ? context.input(0) : .unknown]
      }
    ) { node in
      let work = GeneralEigen(wantsVectors: try node.bool("compute_v"), dtype: try node.type("Tout"))
      return { context in try work.run(Complex128.self, context, work.dtype) }
    },
  ]

  private static func eigen(_ name: String, _ types: [DataType]) -> OpDefinition {
    OpDefinition(
      name,
      "The eigenvalues of each self-adjoint matrix in ascending order, and its eigenvectors as columns.",
      types: ["T": types],
      shape: { context in
        let values = PartialShape(context.input(0).dimensions.map { Array($0.dropLast()) })
        return [values, try context.node.bool("compute_v") ? context.input(0) : .scalar]
      }
    ) { node in
      let work = Eigen(form: try node.bool("compute_v") ? .both : .values)
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    }
  }

  private static func joinedEigen(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The eigenvalues of each self-adjoint matrix in a row above its eigenvectors.",
      types: ["T": [.float32, .float64]],
      shape: { context in
        guard let sizes = context.input(0).dimensions, sizes.count >= 2 else { return [.unknown] }
        return [
          PartialShape(
            Array(sizes.dropLast(2)) + [sizes[sizes.count - 1].map { $0 + 1 }, sizes[sizes.count - 1]])
        ]
      }
    ) { node in
      let dtype = try node.type("T")
      return { context in try Eigen(form: .joined).run(context, dtype) }
    }
  }

  private struct Eigen: MatrixWork {
    enum Form {
      case values
      case both
      case joined
    }

    let form: Form

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<F>(context.input(0), input: 0)
      try input.checkSquare(input: 0)
      let size = input.rows
      let results = try (0..<input.count).map { index in
        guard
          let result = try HermitianEigen(
            input[index], NumberPrecision(dtype), wantsVectors: form != .values,
            checkpoint: context.checkpoint)
        else {
          throw GraftError(
            .invalidArgument, "Matrix \(index) holds what is not a number, and has no eigenvalues.")
        }
        return result
      }
      if form == .joined {
        let matrices = results.map {
          Matrix<F>(
            rows: size + 1, columns: size, elements: $0.values.map { F(real: $0) } + $0.vectors.elements)
        }
        return try MatrixResult.write(
          matrices, batch: input.batch, rows: size + 1, columns: size, output: 0, dtype, context)
      }
      let values = try context.allocate(0, dtype, Shape(validating: input.batch + [size]))
      F.write(results.flatMap { $0.values.map { F(real: $0) } }, into: values)
      guard form == .both else {
        try context.allocate(1, dtype, .scalar).clear()
        return
      }
      try MatrixResult.write(
        results.map(\.vectors), batch: input.batch, rows: size, columns: size, output: 1, dtype, context)
    }
  }

  private struct GeneralEigen: MatrixWork {
    let wantsVectors: Bool
    let dtype: DataType

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<Complex128>(context.input(0), input: 0)
      try input.checkSquare(input: 0)
      let results = try (0..<input.count).map { try SchurDecomposition.of(input[$0], $0, context.checkpoint) }
      let values = try context.allocate(0, dtype, Shape(validating: input.batch + [input.rows]))
      Complex128.write(
        results.flatMap { result in (0..<input.rows).map { result.triangle[$0, $0] } }, into: values)
      guard wantsVectors else {
        try context.allocate(1, dtype, .scalar).clear()
        return
      }
      try MatrixResult.write(
        try results.map { try $0.eigenvectors(context.checkpoint) }, batch: input.batch, rows: input.rows,
        columns: input.rows, output: 1, dtype, context)
    }
  }
}

extension SchurDecomposition {
  /// The decomposition of the matrix with the given number.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) where there is none.
  static func of(
    _ matrix: Matrix<Complex128>, _ index: Int, _ checkpoint: () throws -> Void
  ) throws -> SchurDecomposition {
    guard let result = try SchurDecomposition(matrix, checkpoint: checkpoint) else {
      throw GraftError(
        .invalidArgument, "No eigenvalues of matrix \(index) were found: it may hold what is not a number.")
    }
    return result
  }
}
