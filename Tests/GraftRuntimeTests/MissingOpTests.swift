import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Ops that nobody knows here: they matter where a fetch needs them, and then all are told.
@Suite struct MissingOps {
  /// `out` needs four nodes of three unknown ops, `y` none of them; a fourth is needed by neither.
  private var text: GraphText {
    GraphText().placeholder("x").node("y", "Neg", ["x"], GraphText.float)
      .node("parts/first", "ImageConnectedComponents", ["x"], ["dtype": "type: DT_FLOAT"])
      .node("parts/again", "ImageConnectedComponents", ["x"], ["dtype": "type: DT_FLOAT"])
      .node("gelu", "Addons>GeluForward", ["x"], GraphText.float)
      .node("mine", "MyOp", ["parts/first", "parts/again", "gelu"])
      .node("out", "Identity", ["mine"], GraphText.float)
      .node("aside", "Resampler", ["x", "x"], GraphText.float)
  }

  @Test(arguments: [true, false])
  func allThatAFetchNeedsAreToldWithCountsAndOrigins(optimize: Bool) throws {
    let session = Session(graph: try text.graph(), options: .init(threads: 1, optimize: optimize))
    let x = try Tensor(Float(1))
    let error = try #require(thrown { _ = try session.run("out", feeding: ["x": x]) })
    #expect(error.code == .unimplemented)
    #expect(
      error.message
        == "3 ops that the fetches need have no kernel here: "
        + "Addons>GeluForward (node 'gelu'; no op of TensorFlow's own, but of TensorFlow Addons), "
        + "ImageConnectedComponents (2 nodes, as 'parts/again'; no op of TensorFlow's own, but of "
        + "tf.contrib.image, which ended with TensorFlow 1.15), "
        + "MyOp (node 'mine'; no op of TensorFlow's own).")
    #expect(error.remedy?.contains("`CustomOp`") == true)
    #expect(try session.run("y", feeding: ["x": x]).scalars() == [-1] as [Float])
  }

  @Test func whatIsFedInTheirPlaceIsNotMissing() throws {
    let session = Session(graph: try text.graph())
    #expect(try session.run("out", feeding: ["mine": Tensor(Float(7))]).scalars() == [7] as [Float])
  }

  @Test func aGraphWithUnknownOpsRunsWhereItNeedsNone() throws {
    let folder = fixture("graphs/good/unknown-ops")
    let graph = Graph()
    try graph.importGraphDef(contentsOf: "\(folder)/graph.pb")
    let session = Session(graph: graph)
    let x = try Tensor(npy: "\(folder)/feed-x_0.npy")
    let y = try session.run("y", feeding: ["x": x]).scalars(as: Float.self)
    #expect(try y == Tensor(npy: "\(folder)/expect-y_0.npy").scalars())
    let error = try #require(thrown { _ = try session.run("out", feeding: ["x": x]) })
    #expect(error.message.hasPrefix("2 ops that the fetches need have no kernel here: Addons>GeluForward"))
    #expect(error.message.contains("MyCustomOp (2 nodes, as 'layer1/custom'; no op of TensorFlow's own)"))
    #expect(!error.message.contains("Wordpiece"))
  }
}
