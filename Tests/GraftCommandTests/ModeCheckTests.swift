import GraftGraph
import GraftTensor
import Testing

@testable import GraftCommand

/// A graph in text format: a line for each node, `name = Op(inputs) attributes`.
private func needed(_ nodes: [String], fetching fetch: String, feeds: [String] = []) throws -> NeededNodes {
  let graph = Graph()
  try graph.importGraphDef(
    bytes: Array((nodes + ["versions { producer: 1882 }"]).joined(separator: "\n").utf8))
  let snapshot = graph.snapshot
  return NeededNodes(
    snapshot, fetches: [try #require(snapshot.nodeIndex(named: fetch))],
    feeds: Set(feeds.compactMap { snapshot.nodeIndex(named: $0) }))
}

private func node(
  _ name: String, _ op: String, _ inputs: [String] = [], _ attributes: [String: String] = [:],
  device: String = ""
) -> String {
  let lines =
    inputs.map { "input: \"\($0)\"" }
    + attributes.sorted { $0.key < $1.key }.map { "attr { key: \"\($0.key)\" value { \($0.value) } }" }
  let place = device.isEmpty ? "" : "device: \"\(device)\" "
  return "node { name: \"\(name)\" op: \"\(op)\" \(place)\(lines.joined(separator: " ")) }"
}

private func placeholder(_ name: String, _ dtype: String, _ shape: String = "") -> String {
  node(name, "Placeholder", [], ["dtype": "type: \(dtype)", "shape": "shape { \(shape) }"])
}

private let float = ["T": "type: DT_FLOAT"]
private let image = placeholder("x", "DT_FLOAT", "unknown_rank: true")

@Suite struct TrainingModeIsFound {
  private func batchNormalization(isTraining: Bool) -> [String] {
    let vector = "tensor { dtype: DT_FLOAT tensor_shape { dim { size: 1 } } float_val: 1 }"
    return [
      image, node("one", "Const", [], ["dtype": "type: DT_FLOAT", "value": vector]),
      node(
        "bn", "FusedBatchNorm", ["x", "one", "one", "one", "one"],
        ["T": "type: DT_FLOAT", "is_training": "b: \(isTraining)"]),
    ]
  }

  @Test func inBatchNormalisation() throws {
    let training = try needed(batchNormalization(isTraining: true), fetching: "bn")
    let found = ModeChecks.findings(in: training, command: "graft run m.pb")
    #expect(found.map(\.kind) == [.trainingMode])
    #expect(found.first?.weight == .problem)
    #expect(found.first?.places == ["bn"])
    let inference = try needed(batchNormalization(isTraining: false), fetching: "bn")
    #expect(ModeChecks.findings(in: inference, command: "").isEmpty)
  }

  @Test func onlyInWhatIsNeeded() throws {
    let nodes = batchNormalization(isTraining: true) + [node("y", "Identity", ["x"], float)]
    #expect(ModeChecks.findings(in: try needed(nodes, fetching: "y"), command: "").isEmpty)
    let fed = try needed(
      nodes + [node("z", "Identity", ["bn"], float)], fetching: "z", feeds: ["bn"])
    #expect(!fed.nodes.contains { $0.name == "x" })
  }

  private func dropout(_ scope: String, shape: String) -> [String] {
    [
      image, node("\(scope)/Shape", "Shape", [shape], ["T": "type: DT_FLOAT", "out_type": "type: DT_INT32"]),
      node(
        "\(scope)/random", "RandomUniform", ["\(scope)/Shape"],
        ["T": "type: DT_INT32", "dtype": "type: DT_FLOAT"]),
      node("y", "Add", [shape, "\(scope)/random"], float),
    ]
  }

  @Test func inDropout() throws {
    let found = ModeChecks.findings(
      in: try needed(dropout("dropout", shape: "x"), fetching: "y"), command: "")
    #expect(found.map(\.kind) == [.dropout])
    let other = ModeChecks.findings(in: try needed(dropout("noise", shape: "x"), fetching: "y"), command: "")
    #expect(other.map(\.kind) == [.random])
    #expect(other.first?.weight == .note)
  }

  @Test func notWhereAConditionalDecides() throws {
    let nodes =
      [placeholder("train", "DT_BOOL"), node("s", "Switch", ["x", "train"], float)]
      + dropout("dropout", shape: "s:1")
    let found = ModeChecks.findings(in: try needed(nodes, fetching: "y"), command: "graft run m.pb")
    #expect(found.map(\.kind) == [.modeSwitch])
    #expect(found.first?.command == "graft run m.pb --feed train=false")
  }

  @Test func notWhereTheStrengthIsFed() throws {
    let nodes =
      [placeholder("keep_prob", "DT_FLOAT")] + dropout("dropout", shape: "x")
      + [node("z", "Mul", ["y", "keep_prob"], float)]
    let found = ModeChecks.findings(in: try needed(nodes, fetching: "z"), command: "graft run m.pb")
    #expect(found.map(\.kind) == [.modeSwitch])
    #expect(found.first?.command == "graft run m.pb --feed keep_prob=1")
  }
}

@Suite struct SwitchesAreFound {
  private func withDefault(_ name: String, _ value: Bool) -> [String] {
    [
      node(
        "c", "Const", [],
        ["dtype": "type: DT_BOOL", "value": "tensor { dtype: DT_BOOL tensor_shape {} bool_val: \(value) }"]),
      node(name, "PlaceholderWithDefault", ["c"], ["dtype": "type: DT_BOOL", "shape": "shape {}"]),
    ]
  }

  @Test func withADefaultOnlyWhereItStandsForTraining() throws {
    let off = try needed(withDefault("keras_learning_phase", false), fetching: "keras_learning_phase")
    #expect(ModeChecks.findings(in: off, command: "").isEmpty)
    let on = try needed(withDefault("is_training", true), fetching: "is_training")
    let found = ModeChecks.findings(in: on, command: "graft run m.pb")
    #expect(found.map(\.weight) == [.problem])
    #expect(found.first?.message.contains("is true where nothing is fed") == true)
  }

  @Test func asNotesWhereTheyAreArguments() throws {
    let nodes = try needed([placeholder("training", "DT_BOOL")], fetching: "training")
    let found = ModeChecks.findings(in: nodes, arguments: ["training:0"], command: "graft run m")
    #expect(found.map(\.weight) == [.note])
  }

  @Test func notInOtherPlaceholders() throws {
    for (name, dtype, shape) in [
      ("mask", "DT_BOOL", "dim { size: 3 }"), ("rate", "DT_FLOAT", ""), ("keep", "DT_INT32", ""),
    ] {
      let nodes = try needed([placeholder(name, dtype, shape)], fetching: name)
      #expect(ModeChecks.findings(in: nodes, command: "").isEmpty, "\(name)")
    }
  }

  @Test func andDevicesAreNoted() throws {
    let nodes = [image, node("y", "Identity", ["x"], float, device: "/device:GPU:0")]
    let found = ModeChecks.devices(in: try needed(nodes, fetching: "y"))
    #expect(found.first?.places == ["/device:GPU:0 (1)"])
    #expect(found.first?.weight == .note)
  }
}

@Suite struct EmptyStateIsFound {
  private let variable = node(
    "w", "VariableV2", [], ["dtype": "type: DT_FLOAT", "shape": "shape { dim { size: 2 } }"])
  private var initialized: [String] {
    let value = "tensor { dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: 0 }"
    return [
      variable, node("zeros", "Const", [], ["dtype": "type: DT_FLOAT", "value": value]),
      node("w/Assign", "Assign", ["w", "zeros"], float), node("start", "NoOp", ["^w/Assign"]),
      node("other", "NoOp", ["^zeros"]), node("y", "Identity", ["w"], float),
    ]
  }

  @Test func withWhatInitialisesIt() throws {
    let found = StateChecks.variables(
      in: try needed(initialized, fetching: "y"), hasValue: { _ in false }, checkpoint: nil,
      command: "graft run m.pb")
    #expect(found.map(\.kind) == [.uninitializedVariable])
    #expect(found.first?.message == "The variable 'w' has no value.")
    #expect(found.first?.command == "graft run m.pb --init start")
  }

  @Test func withTheCheckpointThatLiesNear() throws {
    let found = StateChecks.variables(
      in: try needed(initialized, fetching: "y"), hasValue: { _ in false }, checkpoint: "my models/m.ckpt",
      command: "graft run m.pb")
    #expect(found.first?.command == "graft run m.pb --checkpoint 'my models/m.ckpt'")
  }

  @Test func notWhereItHasAValue() throws {
    #expect(
      StateChecks.variables(
        in: try needed(initialized, fetching: "y"), hasValue: { $0 == "w" }, checkpoint: nil, command: ""
      ).isEmpty)
  }

  @Test func inTablesThatNothingFills() throws {
    let types = ["key_dtype": "type: DT_STRING", "value_dtype": "type: DT_INT64"]
    let keys = "tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: \"a\" }"
    let values = "tensor { dtype: DT_INT64 tensor_shape { dim { size: 1 } } int64_val: 1 }"
    let table = [
      node("table", "HashTableV2", [], types),
      node("y", "LookupTableSizeV2", ["table"]),
    ]
    let empty = StateChecks.tables(
      in: try needed(table, fetching: "y"), isLoaded: false, filled: [], command: "run")
    #expect(empty.map(\.kind) == [.uninitializedTable])
    #expect(empty.first?.command == nil)
    let filled =
      table + [
        node("k", "Const", [], ["dtype": "type: DT_STRING", "value": keys]),
        node("v", "Const", [], ["dtype": "type: DT_INT64", "value": values]),
        node(
          "fill", "InitializeTableV2", ["table", "k", "v"],
          ["Tkey": "type: DT_STRING", "Tval": "type: DT_INT64"]),
        node("init_all_tables", "NoOp", ["^fill"]),
      ]
    let found = StateChecks.tables(
      in: try needed(filled, fetching: "y"), isLoaded: false, filled: [], command: "run")
    #expect(found.first?.command == "run --init init_all_tables")
    #expect(
      StateChecks.tables(in: try needed(filled, fetching: "y"), isLoaded: true, filled: [], command: "")
        .isEmpty)
  }
}
