import GraftTensor

/// What may end planning early: the time limit of the run that it is done for.
///
/// It is the thread's, not the task's: planning suspends nowhere.
final class PlanningLimit: Sendable {
  private let checkpoint: @Sendable () throws -> Void

  private init(_ checkpoint: @escaping @Sendable () throws -> Void) {
    self.checkpoint = checkpoint
  }

  private static let open = ThreadValue<PlanningLimit>()

  /// Plans something for a run that the closure ends.
  static func run<T>(_ checkpoint: @escaping @Sendable () throws -> Void, _ plan: () throws -> T) throws -> T
  {
    try open.with(PlanningLimit(checkpoint), plan)
  }

  /// Throws when the run is to end for which this thread plans.
  static var current: @Sendable () throws -> Void {
    if let limit = open.current { return limit.checkpoint }
    return {}
  }

  /// - Throws: `GraftError` (`cancelled`, `deadlineExceeded`).
  static func check() throws { try current() }
}
