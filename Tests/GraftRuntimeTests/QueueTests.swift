import Foundation
import GraftGraph
import GraftRuntime
import GraftTensor
import Synchronization
import Testing

/// Queues and staging areas between runs of a session.
struct QueueTests {
  private static let scalars = "list { type: DT_INT32 }"

  private func queue(
    _ op: String = "FIFOQueueV2", capacity: Int = 10, shapes: String = "list { shape { } }",
    _ more: [String: String] = [:]
  ) throws -> Session {
    let attributes = [
      "component_types": Self.scalars, "shapes": shapes, "capacity": "i: \(capacity)",
      "shared_name": "s: \"q\"",
    ].merging(more) { $1 }
    let types = ["Tcomponents": Self.scalars]
    let outputs = ["component_types": Self.scalars]
    let any = ["dtype": "type: DT_INT32", "shape": "shape { unknown_rank: true }"]
    let text = GraphText()
      .node("x", "Placeholder", [], any).node("n", "Placeholder", [], any)
      .node("q", op, [], attributes)
      .node("put", "QueueEnqueueV2", ["q", "x"], types)
      .node("putMany", "QueueEnqueueManyV2", ["q", "x"], types)
      .node("take", "QueueDequeueV2", ["q"], outputs)
      .node("takeMany", "QueueDequeueManyV2", ["q", "n"], outputs)
      .node("takeUpTo", "QueueDequeueUpToV2", ["q", "n"], outputs)
      .node("close", "QueueCloseV2", ["q"])
      .node("cancel", "QueueCloseV2", ["q"], ["cancel_pending_enqueues": "b: true"])
      .node("size", "QueueSizeV2", ["q"])
    return Session(graph: try text.graph(), options: SessionOptions(threads: 1))
  }

  private func put(_ session: Session, _ values: [Int32]) throws {
    _ = try session.run([], feeding: ["x:0": try Tensor(values)], targets: ["putMany"])
  }

  private func take(
    _ session: Session, _ count: Int32, from fetch: String = "takeMany:0"
  ) throws -> [Int32] {
    try session.run(fetch, feeding: ["n:0": try Tensor(count)]).scalars()
  }

  private final class Taken: Sendable {
    let values = Mutex<[Int32]>([])
  }

  @Test func elementsComeBackInTheirOrder() throws {
    let session = try queue()
    try put(session, [3, 1, 2])
    #expect(try session.run("take:0").scalars() == [3] as [Int32])
    #expect(try take(session, 2) == [1, 2])
    #expect(try session.run("size:0").scalars() == [0] as [Int32])
  }

  @Test func aClosedQueueGivesWhatIsLeftAndTakesNothing() throws {
    let session = try queue()
    try put(session, [1, 2])
    _ = try session.run([], feeding: [:], targets: ["close"])
    #expect(code { try put(session, [3]) } == .cancelled)
    #expect(code { _ = try take(session, 3) } == .outOfRange)
    #expect(try take(session, 3, from: "takeUpTo:0") == [1, 2])
    #expect(code { _ = try take(session, 1, from: "takeUpTo:0") } == .outOfRange)
    #expect(try take(session, 0) == [])
    #expect(code { _ = try session.run([], feeding: [:], targets: ["close"]) } == .cancelled)
  }

  @Test func whatNobodyFillsIsAnErrorAndNoHang() throws {
    let session = try queue()
    #expect(code { _ = try session.run("take:0") } == .failedPrecondition)
    let timeout = RunOptions(timeout: .milliseconds(30))
    #expect(code { _ = try session.run("take:0", options: timeout) } == .deadlineExceeded)
    let token = CancellationToken()
    token.cancel()
    #expect(code { _ = try session.run("take:0", options: RunOptions(cancellation: token)) } == .cancelled)
    let full = try queue(capacity: 1)
    #expect(code { try put(full, [1, 2]) } == .failedPrecondition)
    #expect(try full.run("size:0").scalars() == [1] as [Int32])
  }

  @Test func overlappingRunsWaitForEachOther() throws {
    let session = try queue(capacity: 2)
    let taken = Taken()
    let isDone = DispatchSemaphore(value: 0)
    // A thread of its own: those of tasks may all be taken by other tests.
    Thread.detachNewThread {
      let options = RunOptions(timeout: .seconds(60))
      let result: [Int32]? = try? session.run(
        "takeMany:0", feeding: ["n:0": try Tensor(Int32(6))], options: options
      ).scalars()
      taken.values.withLock { $0 = result ?? [] }
      isDone.signal()
    }
    _ = try session.run(
      [], feeding: ["x:0": try Tensor([1, 2, 3, 4, 5, 6] as [Int32])], targets: ["putMany"],
      options: RunOptions(timeout: .seconds(60)))
    isDone.wait()
    #expect(taken.values.withLock { $0 } == [1, 2, 3, 4, 5, 6])
  }

  @Test func takingGoesAfterPuttingInOneRun() throws {
    let session = try queue()
    let results = try session.run(["take:0"], feeding: ["x:0": try Tensor(Int32(7))], targets: ["put"])
    #expect(try results[0].scalars() == [7] as [Int32])
  }

  @Test func shapesAndCountsAreChecked() throws {
    let session = try queue()
    #expect(
      code { _ = try session.run([], feeding: ["x:0": try Tensor([1, 2] as [Int32])], targets: ["put"]) }
        == .invalidArgument)
    #expect(
      code { _ = try session.run([], feeding: ["x:0": try Tensor(Int32(1))], targets: ["putMany"]) }
        == .invalidArgument)
    #expect(code { _ = try take(session, -1) } == .invalidArgument)
    let shapeless = try queue(shapes: "list { }")
    #expect(code { _ = try take(shapeless, 1) } == .invalidArgument)
  }

  // tf.raw_ops.RandomShuffleQueueV2(seed=3, seed2=4), range(10) put in, taken three at a time.
  @Test func aShuffledQueueHasTensorFlowsOrder() throws {
    let session = try queue(
      "RandomShuffleQueueV2", capacity: 50, ["seed": "i: 3", "seed2": "i: 4", "min_after_dequeue": "i: 0"])
    try put(session, Array(0..<10))
    #expect(try take(session, 3) == [1, 4, 9])
    #expect(try take(session, 7) == [5, 7, 0, 6, 8, 3, 2])
  }

  @Test func batchesOfSizesThatDifferArePadded() throws {
    let session = try queue("PaddingFIFOQueueV2", shapes: "list { shape { dim { size: -1 } } }")
    for row in [[1], [2, 3, 4], []] as [[Int32]] {
      _ = try session.run([], feeding: ["x:0": try Tensor(row)], targets: ["put"])
    }
    let batch = try session.run("takeMany:0", feeding: ["n:0": try Tensor(Int32(3))])
    #expect(batch.shape == [3, 3])
    #expect(try batch.scalars() == [1, 0, 0, 2, 3, 4, 0, 0, 0] as [Int32])
  }

  // Ties as the heap of GNU's library has them: [1, 3, 3, 3, 5] and d, c, e, b, a.
  @Test func prioritiesGoFromTheLeast() throws {
    let text = GraphText()
      .node("p", "Placeholder", [], ["dtype": "type: DT_INT64"])
      .constant("x", [5], [1, 2, 3, 4, 5])
      .constant("n", [], [5])
      .node(
        "q", "PriorityQueueV2", [], ["component_types": Self.scalars, "shapes": "list { shape { } }"]
      )
      .node(
        "put", "QueueEnqueueManyV2", ["q", "p", "x"],
        ["Tcomponents": "list { type: DT_INT64 type: DT_INT32 }"]
      )
      .node(
        "take", "QueueDequeueManyV2", ["q", "n", "^put"],
        ["component_types": "list { type: DT_INT64 type: DT_INT32 }"])
    let session = Session(graph: try text.graph())
    let results = try session.run(
      ["take:0", "take:1"], feeding: ["p:0": try Tensor([5, 3, 3, 1, 3] as [Int64])])
    #expect(try results[0].scalars() == [1, 3, 3, 3, 5] as [Int64])
    #expect(try results[1].scalars() == [4, 3, 5, 2, 1] as [Int32])
  }

  @Test func aStagingMapGivesTuplesByTheirKeys() throws {
    let attributes = ["dtypes": Self.scalars, "shared_name": "s: \"m\""]
    let any = ["dtype": "type: DT_INT64", "shape": "shape { }"]
    let text = GraphText()
      .node("key", "Placeholder", [], any)
      .node("value", "Placeholder", [], ["dtype": "type: DT_INT32"])
      .constant("index", [1], [0])
      .node(
        "put", "OrderedMapStage", ["key", "index", "value"],
        attributes.merging(["fake_dtypes": Self.scalars]) { $1 }
      )
      .node("peek", "OrderedMapPeek", ["key", "index"], attributes)
      .node("any", "OrderedMapUnstageNoKey", ["index"], attributes)
      .node("size", "OrderedMapSize", [], attributes)
    let session = Session(graph: try text.graph())
    for key in [9, 4, 6] as [Int64] {
      _ = try session.run(
        [], feeding: ["key:0": try Tensor(key), "value:0": try Tensor(Int32(key) * 10)], targets: ["put"])
    }
    #expect(try session.run("peek:0", feeding: ["key:0": try Tensor(Int64(9))]).scalars() == [90] as [Int32])
    let least = try session.run(["any:0", "any:1"])
    #expect(try least[0].scalars() == [4] as [Int64])
    #expect(try least[1].scalars() == [40] as [Int32])
    #expect(try session.run("size:0").scalars() == [2] as [Int32])
    #expect(
      code {
        _ = try session.run(
          [], feeding: ["key:0": try Tensor(Int64(9)), "value:0": try Tensor(Int32(1))], targets: ["put"])
      } == .invalidArgument)
  }
}
