import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

@Suite("Freezing") struct FreezingTests {
  /// The result of a frozen graph, and its ops.
  private func result(_ frozen: FrozenGraph, _ feeds: [String: Tensor] = [:]) throws -> ([Float], Set<String>)
  {
    let graph = try frozen.graph()
    let y = try Session(graph: graph).run("y:0", feeding: feeds)
    return (try y.scalars(), Set(graph.operations.map(\.type)))
  }

  @Test func variablesBecomeConstants() throws {
    let frozen = try VariableGraph.session().freeze(["y"])
    let (y, ops) = try result(frozen, ["x": VariableGraph.input])
    #expect(y == [9])
    #expect(ops == ["Placeholder", "Const", "Identity", "MatMul", "AddV2"])
    #expect(frozen.operationCount == 7 && Set(frozen.variables) == ["w", "b"] && frozen.notes.isEmpty)
  }

  @Test func aNameThatIsNotThereIsAnsweredWithTheLikelyResults() throws {
    let error = try #require(thrown { _ = try VariableGraph.session().freeze(["nope"]) })
    #expect(error.code == .notFound)
    #expect(error.remedy == "Likely results of this graph are 'y'.")
  }

  @Test func variablesWithoutAValueAreAllNamed() throws {
    let session = Session(graph: try VariableGraph.line().graph())
    let error = try #require(thrown { _ = try session.freeze(["y:0"]) })
    #expect(error.code == .uninitialized && error.message.contains("'b', 'w'"))
    #expect(error.remedy?.contains("'init'") == true)
  }

  @Test func referencesBecomeValues() throws {
    let graph = try VariableGraph.line().node("on", "Const", [], Self.yes)
      .node("switch", "RefSwitch", ["b2", "on"], GraphText.float)
      .node("b2", "VariableV2", [], ["dtype": "type: DT_FLOAT", "shape": "shape { dim { size: 1 } }"])
      .node("merge", "Merge", ["switch", "switch:1"], ["T": "type: DT_FLOAT", "N": "i: 2"])
      .constant("one", [1], [1.0])
      .node("b2/Assign", "Assign", ["b2", "one"], GraphText.float)
      .node("step", "AssignAdd", ["b2", "one"], GraphText.float)
      .node("z", "AddV2", ["merge", "step"], GraphText.float).graph()
    let session = Session(graph: graph)
    _ = try session.run([], targets: ["b2/Assign"])
    let frozen = try session.freeze(["z"])
    let z = try Session(graph: try frozen.graph()).run("z:0")
    #expect(try z.scalars(as: Float.self) == [3])
    #expect(frozen.notes == ["AssignAdd 'step' gives its value and changes no variable any more."])
    #expect(Set(try frozen.graph().operations.map(\.type)) == ["Const", "Switch", "Merge", "Add", "AddV2"])
  }

  private static let yes = [
    "dtype": "type: DT_BOOL", "value": "tensor { dtype: DT_BOOL tensor_shape { } bool_val: true }",
  ]

  @Test func whatOnlyChangedVariablesIsLeftOut() throws {
    let graph = try VariableGraph.line()
      .constant("one", [1], [1.0])
      .node("count", "AssignAddVariableOp", ["b", "one"], ["dtype": "type: DT_FLOAT"])
      .node("z", "Identity", ["y", "^count"], GraphText.float).graph()
    let session = Session(graph: graph)
    _ = try session.run([], targets: ["init"])
    let frozen = try session.freeze(["z"])
    #expect(frozen.notes == ["AssignAddVariableOp 'count' changed a variable, and is left out."])
    #expect(
      try Session(graph: try frozen.graph()).run("z", feeding: ["x": VariableGraph.input]).scalars() == [2]
        as [Float])
  }

  /// `y = f(x)` with a call of functions that get the variable `v` = [2] as a handle.
  private func functional(_ call: String, _ functions: String, extra: String = "") throws -> Session {
    let text = """
      node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
      node { name: "v" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } }
        attr { key: "shape" value { shape { dim { size: 1 } } } } }
      node { name: "two" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
        attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { dim { size: 1 } } float_val: 2 } } } }
      node { name: "v/Assign" op: "AssignVariableOp" input: "v" input: "two"
        attr { key: "dtype" value { type: DT_FLOAT } } }
      \(extra)
      \(call)
      library { \(functions) }
      versions { producer: 1882 }
      """
    let graph = Graph()
    try graph.importGraphDef(bytes: Array(text.utf8))
    let session = Session(graph: graph)
    _ = try session.run([], targets: ["v/Assign"])
    return session
  }

  /// A function of a float and a handle whose result is the float times the variable.
  private func times(_ name: String) -> String {
    """
    function { signature { name: "\(name)" input_arg { name: "a" type: DT_FLOAT }
        input_arg { name: "h" type: DT_RESOURCE } output_arg { name: "out" type: DT_FLOAT } is_stateful: true }
      node_def { name: "read" op: "ReadVariableOp" input: "h" attr { key: "dtype" value { type: DT_FLOAT } } }
      node_def { name: "mul" op: "Mul" input: "a" input: "read:value:0" attr { key: "T" value { type: DT_FLOAT } } }
      ret { key: "out" value: "mul:z:0" } }
    """
  }

  private let call = """
    input: "x" input: "v" attr { key: "Tin" value { list { type: DT_FLOAT type: DT_RESOURCE } } }
    attr { key: "Tout" value { list { type: DT_FLOAT } } }
    """

  @Test func functionsGetValuesInPlaceOfHandles() throws {
    let session = try functional(
      """
      node { name: "y" op: "StatefulPartitionedCall" \(call) attr { key: "f" value { func { name: "outer" } } } }
      """,
      """
      \(times("inner"))
      function { signature { name: "outer" input_arg { name: "a" type: DT_FLOAT }
          input_arg { name: "h" type: DT_RESOURCE } output_arg { name: "out" type: DT_FLOAT } is_stateful: true }
        node_def { name: "pass" op: "Identity" input: "h" attr { key: "T" value { type: DT_RESOURCE } } }
        node_def { name: "call" op: "PartitionedCall" input: "a" input: "pass:output:0"
          attr { key: "Tin" value { list { type: DT_FLOAT type: DT_RESOURCE } } }
          attr { key: "Tout" value { list { type: DT_FLOAT } } }
          attr { key: "f" value { func { name: "inner" } } } }
        ret { key: "out" value: "call:output:0" } }
      """)
    let frozen = try session.freeze(["y"])
    let (y, ops) = try result(frozen, ["x": Tensor([3 as Float])])
    #expect(y == [6] && ops == ["Placeholder", "Const", "StatefulPartitionedCall"])
    #expect(frozen.variables == ["v"])
  }

  @Test func conditionalsGetValues() throws {
    let session = try functional(
      """
      node { name: "y" op: "If" input: "on" \(call)
        attr { key: "Tcond" value { type: DT_BOOL } }
        attr { key: "then_branch" value { func { name: "double" } } }
        attr { key: "else_branch" value { func { name: "other" } } } }
      """, times("double") + times("other"),
      extra: """
        node { name: "on" op: "Const" attr { key: "dtype" value { type: DT_BOOL } }
          attr { key: "value" value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: true } } } }
        """)
    #expect(try result(session.freeze(["y"]), ["x": Tensor([4 as Float])]).0 == [8])
  }

  @Test func loopsCarryValues() throws {
    let state = """
      input_arg { name: "i" type: DT_INT32 } input_arg { name: "a" type: DT_FLOAT }
      input_arg { name: "h" type: DT_RESOURCE }
      """
    func constant(_ name: String, _ value: Int) -> String {
      """
      node_def { name: "\(name)" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
        attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: \(value) } } } }
      """
    }
    let session = try functional(
      """
      node { name: "loop" op: "While" input: "zero" input: "x" input: "v"
        attr { key: "T" value { list { type: DT_INT32 type: DT_FLOAT type: DT_RESOURCE } } }
        attr { key: "output_shapes" value { list { shape { } shape { unknown_rank: true } shape { } } } }
        attr { key: "cond" value { func { name: "cond" } } } attr { key: "body" value { func { name: "body" } } } }
      node { name: "y" op: "Identity" input: "loop:1" attr { key: "T" value { type: DT_FLOAT } } }
      """,
      """
      function { signature { name: "cond" \(state) output_arg { name: "more" type: DT_BOOL } }
        \(constant("limit", 3))
        node_def { name: "less" op: "Less" input: "i" input: "limit:output:0"
          attr { key: "T" value { type: DT_INT32 } } }
        ret { key: "more" value: "less:z:0" } }
      function { signature { name: "body" \(state) output_arg { name: "j" type: DT_INT32 }
          output_arg { name: "b" type: DT_FLOAT } output_arg { name: "g" type: DT_RESOURCE } is_stateful: true }
        \(constant("one", 1))
        node_def { name: "next" op: "AddV2" input: "i" input: "one:output:0"
          attr { key: "T" value { type: DT_INT32 } } }
        node_def { name: "read" op: "ReadVariableOp" input: "h" attr { key: "dtype" value { type: DT_FLOAT } } }
        node_def { name: "mul" op: "Mul" input: "a" input: "read:value:0"
          attr { key: "T" value { type: DT_FLOAT } } }
        node_def { name: "pass" op: "Identity" input: "h" attr { key: "T" value { type: DT_RESOURCE } } }
        ret { key: "j" value: "next:z:0" } ret { key: "b" value: "mul:z:0" }
        ret { key: "g" value: "pass:output:0" } }
      """,
      extra: """
        node { name: "zero" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
          attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 0 } } } }
        """)
    #expect(try result(session.freeze(["y"]), ["x": Tensor([1 as Float])]).0 == [8])
  }

  @Test func variablesOfFunctionsThemselvesBecomeConstantsAndAssignmentsGo() throws {
    let session = try functional(
      """
      node { name: "y" op: "StatefulPartitionedCall" input: "x"
        attr { key: "Tin" value { list { type: DT_FLOAT } } } attr { key: "Tout" value { list { type: DT_FLOAT } } }
        attr { key: "f" value { func { name: "f" } } } }
      """,
      """
      function { signature { name: "f" input_arg { name: "a" type: DT_FLOAT }
          output_arg { name: "out" type: DT_FLOAT } is_stateful: true control_output: "changed" }
        node_def { name: "own" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } }
          attr { key: "shape" value { shape { dim { size: 1 } } } }
          attr { key: "shared_name" value { s: "v" } } }
        node_def { name: "read" op: "ReadVariableOp" input: "own:resource:0"
          attr { key: "dtype" value { type: DT_FLOAT } } }
        node_def { name: "mul" op: "Mul" input: "a" input: "read:value:0"
          attr { key: "T" value { type: DT_FLOAT } } }
        node_def { name: "keep" op: "AssignVariableOp" input: "own:resource:0" input: "mul:z:0"
          attr { key: "dtype" value { type: DT_FLOAT } } }
        ret { key: "out" value: "mul:z:0" } control_ret { key: "changed" value: "keep" } }
      """)
    let frozen = try session.freeze(["y"])
    #expect(try result(frozen, ["x": Tensor([3 as Float])]).0 == [6])
    #expect(frozen.notes == ["AssignVariableOp 'keep' in 'f' changed a variable, and is left out."])
    #expect(frozen.variables == ["own"])
  }
}
