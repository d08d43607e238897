import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Single ops that take long end at the time limit as well, not only between ops.
@Suite struct TimeLimits {
  /// So large that no machine is done before the limit.
  private static let size = 1_000

  private static func text(_ attributes: [String: String]) -> String {
    attributes.sorted { $0.key < $1.key }.map { "attr { key: \"\($0.key)\" value { \($0.value) } }" }
      .joined(separator: " ")
  }

  /// A positive definite matrix.
  private static let matrix = Result {
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
        ["y:0"], feeding: ["x": try Self.matrix.get()], options: RunOptions(timeout: .milliseconds(20)))
    }
    #expect(error?.code == .deadlineExceeded, "\(String(describing: error))")
  }

  /// What depends on constants alone is computed while the run is planned.
  @Test(arguments: [true, false]) func whatPlanningComputesEndsAtIt(inFunction: Bool) throws {
    let size = "dim { size: \(Self.size) }"
    let type = ["T": "type: DT_DOUBLE"]
    let matrix = [
      "dtype": "type: DT_DOUBLE",
      "value": "tensor { dtype: DT_DOUBLE tensor_shape { \(size) \(size) } double_val: 0.001 }",
    ]
    let text =
      inFunction
      ? GraphText().node(
        "y", "PartitionedCall", [],
        ["Tin": "list { }", "Tout": "list { type: DT_DOUBLE }", "f": "func { name: \"f\" }"])
      : GraphText().node("x", "Const", [], matrix).node("y", "MatrixExponential", ["x"], type)
    let library = """
      library { function { signature { name: "f" output_arg { name: "r" type: DT_DOUBLE } }
        node_def { name: "x" op: "Const" \(Self.text(matrix)) }
        node_def { name: "e" op: "MatrixExponential" input: "x:output:0" \(Self.text(type)) }
        ret { key: "r" value: "e:output:0" } } }
      """
    let graph = Graph()
    try graph.importGraphDef(bytes: Array("\(text.text) \(library)".utf8))
    let session = Session(graph: graph, options: SessionOptions(threads: 1))
    for _ in 0..<2 {
      let error = thrown {
        _ = try session.run(["y:0"], options: RunOptions(timeout: .milliseconds(20)))
      }
      #expect(error?.code == .deadlineExceeded, "\(String(describing: error))")
    }
    let token = CancellationToken()
    token.cancel()
    let error = thrown { _ = try session.run(["y:0"], options: RunOptions(cancellation: token)) }
    #expect(error?.code == .cancelled)
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
        ["y:0"], feeding: ["x": try Self.matrix.get()], options: RunOptions(timeout: .milliseconds(20)))
    }
    #expect(error?.code == .deadlineExceeded, "\(String(describing: error))")
  }
}
