import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Operations that give variables their first values.
@Suite struct InitializerTests {
  @Test func anInitialiserThatRunsAgainBeginsAnew() throws {
    let session = try VariableGraph.session()
    #expect(try VariableGraph.result(session) == [9])
    for _ in 0..<2 {
      _ = try session.run([], targets: ["init"])
      #expect(try VariableGraph.result(session) == [2])
    }
  }

  /// How `b`'s initial value comes from `a`, which begins as 3.
  enum Source: String, CaseIterable {
    /// `a` as it is: TensorFlow says sometimes that `a` has no value.
    case value
    /// `a.initialized_value()`: what is assigned to `a` where it has no value yet.
    case guarded
  }

  /// `init` assigns `a` = 3 and `b` = 2 · `a`, in the order of its control inputs.
  private func dependent(_ source: Source, isResource: Bool, first: String, second: String) -> GraphText {
    let dtype = ["dtype": "type: DT_FLOAT"]
    var text = GraphText().constant("a/initial", [], [3.0]).constant("two", [], [2.0])
    for name in ["a", "b"] {
      text = text.node(
        name, isResource ? "VarHandleOp" : "VariableV2", [],
        dtype.merging(["shape": "shape { }", "shared_name": "s: \"\(name)\""]) { $1 })
    }
    text =
      isResource
      ? text.node("a/read", "ReadVariableOp", ["a"], dtype)
      : text.node("a/read", "Identity", ["a"], GraphText.float)
    switch source {
    case .value: text = text.node("source", "Identity", ["a/read"], GraphText.float)
    case .guarded:
      let handle = ["T": isResource ? "type: DT_RESOURCE" : "type: DT_FLOAT"]
      text =
        text
        .node(
          "known", isResource ? "VarIsInitializedOp" : "IsVariableInitialized", ["a"],
          isResource ? [:] : dtype
        )
        .node("switch", isResource ? "Switch" : "RefSwitch", ["a", "known"], handle)
        .node("initial", "Switch", ["a/initial", "known"], GraphText.float)
      text =
        isResource
        ? text.node("then", "ReadVariableOp", ["switch:1"], dtype)
        : text.node("then", "Identity", ["switch:1"], GraphText.float)
      text = text.node("source", "Merge", ["initial", "then"], ["T": "type: DT_FLOAT", "N": "i: 2"])
    }
    text = text.node("b/initial", "Mul", ["source", "two"], GraphText.float)
    for name in ["a", "b"] {
      text = text.node(
        "\(name)/Assign", isResource ? "AssignVariableOp" : "Assign", [name, "\(name)/initial"],
        isResource ? dtype : GraphText.float)
    }
    return
      text
      .node("init", "NoOp", ["^\(first)/Assign", "^\(second)/Assign"])
      .node("b/read", isResource ? "ReadVariableOp" : "Identity", ["b"], isResource ? dtype : GraphText.float)
  }

  /// Each begins as twice the other: no order works, and both are told.
  @Test(arguments: [true, false]) func variablesThatDependOnEachOtherAreNamed(isResource: Bool) throws {
    let dtype = ["dtype": "type: DT_FLOAT"]
    let (read, assign) = isResource ? ("ReadVariableOp", "AssignVariableOp") : ("Identity", "Assign")
    var text = GraphText().constant("two", [], [2.0])
    for name in ["a", "b"] {
      text =
        text.node(
          name, isResource ? "VarHandleOp" : "VariableV2", [],
          dtype.merging(["shape": "shape { }", "shared_name": "s: \"\(name)\""]) { $1 }
        ).node("\(name)/read", read, [name], isResource ? dtype : GraphText.float)
    }
    for (name, other) in [("a", "b"), ("b", "a")] {
      text = text.node("\(name)/initial", "Mul", ["\(other)/read", "two"], GraphText.float)
        .node("\(name)/Assign", assign, [name, "\(name)/initial"], isResource ? dtype : GraphText.float)
    }
    let session = Session(graph: try text.node("init", "NoOp", ["^a/Assign", "^b/Assign"]).graph())
    let error = try #require(thrown { _ = try session.run([], targets: ["init"]) })
    #expect(error.code == .uninitialized && error.message.contains("'a', 'b'"), "\(error)")
  }

  @Test(arguments: Source.allCases, [true, false])
  func whatDependsOnAnotherVariableIsInitialisedInAnyOrder(source: Source, isResource: Bool) throws {
    for (first, second) in [("a", "b"), ("b", "a")] {
      for optimize in [true, false] {
        let text = dependent(source, isResource: isResource, first: first, second: second)
        let session = Session(
          graph: try text.graph(), options: SessionOptions(threads: 1, optimize: optimize))
        for _ in 0..<2 {
          _ = try session.run([], targets: ["init"])
          #expect(
            try session.run("b/read").scalars() == [6] as [Float], "\(first) first, optimize: \(optimize)")
        }
      }
    }
  }
}
