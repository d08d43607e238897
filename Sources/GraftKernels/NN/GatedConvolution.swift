import CGraftVector
import GraftTensor

/// Convolutions of single pixels whose input's channels a gate multiplies first: what ends a squeeze-and-excitation
/// block.
enum GatedConvolutionOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "_GatedConv2D",
      """
      `_FusedConv2D` of channels last with a filter of 1x1 and stride 1, of an input whose channels are multiplied \
      first by the last input, `[batch, 1, 1, channels]`. Planning makes it; graphs need not hold it.
      """,
      types: ["T": [.float32]], shape: shape
    ) { node in
      let convolution = GatedConvolution(fused: try FusedOps(node))
      return { try convolution.run($0) }
    }
  ]

  private static let shape: ShapeRule = { context in
    [try ConvolutionGeometry.outputShape(.pointwise, input: context.input(0), filter: context.input(1))]
  }
}

private struct GatedConvolution: Sendable {
  let fused: FusedOps

  func run(_ context: KernelContext) throws {
    let count = 3 + fused.inputCount
    try context.requireInputs(count)
    let (x, gate) = (try context.input(0), try context.input(count - 1))
    let stage = try PointwiseStage(PointwisePart(fused: fused, filter: 1), context, x.shape)
    let expected: Shape = [x.shape[0], 1, 1, x.shape[3]]
    guard gate.shape == expected, gate.dtype == .float32, x.dtype == .float32 else {
      throw GraftError(
        .invalidArgument, "A gate of shape \(gate.shape) was found where \(expected) is expected.",
        at: .init(input: count - 1))
    }
    let output = try context.allocate(0, .float32, stage.shape)
    guard output.elementCount > 0 else { return }
    let packed = stage.isConstant ? try context.prepared { try stage.pack(context) } : try stage.pack(context)
    let work = GatedProduct(
      product: stage.product(packed), images: x.shape[0], pixelsPerImage: x.shape[1] * x.shape[2],
      x: x.floats, gate: gate.floats, y: output.base.assumingMemoryBound(to: Float.self))
    try work.run(context)
    withExtendedLifetime(packed) {}
  }
}

/// The work of a gated convolution: a few rows at a time are multiplied by the gate, and then by the filter while
/// they are in a cache.
private struct GatedProduct: @unchecked Sendable {
  let product: PointwiseProduct
  let images: Int
  let pixelsPerImage: Int
  let x: UnsafePointer<Float>
  let gate: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>

  /// Rows that are multiplied at a time: as many as a product goes through with each part of the filter.
  private static let rows = 126

  private var depth: Int { product.depth }

  func run(_ context: KernelContext) throws {
    let (pixels, workers) = (images * pixelsPerImage, context.workers)
    let most = min(Self.rows, pixels)
    let memory = try context.scratch(.float32, Shape(validating: [workers.workers, most, depth]))
    nonisolated(unsafe) let scratch = memory.base.assumingMemoryBound(to: Float.self)
    // Who computes some channels multiplies all pixels: each thread does so once.
    let channels = product.channels
    workers.forEachPart(rows: pixels, columns: channels, depth: depth, grain: channels, Float.self) {
      worker, _, pixels, channels in
      compute(pixels, channels: channels, most, scratch + worker * most * depth)
    }
  }

  /// Computes some pixels and channels, at most so many pixels at a time.
  private func compute(
    _ pixels: Range<Int>, channels: Range<Int>, _ most: Int, _ scratch: UnsafeMutablePointer<Float>
  ) {
    var first = pixels.lowerBound
    while first < pixels.upperBound {
      let count = min(most, pixels.upperBound - first)
      multiply(first..<first + count, into: scratch)
      product.run(
        count, channels: channels, scratch, into: y + first * product.channels + channels.lowerBound,
        row: product.channels, pixel: first)
      first += count
    }
  }

  private func multiply(_ pixels: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    var first = pixels.lowerBound
    while first < pixels.upperBound {
      let image = first / pixelsPerImage
      let last = min((image + 1) * pixelsPerImage, pixels.upperBound)
      graft_gate_f32(
        x + first * depth, gate + image * depth, target + (first - pixels.lowerBound) * depth, last - first,
        depth)
      first = last
    }
  }
}
