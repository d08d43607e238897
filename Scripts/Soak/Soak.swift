import Glibc
import Graft
import Synchronization

/// Overlapping runs, saves, restores and cancellations in one session and in many, for as long as it is told:
///
///     soak [SECONDS]
///
/// It ends with 1 when a value is wrong, when something throws that should not, or when memory grows.
@main
final class Soak: Sendable {
  static func main() throws {
    let seconds = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 60
    let soak = try Soak(until: ContinuousClock.now + .seconds(seconds))
    var jobs: [@Sendable () throws -> Void] = (0..<3).map { number in { try soak.run(number) } }
    jobs += [{ try soak.save() }, { try soak.restore() }, { try soak.cancel() }, { try soak.openAndClose() }]
    // Threads of their own: all of them wait for each other now and then.
    let failures = Failures()
    let threads = jobs.map { job in
      thread {
        do { try job() } catch { failures.add("\(error)") }
      }
    }
    let memory = soak.watch(seconds)
    for thread in threads { pthread_join(thread, nil) }
    for failure in failures.all { print(failure) }
    guard failures.all.isEmpty else { exit(1) }
    print(
      "\(soak.count.load(ordering: .relaxed)) rounds; MB: \(memory.map(String.init).joined(separator: " "))")
    // What is there after a third of the time was warm; caches and allocators may take some more.
    let warm = memory[(memory.count / 3)...].prefix(max(memory.count / 3, 1)).max() ?? 0
    let last = memory.suffix(max(memory.count / 3, 1)).max() ?? 0
    guard last <= warm + max(warm / 5, 32) else {
      print("Memory grew from \(warm) to \(last) MB.")
      exit(1)
    }
  }

  private final class Failures: Sendable {
    private let messages = Mutex<[String]>([])
    var all: [String] { messages.withLock { $0 } }
    func add(_ message: String) { messages.withLock { $0.append(message) } }
  }

  private final class Job: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static func thread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(body)).toOpaque()
    pthread_create(
      &thread, nil,
      { job in
        if let job { Unmanaged<Job>.fromOpaque(job).takeRetainedValue().body() }
        return nil
      }, job)
    return thread
  }

  private let end: ContinuousClock.Instant
  private let count = Atomic<Int>(0)
  private let folder: String
  private let session: Session
  private let saver: Saver

  private init(until end: ContinuousClock.Instant) throws {
    self.end = end
    var template = Array("/tmp/graft-soak-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw GraftError(.inputOutput, "There is no place for files.") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    session = Session(graph: try Self.graph(), options: SessionOptions(threads: 2))
    _ = try session.run([], targets: ["init"])
    saver = try Saver(graph: session.graph)
    _ = try saver.save(session, to: folder + "/model")
  }

  /// A variable of equal values, which each step raises by one; what reads it sees it whole. A loop.
  private static func graph() throws -> Graph {
    let float = "attr { key: \"T\" value { type: DT_FLOAT } }"
    let dtype = "attr { key: \"dtype\" value { type: DT_FLOAT } }"
    let size = 1 << 14
    func constant(_ name: String, _ value: Float, _ shape: String) -> String {
      "node { name: \"\(name)\" op: \"Const\" \(dtype) attr { key: \"value\" value { tensor { dtype: DT_FLOAT "
        + "tensor_shape { \(shape) } float_val: \(value) } } } }"
    }
    let shape = "dim { size: \(size) }"
    let text = [
      constant("zeros", 0, shape), constant("ones", 1, shape), constant("half", 0.5, ""),
      """
      node { name: "w" op: "VarHandleOp" \(dtype) attr { key: "shape" value { shape { \(shape) } } }
        attr { key: "shared_name" value { s: "w" } } }
      node { name: "init" op: "AssignVariableOp" input: "w" input: "zeros" \(dtype) }
      node { name: "step" op: "AssignAddVariableOp" input: "w" input: "ones" \(dtype) }
      node { name: "read" op: "ReadVariableOp" input: "w" \(dtype) }
      node { name: "x" op: "Placeholder" \(dtype) attr { key: "shape" value { shape { unknown_rank: true } } } }
      node { name: "y" op: "Mul" input: "x" input: "half" \(float) }
      node { name: "z" op: "Exp" input: "y" \(float) }
      node { name: "long" op: "StatelessWhile" input: "half"
        attr { key: "T" value { list { type: DT_FLOAT } } } attr { key: "cond" value { func { name: "positive" } } }
        attr { key: "body" value { func { name: "more" } } } }
      library {
        function { signature { name: "positive" input_arg { name: "a" type: DT_FLOAT }
            output_arg { name: "r" type: DT_BOOL } }
          node_def { name: "zero" op: "Const" \(dtype)
            attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 0 } } } }
          node_def { name: "c" op: "Greater" input: "a" input: "zero:output:0" \(float) }
          ret { key: "r" value: "c:z:0" } }
        function { signature { name: "more" input_arg { name: "a" type: DT_FLOAT }
            output_arg { name: "r" type: DT_FLOAT } }
          node_def { name: "s" op: "Sqrt" input: "a" \(float) }
          ret { key: "r" value: "s:y:0" } }
      }
      """,
    ].joined(separator: "\n")
    let graph = Graph()
    try graph.importGraphDef(bytes: Array(text.utf8))
    return graph
  }

  private func rounds(_ body: (Int) throws -> Void) throws {
    var round = 0
    while ContinuousClock.now < end {
      try body(round)
      round += 1
      count.add(1, ordering: .relaxed)
    }
  }

  private func expect(_ condition: Bool, _ what: String) throws {
    guard condition else { throw GraftError(.internalError, what) }
  }

  /// Runs of changing shapes, and steps.
  private func run(_ number: Int) throws {
    try rounds { round in
      let size = 1 + (round * 7 + number) % 1000
      let x = try Tensor(shape: [size], scalars: [Float](repeating: 2, count: size))
      let z: [Float] = try session.run("z", feeding: ["x": x]).scalars()
      try expect(z.count == size && z.allSatisfy { abs($0 - 2.7182817) < 1e-5 }, "A run gave other values.")
      _ = try session.run([], targets: ["step"])
      let w: [Float] = try session.run("read").scalars()
      try expect(w.allSatisfy { $0 == w[0] }, "A variable was read while it changed.")
    }
  }

  private func save() throws {
    try rounds { round in _ = try saver.save(session, to: folder + "/model-\(round % 2)") }
  }

  private func restore() throws {
    try rounds { _ in
      try saver.restore(folder + "/model", into: session)
      let other = Session(graph: session.graph, options: SessionOptions(threads: 1))
      try saver.restore(folder + "/model", into: other)
      let w: [Float] = try other.run("read").scalars()
      try expect(w.allSatisfy { $0 == 0 }, "A restored variable has other values.")
    }
  }

  /// A loop without an end, ended from another thread or by its time.
  private func cancel() throws {
    try rounds { round in
      let token = CancellationToken()
      var options = RunOptions(cancellation: token)
      if round % 2 == 0 { options.timeout = .milliseconds(5) } else { token.cancel() }
      do {
        _ = try session.run("long", options: options)
        try expect(false, "A loop without an end ended.")
      } catch let error as GraftError where error.code == .cancelled || error.code == .deadlineExceeded {}
    }
  }

  private func openAndClose() throws {
    try rounds { _ in
      let graph = Graph()
      try graph.importGraphDef(bytes: try session.graph.graphDef())
      let other = Session(graph: graph, options: SessionOptions(threads: 1))
      _ = try other.run([], targets: ["init"])
      _ = try other.run("read")
    }
  }

  /// Memory in MB, as often as there are seconds, up to sixty times.
  private func watch(_ seconds: Int) -> [Int] {
    let pause = UInt32(max(seconds * 1_000_000 / 60, 200_000))
    var result: [Int] = []
    while ContinuousClock.now < end {
      usleep(pause)
      result.append(Self.residentMegabytes)
    }
    return result
  }

  private static var residentMegabytes: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var text = [CChar](repeating: 0, count: 128)
    guard fgets(&text, 128, file) != nil else { return 0 }
    let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .split(separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { return 0 }
    return pages * sysconf(Int32(_SC_PAGESIZE)) / (1 << 20)
  }
}
