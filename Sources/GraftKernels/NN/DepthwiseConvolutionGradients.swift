import GraftGraph
import GraftTensor

/// Gradients of depthwise convolutions. Sums are made in double precision; those of filters of half and
/// bfloat16 are rounded where TensorFlow rounds.
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
          let (weights, gradients) = (DoubleConversion.read(filter), DoubleConversion.read(gradient))
          var sums = [Double](repeating: 0, count: output.elementCount)
          geometry.forEachDepthwiseProduct { input, weight, result in
            sums[input] += weights[weight] * gradients[result]
          }
          DoubleConversion.write(sums, into: output)
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
  /// Calls the body for each product that a depthwise convolution sums up, with the places of the input's and the
  /// filter's element and of the sum, channels last.
  @inline(__always)
  fileprivate func forEachDepthwiseProduct(_ body: (_ input: Int, _ filter: Int, _ output: Int) -> Void) {
    let (h, w) = (axes[1], axes[2])
    for pixel in 0..<outputPixels {
      let (row, column) = (pixel / w.output, pixel % w.output)
      let (image, line) = (row / h.output, row % h.output)
      for position in 0..<positions {
        let y = line * h.stride + position / w.window * h.dilation - h.paddingBefore
        let x = column * w.stride + position % w.window * w.dilation - w.paddingBefore
        guard y >= 0, y < h.input, x >= 0, x < w.input else { continue }
        let place = ((image * h.input + y) * w.input + x) * groups
        for channel in 0..<groups * outputChannels {
          body(
            place + channel / outputChannels, position * groups * outputChannels + channel,
            pixel * groups * outputChannels + channel)
        }
      }
    }
  }
}
