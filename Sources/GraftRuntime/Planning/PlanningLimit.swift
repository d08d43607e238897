import Glibc

/// What may end planning early: the time limit of the run that it is done for.
///
/// It is the thread's, not the task's: planning suspends nowhere.
final class PlanningLimit: Sendable {
  private let checkpoint: @Sendable () throws -> Void

  private init(_ checkpoint: @escaping @Sendable () throws -> Void) {
    self.checkpoint = checkpoint
  }

  /// Plans something for a run that the closure ends.
  static func run<T>(_ checkpoint: @escaping @Sendable () throws -> Void, _ plan: () throws -> T) throws -> T
  {
    let limit = PlanningLimit(checkpoint)
    let before = pthread_getspecific(key)
    pthread_setspecific(key, Unmanaged.passUnretained(limit).toOpaque())
    defer { pthread_setspecific(key, before) }
    return try withExtendedLifetime(limit) { try plan() }
  }

  /// Throws when the run is to end for which this thread plans.
  static var current: @Sendable () throws -> Void {
    pthread_getspecific(key).map { Unmanaged<PlanningLimit>.fromOpaque($0).takeUnretainedValue().checkpoint }
      ?? {}
  }

  /// - Throws: `GraftError` (`cancelled`, `deadlineExceeded`).
  static func check() throws { try current() }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()
}
