import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

@Suite struct SessionTests {
  private func line() -> GraphText {
    GraphText().placeholder("x", [-1, 2]).constant("w", [2, 1], [2.0, 3.0]).node(
      "y", "MatMul", ["x", "w"], GraphText.float
    )
    .constant("b", [1], [1.0]).node("z", "AddV2", ["y", "b"], GraphText.float)
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func runsOneFetch() throws {
    let session = Session(graph: try line().graph())
    let z = try session.run(
      "z:0", feeding: ["x:0": Tensor(shape: [2, 2], scalars: [1, 2, 3, 4] as [Float])])
    #expect(z.shape == [2, 1])
    #expect(try z.scalars() == [9, 19] as [Float])
  }

  @Test func givesSeveralFetchesInTheirOrder() throws {
    let session = Session(graph: try line().graph())
    let x = try Tensor(shape: [1, 2], scalars: [1, 2] as [Float])
    let results = try session.run(["z", "x", "y", "z"], feeding: ["x": x])
    #expect(try results.map { try $0.scalars(as: Float.self) } == [[9], [1, 2], [8], [9]])
  }

  @Test func anyTensorMayBeFed() throws {
    let session = Session(graph: try line().graph())
    let z = try session.run("z", feeding: ["y:0": Tensor(shape: [1, 1], scalars: [5] as [Float])])
    #expect(try z.scalars() == [6] as [Float])
  }

  @Test func runsWithOtherShapesAndAgainWithTheFirst() throws {
    let session = Session(graph: try line().graph())
    for rows in [1, 3, 1, 2, 3, 3] {
      let x = try Tensor(shape: [rows, 2], scalars: (0..<2 * rows).map { Float($0) })
      let z = try session.run("z", feeding: ["x": x])
      let expected: [Float] = (0..<rows).map { row in Float(10 * row + 4) }
      #expect(try z.scalars() == expected)
    }
  }

  @Test func overlappingRunsDoNotDisturbEachOther() async throws {
    let callable = try Session(graph: try line().graph()).callable(feeds: ["x"], fetches: ["z"])
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<64 {
        group.addTask {
          let x = try Tensor(shape: [1, 2], scalars: [Float(number), 1])
          return try callable.run([x])[0].scalars() == [Float(2 * number + 4)]
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }

  @Test func aPlaceholderThatIsNotFedIsNamed() throws {
    let session = Session(graph: try line().graph())
    let text = message { _ = try session.run("z") }
    #expect(text.contains("The placeholder 'x' (float32, shape [?,2]) was not fed"))
  }

  @Test func aTrainingSwitchThatIsNotFedGetsAdvice() throws {
    let graph = GraphText().node("is_training", "Placeholder", [], ["dtype": "type: DT_BOOL"])
      .node("y", "LogicalNot", ["is_training"])
    let text = message { _ = try Session(graph: try graph.graph()).run("y") }
    #expect(text.contains("feed false for inference"))
  }

  @Test func aFeedOfTheWrongDtypeIsRefused() throws {
    let session = Session(graph: try line().graph())
    let text = message {
      _ = try session.run("z", feeding: ["x": Tensor(shape: [1, 2], scalars: [1, 2] as [Double])])
    }
    #expect(text.contains("The feed for 'x:0' is float64, and the tensor is float32."))
  }

  @Test func aFeedOfTheWrongShapeIsRefused() throws {
    let session = Session(graph: try line().graph())
    let text = message {
      _ = try session.run("z", feeding: ["x": Tensor(shape: [1, 3], scalars: [1, 2, 3] as [Float])])
    }
    #expect(text.contains("has shape [1,3], and the placeholder takes [?,2]"))
  }

  @Test func opsWithoutAKernelAreNamedAtOnce() throws {
    let graph = GraphText().placeholder("x").node("a", "MyOp", ["x"], GraphText.float)
      .node("b", "YourOp", ["x"], GraphText.float).node("y", "AddV2", ["a", "b"], GraphText.float)
    let text = message {
      _ = try Session(graph: try graph.graph()).run("y", feeding: ["x": Tensor(Float(1))])
    }
    #expect(text.contains("2 ops that the fetches need have no kernel here"))
    #expect(text.contains("MyOp (node 'a'"))
    #expect(text.contains("YourOp (node 'b'"))
    #expect(text.contains("`CustomOp`"))
  }

  @Test func anOpWithoutAKernelElsewhereDoesNotMatter() throws {
    let graph = GraphText().placeholder("x").node("a", "MyOp", ["x"], GraphText.float).node(
      "y", "Neg", ["x"], GraphText.float)
    #expect(
      try Session(graph: try graph.graph()).run("y", feeding: ["x": Tensor(Float(1))]).scalars() == [-1]
        as [Float])
  }

  @Test func aKernelsErrorNamesTheNodeAndItsInputs() throws {
    let graph = GraphText().placeholder("x").placeholder("y").node(
      "sum", "AddV2", ["x", "y"], GraphText.float)
    let session = Session(graph: try graph.graph())
    let text = message {
      _ = try session.run(
        "sum", feeding: ["x": Tensor([Float(1), 2]), "y": Tensor([Float(1), 2, 3])])
    }
    #expect(text.contains("node 'sum' (AddV2)"))
    #expect(text.contains("float32[2], float32[3]"))
  }

  @Test func aCancelledRunSaysSo() throws {
    let session = Session(graph: try line().graph())
    let token = CancellationToken()
    token.cancel()
    let x = try Tensor(shape: [1, 2], scalars: [1, 2] as [Float])
    let text = message { _ = try session.run("z", feeding: ["x": x], options: .init(cancellation: token)) }
    #expect(text.contains("cancelled"))
  }

  @Test func aRunPastItsTimeLimitSaysSo() throws {
    let session = Session(graph: try line().graph())
    let x = try Tensor(shape: [1, 2], scalars: [1, 2] as [Float])
    let text = message { _ = try session.run("z", feeding: ["x": x], options: .init(timeout: .zero)) }
    #expect(text.contains("time limit"))
  }

  @Test func whatIsImportedLaterCanBeRun() throws {
    let graph = try line().graph()
    let session = Session(graph: graph)
    let x = try Tensor(shape: [1, 2], scalars: [1, 2] as [Float])
    _ = try session.run("z", feeding: ["x": x])
    let more = GraphText().placeholder("u").node("v", "Neg", ["u"], GraphText.float)
    try graph.importGraphDef(bytes: Array(more.text.utf8))
    #expect(try session.run("v", feeding: ["u": Tensor(Float(2))]).scalars() == [-2] as [Float])
    #expect(try session.run("z", feeding: ["x": x]).scalars() == [9] as [Float])
  }

  @Test func laterRunsComputeAnewAndLeaveEarlierResultsAlone() throws {
    let text = GraphText().placeholder("x", [2, 2]).constant("w", [2, 2], [2.0, -3.0, 0.5, 1.0])
      .node("m", "MatMul", ["x", "w"], GraphText.float).constant("b", [2], [1.0, -1.0])
      .node("a", "AddV2", ["m", "b"], GraphText.float).node("t", "Tanh", ["a"], GraphText.float)
      .node("s", "Softmax", ["t"], GraphText.float).node("d", "Mul", ["s", "x"], GraphText.float)
      .node("i", "Identity", ["x"], GraphText.float)
    let fetches = ["d", "s", "i", "x", "m"]
    let plain = try Session(graph: text.graph(), options: .init(threads: 1, optimize: false))
    let callable = try Session(graph: text.graph()).callable(feeds: ["x"], fetches: fetches)
    var results: [[[Float]]] = []
    var kept: [[Tensor]] = []
    for round in 0..<6 {
      let x = try Tensor(shape: [2, 2], scalars: (0..<4).map { Float($0 * round) - 1.5 })
      let found = try callable.run([x])
      let wanted = try plain.run(fetches, feeding: ["x": x])
      for (a, b) in zip(found, wanted) {
        for (a, b) in zip(try a.scalars(as: Float.self), try b.scalars(as: Float.self)) {
          #expect(abs(a - b) <= 1e-6)
        }
      }
      kept.append(found)
      results.append(try found.map { try $0.scalars(as: Float.self) })
    }
    for (tensors, values) in zip(kept, results) {
      #expect(try tensors.map { try $0.scalars(as: Float.self) } == values)
    }
  }

  @Test func aTraceNamesEveryInstructionOfARun() throws {
    let callable = try Session(graph: line().graph()).callable(feeds: ["x"], fetches: ["z"])
    let x = try Tensor(shape: [1, 2], scalars: [1, 2] as [Float])
    for _ in 0..<4 {
      let trace = RunTrace()
      _ = try callable.run([x], trace: trace)
      #expect(trace.events.map(\.op) == ["_FusedMatMul"])
      #expect(trace.events.map(\.name) == ["z"])
      #expect(trace.events.first?.arithmetic == 4)
      #expect(trace.events.first?.outputs.first?.shape == [1, 1])
    }
  }
}
