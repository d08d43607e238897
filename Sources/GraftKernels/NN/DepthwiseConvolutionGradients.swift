import GraftGraph
import GraftTensor

/// Gradients of depthwise convolutions. Sums of filters of half and bfloat16 are rounded where TensorFlow rounds.
enum DepthwiseConvolutionGradientOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "DepthwiseConv2dNativeBackpropInput", "The gradient of `DepthwiseConv2dNative` by its input.",
      types: ["T": .floats], shape: { sizesShape($0, 0) }
    ) { node in
      let attributes = try undilated(node)
      return { context in
        let (filter, gradient) = (try context.input(1), try context.input(2))
        let shape = try sizes(try context.input(0), 0)
        let geometry = try ConvolutionGeometry(depthwise: attributes, input: shape, filter: filter.shape)
        try geometry.check(gradient)
        let output = try context.allocate(0, gradient.dtype, shape)
        try Images.run(context, gradient, into: output, attributes.order) { gradient, output, _ in
          try inputGradient(context, geometry, filter, gradient, output)
        }
      }
    },
    OpDefinition(
      "DepthwiseConv2dNativeBackpropFilter", "The gradient of `DepthwiseConv2dNative` by its filter.",
      types: ["T": .floats], shape: { sizesShape($0, 1) }
    ) { node in
      let attributes = try undilated(node)
      return { context in
        let (x, gradient) = (try context.input(0), try context.input(2))
        let shape = try sizes(try context.input(1), 1)
        let geometry = try ConvolutionGeometry(depthwise: attributes, input: x.shape, filter: shape)
        try geometry.check(gradient)
        let output = try context.allocate(0, gradient.dtype, shape)
        let images = try attributes.order.channelsLast(x, context)
        let results = try attributes.order.channelsLast(gradient, context)
        switch gradient.dtype {
        case .float16: return stepped(Float16.self, geometry, images, results, output)
        case .bfloat16: return stepped(BFloat16.self, geometry, images, results, output)
        case .float32 where geometry.outputChannels == 1:
          return try vector(Float.self, context, geometry, images, results, output)
        case .float64 where geometry.outputChannels == 1:
          return try vector(Double.self, context, geometry, images, results, output)
        default: break
        }
        let (values, gradients) = (DoubleConversion.read(images), DoubleConversion.read(results))
        var sums = [Double](repeating: 0, count: output.elementCount)
        geometry.forEachDepthwiseProduct { input, weight, result in
          sums[weight] += values[input] * gradients[result]
        }
        DoubleConversion.write(sums, into: output)
      }
    },
  ]

  /// The window of an op. TensorFlow's CPU kernels of these gradients do not read 'dilations'.
  private static func undilated(_ node: NodeSetup) throws -> WindowAttributes {
    let order = try ChannelOrder(node)
    return WindowAttributes(
      order: order, strides: try WindowAttributes.steps("strides", try node.ints("strides"), order, 4, node),
      dilations: [1, 1], padding: try WindowAttributes.padding(node, order, 4))
  }

  /// The input's gradient with channels last: a convolution of each channel's gradients.
  private static func inputGradient(
    _ context: KernelContext, _ geometry: ConvolutionGeometry, _ filter: Tensor, _ gradient: Tensor,
    _ output: Tensor
  ) throws {
    guard output.elementCount > 0 else { return }
    guard gradient.elementCount > 0 else { return output.clear() }
    switch output.dtype {
    case .float16: return steppedInput(Float16.self, geometry, filter, gradient, output)
    case .bfloat16: return steppedInput(BFloat16.self, geometry, filter, gradient, output)
    default: break
    }
    let transposed = TransposedConvolution(geometry)
    try transposed.run(context, into: output) { _, part, output in
      func turned<T>(_ type: T.Type) throws -> Tensor {
        try transposed.filter(type, of: part, filter, context.workers) {
          try context.scratch(filter.dtype, $0)
        }
      }
      let filter = filter.dtype == .float32 ? try turned(Float.self) : try turned(Double.self)
      if geometry.outputChannels == 1 {
        try DepthwiseConvolution(geometry: part.geometry, filter: filter, isFilterConstant: false)
          .run(context, gradient, into: output, .none)
      } else {
        try Convolution(geometry: part.geometry, filter: filter, scale: nil, isFilterConstant: false)
          .run(context, gradient, into: output, .none)
      }
    }
  }

  /// The input's gradient, with the products of each filter summed up position by position and rounded after each, and
  /// then the sums of a channel's filters.
  private static func steppedInput<T: HalfElement>(
    _ type: T.Type, _ geometry: ConvolutionGeometry, _ filter: Tensor, _ gradient: Tensor, _ output: Tensor
  ) {
    let (weights, gradients) = (filter.buffer(as: type), gradient.buffer(as: type))
    let target = output.mutableBuffer(as: type)
    let multiplier = geometry.outputChannels
    var sums = [Float](repeating: 0, count: target.count * multiplier)
    for position in 0..<geometry.positions {
      geometry.forEachDepthwiseProduct(at: position..<position + 1) { input, weight, result in
        let place = input * multiplier + weight % multiplier
        sums[place] = SteppedProduct.add(sums[place], weights[weight], gradients[result], isGrouped: false)
      }
    }
    for index in target.indices {
      target[index] = (0..<multiplier).reduce(T.zero) { T.add($0, T(sums[index * multiplier + $1])) }
    }
  }

  /// The filter's gradient where each channel has one: each position's products, channel by channel.
  private static func vector<T: VectorElement>(
    _ type: T.Type, _ context: KernelContext, _ geometry: ConvolutionGeometry, _ x: Tensor,
    _ gradient: Tensor,
    _ output: Tensor
  ) throws {
    output.clear()
    guard output.elementCount > 0, gradient.elementCount > 0, x.elementCount > 0 else { return }
    nonisolated(unsafe) let sums = output.base.assumingMemoryBound(to: T.self)
    nonisolated(unsafe) let gradients = UnsafePointer(gradient.base.assumingMemoryBound(to: T.self))
    let channels = geometry.groups
    let (height, width) = (geometry.axes[1].window, geometry.axes[2].window)
    let block = 4 * T.panelWidth
    let blocks = (channels + block - 1) / block
    try GradientLines<T>.forEach(geometry, x, isChannelwise: true, context) { lines, images in
      let pixels = images.count * geometry.outputPixels / max(geometry.batch, 1)
      context.workers.forEach(height * blocks, cost: pixels * min(block, channels) * lines.window.count / 16)
      { range in
        for index in range {
          let (row, first) = (index / blocks, index % blocks * block)
          let part = first..<min(channels, first + block)
          lines.forEachPart(of: images, kernelRows: row..<row + 1, offset: { _ in 0 }) {
            row, starts, count, pixel in
            T.addDepthwiseLines(
              window: lines.window.count, k: count, starts, column: lines.column, tap: channels,
              gradients + pixel * channels, channels: channels, part: part,
              to: sums + (row * width + lines.window.lowerBound) * channels)
          }
        }
      }
    }
  }

  /// The filter's gradient image by image, each sum rounded after each product, and the images' sums added up.
  private static func stepped<T: HalfElement>(
    _ type: T.Type, _ geometry: ConvolutionGeometry, _ x: Tensor, _ gradient: Tensor, _ output: Tensor
  ) {
    let (values, gradients) = (x.buffer(as: type), gradient.buffer(as: type))
    let target = output.mutableBuffer(as: type)
    target.update(repeating: T.zero)
    var sums = [Float](repeating: 0, count: target.count)
    let imageSize = max(gradient.elementCount / max(gradient.shape[0], 1), 1)
    var image = 0
    func addImage() {
      for index in target.indices {
        target[index] = T.add(target[index], T(sums[index]))
        sums[index] = 0
      }
    }
    geometry.forEachDepthwiseProduct { input, weight, result in
      if result / imageSize != image {
        addImage()
        image = result / imageSize
      }
      sums[weight] = SteppedProduct.add(sums[weight], values[input], gradients[result], isGrouped: false)
    }
    addImage()
  }

  private static func sizesShape(_ context: ShapeContext, _ index: Int) -> [PartialShape] {
    guard let sizes = context.ints(index), sizes.count == 4 else { return [.ofRank(4)] }
    return [PartialShape(sizes.map { $0 < 0 ? nil : $0 })]
  }

  private static func sizes(_ sizes: Tensor, _ index: Int) throws -> Shape {
    guard sizes.rank == 1 else {
      throw GraftError(
        .invalidArgument, "Sizes are expected, and a tensor of shape \(sizes.shape) was found.",
        at: .init(input: index))
    }
    return try Shape(validating: try sizes.integers())
  }
}

extension ConvolutionGeometry {
  /// Calls the body for each product that a depthwise convolution sums up at some positions of the kernel, with the
  /// places of the input's and the filter's element and of the sum, channels last.
  @inline(__always)
  fileprivate func forEachDepthwiseProduct(
    at positions: Range<Int>? = nil, _ body: (_ input: Int, _ filter: Int, _ output: Int) -> Void
  ) {
    let positions = positions ?? 0..<self.positions
    for pixel in 0..<outputPixels {
      for position in positions {
        guard let below = inputPixel(under: pixel, at: position) else { continue }
        for channel in 0..<groups * outputChannels {
          body(
            below * groups + channel / outputChannels, position * groups * outputChannels + channel,
            pixel * groups * outputChannels + channel)
        }
      }
    }
  }
}
