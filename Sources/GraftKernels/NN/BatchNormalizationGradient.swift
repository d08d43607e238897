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
      let (gradients, values) = (
        try FloatConversion.widen(gradient, context).floats, try FloatConversion.widen(x, context).floats
      )
      let result = dtype == .float32 ? output : try context.scratch(.float32, x.shape)
      let target = result.mutableBuffer(as: Float.self)
      let lists = parameters.map { $0.buffer(as: Float.self) }
      for channel in 0..<planes.channels {
        let mean = Double(lists[1][channel])
        let inverse = 1 / (Double(lists[2][channel]) + epsilon).squareRoot()
        var (sum, product) = (0.0, 0.0)
        planes.forEach(channel) { index in
          sum += Double(gradients[index])
          product += Double(gradients[index]) * (Double(values[index]) - mean)
        }
        byOffset[channel] = Float(sum)
        byScale[channel] = Float(product * inverse)
        let factor = Double(lists[0][channel]) * inverse
        let count = Double(max(planes.count, 1))
        let (meanGradient, slope) = isTraining ? (sum / count, product / count * inverse * inverse) : (0, 0)
        planes.forEach(channel) { index in
          target[index] = Float(
            factor * (Double(gradients[index]) - meanGradient - (Double(values[index]) - mean) * slope))
        }
      }
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

extension ChannelPlanes {
  /// Calls the body with the place of each of a channel's elements.
  @inline(__always)
  func forEach(_ channel: Int, _ body: (Int) -> Void) {
    if isChannelsFirst {
      for image in 0..<batch {
        let first = (image * channels + channel) * inner
        for index in first..<first + inner { body(index) }
      }
    } else {
      for row in 0..<inner { body(row * channels + channel) }
    }
  }
}
