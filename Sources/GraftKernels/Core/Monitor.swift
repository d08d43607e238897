import Glibc
import GraftTensor
import Synchronization

/// A value that several runs change, and wait for changes of.
package final class Monitor<Value>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let change = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var value: Value

  package init(_ value: Value) {
    self.value = value
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(change, nil)
  }

  deinit {
    pthread_cond_destroy(change)
    pthread_mutex_destroy(mutex)
    change.deallocate()
    mutex.deallocate()
  }

  /// Reads or changes the value, and wakes those who wait.
  package func withLock<R>(_ body: (inout Value) throws -> R) rethrows -> R {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(change)
      pthread_mutex_unlock(mutex)
    }
    return try body(&value)
  }

  /// Tries until the closure gives something, again after each change.
  ///
  /// - Parameter situation: what is waited for, as a sentence, for the error that nobody can bring it about.
  /// - Throws: what the closure throws; `GraftError`: `cancelled` and `deadlineExceeded` as the run's options
  ///   say; `failedPrecondition` when the run has no limit and no other run is under way.
  package func wait<R>(
    _ context: KernelContext, for situation: (Value) -> String, _ attempt: (inout Value) throws -> R?
  ) throws -> R {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(change)
      pthread_mutex_unlock(mutex)
    }
    if let result = try attempt(&value) { return result }
    let activity = context.resources.activity
    activity.beginWaiting()
    defer { activity.endWaiting() }
    var patience = activity.patience.load(ordering: .relaxed)
    while true {
      pthread_cond_broadcast(change)
      sleep()
      if let result = try attempt(&value) { return result }
      try context.checkpoint()
      if context.isLimited || activity.othersAreWorking {
        patience = activity.patience.load(ordering: .relaxed)
      } else {
        patience -= 1
      }
      guard patience > 0 else {
        throw GraftError(
          .failedPrecondition,
          situation(value) + " No other run of the session is under way that could change it.",
          remedy: "Run what it waits for from another thread, or give the run a `timeout`.")
      }
    }
  }

  /// Sleeps until something changes, 10 milliseconds at most.
  private func sleep() {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    time.tv_nsec += 10_000_000
    if time.tv_nsec >= 1_000_000_000 {
      time.tv_nsec -= 1_000_000_000
      time.tv_sec += 1
    }
    pthread_cond_timedwait(change, mutex, &time)
  }
}

/// How many of a session's runs are under way, and how many of them only wait for others.
package final class RunActivity: Sendable {
  /// How often a run looks, every 10 milliseconds or so, whether another one has begun that could end its wait.
  package let patience = Atomic<Int>(500)

  private let running = Striped<Atomic<Int>> { _ in Atomic(0) }
  private let waiting = Atomic<Int>(0)

  package init() {}

  /// Counts a run, until this thread calls `end`.
  package func begin() { running.own.pointee.add(1, ordering: .relaxed) }

  package func end() { running.own.pointee.subtract(1, ordering: .relaxed) }

  func beginWaiting() { waiting.add(1, ordering: .relaxed) }

  func endWaiting() { waiting.subtract(1, ordering: .relaxed) }

  /// Whether a run is under way that does not wait.
  var othersAreWorking: Bool {
    let count = (0..<Striped<Atomic<Int>>.count).reduce(0) {
      $0 + running[$1].pointee.load(ordering: .relaxed)
    }
    return count > waiting.load(ordering: .relaxed)
  }
}
