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
    let stage = try ConvolutionStage(ConvolutionPart(fused: fused, filter: 1), context, x.shape)
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
      product: try stage.product(packed), images: x.shape[0], pixelsPerImage: x.shape[1] * x.shape[2],
      x: x.floats, gate: gate.floats, y: output.base.assumingMemoryBound(to: Float.self))
    try work.run(context)
    withExtendedLifetime(packed) {}
  }
}

/// The work of a gated convolution. The gate multiplies the filter, once for each image, or where images are small the
/// pixels, a few at a time, which are multiplied by the filter while they are in a cache.
private struct GatedProduct: @unchecked Sendable {
  let product: PointwiseProduct
  let images: Int
  let pixelsPerImage: Int
  let x: UnsafePointer<Float>
  let gate: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>

  /// Rows that are multiplied at a time: as many as a product goes through with each part of the filter.
  private static let rows = 126
  /// Into how many pieces threads may cut an image, of which each has a filter of its own.
  private static let pieces = 16

  private var depth: Int { product.depth }
  private var channels: Int { product.channels }
  /// Channels of all panels of the filter.
  private var columns: Int { PackedMatrix.count(Float.self, k: 1, n: channels) }

  /// Whether the gate multiplies the filter.
  private var gatesFilter: Bool { pixelsPerImage / Self.pieces >= columns }

  func run(_ context: KernelContext) throws {
    let (pixels, workers) = (images * pixelsPerImage, context.workers)
    let gatesFilter = gatesFilter
    let most = gatesFilter ? columns : min(Self.rows, pixels)
    let memory = try context.scratch(.float32, Shape(validating: [workers.workers, most, depth]))
    nonisolated(unsafe) let scratch = memory.base.assumingMemoryBound(to: Float.self)
    // Who computes some channels multiplies all pixels: each thread does so once.
    workers.forEachPart(rows: pixels, columns: channels, depth: depth, grain: channels, Float.self) {
      worker, _, pixels, channels in
      let memory = scratch + worker * most * depth
      if gatesFilter {
        computeByImages(pixels, channels: channels, memory)
      } else {
        compute(pixels, channels: channels, most, memory)
      }
    }
  }

  /// Computes some pixels and channels, each image's with a filter that the gate has multiplied.
  private func computeByImages(
    _ pixels: Range<Int>, channels: Range<Int>, _ filter: UnsafeMutablePointer<Float>
  ) {
    forEachImage(pixels) { image, pixels in
      var product = product
      for panel in 0..<columns / Float.panelWidth {
        let offset = panel * Float.panelWidth * depth
        graft_weigh_f32(
          product.filter + offset, gate + image * depth, filter + offset, depth, Float.panelWidth)
      }
      product.filter = UnsafePointer(filter)
      run(product, pixels, channels: channels, x + pixels.lowerBound * depth)
    }
  }

  /// Computes some pixels and channels, at most so many pixels at a time, which the gate has multiplied.
  private func compute(
    _ pixels: Range<Int>, channels: Range<Int>, _ most: Int, _ scratch: UnsafeMutablePointer<Float>
  ) {
    var first = pixels.lowerBound
    while first < pixels.upperBound {
      let part = first..<min(first + most, pixels.upperBound)
      forEachImage(part) { image, pixels in
        graft_gate_f32(
          x + pixels.lowerBound * depth, gate + image * depth, scratch + (pixels.lowerBound - first) * depth,
          pixels.count, depth)
      }
      run(product, part, channels: channels, scratch)
      first = part.upperBound
    }
  }

  private func run(
    _ product: PointwiseProduct, _ pixels: Range<Int>, channels: Range<Int>, _ x: UnsafePointer<Float>
  ) {
    product.run(
      pixels.count, channels: channels, x,
      into: y + pixels.lowerBound * self.channels + channels.lowerBound, row: self.channels,
      pixel: pixels.lowerBound)
  }

  /// Calls the body with the part of some pixels that each image has.
  private func forEachImage(_ pixels: Range<Int>, _ body: (_ image: Int, _ pixels: Range<Int>) -> Void) {
    var first = pixels.lowerBound
    while first < pixels.upperBound {
      let image = first / pixelsPerImage
      let last = min((image + 1) * pixelsPerImage, pixels.upperBound)
      body(image, first..<last)
      first = last
    }
  }
}
