import Glibc
import GraftTensor

/// Runs a part of a deep recursion on a thread of its own, while the caller waits.
enum FreshStack {
  /// What the nested calls between two of these may use, many times over; pages that are not touched cost
  /// nothing.
  private static let byteCount = 4 << 20

  private final class Work {
    let body: () throws -> [Tensor]
    /// Whom the caller's thread charges for memory.
    let account = MemoryAccount.current
    var result: Result<[Tensor], any Error> = .success([])

    init(_ body: @escaping () throws -> [Tensor]) {
      self.body = body
    }
  }

  /// What the closure gives, from a thread whose stack is empty.
  ///
  /// - Throws: what the closure throws; `GraftError` (`resourceExhausted`) when the system has no thread
  ///   left.
  static func run(_ body: () throws -> [Tensor]) throws -> [Tensor] {
    try withoutActuallyEscaping(body) { body in
      let work = Work(body)
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      defer { pthread_attr_destroy(&attributes) }
      pthread_attr_setstacksize(&attributes, byteCount)
      var thread = pthread_t()
      let failure = pthread_create(
        &thread, &attributes,
        { argument in
          guard let argument else { return nil }
          let work = Unmanaged<Work>.fromOpaque(argument).takeUnretainedValue()
          work.result = Result { try work.account?.charging(work.body) ?? work.body() }
          return nil
        }, Unmanaged.passUnretained(work).toOpaque())
      guard failure == 0 else {
        throw GraftError(
          .resourceExhausted, "The system has no thread left for functions that call each other deeply.")
      }
      pthread_join(thread, nil)
      return try withExtendedLifetime(work) { try work.result.get() }
    }
  }
}
