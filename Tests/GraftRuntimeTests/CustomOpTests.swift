import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// The example of TensorFlow's guide to custom ops, with an attribute: keeps one element, zeros the others.
private struct ZeroOut: CustomOp {
  let declaration = OpDeclaration(
    "ZeroOut", inputs: ["to_zero: T"], outputs: ["zeroed: T"],
    attributes: ["T: {int32, float}", "preserve_index: int >= 0 = 0"])

  func outputShapes(_ node: CustomOpNode, inputs: [PartialShape]) throws -> [PartialShape] { inputs }

  func run(_ node: CustomOpNode, inputs: [Tensor]) throws -> [Tensor] {
    let kept = try node.int("preserve_index")
    var values = try inputs[0].scalars(as: Int32.self)
    for index in values.indices where index != kept { values[index] = 0 }
    return [try Tensor(shape: inputs[0].shape.dimensions, scalars: values)]
  }
}

/// Gives back a dtype that it does not declare.
private struct Liar: CustomOp {
  let declaration = OpDeclaration("Liar", inputs: ["x: int32"], outputs: ["y: int32"])

  func run(_ node: CustomOpNode, inputs: [Tensor]) throws -> [Tensor] { [try Tensor(1.5 as Float)] }
}

/// Adds any number of tensors of any types' counts: what lists of arguments are for.
private struct Count: CustomOp {
  let declaration = OpDeclaration(
    "CountTensors", inputs: ["same: N * float", "others: types"], outputs: ["count: int64"],
    attributes: ["N: int >= 1", "types: list(type) >= 1"])

  func run(_ node: CustomOpNode, inputs: [Tensor]) throws -> [Tensor] { [try Tensor(Int64(inputs.count))] }
}

private func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch {
    return "\(error)"
  }
}

@Suite struct CustomOps {
  private func graph(_ ops: [any CustomOp], _ text: GraphText) throws -> Graph {
    let graph = try Graph(customOps: ops)
    try graph.importGraphDef(bytes: Array(text.text.utf8))
    return graph
  }

  private let zeroing = GraphText().constant("x", [3], [5, 4, 3])
    .node("y", "ZeroOut", ["x"], ["T": "type: DT_INT32", "preserve_index": "i: 1"])
    .node("z", "AddV2", ["y", "x"], ["T": "type: DT_INT32"])

  @Test(arguments: [true, false]) func runAmongOthers(optimize: Bool) throws {
    let session = Session(graph: try graph([ZeroOut()], zeroing), options: SessionOptions(optimize: optimize))
    #expect(try session.run("z").scalars() == [5, 8, 3] as [Int32])
  }

  @Test func takeDefaultsOfAttributes() throws {
    let text = GraphText().constant("x", [3], [5, 4, 3])
      .node("y", "ZeroOut", ["x"], ["T": "type: DT_INT32"])
    #expect(try Session(graph: try graph([ZeroOut()], text)).run("y").scalars() == [5, 0, 0] as [Int32])
  }

  @Test func takeListsOfTensors() throws {
    let text = GraphText().constant("a", [1], [1.0]).constant("b", [1], [2])
      .node(
        "n", "CountTensors", ["a", "a", "b"], ["N": "i: 2", "types": "list { type: DT_INT32 }"])
    #expect(try Session(graph: try graph([Count()], text)).run("n").scalars() == [3] as [Int64])
  }

  @Test func areCheckedLikeOthersWhenAGraphIsImported() throws {
    let text = GraphText().constant("x", [3], [5, 4, 3]).node("y", "ZeroOut", ["x"], ["T": "type: DT_DOUBLE"])
    #expect(message { _ = try graph([ZeroOut()], text) }.contains("'T'"))
  }

  @Test func mayNotGiveWhatTheyDoNotDeclare() throws {
    let text = GraphText().constant("x", [1], [1]).node("y", "Liar", ["x"])
    let session = Session(graph: try graph([Liar()], text))
    #expect(message { _ = try session.run("y") }.contains("node 'y' (Liar)"))
  }

  @Test func mayNotTakeTheNameOfAnOpOfTensorFlows() {
    struct Wrong: CustomOp {
      let declaration = OpDeclaration("MatMul")
      func run(_ node: CustomOpNode, inputs: [Tensor]) throws -> [Tensor] { [] }
    }
    #expect(message { _ = try Graph(customOps: [Wrong()]) }.contains("'MatMul' is an op of TensorFlow's own"))
    #expect(message { _ = try Graph(customOps: [Liar(), Liar()]) }.contains("given twice"))
  }

  @Test(arguments: [
    ("x", "it has no colon"), (": float", "it has no name"), ("x: complicated", "'complicated' is neither"),
    ("x: M * float", "'M' is no attribute of kind int"), ("x: N * N * float", "more than one '*'"),
  ])
  func explainArgumentsThatMeanNothing(text: String, reason: String) {
    struct Declared: CustomOp {
      let declaration: OpDeclaration
      func run(_ node: CustomOpNode, inputs: [Tensor]) throws -> [Tensor] { [] }
    }
    let op = Declared(declaration: OpDeclaration("Mine", inputs: [text], attributes: ["N: int"]))
    #expect(message { _ = try Graph(customOps: [op]) }.contains(reason))
  }

  @Test(arguments: [
    ("T", "it has no colon"), ("T: {float, blue}", "not all of the choices"),
    ("a: int = x", "the default 'x'"),
    ("a: number", "'number' is no kind"), ("a: int >= q", "the least value"),
  ])
  func explainAttributesThatMeanNothing(text: String, reason: String) {
    struct Declared: CustomOp {
      let declaration: OpDeclaration
      func run(_ node: CustomOpNode, inputs: [Tensor]) throws -> [Tensor] { [] }
    }
    let op = Declared(declaration: OpDeclaration("Mine", attributes: [text]))
    #expect(message { _ = try Graph(customOps: [op]) }.contains(reason))
  }
}

@Suite struct HostFunctions {
  private let text = GraphText().constant("x", [2], [1.5, 2.5])
    .node(
      "y", "PyFunc", ["x"],
      [
        "token": "s: \"pyfunc_0\"", "Tin": "list { type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }",
      ])

  @Test func standInForPythonFunctions() throws {
    let double: HostFunction = { inputs in
      [try Tensor(try inputs[0].scalars(as: Float.self).map { $0 * 2 })]
    }
    let session = Session(
      graph: try text.graph(), options: SessionOptions(hostFunctions: ["pyfunc_0": double]))
    #expect(try session.run("y").scalars() == [3, 5] as [Float])
  }

  @Test func areAskedForWhereNoneIsBound() throws {
    let session = Session(graph: try text.graph())
    let message = message { _ = try session.run("y") }
    #expect(message.contains("token 'pyfunc_0', (float32) → (float32)"))
    #expect(message.contains("hostFunctions: [\"pyfunc_0\""))
  }

  @Test func haveTheirResultsChecked() throws {
    let session = Session(
      graph: try text.graph(),
      options: SessionOptions(hostFunctions: ["pyfunc_0": { _ in [try Tensor(1 as Int32)] }]))
    #expect(message { _ = try session.run("y") }.contains("gave (int32)"))
  }
}
