import CGraftThreads
import GraftTensor

/// Whether the calling thread's stack has room for one step more of a recursion whose depth values from outside
/// decide.
enum StackRoom {
  /// What one step and all that it calls may take, many times over.
  private static let step = 256 << 10

  static var isEnough: Bool { graft_threads_stack_left() >= step }

  /// - Throws: `GraftError` (`resourceExhausted`) where there is too little.
  static func check(_ what: String) throws(GraftError) {
    guard isEnough else {
      throw GraftError(
        .resourceExhausted, "\(what) lie in one another deeper than a thread's stack allows.",
        remedy: "Nest them less deeply: end loops that put each into the next.")
    }
  }
}
