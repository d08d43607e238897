import Glibc
import GraftKernels
import GraftTensor
import Synchronization

/// Ends runs from outside. One token may be given to many runs.
public final class CancellationToken: Sendable {
  private let flag = Atomic<Bool>(false)

  /// A token that was not cancelled yet.
  public init() {}

  /// Makes every run that has the token throw `cancelled` before its next operation.
  public func cancel() { flag.store(true, ordering: .relaxed) }

  /// Whether ``cancel()`` was called.
  public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}

/// Options of one run.
public struct RunOptions: Sendable {
  /// How long the run may take; nil for no limit. It ends before the next operation when the time is over.
  public var timeout: Duration?
  /// Ends the run from another thread.
  public var cancellation: CancellationToken?

  /// Options of one run.
  public init(timeout: Duration? = nil, cancellation: CancellationToken? = nil) {
    self.timeout = timeout
    self.cancellation = cancellation
  }
}

/// What may end a run early, and which files it may touch.
struct RunControl: Sendable {
  var files = FileAccess.none
  /// How many rounds a loop may take.
  let maximumLoopSteps: Int
  /// What is to be told of each instruction.
  let trace: RunTrace?
  private let deadline: ContinuousClock.Instant?
  /// When a run ends that has no time limit of its own, in ticks of a clock that costs next to nothing.
  private let latestEnd: Int
  private let longest: Duration
  private let timeout: Duration?
  private let token: CancellationToken?

  init(_ options: RunOptions, limits: SessionLimits, trace: RunTrace? = nil) {
    maximumLoopSteps = limits.loopSteps
    longest = limits.runTime
    let seconds = limits.runTime.components.seconds
    latestEnd =
      options.timeout != nil || seconds > Int64(Int.max / 4 / Self.nanoseconds)
      ? .max
      : Self.now() + Int(max(seconds, 0)) * Self.nanoseconds
        + Int(limits.runTime.components.attoseconds / 1_000_000_000)
    self.trace = trace
    timeout = options.timeout
    deadline = options.timeout.map { ContinuousClock.now + $0 }
    token = options.cancellation
  }

  /// Whether there is anything to check.
  var isLimited: Bool { deadline != nil || token != nil }

  private static let nanoseconds = 1_000_000_000

  /// Nanoseconds of a clock that is some milliseconds late.
  private static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return time.tv_sec * nanoseconds + time.tv_nsec
  }

  /// - Throws: `GraftError` (`cancelled`, `deadlineExceeded`).
  func check() throws {
    if let token, token.isCancelled {
      throw GraftError(.cancelled, "The run was cancelled.")
    }
    if let deadline, ContinuousClock.now >= deadline {
      throw GraftError(
        .deadlineExceeded, "The run was stopped after its time limit of \(timeout.map { "\($0)" } ?? "?").",
        remedy: "Raise `timeout` in the run's options.")
    }
    if latestEnd != .max, Self.now() >= latestEnd {
      throw GraftError(
        .deadlineExceeded,
        "The run was stopped after \(longest), the longest that a run of the session may take.",
        remedy: "Raise `SessionOptions.limits.runTime`, or give the run a `timeout` of its own.")
    }
  }
}
