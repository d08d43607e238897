import GraftGraph
import GraftTensor

/// Matrices taken apart.
enum DecompositionOps {
  static let all: [OpDefinition] = [
    cholesky("Cholesky", floats), cholesky("BatchCholesky", [.float32, .float64]),
    choleskyGradient("CholeskyGrad"), choleskyGradient("BatchCholeskyGrad"),
    OpDefinition(
      "Qr", "Each matrix as an orthogonal one times an upper triangular one.",
      types: ["T": [.float16] + floats],
      shape: qrShape
    ) { node in
      let work = QR(isFull: try node.bool("full_matrices"))
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    },
    OpDefinition(
      "Lu", "Each matrix as a permutation of a lower times an upper triangular one, both in one matrix.",
      types: ["T": floats, "output_idx_type": .indices],
      shape: { [$0.input(0), PartialShape($0.input(0).dimensions.map { Array($0.dropLast()) })] }
    ) { node in
      let (dtype, indexType) = (try node.type("T"), try node.outputType(1))
      return { context in try LU(indexType: indexType).run(context, dtype) }
    },
    singular("Svd", floats), singular("BatchSvd", floats),
    eigen("SelfAdjointEigV2", floats), eigen("BatchSelfAdjointEigV2", [.float32, .float64]),
    joinedEigen("SelfAdjointEig"), joinedEigen("BatchSelfAdjointEig"),
    OpDefinition(
      "Eig", "The eigenvalues of each square matrix, and its eigenvectors, as complex numbers in no order.",
      types: ["T": floats, "Tout": .complexes],
      shape: { context in
        let values = PartialShape(context.input(0).dimensions.map { Array($0.dropLast()) })
        return [values, try context.node.bool("compute_v") ? context.input(0) : .unknown]
      }
    ) { node in
      let work = GeneralEigen(wantsVectors: try node.bool("compute_v"), dtype: try node.type("Tout"))
      return { context in try work.run(Complex128.self, context, work.dtype) }
    },
    function("MatrixSquareRoot", "The principal square root of each matrix.", floats, .squareRoot),
    function("MatrixLogarithm", "The principal logarithm of each matrix.", .complexes, .logarithm),
    function("MatrixExponential", "The exponential of each matrix.", floats, .exponential),
  ]

  private static let floats: [DataType] = [.float32, .float64] + .complexes

  // MARK: - Cholesky

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

  // MARK: - QR and LU

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
        guard !lu.isSingular else { throw SolvingOps.singular(index, input.batch) }
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

  // MARK: - Singular values and eigenvalues

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
      let results = try (0..<input.count).map { try schur(input[$0], $0, context.checkpoint) }
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

  fileprivate static func schur(
    _ matrix: Matrix<Complex128>, _ index: Int, _ checkpoint: () throws -> Void
  ) throws -> SchurDecomposition {
    guard let result = try SchurDecomposition(matrix, checkpoint: checkpoint) else {
      throw GraftError(
        .invalidArgument, "No eigenvalues of matrix \(index) were found: it may hold what is not a number.")
    }
    return result
  }

  // MARK: - Functions

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
      let form = try schur(matrix.complex, index, checkpoint)
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

  fileprivate static func notANumber(_ rows: Int, _ columns: Int) -> Matrix {
    Matrix(rows: rows, columns: columns, elements: [F](repeating: F(real: .nan), count: rows * columns))
  }
}
