import Foundation
import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Barriers, accumulators and locks between runs of a session, and tensors that a session keeps.
struct BarrierTests {
  private static let float = ["dtype": "type: DT_FLOAT", "shape": "shape { unknown_rank: true }"]
  private static let string = ["dtype": "type: DT_STRING", "shape": "shape { unknown_rank: true }"]
  private static let integer = ["dtype": "type: DT_INT32", "shape": "shape { }"]

  /// Runs the closure on a thread of its own, a moment later.
  private func later(_ body: @escaping @Sendable () throws -> Void) -> Thread {
    let thread = Thread {
      Thread.sleep(forTimeInterval: 0.05)
      try? body()
    }
    thread.start()
    return thread
  }

  private static let patient = RunOptions(timeout: .seconds(60))
  private static let impatient = RunOptions(timeout: .milliseconds(30))

  // MARK: - Barriers

  private func barrier() throws -> Session {
    let types = "list { type: DT_FLOAT type: DT_STRING }"
    let text = GraphText()
      .node("keys", "Placeholder", [], Self.string).node("x", "Placeholder", [], Self.float)
      .node("s", "Placeholder", [], Self.string).node("n", "Placeholder", [], Self.integer)
      .node("b", "Barrier", [], ["component_types": "\(types)", "shapes": "list { shape { } shape { } }"])
      .node(
        "first", "BarrierInsertMany", ["b", "keys", "x"], ["T": "type: DT_FLOAT", "component_index": "i: 0"]
      )
      .node(
        "second", "BarrierInsertMany", ["b", "keys", "s"],
        ["T": "type: DT_STRING", "component_index": "i: 1"]
      )
      .node("take", "BarrierTakeMany", ["b", "n"], ["component_types": types])
      .node(
        "some", "BarrierTakeMany", ["b", "n"], ["component_types": types, "allow_small_batch": "b: true"]
      )
      .node("close", "BarrierClose", ["b"])
      .node("cancel", "BarrierClose", ["b"], ["cancel_pending_enqueues": "b: true"])
      .node("ready", "BarrierReadySize", ["b"]).node("incomplete", "BarrierIncompleteSize", ["b"])
    return Session(graph: try text.graph(), options: SessionOptions(threads: 1))
  }

  private func insert(_ session: Session, _ keys: [String], _ values: [Float]) throws {
    _ = try session.run(
      [], feeding: ["keys:0": Tensor(keys.map { Bytes($0) }), "x:0": Tensor(values)], targets: ["first"])
  }

  private func insert(_ session: Session, _ keys: [String], _ values: [String]) throws {
    _ = try session.run(
      [], feeding: ["keys:0": Tensor(keys.map { Bytes($0) }), "s:0": Tensor(values.map { Bytes($0) })],
      targets: ["second"])
  }

  private func take(
    _ session: Session, _ count: Int32, _ node: String = "take", _ options: RunOptions = impatient
  ) throws -> (keys: [String], values: [Float], strings: [String]) {
    let results = try session.run(
      ["\(node):1", "\(node):2", "\(node):3"], feeding: ["n:0": try Tensor(count)], options: options)
    return (
      try results[0].strings(), try results[1].scalars(as: Float.self), try results[2].strings()
    )
  }

  @Test func completeElementsAreTakenInTheOrderOfTheirKeys() throws {
    let session = try barrier()
    try insert(session, ["a", "b", "c"], [1, 2, 3] as [Float])
    try insert(session, ["c", "a"], ["z", "x"])
    #expect(try session.run("ready:0").scalars(as: Int32.self) == [2])
    #expect(try session.run("incomplete:0").scalars(as: Int32.self) == [1])
    let taken = try take(session, 2)
    #expect(taken.keys == ["a", "c"] && taken.values == [1, 3] && taken.strings == ["x", "z"])
    #expect(code { try insert(session, ["b"], [5] as [Float]) } == .invalidArgument)
    #expect(code { try insert(session, ["q", "r"], [5] as [Float]) } == .invalidArgument)
    #expect(code { _ = try take(session, -1) } == .invalidArgument)
  }

  @Test func takingWaitsForWhatIsMissing() throws {
    let session = try barrier()
    try insert(session, ["a"], [1] as [Float])
    #expect(code { _ = try take(session, 1) } == .deadlineExceeded)
    let thread = later { try insert(session, ["a"], ["x"]) }
    #expect(try take(session, 1, "take", Self.patient).strings == ["x"])
    _ = thread
    let cancellation = CancellationToken()
    let cancelling = later { cancellation.cancel() }
    #expect(code { _ = try take(session, 1, "take", RunOptions(cancellation: cancellation)) } == .cancelled)
    _ = cancelling
  }

  @Test func aClosedBarrierGivesWhatIsComplete() throws {
    let session = try barrier()
    try insert(session, ["a", "b"], [1, 2] as [Float])
    try insert(session, ["a"], ["x"])
    _ = try session.run([], targets: ["close"])
    #expect(code { try insert(session, ["c"], [1] as [Float]) } == .cancelled)
    try insert(session, ["b"], ["y"])
    #expect(code { _ = try take(session, 3) } == .outOfRange)
    #expect(try take(session, 3, "some").keys == ["a", "b"])
    #expect(code { _ = try take(session, 1, "some") } == .outOfRange)
    _ = try session.run([], targets: ["cancel"])
    #expect(code { _ = try session.run([], targets: ["cancel"]) } == .cancelled)
  }

  // MARK: - Accumulators

  private func accumulator(_ reduction: String) throws -> Session {
    let type = ["dtype": "type: DT_FLOAT"]
    let text = GraphText()
      .node("x", "Placeholder", [], Self.float).node("n", "Placeholder", [], Self.integer)
      .node("step", "Placeholder", [], ["dtype": "type: DT_INT64", "shape": "shape { }"])
      .node(
        "a", "ConditionalAccumulator", [],
        type.merging(["shape": "shape { dim { size: 2 } }", "reduction_type": "s: \"\(reduction)\""]) { $1 }
      )
      .node("add", "AccumulatorApplyGradient", ["a", "step", "x"], type)
      .node("take", "AccumulatorTakeGradient", ["a", "n"], type)
      .node("count", "AccumulatorNumAccumulated", ["a"])
      .node("set", "AccumulatorSetGlobalStep", ["a", "step"])
    return Session(graph: try text.graph(), options: SessionOptions(threads: 1))
  }

  private func add(_ session: Session, _ values: [Float], step: Int64 = 0) throws {
    _ = try session.run(
      [], feeding: ["x:0": Tensor(values), "step:0": Tensor(step)], targets: ["add"])
  }

  private func sum(_ session: Session, _ count: Int32, _ options: RunOptions = impatient) throws -> [Float] {
    try session.run("take:0", feeding: ["n:0": Tensor(count)], options: options).scalars()
  }

  @Test(arguments: [("MEAN", [2, 4] as [Float]), ("SUM", [4, 8])])
  func gradientsAreAddedUp(_ reduction: String, _ expected: [Float]) throws {
    let session = try accumulator(reduction)
    try add(session, [1, 2])
    try add(session, [3, 6])
    #expect(try session.run("count:0").scalars(as: Int32.self) == [2])
    #expect(try sum(session, 2) == expected)
    // The step is over: what was computed for it is left out.
    try add(session, [9, 9])
    #expect(try session.run("count:0").scalars(as: Int32.self) == [0])
    #expect(code { try add(session, [1]) } == .invalidArgument)
    #expect(code { _ = try sum(session, 0) } == .invalidArgument)
  }

  @Test func takingASumWaitsForEnoughGradients() throws {
    let session = try accumulator("SUM")
    try add(session, [1, 2])
    #expect(code { _ = try sum(session, 2) } == .deadlineExceeded)
    let thread = later { try add(session, [1, 1]) }
    #expect(try sum(session, 2, Self.patient) == [2, 3])
    _ = thread
  }

  // MARK: - Locks

  @Test func aLockThatSomebodyHasIsWaitedFor() throws {
    let text = GraphText()
      .node("m", "MutexV2", [], ["shared_name": "s: \"m\""]).node("lock", "MutexLock", ["m"])
      .node("again", "MutexLock", ["m", "^lock"]).node("use", "Identity", ["lock"], ["T": "type: DT_VARIANT"])
      .node("give", "ConsumeMutexLock", ["lock"])
    let session = Session(graph: try text.graph(), options: SessionOptions(threads: 1))
    for _ in 0..<2 { _ = try session.run([], targets: ["give"]) }
    #expect(
      code { _ = try session.run(["use:0"], targets: ["again"], options: Self.impatient) }
        == .deadlineExceeded)
    // The run that failed has given it back.
    _ = try session.run([], targets: ["give"])
  }

  // MARK: - Session tensors

  @Test func aSessionKeepsTensorsByTheirHandles() throws {
    let text = GraphText()
      .node("x", "Placeholder", [], Self.float).node("h", "Placeholder", [], Self.string)
      .node("keep", "GetSessionHandle", ["x"], ["T": "type: DT_FLOAT"])
      .node("get", "GetSessionTensor", ["h"], ["dtype": "type: DT_FLOAT"])
      .node("wrong", "GetSessionTensor", ["h"], ["dtype": "type: DT_INT32"])
      .node("forget", "DeleteSessionTensor", ["h"])
    let session = Session(graph: try text.graph(), options: SessionOptions(threads: 1))
    let handle = try session.run("keep:0", feeding: ["x:0": Tensor([1, 2] as [Float])])
    #expect(try session.run("get:0", feeding: ["h:0": handle]).scalars(as: Float.self) == [1, 2])
    #expect(code { _ = try session.run("wrong:0", feeding: ["h:0": handle]) } != nil)
    _ = try session.run([], feeding: ["h:0": handle], targets: ["forget"])
    #expect(code { _ = try session.run("get:0", feeding: ["h:0": handle]) } != nil)
  }

  // MARK: - Files

  @Test func readersAndFileDatasetsAreRefusedBeforeARun() throws {
    let names = GraphText().node("names", "Placeholder", [], Self.string)
    let reader = names.node("r", "TextLineReaderV2").node(
      "q", "FIFOQueueV2", [], ["component_types": "list { type: DT_STRING }"]
    )
    .node("read", "ReaderReadV2", ["r", "q"])
    let session = Session(graph: try reader.graph())
    #expect(code { _ = try session.callable(feeds: [], fetches: ["read:1"]) } == .permissionDenied)
    let dataset = names.node("none", "Placeholder", [], Self.string)
      .node("size", "Placeholder", [], ["dtype": "type: DT_INT64", "shape": "shape { }"])
      .node("d", "TextLineDataset", ["names", "none", "size"])
      .node("count", "DatasetCardinality", ["d"])
    let other = Session(graph: try dataset.graph())
    #expect(
      code { _ = try other.callable(feeds: ["names", "none", "size"], fetches: ["count"]) }
        == .permissionDenied)
  }
}
