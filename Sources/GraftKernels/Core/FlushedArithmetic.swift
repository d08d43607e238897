import CGraftThreads
import GraftTensor

/// Arithmetic as TensorFlow's threads do it: numbers too small to be normal count as zero, in operands and in
/// results. They would take a hundred times as long otherwise, and networks whose activations fade out make many.
package enum FlushedArithmetic {
  /// Calls the closure with such arithmetic on this thread, or without, and lets what held before hold again.
  @inline(__always)
  package static func run<R>(_ flushes: Bool = true, _ body: () throws -> R) rethrows -> R {
    let mode = graft_floats_flush(flushes ? 1 : 0)
    defer { graft_floats_restore(mode) }
    return try body()
  }

  /// Whether operations with values of these dtypes have it. Those of half do not: the conversions of Swift's
  /// library would lose its own small numbers, which are normal ones of the arithmetic in float32.
  package static func applies(to inputs: [DataType], _ outputs: [DataType] = []) -> Bool {
    !inputs.contains(.float16) && !outputs.contains(.float16)
  }
}
