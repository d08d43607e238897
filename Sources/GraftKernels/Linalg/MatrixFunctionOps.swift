import GraftGraph
import GraftTensor

/// Functions of matrices.
enum MatrixFunctionOps {
  static let all: [OpDefinition] = [
    function("MatrixSquareRoot", "The principal square root of each matrix.", .matrixNumbers, .squareRoot),
    function("MatrixLogarithm", "The principal logarithm of each matrix.", .complexes, .logarithm),
    function("MatrixExponential", "The exponential of each matrix.", .matrixNumbers, .exponential),
  ]

  private enum Function {
    case squareRoot
    case logarithm
    case exponential
  }

  private static func function(
    _ name: String, _ summary: String, _ types: [DataType], _ function: Function
  ) -> OpDefinition {
    OpDefinition(name, summary, types: ["T": types], shape: ShapeRules.sameAsInput) { node in
      let dtype = try node.type("T")
      return { context in try FunctionWork(function: function).run(context, dtype) }
    }
  }

  private struct FunctionWork: MatrixWork {
    let function: Function

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let input = try MatrixBatch<F>(context.input(0), input: 0)
      try input.checkSquare(input: 0)
      let results = try (0..<input.count).map { index -> Matrix<F> in
        switch function {
        case .exponential:
          return try MatrixFunctions.exponential(input[index], checkpoint: context.checkpoint)
        case .squareRoot:
          return try apply(to: input[index], index, context.checkpoint) {
            try MatrixFunctions.squareRoot($0, checkpoint: context.checkpoint)
          }
        case .logarithm:
          return try apply(to: input[index], index, context.checkpoint) {
            try MatrixFunctions.logarithm($0, checkpoint: context.checkpoint)
          }
        }
      }
      try MatrixResult.write(
        results, batch: input.batch, rows: input.rows, columns: input.columns, output: 0, dtype, context)
    }

    /// What a function gives for a matrix: no number where the matrix holds none, or where a real one has an
    /// eigenvalue below zero.
    private func apply<F: MatrixField>(
      to matrix: Matrix<F>, _ index: Int, _ checkpoint: () throws -> Void,
      _ function: (Matrix<Complex128>) throws -> Matrix<Complex128>
    ) throws -> Matrix<F> {
      let none = Matrix<F>.notANumber(matrix.rows, matrix.columns)
      let isFinite = matrix.complex.elements.allSatisfy { $0.real.isFinite && $0.imaginary.isFinite }
      guard isFinite else { return none }
      let form = try SchurDecomposition.of(matrix.complex, index, checkpoint)
      let isReal = F.self != Complex128.self
      guard !(isReal && form.hasNegativeEigenvalue) else { return none }
      return Matrix(try form.map(function, checkpoint: checkpoint))
    }
  }
}

extension Matrix {
  /// A complex matrix in this type: of a real one only the real parts.
  fileprivate init(_ matrix: Matrix<Complex128>) {
    self.init(
      rows: matrix.rows, columns: matrix.columns,
      elements: matrix.elements.map { ($0 as? F) ?? F(real: $0.real) })
  }
}
