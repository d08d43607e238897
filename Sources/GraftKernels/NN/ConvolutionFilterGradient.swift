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
      guard x.elementCount > 0 || gradient.elementCount > 0 else {
        output.clear()
        return
      }
      let geometry = try ConvolutionGeometry(attributes, input: x.shape, filter: shape)
      try geometry.check(gradient)
      guard x.elementCount > 0 else {
        output.clear()
        return
      }
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
      default:
        let sums = try context.scratch(.float32, shape)
        try vector(
          Float.self, context, geometry, try FloatConversion.widen(last, context),
          try FloatConversion.widen(lastGradient, context), sums)
        FloatConversion.narrow(sums, into: output, context.workers)
      }
    }
  }

  /// Elements of patches that are there at once.
  private static let patchLimit = 1 << 20

  /// The patches under the kernel, transposed, times the gradient's pixels; band by band.
  private static func vector<T: VectorElement>(
    _ type: T.Type, _ context: KernelContext, _ geometry: ConvolutionGeometry, _ x: Tensor,
    _ gradient: Tensor,
    _ output: Tensor
  ) throws {
    let (groups, outputs) = (geometry.groups, geometry.outputChannels)
    let columns = geometry.depth
    let pixels = geometry.outputPixels
    let sums = output.base.assumingMemoryBound(to: T.self)
    sums.update(repeating: 0, count: output.elementCount)
    guard pixels > 0, x.elementCount > 0 else { return }
    let band = min(pixels, max(16, patchLimit / max(columns * groups, 1)))
    let patches = try context.scratch(T.dataType, Shape(validating: [groups, band, columns]))
    let part = try context.scratch(T.dataType, Shape(validating: [groups, columns, outputs]))
    var first = 0
    while first < pixels {
      let last = min(pixels, first + band)
      collect(T.self, geometry, x, patches, first..<last, context.workers)
      let rows = last - first
      let product = MatrixProduct(
        rows: columns, columns: outputs, depth: rows,
        left: MatrixOperand(
          tensor: patches, row: 1, column: columns, offsets: (0..<groups).map { $0 * rows * columns }),
        right: MatrixOperand(
          tensor: gradient, row: groups * outputs, column: 1,
          offsets: (0..<groups).map { first * groups * outputs + $0 * outputs }))
      try product.run(context, into: part)
      let values = part.buffer(as: T.self)
      for group in 0..<groups {
        for row in 0..<columns {
          let line = sums + row * groups * outputs + group * outputs
          let source = (group * columns + row) * outputs
          for column in 0..<outputs { line[column] += values[source + column] }
        }
      }
      first = last
    }
  }

  /// Copies what lies under the kernel at each of the pixels: a row for each group and pixel.
  private static func collect<T: VectorElement>(
    _ type: T.Type, _ geometry: ConvolutionGeometry, _ x: Tensor, _ patches: Tensor, _ pixels: Range<Int>,
    _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = patches.base.assumingMemoryBound(to: T.self)
    let (d, h, w) = (geometry.axes[0], geometry.axes[1], geometry.axes[2])
    let (groups, inputs) = (geometry.groups, geometry.inputChannels)
    let columns = geometry.depth
    workers.forEach(pixels.count, cost: columns * groups) { range in
      for index in range {
        let pixel = pixels.lowerBound + index
        let (row, column) = (pixel / w.output, pixel % w.output)
        let (slice, line) = (row / h.output, row % h.output)
        let (image, layer) = (slice / d.output, slice % d.output)
        for position in 0..<geometry.positions {
          let z = layer * d.stride + position / (w.window * h.window) * d.dilation - d.paddingBefore
          let y = line * h.stride + position / w.window % h.window * h.dilation - h.paddingBefore
          let x = column * w.stride + position % w.window * w.dilation - w.paddingBefore
          let isInside = z >= 0 && z < d.input && y >= 0 && y < h.input && x >= 0 && x < w.input
          let values = (((image * d.input + z) * h.input + y) * w.input + x) * groups * inputs
          for group in 0..<groups {
            let patch = target + (group * pixels.count + index) * columns + position * inputs
            if isInside {
              for channel in 0..<inputs { patch[channel] = source[values + group * inputs + channel] }
            } else {
              patch.update(repeating: 0, count: inputs)
            }
          }
        }
      }
    }
  }
}
