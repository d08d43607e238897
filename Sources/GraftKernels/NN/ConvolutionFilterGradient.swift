import CGraftVector
import GraftGraph
import GraftTensor

/// What a convolution's filter would have to be changed by.
enum ConvolutionFilterGradientOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Conv2DBackpropFilter",
      "The gradient of `Conv2D` by its filter. Beyond TensorFlow's CPU kernel: dilations and groups.",
      types: ["T": .floats], shape: { sizesShape($0, rank: 4) }
    ) { node in
      try kernel(node, rank: 4, sizes: sizes)
    },
    OpDefinition(
      "Conv3DBackpropFilterV2", "The gradient of `Conv3D` by its filter.", types: ["T": .floats],
      shape: { sizesShape($0, rank: 5) }
    ) { node in
      try kernel(node, rank: 5, sizes: sizes)
    },
    OpDefinition(
      "Conv3DBackpropFilter", "As `Conv3DBackpropFilterV2`, with a filter whose shape alone is read.",
      types: ["T": [.float16, .float32, .float64]], shape: { [$0.input(1)] }
    ) { node in
      try kernel(node, rank: 5) { $0.shape }
    },
  ]

  private static func sizesShape(_ context: ShapeContext, rank: Int) -> [PartialShape] {
    guard let sizes = context.ints(1), sizes.count == rank else { return [.ofRank(rank)] }
    return [PartialShape(sizes.map { $0 < 0 ? nil : $0 })]
  }

  private static func sizes(_ sizes: Tensor) throws -> Shape {
    guard sizes.rank == 1 else {
      throw GraftError(
        .invalidArgument, "The filter's sizes are expected, and a tensor of shape \(sizes.shape) was found.",
        at: .init(input: 1))
    }
    return try Shape(validating: try sizes.integers())
  }

  private static func kernel(
    _ node: NodeSetup, rank: Int, sizes: @escaping @Sendable (Tensor) throws -> Shape
  ) throws -> Kernel {
    let attributes = try WindowAttributes(node, rank: rank)
    let dtype = try node.type("T")
    return { context in
      let (x, gradient) = (try context.input(0), try context.input(2))
      let shape = try sizes(try context.input(1))
      let output = try context.allocate(0, dtype, shape)
      guard output.elementCount > 0 else { return }
      guard x.elementCount > 0 || gradient.elementCount > 0 else { return output.clear() }
      let geometry = try ConvolutionGeometry(attributes, input: x.shape, filter: shape)
      try geometry.check(gradient)
      guard x.elementCount > 0 else { return output.clear() }
      let (last, lastGradient) =
        attributes.order.isChannelsFirst
        ? (
          try ChannelTransposition.channelsLast(x, context),
          try ChannelTransposition.channelsLast(gradient, context)
        )
        : (x, gradient)
      switch dtype {
      case .float32: try vector(Float.self, context, geometry, last, lastGradient, output)
      case .float64: try vector(Double.self, context, geometry, last, lastGradient, output)
      case .float16 where geometry.outputPixels <= SteppedProduct.longest:
        stepped(Float16.self, geometry, last, lastGradient, output)
      case .bfloat16 where geometry.outputPixels <= SteppedProduct.longest:
        stepped(BFloat16.self, geometry, last, lastGradient, output)
      default:
        let sums = try context.scratch(.float32, shape)
        try vector(
          Float.self, context, geometry, try FloatConversion.widen(last, context),
          try FloatConversion.widen(lastGradient, context), sums)
        FloatConversion.narrow(sums, into: output, context.workers)
      }
    }
  }

  /// The input's lines, transposed, times the gradient's.
  private static func vector<T: VectorElement>(
    _ type: T.Type, _ context: KernelContext, _ geometry: ConvolutionGeometry, _ x: Tensor,
    _ gradient: Tensor,
    _ output: Tensor
  ) throws {
    output.clear()
    guard geometry.outputPixels > 0 else { return }
    nonisolated(unsafe) let sums = output.base.assumingMemoryBound(to: T.self)
    nonisolated(unsafe) let gradients = UnsafePointer(gradient.base.assumingMemoryBound(to: T.self))
    let (inputs, outputs) = (geometry.inputChannels, geometry.outputChannels)
    let row = geometry.groups * outputs
    let geometry = geometry.flattened
    let width = geometry.axes[2].window
    let kernelRows = geometry.axes[0].window * geometry.axes[1].window
    try GradientLines<T>.forEach(geometry, x, context) { lines, images in
      // Rows of the filter's matrix that each row of the kernel has.
      let height = lines.window.count * inputs
      let pixels = images.count * geometry.outputPixels / max(geometry.batch, 1)
      context.workers.forEachPart(
        pairs: geometry.groups, rows: kernelRows * height, columns: outputs, depth: pixels, T.self
      ) { _, group, rows, columns in
        let touched = rows.lowerBound / height..<(rows.upperBound + height - 1) / height
        /// Where the part begins in a row of the kernel.
        func start(_ kernelRow: Int) -> Int { max(rows.lowerBound - kernelRow * height, 0) }
        lines.forEachPart(of: images, kernelRows: touched, offset: { start($0) + group * inputs }) {
          kernelRow, starts, count, pixel in
          let place = (kernelRow * width + lines.window.lowerBound) * inputs + start(kernelRow)
          let column = group * outputs + columns.lowerBound
          T.addLines(
            m: min(height, rows.upperBound - kernelRow * height) - start(kernelRow), n: columns.count,
            k: count, starts,
            column: lines.column, gradients + pixel * row + column, bRow: row,
            to: sums + place * row + column,
            cRow: row)
        }
      }
    }
  }

  /// As the definition says, each sum rounded after each product.
  private static func stepped<T: HalfElement>(
    _ type: T.Type, _ geometry: ConvolutionGeometry, _ x: Tensor, _ gradient: Tensor, _ output: Tensor
  ) {
    let (source, gradients) = (x.buffer(as: type), gradient.buffer(as: type))
    let (groups, inputs, outputs) = (geometry.groups, geometry.inputChannels, geometry.outputChannels)
    var sums = [Float](repeating: 0, count: output.elementCount)
    for pixel in 0..<geometry.outputPixels {
      for position in 0..<geometry.positions {
        guard let below = geometry.inputPixel(under: pixel, at: position) else { continue }
        for channel in 0..<groups * inputs {
          let (group, input) = (channel / inputs, channel % inputs)
          let value = source[below * groups * inputs + channel]
          let row = (position * inputs + input) * groups * outputs
          for column in group * outputs..<(group + 1) * outputs {
            sums[row + column] = SteppedProduct.add(
              sums[row + column], value, gradients[pixel * groups * outputs + column],
              isGrouped: SteppedProduct.isGrouped(column: column, of: groups * outputs))
          }
        }
      }
    }
    let target = output.mutableBuffer(as: type)
    for index in target.indices { target[index] = T(sums[index]) }
  }
}
