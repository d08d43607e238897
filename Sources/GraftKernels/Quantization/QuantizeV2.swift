import GraftGraph
import GraftTensor

/// How real numbers become values.
enum QuantizationMode: String {
  /// The range's ends become the lowest and the highest value.
  case minCombined = "MIN_COMBINED"
  /// The same, with the low end rounded first.
  case minFirst = "MIN_FIRST"
  /// Zero becomes zero.
  case scaled = "SCALED"

  init(_ setup: NodeSetup) throws {
    let name = try setup.string("mode")
    guard let mode = QuantizationMode(rawValue: name) else {
      throw setup.invalid("'mode' is '\(name)'; MIN_COMBINED, MIN_FIRST or SCALED is expected.")
    }
    self = mode
  }
}

/// A tensor cut into slices along one axis, each with a range of its own.
struct QuantizationSlices {
  /// Slices; 1 where there is one range for all.
  let count: Int
  /// Elements of one slice that lie behind each other.
  let inner: Int
  /// How often all slices come in turn.
  let outer: Int

  /// The slices along an axis, and a check of the inputs that give their ranges; -1: one range for all.
  init(_ context: KernelContext, _ input: Tensor, axis: Int, ranges first: Int) throws {
    try self.init(input, axis: axis)
    for index in first...(first + 1) {
      let range = try context.input(index)
      guard range.elementCount == count else {
        throw GraftError(
          .invalidArgument,
          "The range has one number for each of \(count) slices; the shape \(range.shape) was found.",
          at: .init(input: index))
      }
    }
  }

  /// A tensor as one slice.
  init(whole input: Tensor) {
    count = 1
    inner = input.elementCount
    outer = 1
  }

  /// The slices along an axis; -1: all is one.
  init(_ input: Tensor, axis: Int) throws {
    guard axis >= -1, axis < input.rank else {
      throw GraftError(
        .invalidArgument, "'axis' is \(axis), and the input has the shape \(input.shape).",
        at: .init(input: 0))
    }
    count = axis < 0 ? 1 : input.shape[axis]
    inner = input.shape.dimensions[(axis + 1)...].reduce(1, *)
    outer = input.shape.dimensions[..<max(axis, 0)].reduce(1, *)
  }

  /// Calls the closure with the elements of each run of one slice.
  @inline(__always)
  func forEach(_ body: (_ slice: Int, _ elements: Range<Int>) -> Void) {
    guard inner > 0 else { return }
    for run in 0..<(count * outer) { body(run % count, run * inner..<(run + 1) * inner) }
  }
}

enum QuantizeV2Ops {
  static let all: [OpDefinition] = [
    OpDefinition(
      "QuantizeV2", "Values of a quantized dtype for real numbers, and the range that they stand for.",
      types: ["T": [.qint8, .quint8, .qint16, .quint16, .qint32]],
      shape: { context in
        let isWhole = try context.node.int("axis") == -1
        return [
          context.input(0), isWhole ? .scalar : context.input(1), isWhole ? .scalar : context.input(2),
        ]
      },
      prepare: { setup in
        let mode = try QuantizationMode(setup)
        let dtype = try setup.outputType(0)
        let roundsToEven = try setup.string("round_mode") == "HALF_TO_EVEN"
        guard mode == .scaled || !roundsToEven else {
          throw setup.invalid("'round_mode' HALF_TO_EVEN is only known for the mode SCALED.")
        }
        let isNarrow = try setup.bool("narrow_range")
        let axis = try setup.int("axis")
        let minimumRange = try setup.float("ensure_minimum_range")
        return { context in
          let input = try context.input(0)
          let slices = try QuantizationSlices(context, input, axis: axis, ranges: 1)
          guard slices.count == 1 || mode != .minFirst else {
            throw GraftError(.unimplemented, "The mode MIN_FIRST is not known for ranges along an axis.")
          }
          let lows = try context.input(1)
          let highs = try context.input(2)
          let quantizer = Quantizer(
            mode: mode, type: QuantizedType(dtype), roundsToEven: roundsToEven, isNarrow: isNarrow,
            minimumRange: minimumRange)
          let scales = try zip(lows.buffer(as: Float.self), highs.buffer(as: Float.self)).map {
            try quantizer.scale($0, $1)
          }
          let output = try context.allocate(0, dtype, input.shape)
          let outputLows = try context.allocate(1, .float32, axis < 0 ? .scalar : lows.shape).mutableBuffer(
            as: Float.self)
          let outputHighs = try context.allocate(2, .float32, axis < 0 ? .scalar : highs.shape).mutableBuffer(
            as: Float.self)
          for (index, scale) in scales.enumerated() {
            outputLows[index] = scale.low
            outputHighs[index] = scale.high
          }
          switch dtype {
          case .quint8: quantizer.write(input, output, UInt8.self, slices, scales)
          case .qint8: quantizer.write(input, output, Int8.self, slices, scales)
          case .quint16: quantizer.write(input, output, UInt16.self, slices, scales)
          case .qint16: quantizer.write(input, output, Int16.self, slices, scales)
          default: quantizer.write(input, output, Int32.self, slices, scales)
          }
        }
      })
  ]
}

private struct Quantizer {
  let mode: QuantizationMode
  let type: QuantizedType
  let roundsToEven: Bool
  let isNarrow: Bool
  let minimumRange: Float

  /// How the numbers of one range become values.
  struct Scale {
    var low: Float
    var high: Float
    var factor: Float
    var single: QuantizedScale
  }

  func scale(_ givenLow: Float, _ givenHigh: Float) throws -> Scale {
    guard !(givenHigh < givenLow) else {
      throw GraftError(
        .invalidArgument, "The range ends at \(givenHigh), before it begins at \(givenLow).",
        at: .init(input: 1))
    }
    // Ranges hold zero, and are not so small that all values would stand for one number.
    var low = min(0, givenLow)
    let epsilon = max(1, max(abs(givenLow), abs(givenHigh))) * minimumRange
    var high = max(0, max(givenHigh, low + epsilon))
    var factor = (Float(type.highest) - Float(type.lowest)) / (high - low)
    if mode == .scaled {
      let lowest = Float(type.lowest + (isNarrow ? 1 : 0))
      let highest = Float(type.highest)
      let fromLow = lowest * low > 0 ? lowest / low : Float.greatestFiniteMagnitude
      let fromHigh = highest * high > 0 ? highest / high : Float.greatestFiniteMagnitude
      factor = min(fromLow, fromHigh)
      low = lowest / factor
      high = highest / factor
    }
    return Scale(low: low, high: high, factor: factor, single: QuantizedScale(type, low, high))
  }

  func write<T: FixedWidthInteger>(
    _ input: Tensor, _ output: Tensor, _ element: T.Type, _ slices: QuantizationSlices, _ scales: [Scale]
  ) {
    let source = input.buffer(as: Float.self)
    let target = output.mutableBuffer(as: T.self)
    let half: Float = type.isSigned ? Float((type.steps) / 2) : 0
    slices.forEach { slice, elements in
      let scale = scales[slice]
      for index in elements {
        if mode == .minFirst {
          target[index] = T(truncatingIfNeeded: scale.single(source[index]))
          continue
        }
        let limited = scale.high < source[index] ? scale.high : source[index]
        let clamped = limited < scale.low ? scale.low : limited
        let value: Float
        if mode == .scaled {
          value = (clamped * scale.factor).rounded(roundsToEven ? .toNearestOrEven : .toNearestOrAwayFromZero)
        } else if type.isSigned {
          value = ((clamped - scale.low) * scale.factor - half).rounded(.toNearestOrAwayFromZero)
        } else {
          value = (clamped - scale.low) * scale.factor + 0.5
        }
        // What does not fit 32 bits becomes the smallest integer, as the processor converts.
        let fits = value >= -2_147_483_648 && value < 2_147_483_648
        target[index] = T(truncatingIfNeeded: fits ? Int32(value) : Int32.min)
      }
    }
  }
}
