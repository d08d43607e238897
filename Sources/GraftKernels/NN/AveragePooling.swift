import GraftGraph
import GraftTensor

/// The mean under a window.
enum AveragePoolingOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "AvgPool",
      "The mean under each place of a window, of the elements that are there: padding is not counted.",
      types: ["T": .floats], shape: { [try PoolingAttributes($0.node, rank: 4).outputShape($0.input(0))] }
    ) { node in
      try kernel(node, rank: 4)
    },
    OpDefinition(
      "AvgPool3D", "The mean under each place of a window over volumes. As `AvgPool`.",
      types: ["T": [.bfloat16, .float32]],
      shape: { [try PoolingAttributes($0.node, rank: 5).outputShape($0.input(0))] }
    ) { node in
      try kernel(node, rank: 5)
    },
    OpDefinition(
      "AvgPoolGrad",
      "The gradient of `AvgPool`: each result's gradient, shared equally by the elements below it.",
      types: ["T": .floats], shape: { gradientShape($0, rank: 4) }
    ) { node in
      try gradientKernel(node, rank: 4)
    },
    OpDefinition(
      "AvgPool3DGrad", "The gradient of `AvgPool3D`, as `AvgPoolGrad`.", types: ["T": [.bfloat16, .float32]],
      shape: { gradientShape($0, rank: 5) }
    ) { node in
      try gradientKernel(node, rank: 5)
    },
  ]

  // MARK: - Gradient

  private static func gradientShape(_ context: ShapeContext, rank: Int) -> [PartialShape] {
    guard let sizes = context.ints(0), sizes.count == rank else { return [.ofRank(rank)] }
    return [PartialShape(sizes.map { $0 < 0 ? nil : $0 })]
  }

  private static func gradientKernel(_ node: NodeSetup, rank: Int) throws -> Kernel {
    let attributes = try PoolingAttributes(node, rank: rank)
    let dtype = try node.type("T")
    return { context in
      let (sizes, gradient) = (try context.input(0), try context.input(1))
      guard sizes.rank == 1 else {
        throw GraftError(
          .invalidArgument, "The input's sizes are expected, and a tensor of shape \(sizes.shape) was found.",
          at: .init(input: 0))
      }
      let shape = try Shape(validating: try sizes.integers())
      let geometry = try PoolingGeometry(attributes, input: shape)
      guard gradient.shape == geometry.outputShape else {
        throw GraftError(
          .invalidArgument,
          "The gradient has shape \(gradient.shape), and the pooling's result is \(geometry.outputShape).")
      }
      let output = try context.allocate(0, dtype, shape)
      guard output.elementCount > 0 else { return }
      try Images.run(context, gradient, into: output, attributes.order) { gradient, output, _ in
        switch dtype {
        case .float32: spread(Float.self, geometry, gradient, output)
        case .float64: spread(Double.self, geometry, gradient, output)
        case .float16: spread(Float16.self, geometry, gradient, output)
        default: spread(BFloat16.self, geometry, gradient, output)
        }
      }
    }
  }

  private static func spread<T: FloatElement>(
    _ type: T.Type, _ geometry: PoolingGeometry, _ gradient: Tensor, _ output: Tensor
  ) {
    let (gradients, target) = (gradient.buffer(as: T.self), output.mutableBuffer(as: T.self))
    target.update(repeating: T.zero)
    let channels = geometry.channels
    for pixel in 0..<geometry.outputPixels {
      let window = geometry.window(at: pixel)
      guard window.count > 0 else { continue }
      let share = 1 / T.Compute(window.count)
      for channel in 0..<channels {
        let part = T(gradients[pixel * channels + channel].compute * T(share).compute)
        geometry.forEach(window, channel) { target[$0] = T.add(target[$0], part) }
      }
    }
  }

  // MARK: - Mean

  private static func kernel(_ node: NodeSetup, rank: Int) throws -> Kernel {
    let attributes = try PoolingAttributes(node, rank: rank)
    let dtype = try node.type("T")
    return { context in
      let x = try context.input(0)
      let geometry = try PoolingGeometry(attributes, input: x.shape)
      let output = try context.allocate(0, dtype, geometry.outputShape)
      guard output.elementCount > 0 else { return }
      try Images.run(context, x, into: output, attributes.order) { x, output, _ in
        switch dtype {
        case .float32: geometry.pool(isMaximum: false, x, into: output, context.workers)
        case .float64: average(Double.self, geometry, x, output, context.workers)
        default:
          if try averageInSteps(geometry, x, output, context) { return }
          if dtype == .float16 {
            average(Float16.self, geometry, x, output, context.workers)
          } else {
            average(BFloat16.self, geometry, x, output, context.workers)
          }
        }
      }
    }
  }

  /// The means of images of half or bfloat16: sums that are rounded at every step, of products with 1. False for
  /// volumes and for large windows.
  private static func averageInSteps(
    _ geometry: PoolingGeometry, _ x: Tensor, _ output: Tensor, _ context: KernelContext
  ) throws -> Bool {
    let channels = geometry.channels
    guard let steps = SteppedDepthwise(batch: geometry.batch, axes: geometry.axes, channels: channels) else {
      return false
    }
    let ones = try context.scratch(
      .float32, Shape(validating: [geometry.axes[1].window, geometry.axes[2].window, channels]))
    ones.mutableBuffer(as: Float.self).update(repeating: 1)
    try steps.run(context, x, weights: ones, into: output) { pixels, sums in
      for (line, pixel) in pixels.enumerated() {
        let count = Float(geometry.window(at: pixel).count)
        for index in line * channels..<(line + 1) * channels { sums[index] /= count }
      }
    }
    return true
  }

  /// Half and bfloat16 are rounded after each addition, as in TensorFlow.
  private static func average<T: FloatElement>(
    _ type: T.Type, _ geometry: PoolingGeometry, _ x: Tensor, _ output: Tensor, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    let channels = geometry.channels
    let cost = channels * geometry.axes.reduce(1) { $0 * min($1.window, $1.input) }
    workers.forEach(geometry.outputPixels, cost: max(cost / 4, 1)) { range in
      for pixel in range {
        let sums = target + pixel * channels
        sums.update(repeating: T.zero, count: channels)
        let window = geometry.window(at: pixel)
        geometry.forEach(window, 0) { place in
          let values = source + place
          for channel in 0..<channels { sums[channel] = T.add(sums[channel], values[channel]) }
        }
        let count = T.Compute(window.count)
        for channel in 0..<channels { sums[channel] = T(sums[channel].compute / count) }
      }
    }
  }
}
