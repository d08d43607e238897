import GraftGraph
import GraftTensor

/// Matrices of which only some diagonals are there, and products of vectors.
enum BandedOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "TridiagonalMatMul", "Matrices of three diagonals times matrices.",
      types: ["T": [.float32, .float64] + .complexes], shape: { [$0.input(3)] }
    ) { node in
      let dtype = try node.type("T")
      return { context in try Product().run(context, dtype) }
    },
    OpDefinition(
      "TridiagonalSolve",
      "The solutions of equations with matrices of three diagonals, above, on and below the main one.",
      types: ["T": [.float32, .float64] + .complexes], shape: { [$0.input(1)] }
    ) { node in
      let pivots = try node.bool("partial_pivoting")
      guard try pivots || !node.bool("perturb_singular") else {
        throw node.invalid("'perturb_singular' asks for 'partial_pivoting' too.")
      }
      let work = Solve(pivots: pivots)
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    },
    OpDefinition(
      "BandedTriangularSolve",
      "The solutions of equations with triangular matrices of which some diagonals are given, row after row.",
      types: ["T": [.float32, .float64] + .complexes],
      shape: SolvingOps.broadcastSolutions
    ) { node in
      let work = BandedSolve(lower: try node.bool("lower"), adjoint: try node.bool("adjoint"))
      let dtype = try node.type("T")
      return { context in try work.run(context, dtype) }
    },
  ]

  private struct Product: MatrixWork {
    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let diagonals = try (0..<3).map { try MatrixBatch<F>(context.input($0), input: $0) }
      let right = try MatrixBatch<F>(context.input(3), input: 3)
      for (index, diagonal) in diagonals.enumerated()
      where diagonal.batch != right.batch || diagonal.rows != 1 || diagonal.columns != right.rows {
        throw GraftError(
          .invalidArgument,
          "A diagonal of shape \(try context.input(index).shape) does not belong to right sides of shape \(try context.input(3).shape).",
          at: .init(input: index))
      }
      let results = (0..<right.count).map { index in
        let (upper, main, lower) = (diagonals[0][index], diagonals[1][index], diagonals[2][index])
        let x = right[index]
        var result = Matrix<F>(rows: right.rows, columns: right.columns)
        for row in 0..<right.rows {
          for column in 0..<right.columns {
            var sum = main[0, row] * x[row, column]
            if row + 1 < right.rows { sum += upper[0, row] * x[row + 1, column] }
            if row > 0 { sum += lower[0, row] * x[row - 1, column] }
            result[row, column] = sum
          }
        }
        return result
      }
      try MatrixResult.write(
        results, batch: right.batch, rows: right.rows, columns: right.columns, output: 0, dtype, context)
    }
  }

  private struct Solve: MatrixWork {
    let pivots: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let diagonals = try MatrixBatch<F>(context.input(0), input: 0)
      let right = try MatrixBatch<F>(context.input(1), input: 1)
      guard diagonals.rows == 3, diagonals.batch == right.batch, diagonals.columns == right.rows else {
        throw GraftError(
          .invalidArgument,
          "Three diagonals are expected for right sides of shape \(try context.input(1).shape), and shape \(try context.input(0).shape) was found."
        )
      }
      let results = try (0..<right.count).map { index in
        guard let solution = solve(diagonals[index], right[index]) else {
          throw InverseOps.singular(index, right.batch)
        }
        return solution
      }
      try MatrixResult.write(
        results, batch: right.batch, rows: right.rows, columns: right.columns, output: 0, dtype, context)
    }

    /// By elimination, with exchanges of neighbouring rows where `pivots` is set; nil where a pivot is zero.
    private func solve<F: MatrixField>(_ diagonals: Matrix<F>, _ right: Matrix<F>) -> Matrix<F>? {
      let size = right.rows
      var x = right
      // Each row's elements from its diagonal on: an exchange brings a third one.
      var rows = (0..<size).map { row in
        [diagonals[1, row], row + 1 < size ? diagonals[0, row] : F.zero, F.zero]
      }
      for row in 0..<size {
        if row + 1 < size {
          var next = [diagonals[2, row + 1], rows[row + 1][0], rows[row + 1][1]]
          if pivots, next[0].magnitude > rows[row][0].magnitude {
            swap(&next, &rows[row])
            for column in 0..<x.columns {
              let value = x[row, column]
              x[row, column] = x[row + 1, column]
              x[row + 1, column] = value
            }
          }
          guard rows[row][0].magnitude != 0 else { return nil }
          let factor = next[0] / rows[row][0]
          rows[row + 1] = [next[1] - factor * rows[row][1], next[2] - factor * rows[row][2], F.zero]
          for column in 0..<x.columns { x[row + 1, column] -= factor * x[row, column] }
        }
        guard rows[row][0].magnitude != 0 else { return nil }
      }
      for row in (0..<size).reversed() {
        for column in 0..<x.columns {
          var sum = x[row, column]
          if row + 1 < size { sum -= rows[row][1] * x[row + 1, column] }
          if row + 2 < size { sum -= rows[row][2] * x[row + 2, column] }
          x[row, column] = sum / rows[row][0]
        }
      }
      return x
    }
  }

  private struct BandedSolve: MatrixWork {
    let lower: Bool
    let adjoint: Bool

    func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws {
      let bands = try MatrixBatch<F>(context.input(0), input: 0)
      let right = try MatrixBatch<F>(context.input(1), input: 1)
      guard bands.rows > 0, bands.rows <= max(bands.columns, 1), bands.columns == right.rows else {
        throw GraftError(
          .invalidArgument,
          "Diagonals of shape \(try context.input(0).shape) do not fit right sides of shape \(try context.input(1).shape)."
        )
      }
      let pairing = try BatchPairing(bands.batch, right.batch)
      let results = try pairing.pairs.enumerated().map { index, pair in
        let full = matrix(bands[pair.left])
        for row in 0..<full.rows where full[row, row].magnitude == 0 {
          throw InverseOps.singular(index, pairing.batch)
        }
        return try Factorization.solveTriangular(
          adjoint ? full.adjoint : full, right[pair.right], lower: adjoint ? !lower : lower,
          checkpoint: context.checkpoint)
      }
      try MatrixResult.write(
        results, batch: pairing.batch, rows: right.rows, columns: right.columns, output: 0, dtype, context)
    }

    /// The whole matrix: of a lower one the main diagonal comes first, of an upper one last.
    private func matrix<F: MatrixField>(_ bands: Matrix<F>) -> Matrix<F> {
      let size = bands.columns
      var result = Matrix<F>(rows: size, columns: size)
      for band in 0..<bands.rows {
        let distance = lower ? band : bands.rows - 1 - band
        for column in 0..<size {
          // A diagonal's elements stand at their rows.
          let (row, other) = (column, lower ? column - distance : column + distance)
          guard other >= 0, other < size else { continue }
          result[row, other] = bands[band, column]
        }
      }
      return result
    }
  }
}
