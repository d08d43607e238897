import CGraftVector
import GraftTensor

/// Between half or bfloat16 and float32: what has no arithmetic of its own computes in float32.
enum FloatConversion {
  /// The elements as float32, in scratch memory; a float32 tensor as it is.
  static func widen(_ tensor: Tensor, _ context: KernelContext) throws -> Tensor {
    guard tensor.dtype != .float32 else { return tensor }
    let wide = try context.scratch(.float32, tensor.shape)
    switch tensor.dtype {
    case .float16: split(tensor, wide, context.workers) { graft_half_to_f32($0, $1, $2) }
    case .bfloat16: split(tensor, wide, context.workers) { graft_bfloat16_to_f32($0, $1, $2) }
    default:
      throw GraftError(.internalError, "\(tensor.dtype) is not computed in float32.")
    }
    return wide
  }

  /// Rounds float32 elements into a tensor of half, bfloat16 or float32; with `cuts`, bfloat16 are cut instead.
  static func narrow(_ wide: Tensor, into tensor: Tensor, _ workers: WorkerPool, cuts: Bool = false) {
    guard let short = SixteenBits(tensor.dtype) else { return tensor.initializeElements(from: wide) }
    split(wide, tensor, workers) {
      (source: UnsafePointer<Float>, target: UnsafeMutablePointer<UInt16>, count) in
      short.narrow(source, target, count, cuts: cuts)
    }
  }

  /// Calls the function for pieces of both tensors.
  private static func split<From, To>(
    _ source: Tensor, _ target: Tensor, _ workers: WorkerPool,
    _ convert: @Sendable (UnsafePointer<From>, UnsafeMutablePointer<To>, Int) -> Void
  ) {
    nonisolated(unsafe) let from = UnsafePointer(source.base.assumingMemoryBound(to: From.self))
    nonisolated(unsafe) let to = target.base.assumingMemoryBound(to: To.self)
    workers.forEach(source.elementCount, cost: 1) { range in
      convert(from + range.lowerBound, to + range.lowerBound, range.count)
    }
  }
}
