import GraftGraph
import GraftTensor

/// The largest element under a window.
enum MaxPoolingOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "MaxPool",
      """
      The largest element under each place of a window. NaN is passed over, as TensorFlow's CPU kernel does. \
      Both data formats; a window over channels where it is one over nothing else.
      """,
      types: ["T": .reals], shape: { [try PoolingAttributes($0.node, rank: 4).outputShape($0.input(0))] }
    ) { node in
      let attributes = try PoolingAttributes(node, rank: 4)
      let dtype = try node.type("T")
      return { context in try run(context, attributes, dtype) }
    },
    OpDefinition(
      "MaxPoolV2", "As `MaxPool`, with the window's sizes and strides as inputs.", types: ["T": .reals],
      shape: { context in
        guard let window = context.ints(1), let strides = context.ints(2) else { return [.ofRank(4)] }
        let attributes = try PoolingAttributes(context.node, rank: 4, window: window, strides: strides)
        return [try attributes.outputShape(context.input(0))]
      }
    ) { node in
      let dtype = try node.type("T")
      return { context in
        let attributes = try PoolingAttributes(
          node, rank: 4, window: try context.input(1).integers(), strides: try context.input(2).integers())
        try run(context, attributes, dtype)
      }
    },
    OpDefinition(
      "MaxPool3D",
      "The largest element under each place of a window over volumes. NaN is passed over.",
      types: ["T": [.bfloat16, .float32]],
      shape: { [try PoolingAttributes($0.node, rank: 5).outputShape($0.input(0))] }
    ) { node in
      let attributes = try PoolingAttributes(node, rank: 5)
      let dtype = try node.type("T")
      return { context in
        let x = try context.input(0)
        let geometry = try PoolingGeometry(attributes, input: x.shape)
        let output = try context.allocate(0, dtype, geometry.outputShape)
        guard output.elementCount > 0 else { return }
        try Images.run(context, x, into: output, attributes.order) { x, output, _ in
          if dtype == .float32 {
            reduce(Float.self, geometry, x, output, context.workers)
          } else {
            reduce(BFloat16.self, geometry, x, output, context.workers)
          }
        }
      }
    },
  ]

  private static func run(
    _ context: KernelContext, _ attributes: PoolingAttributes, _ dtype: DataType
  ) throws {
    let x = try context.input(0)
    guard attributes.channelWindow == 1, attributes.channelStride == 1 else {
      return try runOverChannels(context, attributes, x, dtype)
    }
    let geometry = try PoolingGeometry(attributes, input: x.shape)
    let output = try context.allocate(0, dtype, geometry.outputShape)
    guard output.elementCount > 0 else { return }
    try Images.run(context, x, into: output, attributes.order) { x, output, _ in
      if dtype == .float16 || dtype == .bfloat16 {
        try reduceWidened(geometry, x, output, context)
      } else {
        try reduce(geometry, x, output, context.workers)
      }
    }
  }

  /// The largest of half or bfloat16, found in float32, of which all of them are.
  private static func reduceWidened(
    _ geometry: PoolingGeometry, _ x: Tensor, _ output: Tensor, _ context: KernelContext
  ) throws {
    let result = try context.scratch(.float32, output.shape)
    try reduce(geometry, FloatConversion.widen(x, context), result, context.workers)
    // Where nothing is larger than the lowest number, that is the result.
    let lowest = output.dtype == .float16 ? Float(Float16.lowestNumber) : Float(BFloat16.lowestNumber)
    nonisolated(unsafe) let values = result.base.assumingMemoryBound(to: Float.self)
    context.workers.forEach(result.elementCount, cost: 1) { range in
      for index in range where values[index] < lowest { values[index] = lowest }
    }
    FloatConversion.narrow(result, into: output, context.workers)
  }

  /// The largest under each place of a window, with channels last.
  static func reduce(_ geometry: PoolingGeometry, _ x: Tensor, _ output: Tensor, _ workers: WorkerPool) throws
  {
    try Reduction(geometry: geometry, x: x, output: output, workers: workers).run(on: output.dtype)
  }

  private struct Reduction: RealElementWork {
    let geometry: PoolingGeometry
    let x: Tensor
    let output: Tensor
    let workers: WorkerPool

    func run<T: PoolingElement>(_ type: T.Type) {
      MaxPoolingOps.reduce(type, geometry, x, output, workers)
    }
  }

  private static func reduce<T: PoolingElement>(
    _ type: T.Type, _ geometry: PoolingGeometry, _ x: Tensor, _ output: Tensor, _ workers: WorkerPool
  ) {
    if T.self == Float.self { return geometry.pool(isMaximum: true, x, into: output, workers) }
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    let channels = geometry.channels
    let cost = channels * geometry.axes.reduce(1) { $0 * min($1.window, $1.input) }
    workers.forEach(geometry.outputPixels, cost: max(cost / 4, 1)) { range in
      for pixel in range {
        let best = target + pixel * channels
        best.update(repeating: T.lowestNumber, count: channels)
        let window = geometry.window(at: pixel)
        geometry.forEach(window, 0) { place in
          let values = source + place
          for channel in 0..<channels where T.less(best[channel], values[channel]) {
            best[channel] = values[channel]
          }
        }
      }
    }
  }

  // MARK: - Windows over channels

  private static func runOverChannels(
    _ context: KernelContext, _ attributes: PoolingAttributes, _ x: Tensor, _ dtype: DataType
  ) throws {
    let window = attributes.channelWindow
    guard x.rank == 4 else {
      throw GraftError(
        .invalidArgument, "A tensor of 4 dimensions is expected, and one of shape \(x.shape) was found.")
    }
    let channels = x.shape[attributes.order.channelAxis(rank: 4)]
    guard !attributes.order.isChannelsFirst, attributes.window[1] == 1, attributes.window[2] == 1,
      attributes.strides[1] == 1, attributes.strides[2] == 1, window == attributes.channelStride,
      channels % window == 0
    else {
      throw GraftError(
        .unimplemented,
        "A window over channels must divide them and go over nothing else: 'ksize' is \(attributes.window), 'strides' \(attributes.strides), and there are \(channels) channels."
      )
    }
    let output = try context.allocate(
      0, dtype, Shape(validating: x.shape.dimensions.dropLast() + [channels / window]))
    guard output.elementCount > 0 else { return }
    // Each run of channels as an image one pixel wide.
    let line = PoolingGeometry(lines: output.elementCount, window: window, shape: output.shape)
    try reduce(line, x, output, context.workers)
  }
}

extension PoolingGeometry {
  /// The geometry of a tensor cut into runs of the window's size.
  fileprivate init(lines: Int, window: Int, shape: Shape) {
    batch = lines
    channels = 1
    outputShape = shape
    axes = [.unit, .unit, WindowAxis(whole: window)]
  }
}

extension WindowAxis {
  /// A dimension that the window covers whole.
  fileprivate init(whole size: Int) {
    (input, window, output) = (size, size, 1)
    (stride, dilation) = (size, 1)
    (paddingBefore, paddingAfter) = (0, 0)
  }
}
