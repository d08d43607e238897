import CGraftVector
import GraftGraph
import GraftTensor

/// Division of each element by a power of the squares around it.
enum LocalResponseNormalizationOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "LRN",
      """
      Divides each element by `(bias + alpha * s) ^ beta`, s being the sum of the squares of the channels at most \
      `depth_radius` away.
      """,
      types: ["T": [.float16, .bfloat16, .float32]], shape: ShapeRules.sameAsInput
    ) { node in
      let window = try Window(node)
      let dtype = try node.type("T")
      return { context in
        let x = try context.input(0)
        try window.check(x)
        let output = try context.allocate(0, dtype, x.shape)
        guard output.elementCount > 0 else { return }
        switch dtype {
        case .float16: SteppedNormalization<Float16>(window).run(x, output, context.workers)
        case .bfloat16: SteppedNormalization<BFloat16>(window).run(x, output, context.workers)
        default: window.normalise(x, output, context.workers)
        }
      }
    },
    OpDefinition(
      "LRNGrad", "The gradient of `LRN` by its input.", types: ["T": [.float16, .bfloat16, .float32]],
      shape: ShapeRules.sameAsInput
    ) { node in
      let window = try Window(node)
      let dtype = try node.type("T")
      return { context in
        let (gradient, x, y) = (try context.input(0), try context.input(1), try context.input(2))
        try window.check(x)
        guard gradient.shape == x.shape, y.shape == x.shape else {
          throw GraftError(
            .invalidArgument,
            "The shapes \(gradient.shape), \(x.shape) and \(y.shape) of gradient, input and output differ.")
        }
        let output = try context.allocate(0, dtype, x.shape)
        guard output.elementCount > 0 else { return }
        let result = dtype == .float32 ? output : try context.scratch(.float32, x.shape)
        window.differentiate(
          try FloatConversion.widen(gradient, context), try FloatConversion.widen(x, context),
          try FloatConversion.widen(y, context), result)
        if dtype != .float32 { FloatConversion.narrow(result, into: output, context.workers) }
      }
    },
  ]

  /// The op's attributes.
  struct Window: Sendable {
    /// Numbers that stay in the innermost cache, with their squares and norms.
    private static let lineLength = 512

    let radius: Int
    let bias: Float
    let alpha: Float
    let beta: Float

    init(_ node: NodeSetup) throws {
      radius = try node.int("depth_radius")
      bias = try node.float("bias")
      alpha = try node.float("alpha")
      beta = try node.float("beta")
      guard (0...Int(Int32.max)).contains(radius) else {
        throw node.invalid("'depth_radius' is \(radius), and must be 0 or more.")
      }
    }

    func check(_ x: Tensor) throws {
      guard x.rank == 4 else {
        throw GraftError(.invalidArgument, "Four dimensions are expected, and shape \(x.shape) was found.")
      }
    }

    /// Whether a channel's norm is NaN for a square that lies too far away to count: TensorFlow multiplies all
    /// squares, by zero those that do not count, and zero times infinity is NaN.
    @inline(__always)
    func isSpoilt<T: FloatElement>(_ values: UnsafePointer<T>, _ channel: Int, _ channels: Int) -> Bool {
      for index in 0..<channels where abs(index - channel) > radius {
        if !(values[index].compute * values[index].compute).isFinite { return true }
      }
      return false
    }

    /// `bias + alpha * s` of one channel.
    @inline(__always)
    private func norm(_ values: UnsafePointer<Float>, _ channel: Int, _ channels: Int) -> Float {
      var sum: Float = 0
      for index in max(0, channel - radius)...min(channels - 1, channel + radius) {
        sum += values[index] * values[index]
      }
      return bias + alpha * sum
    }

    func normalise(_ x: Tensor, _ output: Tensor, _ workers: WorkerPool) {
      nonisolated(unsafe) let source = x.floats
      nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
      let channels = x.shape[3]
      let reach = min(radius, channels)
      // The powers that networks use need no logarithm.
      let quarters: Int32? = [0.5, 0.75, 1].contains(beta) ? Int32(beta * 4) : nil
      // Few channels of many pixels are one line.
      let most = max(Self.lineLength / (channels + reach), 1)
      let room = most * (channels + reach) + 2 * (reach + Int(GRAFT_LANES_F32))
      workers.forEach(x.elementCount / channels, cost: channels * (reach + 5)) { range in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: room + most * channels) { memory in
          guard let squares = memory.baseAddress else { return }
          let norms = squares + room
          for first in stride(from: range.lowerBound, to: range.upperBound, by: most) {
            let pixels = min(most, range.upperBound - first)
            let (values, results) = (source + first * channels, target + first * channels)
            let isFinite =
              graft_lrn_norms_f32(values, squares, norms, pixels, channels, reach, bias, alpha) != 0
            if let quarters {
              graft_divide_by_root_f32(values, norms, results, pixels * channels, quarters)
            } else {
              for index in 0..<pixels * channels {
                results[index] = values[index] * Float.power(norms[index], -beta)
              }
            }
            if isFinite { continue }
            for place in 0..<pixels * channels {
              let (pixel, channel) = place.quotientAndRemainder(dividingBy: channels)
              if isSpoilt(values + pixel * channels, channel, channels) { results[place] = .nan }
            }
          }
        }
      }
    }

    func differentiate(_ gradient: Tensor, _ x: Tensor, _ y: Tensor, _ output: Tensor) {
      let channels = x.shape[3]
      let result = output.mutableBuffer(as: Float.self)
      result.update(repeating: 0)
      for first in stride(from: 0, to: x.elementCount, by: channels) {
        let (gradients, values, outputs) = (gradient.floats + first, x.floats + first, y.floats + first)
        for channel in 0..<channels {
          let norm = norm(values, channel, channels)
          for index in max(0, channel - radius)...min(channels - 1, channel + radius) {
            var part = -2 * alpha * beta * values[index] * outputs[channel] / norm
            if index == channel { part += Float.power(norm, -beta) }
            result[first + index] += part * gradients[channel]
          }
        }
      }
    }
  }
}
