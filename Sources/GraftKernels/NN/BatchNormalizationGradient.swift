import GraftGraph
import GraftTensor

/// Gradients of the normalisation of each channel over a batch.
enum BatchNormalizationGradientOps {
  static let all: [OpDefinition] = [
    OpDefinition("FusedBatchNormGrad", summary, types: ["T": [.float32]], shape: shape) { node in
      try kernel(node)
    },
    OpDefinition("FusedBatchNormGradV2", summary, types: BatchNormalizationOps.dtypes, shape: shape) { node in
      try kernel(node)
    },
    OpDefinition("FusedBatchNormGradV3", summary, types: BatchNormalizationOps.dtypes, shape: shape) { node in
      try kernel(node)
    },
    OpDefinition(
      "BatchNormWithGlobalNormalizationGrad",
      "The gradients of `BatchNormWithGlobalNormalization` by its inputs.",
      types: ["T": [.float16, .float32, .float64]],
      shape: { [$0.input(0)] + [PartialShape](repeating: $0.input(1), count: 4) }
    ) { node in
      try globalKernel(node)
    },
  ]

  private static let summary = """
    The gradients of `FusedBatchNorm` by input, scale and offset, with the mean and variance that it saved in \
    training, or with fixed ones.
    """

  private static let shape: ShapeRule = { context in
    let (x, scale) = (context.input(1), context.input(2))
    return [x, scale, scale, .unknown, .unknown]
  }

  private static func kernel(_ node: NodeSetup) throws -> Kernel {
    let order = try ChannelOrder(node)
    let isTraining = try node.bool("is_training")
    let epsilon = Double(try node.float("epsilon"))
    let dtype = try node.type("T")
    guard isTraining || !order.isChannelsFirst || dtype != .float16 else {
      throw node.unimplemented("For halves and fixed means and variances the channels come last: NHWC.")
    }
    return { context in
      let (gradient, x) = (try context.input(0), try context.input(1))
      let parameters = try (2...4).map { try context.input($0) }
      let planes = try ChannelPlanes(x.shape, order)
      guard gradient.shape == x.shape else {
        throw GraftError(
          .invalidArgument, "The gradient has shape \(gradient.shape), and the input \(x.shape).",
          at: .init(input: 0))
      }
      for (index, parameter) in parameters.enumerated()
      where parameter.rank != 1 || parameter.elementCount != planes.channels {
        throw GraftError(
          .invalidArgument,
          "Shape \(parameter.shape) was found where one element is expected for each of the \(planes.channels) channels.",
          at: .init(input: index + 2))
      }
      let output = try context.allocate(0, dtype, x.shape)
      let vector = Shape([planes.channels])
      let byScale = try context.allocate(1, .float32, vector).mutableBuffer(as: Float.self)
      let byOffset = try context.allocate(2, .float32, vector).mutableBuffer(as: Float.self)
      for index in [3, 4] {
        let isEmpty = !BatchNormalizationOps.isVectorized(dtype, x)
        try BatchNormalizationOps.reserve(index, isEmpty: isEmpty, context)
      }
      let result = dtype == .float32 ? output : try context.scratch(.float32, x.shape)
      let means = parameters[1].floats
      let inverses = parameters[2].buffer(as: Float.self).map { 1 / (Double($0) + epsilon).squareRoot() }
      let channels = ChannelGradients(
        planes: planes, gradient: try FloatConversion.widen(gradient, context),
        x: try FloatConversion.widen(x, context), means: means)
      let sums = channels.sums(context.workers)
      let count = Double(max(planes.count, 1))
      for channel in 0..<planes.channels {
        byOffset[channel] = Float(sums.gradients[channel])
        byScale[channel] = Float(sums.products[channel] * inverses[channel])
      }
      let scale = parameters[0].floats
      channels.write(
        factors: inverses.indices.map { Float(Double(scale[$0]) * inverses[$0]) },
        shifts: isTraining ? sums.gradients.map { Float($0 / count) } : nil,
        slopes: isTraining
          ? inverses.indices.map { Float(sums.products[$0] / count * inverses[$0] * inverses[$0]) } : nil,
        into: result, context.workers)
      if dtype != .float32 { FloatConversion.narrow(result, into: output, context.workers) }
    }
  }

  private static func globalKernel(_ node: NodeSetup) throws -> Kernel {
    let epsilon = Double(try node.float("variance_epsilon"))
    let scales = try node.bool("scale_after_normalization")
    let dtype = try node.type("T")
    return { context in
      let inputs = try context.inputs()
      guard inputs.count == 5, inputs[0].rank == 4, inputs[4].shape == inputs[0].shape else {
        throw GraftError(
          .invalidArgument,
          "Four dimensions are expected, the same for input and gradient; shapes \(inputs.map(\.shape)) were found."
        )
      }
      let channels = inputs[0].shape[3]
      for (index, input) in inputs[1...3].enumerated() where input.rank != 1 || input.elementCount != channels
      {
        throw GraftError(
          .invalidArgument, "Shape \(input.shape) was found where [\(channels)] is expected.",
          at: .init(input: index + 1))
      }
      let outputs = try (0..<5).map {
        try context.allocate($0, dtype, $0 == 0 ? inputs[0].shape : Shape([channels]))
      }
      func run<T: FloatElement>(_ type: T.Type) {
        let lists = inputs.map { $0.buffer(as: T.self) }
        let targets = outputs.map { $0.mutableBuffer(as: T.self) }
        func element(_ value: Double) -> T { T(T.Compute(value)) }
        for channel in 0..<channels {
          let mean = lists[1][channel].double
          let inverse = 1 / (lists[2][channel].double + epsilon).squareRoot()
          let gamma = scales ? lists[3][channel].double : 1
          var (sum, product) = (0.0, 0.0)
          for index in stride(from: channel, to: lists[0].count, by: channels) {
            let gradient = lists[4][index].double
            sum += gradient
            product += gradient * (lists[0][index].double - mean)
            targets[0][index] = element(gradient * gamma * inverse)
          }
          targets[1][channel] = element(-sum * gamma * inverse)
          targets[2][channel] = element(-0.5 * product * gamma * inverse * inverse * inverse)
          targets[3][channel] = element(sum)
          targets[4][channel] = element(scales ? product * inverse : 0)
        }
      }
      switch dtype {
      case .float32: run(Float.self)
      case .float64: run(Double.self)
      default: run(Float16.self)
      }
    }
  }
}

/// The gradient of a normalisation and its input, of float32, channel by channel.
private struct ChannelGradients: @unchecked Sendable {
  let planes: ChannelPlanes
  let gradient: UnsafePointer<Float>
  let x: UnsafePointer<Float>
  let means: UnsafePointer<Float>

  init(planes: ChannelPlanes, gradient: Tensor, x: Tensor, means: UnsafePointer<Float>) {
    self.planes = planes
    self.gradient = gradient.floats
    self.x = x.floats
    self.means = means
  }

  /// Each channel's sum of gradients, and of their products with the input's distance from the mean.
  func sums(_ workers: WorkerPool) -> (gradients: [Double], products: [Double]) {
    let channels = planes.channels
    var results = [Double](repeating: 0, count: 2 * channels)
    results.withUnsafeMutableBufferPointer { results in
      nonisolated(unsafe) let results = results
      if planes.isChannelsFirst {
        workers.forEach(channels, cost: planes.count) { range in
          for channel in range { addPlanes(of: channel, to: &results[channel], &results[channels + channel]) }
        }
      } else {
        let blocks = (channels + planes.block - 1) / planes.block
        workers.forEach(blocks, cost: planes.count * planes.block) { range in
          for block in range { addColumns(from: block * planes.block, to: results) }
        }
      }
    }
    return (Array(results[..<channels]), Array(results[channels...]))
  }

  private func addPlanes(of channel: Int, to sum: inout Double, _ product: inout Double) {
    let mean = means[channel]
    for image in 0..<planes.batch {
      let first = (image * planes.channels + channel) * planes.inner
      for start in stride(from: first, to: first + planes.inner, by: ChannelPlanes.run) {
        var (part, products): (Float, Float) = (0, 0)
        for index in start..<min(start + ChannelPlanes.run, first + planes.inner) {
          part += gradient[index]
          products += gradient[index] * (x[index] - mean)
        }
        sum += Double(part)
        product += Double(products)
      }
    }
  }

  /// Adds up a block of channels, of which the results hold the sums and after them the products.
  private func addColumns(from first: Int, to results: UnsafeMutableBufferPointer<Double>) {
    let channels = planes.channels
    let count = min(planes.block, channels - first)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * planes.block) { memory in
      guard let part = memory.baseAddress else { return }
      let product = part + planes.block
      let mean = means + first
      for start in stride(from: 0, to: planes.inner, by: ChannelPlanes.run) {
        memory.initialize(repeating: 0)
        for row in start..<min(start + ChannelPlanes.run, planes.inner) {
          let (g, values) = (gradient + row * channels + first, x + row * channels + first)
          for index in 0..<count {
            part[index] += g[index]
            product[index] += g[index] * (values[index] - mean[index])
          }
        }
        for index in 0..<count {
          results[first + index] += Double(part[index])
          results[channels + first + index] += Double(product[index])
        }
      }
    }
  }

  /// Writes `factor * (gradient - shift - (x - mean) * slope)`, without shifts and slopes where there are none.
  func write(factors: [Float], shifts: [Float]?, slopes: [Float]?, into result: Tensor, _ workers: WorkerPool)
  {
    let channels = planes.channels
    let isPlain = shifts == nil
    // One after the other.
    let parameters = factors + (shifts ?? factors) + (slopes ?? factors)
    parameters.withUnsafeBufferPointer { parameters in
      guard let base = parameters.baseAddress else { return }
      nonisolated(unsafe) let factors = base
      nonisolated(unsafe) let target = result.base.assumingMemoryBound(to: Float.self)
      /// Elements with parameters of their own, or all with the same.
      @inline(__always)
      @Sendable func write(_ first: Int, _ count: Int, _ channel: Int, _ step: Int) {
        let (g, values, results) = (gradient + first, x + first, target + first)
        let factor = factors + channel
        let (shift, slope) = (factor + channels, factor + 2 * channels)
        let mean = means + channel
        if isPlain {
          for index in 0..<count { results[index] = factor[index * step] * g[index] }
        } else {
          for index in 0..<count {
            let place = index * step
            results[index] =
              factor[place] * (g[index] - shift[place] - (values[index] - mean[place]) * slope[place])
          }
        }
      }
      if planes.isChannelsFirst {
        let inner = planes.inner
        workers.forEach(planes.batch * channels, cost: max(inner / 4, 1)) { range in
          for plane in range { write(plane * inner, inner, plane % channels, 0) }
        }
      } else {
        workers.forEach(planes.inner, cost: max(channels / 4, 1)) { range in
          for row in range { write(row * channels, channels, 0, 1) }
        }
      }
    }
  }
}
