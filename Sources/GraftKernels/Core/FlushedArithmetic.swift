import CGraftThreads

/// Arithmetic as TensorFlow's threads do it: numbers too small to be normal count as zero, in operands and in
/// results. They would take a hundred times as long otherwise, and networks whose activations fade out make many.
package enum FlushedArithmetic {
  /// Calls the closure with such arithmetic on this thread, and lets what held before hold again.
  @inline(__always)
  package static func run<R>(_ body: () throws -> R) rethrows -> R {
    let mode = graft_floats_flush()
    defer { graft_floats_restore(mode) }
    return try body()
  }
}
