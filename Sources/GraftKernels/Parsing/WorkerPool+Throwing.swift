import GraftTensor
import Synchronization

extension WorkerPool {
  /// Calls the body with each number below the count, perhaps on several threads at once.
  ///
  /// - Throws: What the body throws for the lowest number, whichever thread came to it first.
  func forEachThrowing(_ count: Int, cost: Int, _ body: @Sendable (Int) throws -> Void) throws {
    let failure = Mutex<(number: Int, error: any Error)?>(nil)
    forEach(count, cost: cost) { range in
      for number in range {
        do {
          try body(number)
        } catch {
          failure.withLock { if $0.map({ number < $0.number }) ?? true { $0 = (number, error) } }
          return
        }
      }
    }
    if let error = failure.withLock({ $0?.error }) { throw error }
  }
}
