/// What may end planning early: the time limit of the run that it is done for.
enum PlanningLimit {
  /// Throws when the run is to end.
  @TaskLocal static var checkpoint: @Sendable () throws -> Void = {}

  /// Plans something for a run that the closure ends.
  static func run<T>(_ checkpoint: @escaping @Sendable () throws -> Void, _ plan: () throws -> T) throws -> T
  {
    try $checkpoint.withValue(checkpoint, operation: plan)
  }

  /// - Throws: `GraftError` (`cancelled`, `deadlineExceeded`).
  static func check() throws { try checkpoint() }
}
