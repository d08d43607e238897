import Glibc

/// An object that is a thread's while a closure runs there.
///
/// Task-local values would be a task's, and are looked up more slowly; what this is for suspends nowhere.
package struct ThreadValue<Value: AnyObject>: Sendable {
  private let key: pthread_key_t

  /// A place for an object of each thread. The system has about a thousand such places: one is made for good.
  package init() {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    self.key = key
  }

  /// The object that is this thread's now.
  package var current: Value? {
    pthread_getspecific(key).map { Unmanaged<Value>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Has the object be this thread's from now on, and gives the one before it, which is to be this thread's again. Who
  /// calls this keeps the object alive until then.
  func exchange(_ value: Unmanaged<Value>?) -> Unmanaged<Value>? {
    let before = pthread_getspecific(key)
    pthread_setspecific(key, value?.toOpaque())
    return before.map { .fromOpaque($0) }
  }

  /// Has the object be this thread's while the closure runs, and the one before it after that.
  package func with<R>(_ value: Value, _ body: () throws -> R) rethrows -> R {
    let before = exchange(.passUnretained(value))
    defer { _ = exchange(before) }
    return try withExtendedLifetime(value) { try body() }
  }
}
