import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// Values of another dtype than their readers take for granted would be read as what they are not, and beyond
/// their end: wherever a dtype hangs on more than a node's attributes, it is looked at.
@Suite struct TypeConfusionTests {
  private func errors(_ graph: String, _ fetch: String, feeding: [String: Tensor] = [:]) throws
    -> [GraftError]
  {
    try [false, true].map { optimize in
      let imported = Graph()
      try imported.importGraphDef(bytes: Array(graph.utf8))
      let session = Session(graph: imported, options: .init(threads: 1, optimize: optimize))
      return try #require(thrown { _ = try session.run([fetch], feeding: feeding) })
    }
  }

  /// A function that takes and gives a value of a type.
  private func identity(_ name: String, _ type: String) -> String {
    """
    function {
      signature { name: "\(name)" input_arg { name: "a" type: \(type) } output_arg { name: "r" type: \(type) } }
      node_def { name: "i" op: "Identity" input: "a" attr { key: "T" value { type: \(type) } } }
      ret { key: "r" value: "i:output:0" }
    }
    """
  }

  private func caller(
    _ op: String, _ attributes: [String: String], input: String = "DT_FLOAT", output: String
  )
    -> GraphText
  {
    var all = attributes
    all["Tin"] = "list { type: \(input) }"
    all["Tout"] = "list { type: \(output) }"
    let inputs = op == "StatefulPartitionedCall" ? ["x"] : ["which", "x"]
    return GraphText().constant("x", [2], [1, 2] as [Float]).constant("which", [], [0] as [Int])
      .node("call", op, inputs, all)
  }

  @Test func functionsGiveWhatTheirCallerSays() throws {
    let graph = caller("StatefulPartitionedCall", ["f": "func { name: \"f\" }"], output: "DT_DOUBLE")
      .node("sum", "Neg", ["call"], ["T": "type: DT_DOUBLE"])
    for error in try errors(graph.text + "\nlibrary { \(identity("f", "DT_FLOAT")) }", "sum") {
      #expect(error.code == .invalidArgument && error.place.node == "call")
      #expect(error.message.hasPrefix("Output 0 is float32, and by the node's attributes it is float64."))
    }
  }

  @Test func functionsTakeWhatTheySay() throws {
    let graph = caller("StatefulPartitionedCall", ["f": "func { name: \"f\" }"], output: "DT_DOUBLE")
    for error in try errors(graph.text + "\nlibrary { \(identity("f", "DT_DOUBLE")) }", "call") {
      #expect(
        error.code == .invalidArgument
          && error.message.contains("Argument 0 of the function 'f' is float64, and float32 was given."))
    }
  }

  @Test func branchesGiveWhatTheConditionalSays() throws {
    let branches = ["branches": "list { func { name: \"f\" } func { name: \"g\" } }"]
    let graph = caller("Case", branches, output: "DT_STRING")
      .node("length", "StringLength", ["call"])
    let library = identity("f", "DT_FLOAT") + identity("g", "DT_FLOAT")
    for error in try errors(graph.text + "\nlibrary { \(library) }", "length") {
      #expect(error.message.contains("Output 0 is float32, and by the node's attributes it is string."))
    }
  }

  @Test func loopsKeepTheirVariablesTypes() throws {
    let body = """
      function {
        signature { name: "body" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_DOUBLE } }
        node_def { name: "i" op: "Cast" input: "a" attr { key: "SrcT" value { type: DT_FLOAT } }
          attr { key: "DstT" value { type: DT_DOUBLE } } }
        ret { key: "r" value: "i:y:0" }
      }
      function {
        signature { name: "cond" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_BOOL } }
        node_def { name: "c" op: "Const" attr { key: "dtype" value { type: DT_BOOL } }
          attr { key: "value" value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: true } } } }
        ret { key: "r" value: "c:output:0" }
      }
      """
    let graph = GraphText().constant("x", [2], [1, 2] as [Float])
      .node(
        "loop", "While", ["x"],
        [
          "T": "list { type: DT_FLOAT }", "cond": "func { name: \"cond\" }",
          "body": "func { name: \"body\" }",
        ])
    for error in try errors(graph.text + "\nlibrary { \(body) }", "loop") {
      #expect(error.message.contains("is float32, and float64 was given."))
    }
  }

  @Test func variablesAreReadAsTheyAre() throws {
    let graph = GraphText().constant("x", [2], [1, 2] as [Float])
      .node(
        "handle", "VarHandleOp", [],
        ["dtype": "type: DT_FLOAT", "shape": "shape { }", "shared_name": "s: \"v\""]
      )
      .node("assign", "AssignVariableOp", ["handle", "x"], ["dtype": "type: DT_FLOAT"])
      .node("read", "ReadVariableOp", ["handle", "^assign"], ["dtype": "type: DT_DOUBLE"])
      .node("sum", "Neg", ["read"], ["T": "type: DT_DOUBLE"])
    for error in try errors(graph.text, "sum") { #expect(error.place.node == "read") }
  }

  /// Inside of TensorFlow 1's control flow, where single kernels run.
  @Test func whatRunsInTheInterpreterGivesWhatItSays() throws {
    let graph = caller("StatefulPartitionedCall", ["f": "func { name: \"f\" }"], output: "DT_DOUBLE")
      .node(
        "yes", "Const", [],
        ["dtype": "type: DT_BOOL", "value": "tensor { dtype: DT_BOOL tensor_shape { } bool_val: true }"]
      )
      .node("switch", "Switch", ["call", "yes"], ["T": "type: DT_DOUBLE"])
      .node("sum", "Neg", ["switch:1"], ["T": "type: DT_DOUBLE"])
    for error in try errors(graph.text + "\nlibrary { \(identity("f", "DT_FLOAT")) }", "sum") {
      #expect(error.message.hasPrefix("Output 0 is float32, and by the node's attributes it is float64."))
    }
  }

  // MARK: - Ops that planning makes

  /// They look at their inputs' shapes only.
  @Test(arguments: [
    ("_Swish", 1), ("_Mish", 1), ("_LayerNorm", 3), ("_LSTMGates", 2), ("_GeluExact", 1),
    ("_FusedDepthwiseBlock", 3),
    ("_GatedConv2D", 3),
    ("_FusedElementwise", 1), ("_Dereference", 1),
  ])
  func graphsMayNotNameWhatPlanningMakes(op: String, inputs: Int) throws {
    let graph = GraphText()
      .node(
        "x", "Const", [],
        [
          "dtype": "type: DT_INT8",
          "value": "tensor { dtype: DT_INT8 tensor_shape { dim { size: 4 } } int_val: 1 }",
        ]
      )
      .node("y", op, [String](repeating: "x", count: inputs), ["epsilon": "f: 1"])
    for error in try errors(graph.text, "y:0") {
      #expect(
        error.code == .unimplemented && error.message.contains("\(op) (node 'y'; no op of TensorFlow's own)"))
    }
  }

  /// A function of that name is called.
  @Test func functionsMayHaveSuchNames() throws {
    for optimize in [false, true] {
      let graph = Graph()
      let text = GraphText().constant("x", [2], [1, 2] as [Float]).node("y", "_Swish", ["x"])
      try graph.importGraphDef(
        bytes: Array((text.text + "\nlibrary { \(identity("_Swish", "DT_FLOAT")) }").utf8))
      let y = try Session(graph: graph, options: .init(optimize: optimize)).run("y:0")
      #expect(try y.scalars(as: Float.self) == [1, 2])
    }
  }

  @Test func onlyNamesWithAnUnderscoreAreForPlanningAlone() {
    let own = OpRegistry.standard.all.map(\.name).filter { OpSignature.named($0) == nil }
    #expect(own.allSatisfy { $0.hasPrefix("_") && OpRegistry.standard.definition(inGraph: $0) == nil })
    #expect(OpRegistry.standard.definition(inGraph: "_FusedConv2D") != nil)
  }

  // MARK: - Feeds

  @Test func outputsOfUnknownOpsAreFedAsTheirReadersExpect() throws {
    let text = GraphText().node("u", "Foreign").node("a", "Neg", ["u"], ["T": "type: DT_FLOAT"])
    let value = try Tensor(shape: [1], scalars: [1] as [Double])
    for error in try errors(text.text, "a", feeding: ["u:0": value]) {
      #expect(
        error.code == .invalidArgument && error.message.contains("is float64, and the tensor is float32"))
    }
    let contradictory = text.node("b", "Neg", ["u"], ["T": "type: DT_DOUBLE"]).text
    for fetch in ["a", "b"] {
      for error in try errors(contradictory, fetch, feeding: ["u:0": value]) {
        #expect(
          error.code == .invalidGraph && error.message.contains("'a' reads it as float32, and 'b' as float64")
        )
      }
    }
  }
}
