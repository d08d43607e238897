import GraftGraph
import GraftTensor

/// Solutions of linear equations.
enum SolvingOps {
  static let all: [OpDefinition] = [
    solver("MatrixSolve", .matrixNumbers), solver("BatchMatrixSolve", [.float32, .float64]),
    triangularSolver("MatrixTriangularSolve", .matrixNumbers),
    triangularSolver("BatchMatrixTriangularSolve", [.float32, .float64]),
    leastSquares("MatrixSolveLs", .matrixNumbers), leastSquares("BatchMatrixSolveLs", [.float32, .float64]),
  ]

  private static func solver(_ name: String, _ types: [DataType]) -> OpDefinition {
    OpDefinition(
      name, "The solutions of linear equations, or of those with the adjoint matrices.", types: ["T": types],
      shape: { [$0.input(1)] }
    ) { node in
      let work = Solve(adjoint: try node.bool("adjoint"))
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    }
  }

  private struct Solve: MatrixWork {
    let adjoint: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let matrix = try MatrixBatch<F>(context.input(0), input: 0)
      let right = try MatrixBatch<F>(context.input(1), input: 1)
      try matrix.checkSquare(input: 0)
      guard matrix.batch == right.batch, matrix.rows == right.rows else {
        throw GraftError(
          .invalidArgument,
          "Matrices of shape \(try context.input(0).shape) and right sides of shape \(try context.input(1).shape) do not fit."
        )
      }
      let results = try (0..<right.count).map { index in
        let lu = try LUDecomposition(
          adjoint ? matrix[index].adjoint : matrix[index], checkpoint: context.checkpoint)
        guard !lu.isSingular else { throw InverseOps.singular(index, matrix.batch) }
        return try lu.solve(right[index], checkpoint: context.checkpoint)
      }
      try MatrixResult.write(
        results, batch: right.batch, rows: right.rows, columns: right.columns, output: 0, dtype, context)
    }
  }

  /// Of equations with triangular matrices, where the dimensions before the last two broadcast.
  @Sendable static func broadcastSolutions(_ context: ShapeContext) -> [PartialShape] {
    guard let a = context.input(0).dimensions, let b = context.input(1).dimensions, a.count >= 2, b.count >= 2
    else { return [.unknown] }
    let batch = ShapeRules.broadcast(PartialShape(Array(a.dropLast(2))), PartialShape(Array(b.dropLast(2))))
    return [PartialShape(batch.dimensions.map { $0 + [a[a.count - 1], b[b.count - 1]] })]
  }

  private static func triangularSolver(_ name: String, _ types: [DataType]) -> OpDefinition {
    OpDefinition(
      name,
      "The solutions of equations with triangular matrices. The dimensions before the last two broadcast.",
      types: ["T": types],
      shape: broadcastSolutions
    ) { node in
      let work = TriangularSolve(lower: try node.bool("lower"), adjoint: try node.bool("adjoint"))
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    }
  }

  private struct TriangularSolve: MatrixWork {
    let lower: Bool
    let adjoint: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let matrix = try MatrixBatch<F>(context.input(0), input: 0)
      let right = try MatrixBatch<F>(context.input(1), input: 1)
      try matrix.checkSquare(input: 0)
      guard matrix.rows == right.rows else {
        throw GraftError(
          .invalidArgument, "Matrices of \(matrix.rows) rows and right sides of \(right.rows) do not fit.")
      }
      let pairing = try BatchPairing(matrix.batch, right.batch)
      let results = try pairing.pairs.map { pair in
        let a = matrix[pair.left]
        return try Factorization.solveTriangular(
          adjoint ? a.adjoint : a, right[pair.right], lower: adjoint ? !lower : lower,
          checkpoint: context.checkpoint)
      }
      try MatrixResult.write(
        results, batch: pairing.batch, rows: right.rows, columns: right.columns, output: 0, dtype, context)
    }
  }

  private static func leastSquares(_ name: String, _ types: [DataType]) -> OpDefinition {
    OpDefinition(
      name,
      """
      The solutions of linear equations with the smallest error or, where there are many, the smallest size; with \
      `fast` by normal equations and a regularizer.
      """,
      types: ["T": types],
      shape: { context in
        guard let a = context.input(0).dimensions, let b = context.input(1).dimensions, a.count >= 2,
          b.count >= 2
        else { return [.unknown] }
        return [PartialShape(Array(a.dropLast(2)) + [a[a.count - 1], b[b.count - 1]])]
      }
    ) { node in
      let work = LeastSquares(fast: try node.bool("fast"))
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    }
  }

  private struct LeastSquares: MatrixWork {
    let fast: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let matrix = try MatrixBatch<F>(context.input(0), input: 0)
      let right = try MatrixBatch<F>(context.input(1), input: 1)
      let regularizer = try context.input(2)
      guard matrix.batch == right.batch, matrix.rows == right.rows else {
        throw GraftError(
          .invalidArgument,
          "Matrices of shape \(try context.input(0).shape) and right sides of shape \(try context.input(1).shape) do not fit."
        )
      }
      guard regularizer.rank == 0, regularizer.dtype == .float64 else {
        throw GraftError(
          .invalidArgument, "The regularizer must be a scalar, and has shape \(regularizer.shape).",
          at: .init(input: 2))
      }
      let strength = regularizer.buffer(as: Double.self)[0]
      guard strength >= 0 else {
        throw GraftError(.invalidArgument, "The regularizer is \(strength), and must be 0 or more.")
      }
      let results = try (0..<right.count).map { index in
        fast
          ? try normal(matrix[index], right[index], strength, index, matrix.batch, context.checkpoint)
          : try pseudoinverse(matrix[index], right[index], context.checkpoint)
      }
      try MatrixResult.write(
        results, batch: right.batch, rows: matrix.columns, columns: right.columns, output: 0, dtype, context)
    }

    private func normal<F: MatrixField>(
      _ a: Matrix<F>, _ b: Matrix<F>, _ strength: Double, _ index: Int, _ batch: [Int],
      _ checkpoint: () throws -> Void
    ) throws -> Matrix<F> {
      let isTall = a.rows >= a.columns
      var product = try (isTall ? a.adjoint : a).times(isTall ? a : a.adjoint, checkpoint: checkpoint)
      for row in 0..<product.rows { product[row, row] += F(real: strength) }
      guard let lower = try Factorization.cholesky(product, checkpoint: checkpoint) else {
        throw GraftError(
          .invalidArgument,
          "\(batch.isEmpty ? "The matrix" : "Matrix \(index)") has no full rank, or too little of it.",
          remedy: "Set 'fast' to false, or a regularizer.")
      }
      func solve(_ right: Matrix<F>) throws -> Matrix<F> {
        try Factorization.solveTriangular(
          lower.adjoint,
          Factorization.solveTriangular(lower, right, lower: true, checkpoint: checkpoint),
          lower: false, checkpoint: checkpoint)
      }
      return try isTall
        ? solve(a.adjoint.times(b, checkpoint: checkpoint))
        : a.adjoint.times(solve(b), checkpoint: checkpoint)
    }

    private func pseudoinverse<F: MatrixField>(
      _ a: Matrix<F>, _ b: Matrix<F>, _ checkpoint: () throws -> Void
    ) throws -> Matrix<F> {
      guard let parts = try SingularDecomposition(a, .double, isFull: false, checkpoint: checkpoint) else {
        throw GraftError(.invalidArgument, "A matrix holds what is not a number.")
      }
      let (values, rank) = (parts.values, parts.values.count)
      var solution = try parts.left.adjoint.times(b, checkpoint: checkpoint)
      let smallest = (values.first ?? 0) * 2e-16 * Double(max(a.rows, a.columns))
      for row in 0..<rank {
        for column in 0..<b.columns {
          solution[row, column] =
            values[row] > smallest ? solution[row, column] / F(real: values[row]) : F.zero
        }
      }
      return try parts.right.times(solution, checkpoint: checkpoint)
    }
  }
}

/// Two batches, broadcast.
struct BatchPairing {
  let batch: [Int]
  let pairs: [(left: Int, right: Int)]

  init(_ left: [Int], _ right: [Int]) throws {
    let rank = max(left.count, right.count)
    let a = [Int](repeating: 1, count: rank - left.count) + left
    let b = [Int](repeating: 1, count: rank - right.count) + right
    var sizes: [Int] = []
    for (x, y) in zip(a, b) {
      guard x == y || x == 1 || y == 1 else {
        throw GraftError(.invalidArgument, "Batches of shapes \(left) and \(right) do not broadcast.")
      }
      sizes.append(x == 1 ? y : x)
    }
    batch = sizes
    func index(_ position: Int, _ own: [Int]) -> Int {
      var (rest, index, step) = (position, 0, 1)
      for axis in sizes.indices.reversed() {
        if own[axis] != 1 { index += rest % sizes[axis] * step }
        rest /= max(sizes[axis], 1)
        step *= own[axis]
      }
      return index
    }
    let count = sizes.reduce(1, *)
    pairs = (0..<count).map { (index($0, a), index($0, b)) }
  }
}
