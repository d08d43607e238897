import CGraftVector
import GraftGraph
import GraftTensor

/// Convolutions of each channel with filters of its own.
enum DepthwiseConvolutionOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "DepthwiseConv2dNative",
      """
      Slides over each channel of images filters of its own, `multiplier` of them. Both data formats, every \
      padding, dilations and, for float32 and bfloat16, strides that differ.
      """,
      types: ["T": .floats], traits: .takesFusedOps, shape: shape
    ) { node in
      try kernel(node, fused: .none)
    },
    OpDefinition(
      "_FusedDepthwiseConv2dNative",
      """
      `DepthwiseConv2dNative` with what followed it, as `fused_ops` lists it: see `_FusedConv2D`. Planning makes \
      it; graphs need not hold it.
      """,
      types: ["T": [.float32, .float64]], traits: .takesFusedOps, shape: shape
    ) { node in
      try kernel(node, fused: FusedOps(node).withoutScale(node))
    },
  ]

  private static let shape: ShapeRule = { context in
    let attributes = try WindowAttributes(context.node, rank: 4)
    return [
      try ConvolutionGeometry.outputShape(
        attributes, input: context.input(0), filter: context.input(1), depthwise: true)
    ]
  }

  private static func kernel(_ node: NodeSetup, fused: FusedOps) throws -> Kernel {
    let attributes = try WindowAttributes(node, rank: 4)
    let dtype = try node.type("T")
    if dtype == .float64 || dtype == .float16, attributes.strides[0] != attributes.strides[1] {
      throw node.invalid("For \(dtype) the strides are equal, and \(attributes.strides) were found.")
    }
    return { context in
      let (x, filter) = (try context.input(0), try context.input(1))
      let geometry = try ConvolutionGeometry(depthwise: attributes, input: x.shape, filter: filter.shape)
      let shape = try geometry.outputShape()
      let output = try context.allocate(0, dtype, shape)
      let finish = try fused.finish(
        context, shape: shape, channels: geometry.groups * geometry.outputChannels, dtype: dtype)
      guard output.elementCount > 0 else { return }
      let convolution = DepthwiseConvolution(
        geometry: geometry, filter: filter, isFilterConstant: context.isConstant(1))
      try Images.run(context, x, into: output, attributes.order, addend: finish.addend) { x, output, addend in
        var finish = finish
        finish.addend = addend
        try convolution.run(context, x, into: output, finish)
      }
    }
  }
}

/// One depthwise convolution with channels last, for given sizes.
struct DepthwiseConvolution {
  let geometry: ConvolutionGeometry
  let filter: Tensor
  let isFilterConstant: Bool

  /// Fewer channels fill only registers so short that several pixels in a longer one are done sooner.
  private static let fewChannels = 8

  func run(_ context: KernelContext, _ x: Tensor, into output: Tensor, _ finish: Finish) throws {
    switch output.dtype {
    case .float32:
      if finish.addend == nil, geometry.groups * geometry.outputChannels >= Self.fewChannels,
        GroupedRows.handle(geometry)
      {
        return try GroupedRows.run(context, geometry, x, filter, into: output, finish)
      }
      if let rows = DepthwiseRows(geometry) { return try rows.run(context, x, filter, into: output, finish) }
      try vector(Float.self, context, x, filter, output, finish, isFilterConstant: isFilterConstant)
    case .float64:
      try vector(Double.self, context, x, filter, output, finish, isFilterConstant: isFilterConstant)
    default: try widened(context, x, into: output, finish)
    }
  }

  /// Of half and bfloat16, with sums that are rounded at every step where they are short.
  private func widened(_ context: KernelContext, _ x: Tensor, into output: Tensor, _ finish: Finish) throws {
    guard geometry.positions <= SteppedProduct.longest else {
      let sums = try context.scratch(.float32, output.shape)
      try vector(
        Float.self, context, try FloatConversion.widen(x, context),
        try FloatConversion.widen(filter, context),
        sums, finish, isFilterConstant: false)
      return FloatConversion.narrow(sums, into: output, context.workers)
    }
    if geometry.outputChannels == 1,
      let stepped = SteppedDepthwise(batch: geometry.batch, axes: geometry.axes, channels: geometry.groups)
    {
      try stepped.run(context, x, weights: FloatConversion.widen(filter, context), into: output)
    } else if output.dtype == .float16 {
      PlainConvolution.run(SteppedSum<Float16>.self, geometry, x, filter, output, context.workers)
    } else {
      PlainConvolution.run(SteppedSum<BFloat16>.self, geometry, x, filter, output, context.workers)
    }
  }

  private func vector<T: VectorElement>(
    _ type: T.Type, _ context: KernelContext, _ x: Tensor, _ filter: Tensor, _ output: Tensor,
    _ finish: Finish, isFilterConstant: Bool
  ) throws {
    guard geometry.outputChannels == 1 else {
      // Several filters for each channel: a group for each.
      let convolution = Convolution(
        geometry: geometry, filter: filter, scale: nil, isFilterConstant: isFilterConstant)
      return try convolution.run(context, x, into: output, finish)
    }
    let channels = geometry.groups
    let zeros = try context.scratch(T.dataType, [channels])
    zeros.clear()
    let shape = geometry.vector
    nonisolated(unsafe) let finish = finish.vector(columns: channels)
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let weights = UnsafePointer(filter.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let nothing = UnsafePointer(zeros.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    let pixels = geometry.outputPixels
    let height = 8
    context.workers.forEach(
      (pixels + height - 1) / height, cost: height * channels * geometry.positions / 16
    ) {
      range in
      let part = range.lowerBound * height..<min(pixels, range.upperBound * height)
      T.convolveDepthwise(shape, source, weights, zeros: nothing, into: target, pixels: part, finish)
    }
  }
}
