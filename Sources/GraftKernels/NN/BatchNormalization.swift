import CGraftVector
import GraftGraph
import GraftTensor

/// Normalisation of each channel over a batch.
enum BatchNormalizationOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "FusedBatchNorm", summary, types: ["T": [.float32]], shape: { shape($0, extra: 0) }
    ) { node in
      try kernel(node)
    },
    OpDefinition(
      "FusedBatchNormV2", summary, types: dtypes, shape: { shape($0, extra: 0) }
    ) { node in
      try kernel(node)
    },
    OpDefinition(
      "FusedBatchNormV3", summary, types: dtypes, shape: { shape($0, extra: 1) }
    ) { node in
      try kernel(node)
    },
    OpDefinition(
      "BatchNormWithGlobalNormalization",
      "Takes off the mean, divides by the deviation, adds beta; times gamma where `scale_after_normalization` is set.",
      types: ["T": [.float16, .float32, .float64]], shape: ShapeRules.sameAsInput
    ) { node in
      try globalKernel(node)
    },
  ]

  static let dtypes: [String: [DataType]] = ["T": [.float16, .bfloat16, .float32], "U": [.float32]]

  private static let summary = """
    Normalises each channel: with the given mean and variance, or in training with those of the batch, which are \
    also given out (the variance over one less than the elements). Four and five dimensions, both data formats.
    """

  private static func shape(_ context: ShapeContext, extra: Int) -> [PartialShape] {
    let x = context.input(0)
    let order = try? ChannelOrder(context.node)
    let channels =
      x.rank.flatMap { rank in order.flatMap { x[$0.channelAxis(rank: rank)] } } ?? context.input(1)[0]
    let vector = PartialShape([channels])
    return [x] + [PartialShape](repeating: vector, count: 4)
      + [PartialShape](repeating: .unknown, count: extra)
  }

  // MARK: - Kernel

  /// Whether TensorFlow's vectorised kernel normalises this, whose outputs without a meaning have other shapes.
  static func isVectorized(_ dtype: DataType, _ x: Tensor) -> Bool { dtype != .float16 && x.rank == 4 }

  /// Gives out what has no meaning on a CPU: a zero, or nothing.
  static func reserve(_ output: Int, isEmpty: Bool, _ context: KernelContext) throws {
    let numbers = try context.allocate(output, .float32, isEmpty ? [0] : .scalar)
    if !isEmpty { numbers.mutableBuffer(as: Float.self)[0] = 0 }
  }

  private static func kernel(_ node: NodeSetup) throws -> Kernel {
    let order = try ChannelOrder(node)
    let isTraining = try node.bool("is_training")
    let epsilon = try node.float("epsilon")
    let factor = node.has("exponential_avg_factor") ? try node.float("exponential_avg_factor") : 1
    let dtype = try node.type("T")
    return { context in
      let x = try context.input(0)
      let planes = try ChannelPlanes(x.shape, order)
      let parameters = try (1...4).map { try context.input($0) }
      try check(parameters, channels: planes.channels, isTraining: isTraining && factor == 1)

      let output = try context.allocate(0, dtype, x.shape)
      let vector = Shape([planes.channels])
      let (mean, variance) = (
        try context.allocate(1, .float32, vector), try context.allocate(2, .float32, vector)
      )
      let (savedMean, savedVariance) = (
        try context.allocate(3, .float32, vector), try context.allocate(4, .float32, vector)
      )
      if context.outputCount > 5 { try reserve(5, isEmpty: isVectorized(dtype, x), context) }
      let scale = parameters[0].buffer(as: Float.self)
      let (oldMean, oldVariance) = (
        parameters[2].buffer(as: Float.self), parameters[3].buffer(as: Float.self)
      )
      let values = try FloatConversion.widen(x, context)
      let means = mean.mutableBuffer(as: Float.self)
      let variances = variance.mutableBuffer(as: Float.self)
      let savedMeans = savedMean.mutableBuffer(as: Float.self)
      let savedVariances = savedVariance.mutableBuffer(as: Float.self)

      guard x.elementCount > 0 else {
        for channel in 0..<planes.channels {
          (means[channel], variances[channel], savedMeans[channel], savedVariances[channel]) = (
            .nan, .nan, 0, 0
          )
        }
        return
      }
      if isTraining {
        planes.moments(values, into: savedMeans, savedVariances, context.workers)
        let count = Float(planes.count)
        for channel in 0..<planes.channels {
          let corrected = savedVariances[channel] * (count / max(count - 1, 1))
          if factor == 1 {
            (means[channel], variances[channel]) = (savedMeans[channel], corrected)
          } else {
            means[channel] = (1 - factor) * oldMean[channel] + factor * savedMeans[channel]
            variances[channel] = (1 - factor) * oldVariance[channel] + factor * corrected
          }
        }
      } else {
        for channel in 0..<planes.channels {
          (means[channel], variances[channel]) = (oldMean[channel], oldVariance[channel])
          (savedMeans[channel], savedVariances[channel]) = (oldMean[channel], oldVariance[channel])
        }
      }

      let factors = try context.scratch(.float32, vector)
      let factor = factors.mutableBuffer(as: Float.self)
      let used = isTraining ? savedVariances : variances
      for channel in 0..<planes.channels {
        factor[channel] = scale[channel] / (used[channel] + epsilon).squareRoot()
      }
      let normalised = dtype == .float32 ? output : try context.scratch(.float32, x.shape)
      planes.normalise(
        values, mean: (isTraining ? savedMean : mean).floats, scale: factors.floats,
        offset: parameters[1].floats,
        into: normalised, context.workers)
      if dtype != .float32 { FloatConversion.narrow(normalised, into: output, context.workers) }
    }
  }

  private static func check(_ parameters: [Tensor], channels: Int, isTraining: Bool) throws {
    for (index, parameter) in parameters.enumerated() {
      let name = ["scale", "offset", "mean", "variance"][index]
      // In training mean and variance are not read, and mostly empty.
      if index >= 2, isTraining { continue }
      guard parameter.rank == 1, parameter.elementCount == channels else {
        throw GraftError(
          .invalidArgument,
          "'\(name)' has shape \(parameter.shape), and one element is expected for each of the \(channels) channels.",
          at: .init(input: index + 1))
      }
    }
  }

  // MARK: - BatchNormWithGlobalNormalization

  private static func globalKernel(_ node: NodeSetup) throws -> Kernel {
    let epsilon = try node.float("variance_epsilon")
    let scales = try node.bool("scale_after_normalization")
    let dtype = try node.type("T")
    return { context in
      let x = try context.input(0)
      guard x.rank == 4 else {
        throw GraftError(.invalidArgument, "Four dimensions are expected, and shape \(x.shape) was found.")
      }
      let channels = x.shape[3]
      let parameters = try (1...4).map { try context.input($0) }
      for (index, parameter) in parameters.enumerated()
      where parameter.rank != 1 || parameter.elementCount != channels {
        throw GraftError(
          .invalidArgument, "A tensor of shape \(parameter.shape) was found where [\(channels)] is expected.",
          at: .init(input: index + 1))
      }
      let output = try context.allocate(0, dtype, x.shape)
      func run<T: FloatElement>(_ type: T.Type) {
        let (values, target) = (x.buffer(as: T.self), output.mutableBuffer(as: T.self))
        let lists = parameters.map { $0.buffer(as: T.self) }
        for channel in 0..<channels {
          let deviation = (lists[1][channel].compute + T.Compute(epsilon)).squareRoot()
          let scale = scales ? lists[3][channel].compute / deviation : 1 / deviation
          let (mean, beta) = (lists[0][channel].compute, lists[2][channel].compute)
          for index in stride(from: channel, to: values.count, by: channels) {
            target[index] = T((values[index].compute - mean) * scale + beta)
          }
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

/// A tensor as the elements of its channels: `batch` times `inner` of each.
struct ChannelPlanes: Sendable {
  let channels: Int
  /// With channels first: images; else 1.
  let batch: Int
  /// With channels first: elements of a channel in an image; else all elements of a channel.
  let inner: Int
  let isChannelsFirst: Bool

  /// How many elements a channel has.
  var count: Int { batch * inner }

  /// The planes of a tensor of four or five dimensions.
  init(_ shape: Shape, _ order: ChannelOrder) throws {
    guard shape.rank == 4 || shape.rank == 5 else {
      throw GraftError(
        .invalidArgument, "Four or five dimensions are expected, and shape \(shape) was found.",
        at: .init(input: 0))
    }
    isChannelsFirst = order.isChannelsFirst
    channels = shape[order.channelAxis(rank: shape.rank)]
    let elements = shape.elementCount / max(channels, 1)
    batch = order.isChannelsFirst ? shape[0] : 1
    inner = elements / max(batch, 1)
  }

  /// How many elements are summed in single precision before they join a sum in double precision.
  static let run = 16
  /// Channels that are summed together where they come last: whole cache lines of a row, and not all, so that a second
  /// thread has some.
  var block: Int { min((channels + 31) / 32 * 16, 64) }

  /// Each channel's mean and variance, of float32 elements; sums are made in double precision.
  func moments(
    _ x: Tensor, into means: UnsafeMutableBufferPointer<Float>,
    _ variances: UnsafeMutableBufferPointer<Float>,
    _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source = x.buffer(as: Float.self)
    nonisolated(unsafe) let (means, variances) = (means, variances)
    let (channels, batch, inner) = (channels, batch, inner)
    if isChannelsFirst {
      workers.forEach(channels, cost: 2 * count) { range in
        for channel in range {
          var sum = 0.0
          for image in 0..<batch {
            let first = (image * channels + channel) * inner
            for start in stride(from: first, to: first + inner, by: Self.run) {
              var part: Float = 0
              for index in start..<min(start + Self.run, first + inner) { part += source[index] }
              sum += Double(part)
            }
          }
          let mean = sum / Double(batch * inner)
          var squares = 0.0
          for image in 0..<batch {
            let first = (image * channels + channel) * inner
            for start in stride(from: first, to: first + inner, by: Self.run) {
              var part: Float = 0
              for index in start..<min(start + Self.run, first + inner) {
                let difference = source[index] - Float(mean)
                part += difference * difference
              }
              squares += Double(part)
            }
          }
          (means[channel], variances[channel]) = (Float(mean), Float(squares / Double(batch * inner)))
        }
      }
      return
    }
    let width = block
    workers.forEach((channels + width - 1) / width, cost: 2 * count * width) { range in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: width) { sums in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * width) { parts in
          guard let sums = sums.baseAddress, let part = parts.baseAddress, let source = source.baseAddress
          else { return }
          let mean = part + width
          /// The means of what the closure adds to each channel's part, a few rows at a time.
          @inline(__always)
          func average(
            _ first: Int, _ count: Int, _ add: (_ rows: UnsafePointer<Float>, _ count: Int) -> Void
          ) {
            sums.initialize(repeating: 0, count: width)
            for start in stride(from: 0, to: inner, by: Self.run) {
              part.initialize(repeating: 0, count: width)
              add(source + start * channels + first, min(Self.run, inner - start))
              for index in 0..<count { sums[index] += Double(part[index]) }
            }
            for index in 0..<count { sums[index] /= Double(inner) }
          }
          for block in range {
            let first = block * width
            let count = min(channels - first, width)
            average(first, count) { graft_f32_add_columns(part, $0, channels, $1, count) }
            for index in 0..<count {
              mean[index] = Float(sums[index])
              means[first + index] = mean[index]
            }
            average(first, count) { graft_f32_add_squares_columns(part, $0, mean, channels, $1, count) }
            for index in 0..<count { variances[first + index] = Float(sums[index]) }
          }
        }
      }
    }
  }

  /// `(x - mean) * scale + offset` for each channel.
  func normalise(
    _ x: Tensor, mean: UnsafePointer<Float>, scale: UnsafePointer<Float>, offset: UnsafePointer<Float>,
    into output: Tensor, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let (mean, scale, offset) = (mean, scale, offset)
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: Float.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
    let (channels, inner) = (channels, inner)
    if isChannelsFirst {
      workers.forEach(batch * channels, cost: max(inner / 4, 1)) { range in
        for plane in range {
          let channel = plane % channels
          let (m, s, b) = (mean[channel], scale[channel], offset[channel])
          let first = plane * inner
          for index in first..<first + inner { target[index] = (source[index] - m) * s + b }
        }
      }
    } else {
      workers.forEach(inner, cost: max(channels / 4, 1)) { range in
        graft_f32_normalize_columns(
          source + range.lowerBound * channels, mean, scale, offset, target + range.lowerBound * channels,
          range.count, channels)
      }
    }
  }
}

extension Tensor {
  /// The elements of a float32 tensor, for a kernel to read.
  var floats: UnsafePointer<Float> { UnsafePointer(base.assumingMemoryBound(to: Float.self)) }
}
