import Foundation
import GraftGraph
import GraftKernels
import GraftTensor
import Synchronization
import Testing

@testable import GraftRuntime

/// Plans that take the values of variables for constants.
@Suite("Plans of graphs with variables") struct SpecializationTests {
  /// `y = x · w` with `w` of shape [2, 1].
  private func line(_ kind: Weights) -> GraphText {
    GraphText().placeholder("x", [-1, 2]).weight("w", [2, 1], [2, 3], kind)
      .node("y", "MatMul", ["x", "w/read"], GraphText.float)
  }

  /// A session of `line` with `w` = [[2], [3]].
  private func lineSession(_ kind: Weights, optimize: Bool = true) throws -> Session {
    let session = try line(kind).session(optimize: optimize)
    try session.assign("w", [2, 1], [2, 3])
    return session
  }

  private static var x: Tensor { get throws { try Tensor(shape: [1, 2], scalars: [1, 2] as [Float]) } }

  private func y(_ session: Session, _ x: Tensor? = nil) throws -> [Float] {
    try session.run("y", feeding: ["x": x ?? Self.x]).scalars()
  }

  // MARK: - What is planned

  @Test(arguments: Weights.variables) func aNetworkWithVariablesIsPlannedAsItsFrozenTwin(_ kind: Weights)
    throws
  {
    func network(_ kind: Weights) -> GraphText {
      var text = GraphText().placeholder("x", [1, 2, 2, 1])
      let channels: [Float] = [1, 2]
      text = text.weight("filter", [1, 1, 1, 2], [3, 4], kind)
      for name in ["scale", "offset", "mean", "variance"] { text = text.weight(name, [2], channels, kind) }
      text = text.weight("w", [8, 2], (0..<16).map { Float($0) }, kind)
      text = text.weight("b", [2], [5, 6], kind)
      return
        text
        .node(
          "conv", "Conv2D", ["x", "filter/read"],
          [
            "T": "type: DT_FLOAT", "strides": "list { i: 1 i: 1 i: 1 i: 1 }", "padding": "s: \"VALID\"",
          ]
        )
        .node(
          "norm", "FusedBatchNormV3", ["conv", "scale/read", "offset/read", "mean/read", "variance/read"],
          ["T": "type: DT_FLOAT", "U": "type: DT_FLOAT", "is_training": "b: false"]
        )
        .node("relu", "Relu", ["norm"], GraphText.float)
        .constant("flat", [2], [1, 8])
        .node("row", "Reshape", ["relu", "flat"], GraphText.float)
        .node("product", "MatMul", ["row", "w/read"], GraphText.float)
        .node("y", "BiasAdd", ["product", "b/read"], GraphText.float)
    }
    let x = try Tensor(shape: [1, 2, 2, 1], scalars: [1, -2, 3, 4] as [Float])
    let twin = try network(.constants).session()
    let session = try network(kind).session()
    try session.assign("filter", [1, 1, 1, 2], [3, 4])
    for name in ["scale", "offset", "mean", "variance"] { try session.assign(name, [2], [1, 2]) }
    try session.assign("w", [8, 2], (0..<16).map { Float($0) })
    try session.assign("b", [2], [5, 6])
    #expect(try session.planOps() == twin.planOps())
    #expect(try session.planOps().contains("_FusedConv2D"))
    #expect(try y(session, x) == y(twin, x))
  }

  @Test func aReadBecomesAConstantThatSharesTheVariablesMemory() throws {
    let session = try lineSession(.resources)
    let snapshot = session.graph.snapshot
    func endpoint(_ name: String) throws -> Endpoint {
      Endpoint(node: try #require(snapshot.nodeIndex(named: name)), output: 0)
    }
    var graph = try Planner(graph: snapshot, registry: .standard, optimize: true).prune(
      feeds: [endpoint("x")], fetches: [endpoint("y")], targets: [])
    #expect(
      graph.description == "x = feed 0()\nw = VarHandleOp()\nw/read = ReadVariableOp(w:0)\n"
        + "y = MatMul(x:0, w/read:0)")
    var facts = VariableFacts(session.resources)
    try VariableSpecialization.run(&graph, &facts, functions: snapshot.functions)
    #expect(graph.description == "x = feed 0()\nw/read = constant()\ny = MatMul(x:0, w/read:0)")
    let constants = graph.nodes.compactMap(\.constants)
    let constant = try #require(constants.first?.first)
    #expect(constant.storage === session.variable(named: "w")?.storage)
    #expect(facts.hold && !facts.isEmpty)
    try session.assign("w", [2, 1], [0, 0])
    #expect(!facts.hold && facts.changed == [VariableName(container: "", name: "w")])
  }

  @Test(arguments: Weights.variables) func withoutOptimizationVariablesAreRead(_ kind: Weights) throws {
    let session = try lineSession(kind, optimize: false)
    #expect(try session.planOps().contains(kind == .resources ? "ReadVariableOp" : "_Dereference"))
    #expect(try y(session) == [8])
  }

  @Test func partsOfVariablesArePickedFromConstants() throws {
    let types = ["dtype": "type: DT_FLOAT", "Tindices": "type: DT_INT32"]
    let session = try GraphText().weight("w", [3, 2], [], .resources)
      .node("i", "Placeholder", [], ["dtype": "type: DT_INT32"])
      .node("rows", "ResourceGather", ["w", "i"], types)
      .node("y", "ResourceGatherNd", ["w", "i"], types)
      .node("shape", "VariableShape", ["w"]).session()
    try session.assign("w", [3, 2], [1, 2, 3, 4, 5, 6])
    let found = try session.run(
      ["rows", "y", "shape"], feeding: ["i": try Tensor([Int32(2), 1])])
    #expect(try found[0].scalars() == [5, 6, 3, 4] as [Float])
    #expect(try found[1].scalars() == [6] as [Float])
    #expect(try found[2].scalars() == [3, 2] as [Int32])
    let ops = try session.planOps(["rows", "y", "shape"], feeds: ["i"])
    #expect(Set(ops) == ["feed 0", "constant", "GatherV2", "GatherNd"])
    let error = thrown { _ = try session.run("rows", feeding: ["i": try Tensor([Int32(3)])]) }
    #expect(error?.code == .invalidArgument)
  }

  @Test(arguments: Weights.variables) func whatIsFetchedAsItIsStaysARead(_ kind: Weights) throws {
    let session = try lineSession(kind)
    let before = try session.run("w/read")
    _ = try y(session)
    _ = try session.run([], feeding: ["w/new": VariableGraph.weights], targets: ["w/add"])
    #expect(try before.scalars() == [2, 3] as [Float])
    #expect(try session.run("w/read").scalars() == [4, 6] as [Float])
    #expect(try !session.plan(["w/read"], feeds: []).contains("constant"))
    #expect(try y(session) == [16])
  }

  // MARK: - Changes between runs

  @Test(arguments: Weights.variables, [true, false])
  func anAssignmentBetweenRunsIsSeen(_ kind: Weights, optimize: Bool) throws {
    let session = try lineSession(kind, optimize: optimize)
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    for round in 0..<8 {
      try session.assign("w", [2, 1], [Float(round), 1])
      for _ in 0..<3 {
        #expect(try callable.run([Self.x])[0].scalars() == [Float(round) + 2])
        #expect(try y(session) == [Float(round) + 2])
      }
    }
  }

  @Test func aRestoreBetweenRunsIsSeen() throws {
    let session = try VariableGraph.session()
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    #expect(try callable.run([VariableGraph.input])[0].scalars() == [9] as [Float])
    #expect(callable.planDescription.contains("_FusedMatMul"))
    let folder = try TestFolder()
    try VariableGraph.checkpoint(
      folder.file("n"),
      ["w": try Tensor(shape: [2, 1], scalars: [1, 1] as [Float]), "b": VariableGraph.bias])
    try Saver(graph: session.graph).restore(folder.file("n"), into: session)
    #expect(try callable.run([VariableGraph.input])[0].scalars() == [4] as [Float])
    #expect(callable.planDescription.contains("_FusedMatMul"))
  }

  @Test(arguments: Weights.variables) func aVariableThatChangesAgainAndAgainIsRead(_ kind: Weights) throws {
    let session = try lineSession(kind)
    let read = kind == .resources ? "ReadVariableOp" : "_Dereference"
    for round in 0..<5 {
      try session.assign("w", [2, 1], [Float(round), 0])
      #expect(try y(session) == [Float(round)])
      #expect(try session.plan().contains(read) == (round >= 3))
    }
    // It may change in place now: nobody else holds its memory.
    _ = try session.run([], feeding: ["w/new": VariableGraph.weights], targets: ["w/add"])
    #expect(try y(session) == [12])
  }

  @Test func aVariableThatChangesSeldomStaysAConstant() throws {
    let session = try lineSession(.resources)
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    for round in 0..<5 {
      try session.assign("w", [2, 1], [Float(round), 0])
      for _ in 0..<1_000 { _ = try callable.run([Self.x]) }
      #expect(try callable.run([Self.x])[0].scalars() == [Float(round)])
    }
    #expect(callable.planDescription.contains("w/read = constant()"))
  }

  @Test(arguments: Weights.variables) func aVariableWithoutAValueIsReportedUntilItHasOne(_ kind: Weights)
    throws
  {
    let session = try line(kind).session()
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    let error = try #require(thrown { _ = try callable.run([Self.x]) })
    #expect(error.code == .uninitialized && error.message.contains("'w'"))
    try session.assign("w", [2, 1], [2, 3])
    #expect(try callable.run([Self.x])[0].scalars() == [8] as [Float])
    #expect(callable.planDescription.contains("constant()"))
  }

  @Test func aDestroyedVariableHasNoValue() throws {
    let session = try line(.resources).node("destroy", "DestroyResourceOp", ["w"]).session()
    for _ in 0..<2 {
      try session.assign("w", [2, 1], [2, 3])
      #expect(try y(session) == [8])
      _ = try session.run([], targets: ["destroy"])
      #expect(thrown { _ = try y(session) }?.code == .uninitialized)
    }
  }

  @Test func sessionsOnOneGraphHaveTheirOwnValues() throws {
    let first = try lineSession(.resources)
    let second = Session(graph: first.graph, options: .init(threads: 1))
    try second.assign("w", [2, 1], [1, 1])
    for _ in 0..<2 {
      #expect(try y(first) == [8])
      #expect(try y(second) == [3])
    }
  }

  // MARK: - Changes within a run

  @Test(arguments: Weights.variables) func whatTheRunItselfChangesIsRead(_ kind: Weights) throws {
    let text = line(kind).weight("v", [2, 1], [], kind)
      .constant("one", [2, 1], [1.0, 1.0])
      .node(
        "step", kind == .resources ? "AssignAddVariableOp" : "AssignAdd", ["w", "one", "^y"],
        kind == .resources ? GraphText.floatVariable : GraphText.float
      )
      .node("z", "Identity", ["y", "^step"], GraphText.float)
      .node("u", "MatMul", ["x", "v/read"], GraphText.float)
    let session = try text.session()
    try session.assign("w", [2, 1], [2, 3])
    try session.assign("v", [2, 1], [1, 1])
    for round in 0..<6 {
      let found = try session.run(["z", "u"], feeding: ["x": Self.x])
      #expect(try found[0].scalars() == [8 + 3 * Float(round)])
      #expect(try found[1].scalars() == [3] as [Float])
    }
    let ops = try session.planOps(["z", "u"])
    #expect(ops.count { $0 == "ReadVariableOp" || $0 == "_Dereference" } == 1)
  }

  @Test func aReadAfterAnEffectStaysInItsPlace() throws {
    let text = line(.resources).weight("count", [], [], .resources)
      .constant("one", [], [1.0])
      .node("effect", "AssignAddVariableOp", ["count", "one"], GraphText.floatVariable)
      .node("late", "ReadVariableOp", ["w", "^effect"], GraphText.floatVariable)
      .node("z", "MatMul", ["x", "late"], GraphText.float)
    let session = try text.session()
    try session.assign("w", [2, 1], [2, 3])
    try session.assign("count", [], [0])
    for round in 1..<4 {
      #expect(try session.run("z", feeding: ["x": Self.x]).scalars() == [8] as [Float])
      #expect(try session.run("count/read").scalars() == [Float(round)])
    }
  }

  @Test func anotherNodeOfTheSameVariableIsTheSameVariable() throws {
    let text = line(.resources)
      .node(
        "alias", "VarHandleOp", [],
        GraphText.floatVariable.merging(["shape": "shape { }", "shared_name": "s: \"w\""]) { $1 }
      )
      .node("set", "AssignVariableOp", ["alias", "w/new"], GraphText.floatVariable)
      .node("z", "Identity", ["y", "^set"], GraphText.float)
    let session = try text.session()
    try session.assign("w", [2, 1], [2, 3])
    #expect(try session.plan(["z"], feeds: ["x", "w/new"]).contains("ReadVariableOp"))
  }

  // MARK: - Runs that overlap

  @Test(arguments: Weights.variables) func overlappingRunsSeeEachVariableWhole(_ kind: Weights) throws {
    let size = 16
    let text = GraphText().placeholder("x", [1, size]).weight("w", [size, size], [], kind)
      .node("y", "MatMul", ["x", "w/read"], GraphText.float)
    let session = try text.session()
    @Sendable func weights(_ value: Int) -> [Float] { [Float](repeating: Float(value), count: size * size) }
    try session.assign("w", [size, size], weights(0))
    let x = try Tensor(shape: [1, size], scalars: [Float](repeating: 1, count: size))
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    let assigned = Atomic<Int>(0)
    let isMixed = Atomic<Bool>(false)
    let isStale = Atomic<Bool>(false)
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for round in 1...200 {
        do {
          if thread == 0 {
            try session.assign("w", [size, size], weights(round))
            assigned.store(round, ordering: .sequentiallyConsistent)
          } else {
            let before = assigned.load(ordering: .sequentiallyConsistent)
            let found = try callable.run([x])[0].scalars(as: Float.self)
            if !found.allSatisfy({ $0 == found[0] }) { isMixed.store(true, ordering: .relaxed) }
            if found[0] < Float(before * size) { isStale.store(true, ordering: .relaxed) }
          }
        } catch {
          isMixed.store(true, ordering: .relaxed)
        }
      }
    }
    #expect(!isMixed.load(ordering: .relaxed) && !isStale.load(ordering: .relaxed))
    #expect(try callable.run([x])[0].scalars(as: Float.self)[0] == Float(200 * size))
  }
}
