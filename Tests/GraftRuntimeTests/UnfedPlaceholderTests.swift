import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// What a run says that was not fed all that it needs.
@Suite struct UnfedPlaceholders {
  /// `rated = rate · (is_training ? x · keep_prob : x)`, and `loss`, which needs labels besides.
  private var training: GraphText {
    GraphText().placeholder("x", [-1, 2]).placeholder("keep_prob", []).placeholder("labels", [-1, 2])
      .node("is_training", "Placeholder", [], ["dtype": "type: DT_BOOL", "shape": "shape { }"])
      .constant("rate/default", [], [2.0])
      .node(
        "rate", "PlaceholderWithDefault", ["rate/default"],
        ["dtype": "type: DT_FLOAT", "shape": "shape { }"]
      )
      .node("kept", "Mul", ["x", "keep_prob"], GraphText.float)
      .node("y", "Select", ["is_training", "kept", "x"], GraphText.float)
      .node("rated", "Mul", ["y", "rate"], GraphText.float)
      .node("loss", "Sub", ["rated", "labels"], GraphText.float)
  }

  private func error(_ fetch: String, feeding: [String: Tensor] = [:]) throws -> GraftError {
    let session = Session(graph: try training.graph())
    return try #require(thrown { _ = try session.run(fetch, feeding: feeding) })
  }

  @Test func allThatTheFetchNeedsAreNamedAtOnceAndNoOthers() throws {
    let error = try error("rated")
    #expect(error.code == .notFed)
    #expect(
      error.message
        == "3 placeholders were not fed, and a fetch needs them: 'is_training' (bool, shape []), "
        + "'keep_prob' (float32, shape []), 'x' (float32, shape [?,2]).")
    let more = try self.error("loss", feeding: ["x": VariableGraph.input])
    #expect(more.message.hasPrefix("3 placeholders") && more.message.contains("'labels'"))
    #expect(!more.message.contains("'x'"))
  }

  @Test func switchesBetweenTrainingAndInferenceGetTheirValue() throws {
    let remedy = try #require(try error("rated").remedy)
    #expect(
      remedy == "Feed a value for each. "
        + "'is_training' looks like a switch between training and inference: feed false for inference. "
        + "'keep_prob' looks like the share that dropout keeps: feed 1 for inference.")
    let feeds = [
      "x": try VariableGraph.input, "keep_prob": try Tensor(Float(1)), "is_training": try Tensor(false),
    ]
    let session = Session(graph: try training.graph())
    #expect(try session.run("rated", feeding: feeds).scalars() == [2, 4] as [Float])
  }

  @Test(arguments: [
    ("DT_FLOAT", "net/dropout_rate", "shape { }", "drops: feed 0 for inference"),
    ("DT_FLOAT", "net/keep", "shape { unknown_rank: true }", "keeps: feed 1 for inference"),
    ("DT_BOOL", "is_inference", "shape { }", "feed true for inference"),
  ])
  func theValueFollowsFromTheName(type: String, name: String, shape: String, advice: String) throws {
    let text = GraphText().node(name, "Placeholder", [], ["dtype": "type: \(type)", "shape": shape])
      .node("y", "Identity", [name], ["T": "type: \(type)"])
    let error = try #require(thrown { _ = try Session(graph: try text.graph()).run("y") })
    #expect(error.remedy?.contains(advice) == true, "\(error)")
  }

  @Test(arguments: [("DT_BOOL", "mask", 3), ("DT_FLOAT", "keep", 3), ("DT_INT32", "keep", 0)])
  func otherPlaceholdersGetNoAdvice(type: String, name: String, size: Int) throws {
    let shape = size == 0 ? "" : "dim { size: \(size) }"
    let text = GraphText()
      .node(name, "Placeholder", [], ["dtype": "type: \(type)", "shape": "shape { \(shape) }"])
      .node("y", "Identity", [name], ["T": "type: \(type)"])
    let error = try #require(thrown { _ = try Session(graph: try text.graph()).run("y") })
    #expect(error.remedy == "Feed a value for it.")
  }

  @Test func ofThousandsTheFirstAreNamed() throws {
    var text = GraphText()
    let names = (100..<400).map { "p\($0)" }
    for name in names { text = text.placeholder(name) }
    text = text.node("y", "AddN", names, ["T": "type: DT_FLOAT", "N": "i: 300"])
    let error = try #require(thrown { _ = try Session(graph: try text.graph()).run("y") })
    #expect(error.message.hasPrefix("300 placeholders were not fed"))
    #expect(error.message.contains("'p149'") && !error.message.contains("'p150'"))
    #expect(error.message.hasSuffix(" and more."))
  }

  @Test func aSignatureAsksForNoArgumentThatHasADefault() throws {
    let folder = try TestFolder()
    let graph = try training.graph()
    var writer = SavedModelWriter(Session(graph: graph))
    writer.signatures["serving_default"] = try SignatureDef(
      graph: graph, inputs: ["images": "x", "rate": "rate", "keep": "keep_prob", "training": "is_training"],
      outputs: ["scores": "rated"])
    try writer.write(to: folder.file("m"))
    let model = try SavedModel.load(folder.file("m"), into: Session())
    let error = try #require(thrown { _ = try model.signature().run(["images": VariableGraph.input]) })
    #expect(
      error.message == "The signature 'serving_default' needs a value for 'keep' (float32, shape []), "
        + "'training' (bool, shape []).")
  }
}
