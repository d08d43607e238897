import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Ops that TensorFlow took out: they run whatever version the graph says that it is of.
@Suite struct RemovedOps {
  // What TensorFlow answers to the graph of the old version.
  @Test(arguments: ["old-producer", "removed-op"], [true, false])
  func theyRunAsTheyDid(name: String, optimize: Bool) throws {
    let folder = fixture("graphs/good/\(name)")
    let graph = Graph()
    try graph.importGraphDef(contentsOf: "\(folder)/graph.pb")
    let session = Session(graph: graph, options: SessionOptions(threads: 1, optimize: optimize))
    let x = try Tensor(npy: "\(folder)/feed-x_0.npy")
    let y = try session.run("y", feeding: ["x": x]).scalars(as: Float.self)
    let expected = try Tensor(npy: "\(folder)/expect-y_0.npy").scalars(as: Float.self)
    #expect(y.count == expected.count && !y.isEmpty)
    for (found, value) in zip(y, expected) { #expect(abs(found - value) <= 1e-6 + 1e-5 * abs(value)) }
  }

  @Test func aGraphThatSaysItIsNewerThanTheRemovalIsNoted() throws {
    let notes = try Graph().importGraphDef(contentsOf: fixture("graphs/good/removed-op/graph.pb")).notes
    #expect(
      notes == [
        "1 node is of BatchNormWithGlobalNormalization, which TensorFlow removed in graph version 9 and refuses "
          + "in a graph of TensorFlow between 2.17 and 2.21 (graph version 2400); Graft takes it as it was. "
          + "TensorFlow's advice: Use tf.nn.batch_normalization()."
      ])
    #expect(
      try Graph().importGraphDef(contentsOf: fixture("graphs/good/old-producer/graph.pb")).notes.isEmpty)
  }

  // TopK went in version 7, SelfAdjointEig in 11; a graph without a version is older than all.
  @Test(arguments: [(0, []), (6, []), (7, ["TopK"]), (10, ["TopK"]), (11, ["TopK", "SelfAdjointEig"])])
  func theGraphsVersionDecides(producer: Int, removed: [String]) throws {
    let text = GraphText().placeholder("x")
      .node("top", "TopK", ["x"], ["k": "i: 1", "T": "type: DT_FLOAT"])
      .node("eig", "SelfAdjointEig", ["x"], GraphText.float)
      .text.replacing("producer: 1882", with: "producer: \(producer)")
    let notes = try Graph().importGraphDef(bytes: Array(text.utf8)).notes
    #expect(notes.count == removed.count)
    for (note, op) in zip(notes, removed) { #expect(note.hasPrefix("1 node is of \(op), which"), "\(note)") }
  }
}
