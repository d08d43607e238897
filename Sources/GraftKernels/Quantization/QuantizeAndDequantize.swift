import GraftGraph
import GraftTensor

enum QuantizeAndDequantizeOps {
  static let all: [OpDefinition] = [
    definition(
      "QuantizeAndDequantize", "Rounds numbers to what a quantized dtype could hold, and gives them back.",
      .first),
    definition("QuantizeAndDequantizeV2", "QuantizeAndDequantize with the range as inputs.", .second),
    definition(
      "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV2 with the number of bits as an input.", .third),
    definition("QuantizeAndDequantizeV4", "QuantizeAndDequantizeV2 with another gradient.", .second),
    OpDefinition(
      "QuantizeAndDequantizeV4Grad", "The gradient of QuantizeAndDequantizeV4: nothing outside of the range.",
      types: ["T": [.float32, .float64]], shape: { [$0.input(0), $0.input(2), $0.input(3)] },
      prepare: { setup in
        let axis = try setup.int("axis")
        return { context in
          let gradients = try context.input(0)
          let input = try context.input(1)
          guard gradients.shape == input.shape else {
            throw GraftError(
              .invalidArgument,
              "'gradients' of shape \(gradients.shape) and 'input' of shape \(input.shape) must have the same shape."
            )
          }
          let slices = try QuantizationSlices(context, input, axis: axis, ranges: 2)
          if gradients.dtype == .float64 {
            try gradient(context, gradients, input, slices, Double.self)
          } else {
            try gradient(context, gradients, input, slices, Float.self)
          }
        }
      }),
  ]

  /// Where the forms of the op have their arguments.
  private enum Form {
    case first
    case second
    case third
  }

  private static func definition(_ name: String, _ summary: String, _ form: Form) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": [.float32, .float64]], shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let isSigned = try setup.bool("signed_input")
        let bits = form == .third ? nil : try setup.int("num_bits")
        if let bits { try check(bits, isSigned) }
        let isGiven = try setup.bool("range_given")
        let fixed = form == .first ? (try setup.float("input_min"), try setup.float("input_max")) : (0, 0)
        let roundsUp = form == .second ? try setup.string("round_mode") == "HALF_UP" : false
        let isNarrow = form == .first ? false : try setup.bool("narrow_range")
        let axis = form == .first ? -1 : try setup.int("axis")
        return { context in
          let input = try context.input(0)
          if form == .second, isGiven, axis == -1 {
            for place in [1, 2] where try context.input(place).rank != 0 {
              throw GraftError(
                .invalidArgument,
                "The range's ends are scalars, and one of shape \(try context.input(place).shape) was found.",
                at: .init(input: place))
            }
          }
          var count = bits ?? 0
          if bits == nil {
            count = try context.scalarInteger(3, named: "num_bits")
            try check(count, isSigned)
          }
          let rounding = Rounding(
            isSigned: isSigned, bits: count, roundsUp: roundsUp, isNarrow: isNarrow, isGiven: isGiven)
          if input.dtype == .float64 {
            try run(context, input, rounding, axis, form == .first ? fixed : nil, Double.self)
          } else {
            try run(context, input, rounding, axis, form == .first ? fixed : nil, Float.self)
          }
        }
      })
  }

  private static func check(_ bits: Int, _ isSigned: Bool) throws {
    guard bits > 0, bits < (isSigned ? 62 : 63) else {
      throw GraftError(
        .invalidArgument, "'num_bits' is \(bits); it is at least 1 and at most \(isSigned ? 61 : 62).")
    }
  }

  private struct Rounding {
    var isSigned: Bool
    var bits: Int
    var roundsUp: Bool
    var isNarrow: Bool
    var isGiven: Bool

    /// The factor that makes a range's numbers values, its inverse, and the range as values can reach it.
    func scale<T: BinaryFloatingPoint>(_ low: T, _ high: T) -> (scale: T, inverse: T, low: T, high: T) {
      let top = Int64(1) << Int64(isSigned ? bits - 1 : bits)
      let lowest = T(isSigned ? (isNarrow ? 1 - top : -top) : 0)
      let highest = T(top - 1)
      let fromLow = lowest * low > 0 ? lowest / low : T.greatestFiniteMagnitude
      let fromHigh = highest * high > 0 ? highest / high : T.greatestFiniteMagnitude
      if fromLow < fromHigh {
        let inverse = low / lowest
        return (fromLow, inverse, low, highest * inverse)
      }
      let inverse = high / highest
      return (fromHigh, inverse, lowest * inverse, high)
    }
  }

  private static func run<T: RoundedFloat>(
    _ context: KernelContext, _ input: Tensor, _ rounding: Rounding, _ axis: Int, _ fixed: (Float, Float)?,
    _ type: T.Type
  ) throws {
    let slices: QuantizationSlices
    var lows: [T]
    var highs: [T]
    if let fixed {
      slices = QuantizationSlices(whole: input)
      lows = [T(fixed.0)]
      highs = [T(fixed.1)]
    } else if rounding.isGiven {
      slices = try QuantizationSlices(context, input, axis: axis, ranges: 1)
      lows = Array(try context.input(1).buffer(as: T.self))
      highs = Array(try context.input(2).buffer(as: T.self))
    } else {
      slices = try QuantizationSlices(input, axis: axis)
      lows = []
      highs = []
    }
    nonisolated(unsafe) let source = UnsafePointer(input.base.assumingMemoryBound(to: T.self))
    if rounding.isGiven {
      for (low, high) in zip(lows, highs) where !(low <= high) {
        throw GraftError(.invalidArgument, "The range ends at \(high), before it begins at \(low).")
      }
    } else {
      lows = [T](repeating: .infinity, count: slices.count)
      highs = [T](repeating: -.infinity, count: slices.count)
      slices.forEach { slice, elements in
        T.widen(&lows[slice], &highs[slice], by: source + elements.lowerBound, elements.count)
      }
    }
    let output = try context.allocate(0, input.dtype, input.shape)
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    let steps = zip(lows, highs).map { low, high in
      let range = rounding.scale(low, high)
      return RoundingSteps(
        low: rounding.isGiven ? range.low : -.infinity, high: rounding.isGiven ? range.high : .infinity,
        factor: range.scale, step: range.inverse)
    }
    let (roundsUp, inner, count) = (rounding.roundsUp, slices.inner, slices.count)
    if inner == 1, count > 1 {
      let columns = try context.scratch(input.dtype, Shape(validating: [4, count]))
      _ = columns.mutableBuffer(as: T.self).initialize(
        from: [\.low, \.high, \.factor, \.step].flatMap { (part: KeyPath<RoundingSteps<T>, T>) in
          steps.map { $0[keyPath: part] }
        })
      nonisolated(unsafe) let ofColumns = UnsafePointer(columns.base.assumingMemoryBound(to: T.self))
      context.workers.forEach(slices.outer, cost: count) { rows in
        for row in rows {
          T.round(row: source + row * count, into: target + row * count, count, ofColumns, up: roundsUp)
        }
      }
    } else {
      context.workers.forEach(inner * count * slices.outer, cost: 1) { part in
        var first = part.lowerBound
        while first < part.upperBound {
          let run = first / inner
          let last = min((run + 1) * inner, part.upperBound)
          T.round(source + first, into: target + first, last - first, steps[run % count], up: roundsUp)
          first = last
        }
      }
    }
  }

  private static func gradient<T: BinaryFloatingPoint & TensorScalar>(
    _ context: KernelContext, _ gradients: Tensor, _ input: Tensor, _ slices: QuantizationSlices,
    _ type: T.Type
  ) throws {
    let lows = try context.input(2)
    let highs = try context.input(3)
    let target = try context.allocate(0, input.dtype, input.shape).mutableBuffer(as: T.self)
    try context.allocate(1, input.dtype, lows.shape).mutableBuffer(as: T.self).update(repeating: 0)
    try context.allocate(2, input.dtype, highs.shape).mutableBuffer(as: T.self).update(repeating: 0)
    let low = lows.buffer(as: T.self)
    let high = highs.buffer(as: T.self)
    let incoming = gradients.buffer(as: T.self)
    let values = input.buffer(as: T.self)
    slices.forEach { slice, elements in
      for index in elements {
        let isInside = values[index] >= low[slice] && values[index] <= high[slice]
        target[index] = incoming[index] * (isInside ? 1 : 0)
      }
    }
  }
}
