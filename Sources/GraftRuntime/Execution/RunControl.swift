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

/// What may end a run early.
struct RunControl: Sendable {
  /// How many rounds a loop may take.
  let maximumLoopSteps: Int
  /// What is to be told of each instruction.
  let trace: RunTrace?
  /// When the run's own time is over, in nanoseconds of the system's clock; `.max` for never.
  private let deadline: Int
  /// When a run ends that has no time limit of its own, by a clock that costs next to nothing.
  private let latestEnd: Int
  private let longest: Duration
  private let timeout: Duration?
  private let token: CancellationToken?

  init(_ options: RunOptions, limits: SessionLimits, trace: RunTrace? = nil) {
    maximumLoopSteps = limits.loopSteps
    longest = limits.runTime
    latestEnd =
      options.timeout == nil ? Self.now(CLOCK_MONOTONIC_COARSE, plus: limits.runTime) : .max
    self.trace = trace
    timeout = options.timeout
    deadline = options.timeout.map { Self.now(CLOCK_MONOTONIC, plus: $0) } ?? .max
    token = options.cancellation
  }

  /// Whether there is anything to check.
  var isLimited: Bool { deadline != .max || token != nil }

  /// What a clock shows, in nanoseconds, and will show after a duration; `.max` where that is never.
  private static func now(_ clock: clockid_t, plus duration: Duration = .zero) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    let (seconds, attoseconds) = duration.components
    let nanoseconds = 1_000_000_000
    guard seconds < Int64(Int.max / 4 / nanoseconds) else { return .max }
    return (time.tv_sec + Int(max(seconds, 0))) * nanoseconds + time.tv_nsec + Int(attoseconds) / nanoseconds
  }

  /// - Throws: `GraftError` (`cancelled`, `deadlineExceeded`).
  func check() throws {
    if let token, token.isCancelled {
      throw GraftError(.cancelled, "The run was cancelled.")
    }
    if deadline != .max, Self.now(CLOCK_MONOTONIC) >= deadline {
      throw GraftError(
        .deadlineExceeded, "The run was stopped after its time limit of \(timeout.map { "\($0)" } ?? "?").",
        remedy: "Raise `timeout` in the run's options.")
    }
    if latestEnd != .max, Self.now(CLOCK_MONOTONIC_COARSE) >= latestEnd {
      throw GraftError(
        .deadlineExceeded,
        "The run was stopped after \(longest), the longest that a run of the session may take.",
        remedy: "Raise `SessionOptions.limits.runTime`, or give the run a `timeout` of its own.")
    }
  }
}
