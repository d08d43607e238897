import GraftGraph
import GraftTensor

/// Matrices as a triangular one times its adjoint.
enum CholeskyOps {
  static let all: [OpDefinition] = [
    cholesky("Cholesky", .matrixNumbers), cholesky("BatchCholesky", [.float32, .float64]),
    choleskyGradient("CholeskyGrad"), choleskyGradient("BatchCholeskyGrad"),
  ]

  private static func cholesky(_ name: String, _ types: [DataType]) -> OpDefinition {
    OpDefinition(
      name,
      "Each positive definite matrix as a lower triangular one times its adjoint; NaN for what is no such matrix.",
      types: ["T": types],
      shape: ShapeRules.sameAsInput
    ) { node in
      let dtype = try node.type("T")
      return { context in try Cholesky().run(context, dtype) }
    }
  }

  private struct Cholesky: MatrixWork {
    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<F>(context.input(0), input: 0)
      try input.checkSquare(input: 0)
      let results = try (0..<input.count).map { index in
        try Factorization.cholesky(input[index], checkpoint: context.checkpoint)
          ?? undefined(size: input.rows)
      }
      try MatrixResult.write(
        results, batch: input.batch, rows: input.rows, columns: input.columns, output: 0, dtype, context)
    }

    /// What TensorFlow answers for a matrix that is not positive definite: a lower triangle of NaN.
    private func undefined<F: MatrixField>(size: Int) -> Matrix<F> {
      var matrix = Matrix<F>(rows: size, columns: size)
      for row in 0..<size { for column in 0...row { matrix[row, column] = F(real: .nan) } }
      return matrix
    }
  }

  private static func choleskyGradient(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The gradient of `Cholesky` by its input.", types: ["T": [.float32, .float64]],
      shape: ShapeRules.sameAsInput
    ) { node in
      let dtype = try node.type("T")
      return { context in
        let lower = try MatrixBatch<Double>(context.input(0), input: 0)
        let gradient = try MatrixBatch<Double>(context.input(1), input: 1)
        try lower.checkSquare(input: 0)
        guard try context.input(0).shape == context.input(1).shape else {
          throw GraftError(.invalidArgument, "The decomposition and its gradient have different shapes.")
        }
        let results = try (0..<lower.count).map {
          try differentiate(lower[$0], gradient[$0], context.checkpoint)
        }
        try MatrixResult.write(
          results, batch: lower.batch, rows: lower.rows, columns: lower.columns, output: 0, dtype, context)
      }
    }
  }

  /// Half of L^-* (P + P*) L^-1, P being the lower triangle of L* times the gradient with its diagonal halved.
  private static func differentiate(
    _ lower: Matrix<Double>, _ gradient: Matrix<Double>, _ checkpoint: () throws -> Void
  ) throws -> Matrix<Double> {
    let size = lower.rows
    var l = lower
    var g = gradient
    for row in 0..<size {
      for column in row + 1..<max(size, row + 1) { (l[row, column], g[row, column]) = (0, 0) }
    }
    var middle = try l.adjoint.times(g, checkpoint: checkpoint)
    for row in 0..<size {
      middle[row, row] /= 2
      for column in row + 1..<max(size, row + 1) { middle[row, column] = 0 }
    }
    let symmetric = middle + middle.adjoint
    let once = try Factorization.solveTriangular(
      l.adjoint, symmetric, lower: false, checkpoint: checkpoint)
    return try Factorization.solveTriangular(
      l.adjoint, once.adjoint, lower: false, checkpoint: checkpoint
    ).scaled(by: 0.5)
  }
}
