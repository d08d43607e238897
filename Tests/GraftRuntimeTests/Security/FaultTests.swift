import Foundation
import GraftCheckpoint
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Files that others change while they are in use, and memory that is refused.
@Suite struct Faults {
  /// A frozen graph of a matrix of a megabyte, in a file.
  private func model(_ path: String) throws {
    let side = 512
    var tensor =
      "dtype: DT_FLOAT tensor_shape { dim { size: \(side) } dim { size: \(side) } } tensor_content: \""
    // 0.5 in bytes.
    tensor += String(repeating: "\\000\\000\\000\\077", count: side * side) + "\""
    let text = GraphText().placeholder("x", [1, side])
      .node("w", "Const", [], ["dtype": "type: DT_FLOAT", "value": "tensor { \(tensor) }"])
      .node("y", "MatMul", ["x", "w"], GraphText.float)
      .node("z", "Identity", ["w"], GraphText.float)
    try Data(try text.graph().graphDef()).write(to: URL(fileURLWithPath: path))
  }

  private var input: Tensor {
    get throws { try Tensor(shape: [1, 512], scalars: [Float](repeating: 1, count: 512)) }
  }

  private func session(_ path: String, optimize: Bool) throws -> Session {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: path)
    return Session(graph: graph, options: SessionOptions(threads: 1, optimize: optimize))
  }

  @Test(arguments: [true, false]) func weightsThatWereCutOffAreAnErrorAndNoSignal(optimize: Bool) throws {
    let folder = try TestFolder()
    let path = folder.file("m.pb")
    // The last one: without its last byte.
    for size in [0, 1, 100, 4096, 500_000, 1_000_000, -1] {
      try? FileManager.default.removeItem(atPath: path)
      try model(path)
      let size = size < 0 ? try Data(contentsOf: URL(fileURLWithPath: path)).count + size : size
      // One that has run, and one that has yet to look at its weights.
      let (used, fresh) = (try session(path, optimize: optimize), try session(path, optimize: optimize))
      #expect(try used.run("y", feeding: ["x": input]).scalars(as: Float.self).first == 256)
      #expect(truncate(path, off_t(size)) == 0)
      for session in [fresh, used] {
        for fetch in ["y", "z"] {
          let feeds = fetch == "y" ? ["x": try input] : [:]
          let error = try #require(thrown { _ = try session.run(fetch, feeding: feeds) })
          #expect(error.code == .dataLoss && error.place.file == path, "\(error)")
        }
      }
    }
  }

  @Test func aSessionOfAnotherFileGoesOn() throws {
    let folder = try TestFolder()
    try model(folder.file("a.pb"))
    try model(folder.file("b.pb"))
    let (a, b) = (
      try session(folder.file("a.pb"), optimize: true), try session(folder.file("b.pb"), optimize: true)
    )
    #expect(truncate(folder.file("a.pb"), 5000) == 0)
    #expect(thrown { _ = try a.run("y", feeding: ["x": try input]) }?.code == .dataLoss)
    #expect(try b.run("y", feeding: ["x": input]).scalars(as: Float.self).first == 256)
  }

  /// As who updates a model does it: with a new file, and a renaming.
  @Test func aFileThatWasReplacedStaysAsItWas() throws {
    let folder = try TestFolder()
    try model(folder.file("m.pb"))
    let session = try session(folder.file("m.pb"), optimize: true)
    try Data("other".utf8).write(to: URL(fileURLWithPath: folder.file("n.pb")))
    #expect(rename(folder.file("n.pb"), folder.file("m.pb")) == 0)
    #expect(try session.run("y", feeding: ["x": input]).scalars(as: Float.self).first == 256)
  }

  // MARK: - Checkpoints

  private func tensor(_ value: Float) throws -> Tensor {
    try Tensor(shape: [1 << 16], scalars: [Float](repeating: value, count: 1 << 16))
  }

  @Test func dataThatWasCutOffIsAnError() throws {
    let folder = try TestFolder()
    let prefix = folder.file("m")
    try VariableGraph.checkpoint(prefix, ["a": try tensor(1), "b": try tensor(2)])
    let checkpoint = try Checkpoint(path: prefix)
    #expect(truncate(prefix + ".data-00000-of-00001", 300_000) == 0)
    let error = try #require(thrown { _ = try checkpoint.tensors(["a", "b"]) })
    #expect(error.code == .dataLoss && error.place.file == prefix + ".data-00000-of-00001")
  }

  @Test func variablesThatWereCutOffAreAnError() throws {
    let folder = try TestFolder()
    let prefix = folder.file("m")
    let count = 1 << 16
    try VariableGraph.checkpoint(prefix, ["w": try tensor(1)])
    let text = GraphText().node(
      "w", "VariableV2", [], ["dtype": "type: DT_FLOAT", "shape": "shape { dim { size: \(count) } }"]
    ).node("y", "Neg", ["w"], GraphText.float)
    let session = Session(graph: try text.graph(), options: SessionOptions(threads: 1))
    try Saver(graph: session.graph).restore(prefix, into: session)
    #expect(try session.run("y").scalars(as: Float.self).last == -1)
    #expect(truncate(prefix + ".data-00000-of-00001", 0) == 0)
    let result = Result { try session.run("y").scalars(as: Float.self) }
    switch result {
    case .success(let values): #expect(values.allSatisfy { $0 == -1 })
    case .failure(let error): #expect((error as? GraftError)?.code == .dataLoss)
    }
  }

  /// A saver that writes again and again while another one reads: what is read is one of the two, whole, or an
  /// error that says so.
  @Test func aCheckpointThatIsReplacedWhileItIsReadIsNeverMixed() async throws {
    let folder = try TestFolder()
    let prefix = folder.file("m")
    try VariableGraph.checkpoint(prefix, ["a": try tensor(0), "b": try tensor(0)])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for step in 1...40 {
          let value = try self.tensor(Float(step))
          try VariableGraph.checkpoint(prefix, ["a": value, "b": value])
        }
      }
      group.addTask {
        for _ in 0..<200 {
          do {
            let values = try Checkpoint(path: prefix).tensors(["a", "b"])
            let firsts = try values.map { try $0.scalars(as: Float.self) }
            #expect(firsts[0] == firsts[1] && Set(firsts[0]).count == 1)
          } catch let error as GraftError {
            #expect([.dataLoss, .notFound].contains(error.code), "\(error)")
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try Checkpoint(path: prefix).tensor("a").scalars(as: Float.self).first == 40)
  }

  @Test func overwritingKeepsOneOfTheTwoWholeAtEveryMoment() throws {
    let folder = try TestFolder()
    let prefix = folder.file("m")
    for step in 0..<4 {
      try VariableGraph.checkpoint(prefix, ["a": try tensor(Float(step))])
      // The names alternate, so that the index alone says which data it means.
      let shard =
        step % 2 == 0 ? ["m.data-00000-of-00001"] : ["m.data-00000-of-00002", "m.data-00001-of-00002"]
      #expect(folder.names() == shard + ["m.index"])
      #expect(try Checkpoint(path: prefix).tensor("a").scalars(as: Float.self).first == Float(step))
    }
  }

  // MARK: - Memory

  @Test func memoryThatIsRefusedIsAnErrorAndTheSessionGoesOn() throws {
    let text = GraphText().placeholder("x").node("y", "Exp", ["x"], GraphText.float)
      .node("z", "Neg", ["y"], GraphText.float)
    for optimize in [true, false] {
      let session = Session(
        graph: try text.graph(),
        options: SessionOptions(threads: 1, optimize: optimize, limits: SessionLimits(totalBytes: 1 << 20)))
      let large = try Tensor(shape: [1 << 20], scalars: [Float](repeating: 0, count: 1 << 20))
      for _ in 0..<3 {
        #expect(thrown { _ = try session.run("z", feeding: ["x": large]) }?.code == .resourceExhausted)
        #expect(try session.run("z", feeding: ["x": try Tensor(0 as Float)]).scalars() == [-1] as [Float])
      }
    }
  }

  /// More than any machine has: the system itself refuses.
  @Test func whatTheSystemDoesNotHaveIsAnError() throws {
    let limits = SessionLimits(totalBytes: .max)
    let text = GraphText().node(
      "dims", "Const", [],
      [
        "dtype": "type: DT_INT64",
        "value": "tensor { dtype: DT_INT64 tensor_shape { dim { size: 1 } } int64_val: 35184372088832 }",
      ]
    ).constant("one", [], [1.0])
      .node("y", "Fill", ["dims", "one"], ["T": "type: DT_FLOAT", "index_type": "type: DT_INT64"])
    let error = thrown {
      _ = try Session(graph: try text.graph(), options: SessionOptions(limits: limits)).run("y")
    }
    #expect(error?.code == .resourceExhausted)
  }
}
