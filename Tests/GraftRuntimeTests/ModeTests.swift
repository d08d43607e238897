import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Graphs that were frozen in part or exported to train, written with what TensorFlow infers by
/// `Scripts/make-mode-fixtures.py`.
private enum Modes {
  static func path(_ name: String) -> String { fixture("modes/\(name)") }

  /// Checks that `y` is what TensorFlow infers, each time that it is computed.
  static func expect(
    _ name: String, in session: Session, y: String = "y", x: String = "x", feeds: [String: Tensor] = [:]
  )
    throws
  {
    let arrays = try NPZ.read(path("values.npz"))
    let input = try #require(arrays.first { $0.name == "x" }?.tensor)
    let expected = try #require(arrays.first { $0.name == name }?.tensor)
    for _ in 0..<2 {
      let found = try session.run(y, feeding: feeds.merging([x: input]) { $1 })
      #expect(found.shape == expected.shape)
      for (a, b) in zip(try found.scalars(as: Float.self), try expected.scalars(as: Float.self)) {
        #expect(abs(a - b) <= 2e-6 * max(1, abs(b)), "\(name): \(a), \(b)")
      }
    }
  }
}

@Suite("Graphs that were frozen in part") struct HalfFrozenTests {
  @Test(arguments: ["conditional", "resources", "called"], [false, true])
  func areCompleted(_ form: String, optimize: Bool) throws {
    let name = "half_frozen_\(form)"
    let path = Modes.path("\(name).pb")
    let session = Session(options: .init(threads: 1, optimize: optimize))
    let error = try #require(thrown { try session.graph.importGraphDef(contentsOf: path) })
    #expect(error.description.contains("A variable was made a constant when the graph was frozen"))
    #expect(error.description.contains("FrozenGraph(completing:)"))

    let completed = try #require(try FrozenGraph(completing: path))
    try session.graph.importGraphDef(bytes: completed.graphDef)
    let feeds = form == "called" ? [:] : ["phase_train": try Tensor(false)]
    try Modes.expect(name, in: session, feeds: feeds)
    #expect(
      completed.variables == ["bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance", "dense/kernel"])
    let note = try #require(completed.notes.first)
    #expect(note.contains("took constants for variables"))
    #expect(note.contains(form == "conditional" ? "2 AssignSub, 2 RefSwitch" : "ReadVariableOp"), "\(note)")
  }

  /// What writes to a constant gives what it would have written, where others read that.
  @Test func writtenValuesAreRead() throws {
    let text = GraphText().constant("w", [2], [1.0, 2.0]).constant("d", [2], [10.0, 20.0])
      .node("id", "RefIdentity", ["w"], GraphText.float)
      .node("sub", "AssignSub", ["id", "d"], GraphText.float)
      .node("reset", "Assign", ["w", "d"], GraphText.float)
      .node("y", "AddV2", ["sub", "reset"], GraphText.float)
      .node("adam", "ApplyGradientDescent", ["w", "d", "d"], GraphText.float)
      .node("step", "NoOp", ["^adam", "^y"]).text
    let completed = try #require(try FrozenGraph(completing: Array(text.utf8)))
    let session = Session(graph: try completed.graph())
    #expect(try session.run("y", feeding: [:]).scalars(as: Float.self) == [1 - 10 + 10, 2 - 20 + 20])
    _ = try session.run([], targets: ["step"])
    #expect(
      completed.notes == [
        "The graph was frozen in part: 1 ApplyGradientDescent, 1 Assign, 1 AssignSub, 1 RefIdentity took constants "
          + "for variables ('id', 'sub', 'reset', 'adam'). They take values now, and change no variable any more."
      ])
  }

  @Test func variablesThatAreLeftStayVariables() throws {
    let text = VariableGraph.line().constant("c", [1], [5.0])
      .node("read", "ReadVariableOp", ["c"], ["dtype": "type: DT_FLOAT"])
      .node("z", "AddV2", ["y", "read"], GraphText.float).text
    let completed = try #require(try FrozenGraph(completing: Array(text.utf8)))
    let session = Session(graph: try completed.graph())
    #expect(completed.variables == ["c"])
    _ = try session.run([], targets: ["init"])
    let y = try session.run("y", feeding: ["x": VariableGraph.input]).scalars(as: Float.self)
    let z = try session.run("z", feeding: ["x": VariableGraph.input]).scalars(as: Float.self)
    #expect(z == y.map { $0 + 5 })
  }

  @Test func whatMeansNothingWithoutAVariableIsNamed() throws {
    let text = GraphText().constant("w", [1], [1.0]).constant("d", [1], [1.0])
      .node("step", "ApplyGradientDescent", ["w", "d", "d"], GraphText.float)
      .node("y", "Neg", ["step"], GraphText.float).text
    let error = try #require(thrown { _ = try FrozenGraph(completing: Array(text.utf8)) })
    #expect(error.code == .unimplemented && error.place.node == "step")
  }

  @Test func graphsThatAreWholeAreLeftAlone() throws {
    #expect(try FrozenGraph(completing: Array(VariableGraph.line().text.utf8)) == nil)
    // A value that is computed was never a variable.
    let text = GraphText().placeholder("x").node("w", "Assign", ["x", "x"], GraphText.float).text
    #expect(try FrozenGraph(completing: Array(text.utf8)) == nil)
  }
}

@Suite("Inference mode") struct InferenceModeTests {
  @Test(
    arguments: [
      "averaged": "'net/phase_train' is false", "moments": "'net/phase_train' is false",
      "conditional": "'net/phase_train' is false", "resources": "'net/phase_train' is false",
      "fused": "moving averages are used in place of the batch's by 'net/FusedBatchNormV3'.",
      "named": "moving averages are used in place of the batch's by 'net/FusedBatchNormV3'.",
      "separate": "'net/keep_prob' is 1",
    ], [false, true])
  func givesWhatTensorFlowInfers(_ form: (key: String, value: String), optimize: Bool) throws {
    let name = "training_\(form.key)"
    let session = Session(options: .init(threads: 1, optimize: optimize))
    let imported = try session.graph.importGraphDef(
      contentsOf: Modes.path("\(name).pb"), options: ImportOptions(prefix: "net", inferenceMode: true))
    _ = try session.run([], targets: ["net/init"])
    try Modes.expect(name, in: session, y: "net/y", x: "net/x")
    let notes = imported.notes.joined(separator: "\n")
    #expect(notes.contains(form.value), "\(notes)")
  }

  @Test func reachesTheFunctionsOfASavedModel() throws {
    let session = Session(options: .init(threads: 1))
    let model = try SavedModel.load(Modes.path("training_model"), into: session, inferenceMode: true)
    let definition = try model.signature().definition
    try Modes.expect(
      "training_model", in: session, y: try #require(definition.outputs["y"]?.name),
      x: try #require(definition.inputs["x"]?.name))
    let notes = model.notes.joined(separator: "\n")
    #expect(notes.contains("moving averages are used") && notes.contains("nothing is dropped by"), "\(notes)")
  }

  /// Without it the same graph answers by what is in the batch.
  @Test func isNotForcedOnAnybody() throws {
    let session = Session(options: .init(threads: 1))
    let imported = try session.graph.importGraphDef(contentsOf: Modes.path("training_named.pb"))
    _ = try session.run([], targets: ["init"])
    let x = try #require(try NPZ.read(Modes.path("values.npz")).first { $0.name == "x" }?.tensor)
    let expected = try #require(
      try NPZ.read(Modes.path("values.npz")).first { $0.name == "training_named" }?.tensor)
    let found = try session.run("y", feeding: ["x": x])
    #expect(try found.scalars(as: Float.self) != expected.scalars(as: Float.self))
    #expect(imported.notes.isEmpty)
  }

  @Test func saysWhichAveragesAreLost() throws {
    let graph = Graph()
    let imported = try graph.importGraphDef(
      bytes: Array(
        GraphText().placeholder("x", [1, 1, 1, 1]).constant("one", [1], [1.0]).constant(
          "none", [0], [] as [Float]
        )
        .node("bn", "FusedBatchNorm", ["x", "one", "one", "none", "none"], GraphText.float).text.utf8),
      options: ImportOptions(inferenceMode: true))
    #expect(
      imported.notes == [
        "Inference mode: moving averages are not in the graph, so that the batch's are still used by 'bn'."
      ])
  }

  @Test func leavesGraphsThatInferAsTheyAre() throws {
    let bytes = Array(VariableGraph.line().text.utf8)
    let (plain, inferring) = (Graph(), Graph())
    try plain.importGraphDef(bytes: bytes)
    let imported = try inferring.importGraphDef(bytes: bytes, options: ImportOptions(inferenceMode: true))
    #expect(imported.notes.isEmpty)
    #expect(try plain.graphDef() == inferring.graphDef())
  }
}
