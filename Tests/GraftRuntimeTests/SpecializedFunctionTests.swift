import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Plans that take the values of variables for constants whose handles go into functions.
@Suite("Plans of functions with variables") struct SpecializedFunctionTests {
  private var x: Tensor { get throws { try Tensor(shape: [1, 2], scalars: [1, 2] as [Float]) } }

  private func function(
    _ name: String, _ arguments: [(String, String)], result: (String, String), _ nodes: String, ret: String
  ) -> String {
    let inputs = arguments.map { "input_arg { name: \"\($0.0)\" type: \($0.1) }" }.joined(separator: " ")
    return "signature { name: \"\(name)\" \(inputs) output_arg { name: \"\(result.0)\" type: \(result.1) } "
      + "is_stateful: true } \(nodes) ret { key: \"\(result.0)\" value: \"\(ret)\" }"
  }

  private func node(_ name: String, _ op: String, _ inputs: [String], _ attributes: String) -> String {
    "node_def { name: \"\(name)\" op: \"\(op)\" \(inputs.map { "input: \"\($0)\"" }.joined(separator: " ")) "
      + "\(attributes) }"
  }

  private static let t = "attr { key: \"T\" value { type: DT_FLOAT } }"
  private static let dtype = "attr { key: \"dtype\" value { type: DT_FLOAT } }"

  /// `x · v` for a handle `v`.
  private var product: String {
    function(
      "product", [("x", "DT_FLOAT"), ("v", "DT_RESOURCE")], result: ("r", "DT_FLOAT"),
      node("read", "ReadVariableOp", ["v"], Self.dtype)
        + node("dot", "MatMul", ["x", "read:value:0"], Self.t), ret: "dot:product:0")
  }

  private static let call = [
    "Tin": "list { type: DT_FLOAT type: DT_RESOURCE }", "Tout": "list { type: DT_FLOAT }",
  ]

  @Test func handlesThatFunctionsGetAreSeenThrough() throws {
    let text = GraphText().placeholder("x", [-1, 2]).weight("w", [2, 1], [], .resources)
      .node(
        "y", "StatefulPartitionedCall", ["x", "w"],
        Self.call.merging(["f": "func { name: \"product\" }"]) { $1 })
    let session = try text.session(library: [product])
    try session.assign("w", [2, 1], [2, 3])
    #expect(try session.run("y", feeding: ["x": x]).scalars() == [8] as [Float])
    #expect(try session.planOps() == ["MatMul", "constant", "feed 0"])
    try session.assign("w", [2, 1], [1, 1])
    #expect(try session.run("y", feeding: ["x": x]).scalars() == [3] as [Float])
  }

  @Test(arguments: [(Float(0), Float(16)), (1, 8)])
  func branchesSeeTheValuesOfHandles(_ choice: Float, _ expected: Float) throws {
    let double = function(
      "double", [("x", "DT_FLOAT"), ("v", "DT_RESOURCE")], result: ("r", "DT_FLOAT"),
      node("twice", "AddV2", ["x", "x"], Self.t) + node("read", "ReadVariableOp", ["v"], Self.dtype)
        + node("dot", "MatMul", ["twice:z:0", "read:value:0"], Self.t), ret: "dot:product:0")
    let text = GraphText().placeholder("x", [-1, 2]).weight("w", [2, 1], [], .resources)
      .placeholder("p", [])
      .node(
        "y", "If", ["p", "x", "w"],
        Self.call.merging([
          "Tcond": "type: DT_FLOAT", "then_branch": "func { name: \"product\" }",
          "else_branch": "func { name: \"double\" }",
        ]) { $1 })
    let session = try text.session(library: [product, double])
    try session.assign("w", [2, 1], [2, 3])
    let callable = try session.callable(feeds: ["p", "x"], fetches: ["y"])
    #expect(try callable.run([Tensor(choice), x])[0].scalars() == [expected])
    #expect(!callable.planDescription.contains("ReadVariableOp"))
    #expect(!callable.planDescription.contains("VarHandleOp"))
    try session.assign("w", [2, 1], [4, 6])
    #expect(try callable.run([Tensor(choice), x])[0].scalars() == [2 * expected])
  }

  /// A loop of `count` rounds that gives `x + count · w`, and where `changes` adds 1 to `w` in each round.
  private func loop(changes: Bool) throws -> Session {
    let arguments = [("i", "DT_FLOAT"), ("x", "DT_FLOAT"), ("v", "DT_RESOURCE"), ("n", "DT_FLOAT")]
    let condition = function(
      "more", arguments, result: ("r", "DT_BOOL"), node("less", "Less", ["i", "n"], Self.t), ret: "less:z:0")
    let inputs = arguments.map { "input_arg { name: \"\($0.0)\" type: \($0.1) }" }.joined(separator: " ")
    let outputs = arguments.map { "output_arg { name: \"\($0.0)_out\" type: \($0.1) }" }.joined(
      separator: " ")
    let one =
      "attr { key: \"value\" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 1 } } } \(Self.dtype)"
    let step =
      "signature { name: \"step\" \(inputs) \(outputs) is_stateful: true } " + node("one", "Const", [], one)
      + node("next", "AddV2", ["i", "one:output:0"], Self.t)
      + node("read", "ReadVariableOp", ["v"], Self.dtype)
      + node("sum", "AddV2", ["x", "read:value:0"], Self.t)
      + node("same", "Identity", ["v"], "attr { key: \"T\" value { type: DT_RESOURCE } }")
      + (changes ? node("change", "AssignAddVariableOp", ["v", "one:output:0", "^read"], Self.dtype) : "")
      + "ret { key: \"i_out\" value: \"next:z:0\" } ret { key: \"x_out\" value: \"sum:z:0\" } "
      + "ret { key: \"v_out\" value: \"same:output:0\" } ret { key: \"n_out\" value: \"n\" }"
    let text = GraphText().placeholder("x", []).placeholder("n", []).weight("w", [], [], .resources)
      .constant("zero", [], [0.0])
      .node(
        "loop", "While", ["zero", "x", "w", "n"],
        [
          "T": "list { type: DT_FLOAT type: DT_FLOAT type: DT_RESOURCE type: DT_FLOAT }",
          "cond": "func { name: \"more\" }", "body": "func { name: \"step\" }",
        ]
      )
      .node("y", "Identity", ["loop:1"], GraphText.float)
    let session = try text.session(library: [condition, step])
    try session.assign("w", [], [10])
    return session
  }

  private func run(_ callable: Callable) throws -> Float {
    try callable.run([Tensor(Float(3)), Tensor(Float(0))])[0].scalars(as: Float.self)[0]
  }

  @Test func loopsSeeTheValuesOfHandles() throws {
    let session = try loop(changes: false)
    let callable = try session.callable(feeds: ["n", "x"], fetches: ["y"])
    #expect(try run(callable) == 30)
    #expect(!callable.planDescription.contains("ReadVariableOp"), "\(callable.planDescription)")
    #expect(!callable.planDescription.contains("VarHandleOp"))
    try session.assign("w", [], [1])
    #expect(try run(callable) == 3)
  }

  @Test func aLoopThatChangesAVariableReadsItInEachRound() throws {
    let session = try loop(changes: true)
    let callable = try session.callable(feeds: ["n", "x"], fetches: ["y"])
    #expect(try run(callable) == 33)
    #expect(try run(callable) == 42)
    #expect(callable.planDescription.contains("ReadVariableOp"))
  }

  @Test func whatAFunctionThatStaysACallMayChangeIsRead() throws {
    let one =
      "attr { key: \"value\" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 1 } } } \(Self.dtype)"
    let handle =
      "\(Self.dtype) attr { key: \"shape\" value { shape { } } } "
      + "attr { key: \"shared_name\" value { s: \"w\" } }"
    let types =
      "attr { key: \"Tin\" value { list { type: DT_FLOAT } } } "
      + "attr { key: \"Tout\" value { list { type: DT_FLOAT } } } attr { key: \"Tcond\" value { type: DT_FLOAT } } "
      + "attr { key: \"then_branch\" value { func { name: \"count\" } } } "
      + "attr { key: \"else_branch\" value { func { name: \"stop\" } } }"
    // It adds 1 to w as often as its argument says, and calls itself.
    let count = function(
      "count", [("n", "DT_FLOAT")], result: ("r", "DT_FLOAT"),
      node("one", "Const", [], one) + node("w", "VarHandleOp", [], handle)
        + node("add", "AssignAddVariableOp", ["w:resource:0", "one:output:0"], Self.dtype)
        + node("less", "Sub", ["n", "one:output:0"], Self.t)
        + node("next", "If", ["less:z:0", "less:z:0"], types), ret: "next:output:0")
    let stop = function(
      "stop", [("n", "DT_FLOAT")], result: ("r", "DT_FLOAT"), node("same", "Identity", ["n"], Self.t),
      ret: "same:output:0")
    let text = GraphText().placeholder("n", []).weight("w", [], [], .resources)
      .node(
        "called", "StatefulPartitionedCall", ["n"],
        [
          "Tin": "list { type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }",
          "f": "func { name: \"count\" }",
        ]
      )
      .node("after", "ReadVariableOp", ["w", "^called"], GraphText.floatVariable)
      .node("y", "Neg", ["after"], GraphText.float)
      .node("z", "Neg", ["w/read"], GraphText.float)
    let session = try text.session(library: [count, stop])
    try session.assign("w", [], [0])
    #expect(try session.run("y", feeding: ["n": Tensor(Float(3))]).scalars() == [-3] as [Float])
    #expect(try session.run("y", feeding: ["n": Tensor(Float(2))]).scalars() == [-5] as [Float])
    #expect(try session.planOps(["y", "z"], feeds: ["n"]).count { $0 == "ReadVariableOp" } == 2)
    #expect(try session.planOps(["z"], feeds: []).contains("ReadVariableOp") == false)
  }
}
