import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Single ops that take long end at the time limit as well, not only between ops.
@Suite struct TimeLimits {
  private static let size = 300

  /// A positive definite matrix.
  private static func matrix() throws -> Tensor {
    try Tensor(
      shape: [size, size],
      scalars: (0..<size * size).map { place in
        let (row, column) = (place / size, place % size)
        return row == column ? 4 : 1 / Double(1 + abs(row - column) * (row + column))
      })
  }

  @Test(
    arguments: [
      ("Cholesky", 1, [:]), ("CholeskyGrad", 2, [:]), ("Lu", 1, ["output_idx_type": "type: DT_INT32"]),
      ("Qr", 1, ["full_matrices": "b: true"]), ("Svd", 1, ["full_matrices": "b: false"]),
      ("SelfAdjointEigV2", 1, ["compute_v": "b: true"]), ("SelfAdjointEig", 1, [:]),
      ("Eig", 1, ["Tout": "type: DT_COMPLEX128"]), ("MatrixInverse", 1, [:]), ("MatrixDeterminant", 1, [:]),
      ("LogMatrixDeterminant", 1, [:]), ("MatrixSolve", 2, [:]), ("MatrixTriangularSolve", 2, [:]),
      ("MatrixSquareRoot", 1, [:]), ("MatrixExponential", 1, [:]),
    ] as [(String, Int, [String: String])])
  func decompositionsEndAtIt(op: String, inputs: Int, attributes: [String: String]) throws {
    let text = GraphText().node("x", "Placeholder", [], ["dtype": "type: DT_DOUBLE"])
      .node(
        "y", op, [String](repeating: "x", count: inputs),
        attributes.merging(["T": "type: DT_DOUBLE"]) { own, _ in own })
    let session = Session(graph: try text.graph(), options: SessionOptions(threads: 1))
    let error = thrown {
      _ = try session.run(
        ["y:0"], feeding: ["x": try Self.matrix()], options: RunOptions(timeout: .milliseconds(20)))
    }
    #expect(error?.code == .deadlineExceeded, "\(String(describing: error))")
  }

  @Test(arguments: [true, false]) func leastSquaresEndAtIt(fast: Bool) throws {
    let text = GraphText().node("x", "Placeholder", [], ["dtype": "type: DT_DOUBLE"])
      .node(
        "l2", "Const", [],
        ["dtype": "type: DT_DOUBLE", "value": "tensor { dtype: DT_DOUBLE tensor_shape { } double_val: 0 }"]
      )
      .node("y", "MatrixSolveLs", ["x", "x", "l2"], ["T": "type: DT_DOUBLE", "fast": "b: \(fast)"])
    let session = Session(graph: try text.graph(), options: SessionOptions(threads: 1))
    let error = thrown {
      _ = try session.run(
        ["y:0"], feeding: ["x": try Self.matrix()], options: RunOptions(timeout: .milliseconds(20)))
    }
    #expect(error?.code == .deadlineExceeded, "\(String(describing: error))")
  }
}
