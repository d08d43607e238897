import GraftGraph
import GraftTensor

/// Adds a vector to each channel.
enum BiasAddOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "BiasAdd", "Adds one element to each channel of a tensor of two dimensions or more. Both data formats.",
      types: ["T": .numbers], traits: .inPlace, shape: shape
    ) { node in
      try kernel(node)
    },
    OpDefinition(
      "BiasAddV1", "Adds one element to each element of the last dimension.", types: ["T": .numbers],
      traits: .inPlace, shape: shape
    ) { node in
      try kernel(node)
    },
    OpDefinition(
      "BiasAddGrad", "Sums up each channel: the gradient of `BiasAdd` by the bias.", types: ["T": .numbers],
      shape: { context in
        let order = try ChannelOrder(context.node)
        return [
          PartialShape([context.input(0).rank.flatMap { context.input(0)[order.channelAxis(rank: $0)] }])
        ]
      }
    ) { node in
      try gradientKernel(node)
    },
  ]

  private static let shape: ShapeRule = { context in
    let (value, bias) = (context.input(0), context.input(1))
    if let rank = value.rank, rank < 2 { throw tooFew("\(value)") }
    if let rank = bias.rank, rank != 1 {
      throw GraftError(.invalidArgument, "A bias of shape \(bias) was found where a vector is expected.")
    }
    return [value]
  }

  private static func tooFew(_ shape: String) -> GraftError {
    GraftError(.invalidArgument, "At least two dimensions are expected, and shape \(shape) was found.")
  }

  /// Elements before the channels, channels, and elements after them.
  private static func split(_ shape: Shape, _ order: ChannelOrder) throws -> (
    outer: Int, channels: Int, inner: Int
  ) {
    guard shape.rank >= 2 else { throw tooFew("\(shape)") }
    let axis = order.channelAxis(rank: shape.rank)
    let channels = shape[axis]
    let outer = shape.dimensions[..<axis].reduce(1, *)
    return (outer, channels, shape.elementCount / max(outer * channels, 1))
  }

  /// Elements that are worth a call.
  private static let shortest = 512

  private static func kernel(_ node: NodeSetup) throws -> Kernel {
    let order = try ChannelOrder(node)
    let dtype = try node.type("T")
    guard let row = MathOps.sum(of: dtype) else { throw node.unimplemented("There is no sum of \(dtype).") }
    return { context in
      let (value, bias) = (try context.input(0), try context.input(1))
      let (outer, channels, inner) = try split(value.shape, order)
      guard bias.rank == 1, bias.elementCount == channels else {
        throw GraftError(
          .invalidArgument,
          "A bias of shape \(bias.shape) was found for a tensor of shape \(value.shape): [\(channels)] is expected."
        )
      }
      let output = try context.allocate(0, dtype, value.shape)
      guard output.elementCount > 0 else { return }
      let (workers, size) = (context.workers, dtype.size)
      nonisolated(unsafe) let (source, target) = (UnsafeRawPointer(value.base), output.base)
      guard inner == 1 else {
        nonisolated(unsafe) let offsets = UnsafeRawPointer(bias.base)
        return context.perform {
          workers.forEach(outer * channels, cost: row.cost * inner / 1024 + 1) { range in
            for plane in range {
              let place = plane * inner * size
              row.right(source + place, offsets + plane % channels * size, target + place, inner)
            }
          }
        }
      }
      // Short lines several at a time, with a bias as long.
      let lines = min(max(shortest / channels, 1), outer)
      let repeated = lines == 1 ? bias : try context.scratch(dtype, Shape([lines * channels]))
      for line in 0..<lines where lines > 1 {
        (repeated.base + line * bias.byteCount).copyMemory(from: bias.base, byteCount: bias.byteCount)
      }
      nonisolated(unsafe) let offsets = UnsafeRawPointer(repeated.base)
      context.perform(binds: lines == 1) {
        workers.forEach((outer + lines - 1) / lines, cost: row.cost * lines * channels / 1024 + 1) { range in
          for group in range {
            let place = group * lines * channels * size
            row.pairs(source + place, offsets, target + place, min(lines, outer - group * lines) * channels)
          }
        }
      }
    }
  }

  private static func gradientKernel(_ node: NodeSetup) throws -> Kernel {
    let order = try ChannelOrder(node)
    let dtype = try node.type("T")
    return { context in
      let gradient = try context.input(0)
      let (outer, channels, inner) = try split(gradient.shape, order)
      let output = try context.allocate(0, dtype, Shape([channels]))
      if dtype == .float32 {
        let geometry = try ReductionGeometry(
          Shape(validating: [outer, channels, inner]), axes: [0, 2], keepsDimensions: false)
        let (source, target, workers) = (gradient.base, output.base, context.workers)
        let reduction = ReductionKernel<Reducers.FloatSum>(geometry)
        return context.perform { reduction.run(source, target, workers) }
      }
      func sum<T, Sum: ArithmeticElement>(
        _ type: T.Type, _ zero: Sum, _ widen: (T) -> Sum, _ narrow: (Sum) -> T
      ) {
        let (source, target) = (gradient.buffer(as: T.self), output.mutableBuffer(as: T.self))
        withUnsafeTemporaryAllocation(of: Sum.self, capacity: max(channels, 1)) { sums in
          sums.initialize(repeating: zero)
          for row in 0..<outer {
            for channel in 0..<channels {
              let first = (row * channels + channel) * inner
              for index in first..<first + inner {
                sums[channel] = Sum.add(sums[channel], widen(source[index]))
              }
            }
          }
          for channel in 0..<channels { target[channel] = narrow(sums[channel]) }
        }
      }
      switch dtype {
      case .float64: sum(Double.self, 0.0, { $0 }, { $0 })
      case .float16: sum(Float16.self, Float(0), { Float($0) }, { Float16($0) })
      case .bfloat16: sum(BFloat16.self, Float(0), { Float($0) }, { BFloat16($0) })
      case .int8, .uint8: sum(UInt8.self, UInt8(0), { $0 }, { $0 })
      case .int16, .uint16: sum(UInt16.self, UInt16(0), { $0 }, { $0 })
      case .int32, .uint32: sum(UInt32.self, UInt32(0), { $0 }, { $0 })
      case .int64, .uint64: sum(UInt64.self, UInt64(0), { $0 }, { $0 })
      case .complex64: sum(Complex64.self, Complex64.zero, { $0 }, { $0 })
      case .complex128: sum(Complex128.self, Complex128.zero, { $0 }, { $0 })
      default: throw node.unimplemented("There is no sum of \(dtype).")
      }
    }
  }
}
