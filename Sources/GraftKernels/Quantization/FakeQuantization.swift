import CGraftVector
import GraftGraph
import GraftTensor

/// A range of real numbers moved so that zero is one of the steps that a few bits can name.
private typealias NudgedRange = graft_steps

extension graft_steps {
  fileprivate init(_ low: Float, _ high: Float, _ steps: QuantizedSteps) {
    let first = Float(steps.first)
    let last = Float(steps.last)
    let scale = (high - low) / (last - first)
    // Not the reciprocal of the scale, which has been rounded.
    let inverse = (last - first) / (high - low)
    let place = first - low / scale
    let nudged = place < first ? first : place > last ? last : place.rounded(.toNearestOrAwayFromZero)
    let lowest = (first - nudged) * scale
    self.init(
      low: lowest, high: (last - nudged) * scale, scale: scale, inverse: inverse,
      zero: (-lowest * inverse + 0.5).rounded(.down))
  }

  @inline(__always)
  fileprivate func contains(_ value: Float) -> Bool { value >= low && value <= high }
}

/// The steps that a number of bits can name.
private struct QuantizedSteps {
  let first: Int
  let last: Int

  init(_ setup: NodeSetup) throws {
    let bits = try setup.int("num_bits")
    guard bits >= 2, bits <= 16 else {
      throw setup.invalid("'num_bits' is \(bits); a number between 2 and 16 is expected.")
    }
    first = try setup.bool("narrow_range") ? 1 : 0
    last = (1 << bits) - 1
  }
}

enum FakeQuantizationOps {
  static let all: [OpDefinition] = fixed + whole + perChannel

  // MARK: Ranges as attributes

  private static func range(_ setup: NodeSetup) throws -> NudgedRange {
    let low = try setup.float("min")
    let high = try setup.float("max")
    guard low < high else {
      throw setup.invalid("'min' is \(low) and 'max' is \(high); the first must be the smaller one.")
    }
    return NudgedRange(low, high, try QuantizedSteps(setup))
  }

  private static let fixed: [OpDefinition] = [
    OpDefinition(
      "FakeQuantWithMinMaxArgs",
      "Rounds numbers to the steps that `num_bits` bits can name in a fixed range.",
      traits: .inPlace, shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let range = try range(setup)
        return { context in
          let input = try context.input(0)
          let output = try context.allocate(0, .float32, input.shape)
          round(input, output, range, context, graft_f32_steps_multiplied)
        }
      }),
    OpDefinition(
      "FakeQuantWithMinMaxArgsGradient",
      "The gradient of FakeQuantWithMinMaxArgs: nothing outside of the range.",
      traits: .inPlace, shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let range = try range(setup)
        return { context in
          let gradients = try context.input(0)
          let input = try sameSize(context, gradients)
          let output = try context.allocate(0, .float32, input.shape)
          pass(gradients, input, output, range, context.workers)
        }
      }),
  ]

  // MARK: Ranges as inputs

  private static let whole: [OpDefinition] = [
    OpDefinition(
      "FakeQuantWithMinMaxVars",
      "Rounds numbers to the steps that `num_bits` bits can name between `min` and `max`.",
      traits: .inPlace, shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let steps = try QuantizedSteps(setup)
        return { context in
          let input = try context.input(0)
          let low = try context.scalarFloat(1, named: "min")
          let high = try context.scalarFloat(2, named: "max")
          let output = try context.allocate(0, .float32, input.shape)
          if low == 0 && high == 0 {
            output.mutableBuffer(as: Float.self).update(repeating: 0)
          } else {
            let isFixed = context.isConstant(1) && context.isConstant(2)
            // The op with ranges as inputs divides.
            round(
              input, output, NudgedRange(low, high, steps), context, graft_f32_steps_divided, binds: isFixed)
          }
        }
      }),
    OpDefinition(
      "FakeQuantWithMinMaxVarsGradient", "The gradients of FakeQuantWithMinMaxVars.",
      shape: { [$0.input(0), .scalar, .scalar] },
      prepare: { setup in
        let steps = try QuantizedSteps(setup)
        return { context in
          let gradients = try context.input(0)
          let input = try sameSize(context, gradients)
          let low = try context.scalarFloat(2, named: "min")
          let high = try context.scalarFloat(3, named: "max")
          let output = try context.allocate(0, .float32, input.shape)
          let below = try context.allocate(1, .float32, .scalar).mutableBuffer(as: Float.self)
          let above = try context.allocate(2, .float32, .scalar).mutableBuffer(as: Float.self)
          below[0] = 0
          above[0] = 0
          if low == 0 && high == 0 {
            output.initializeElements(from: gradients)
            return
          }
          let range = NudgedRange(low, high, steps)
          let values = input.buffer(as: Float.self)
          let incoming = gradients.buffer(as: Float.self)
          var sums = (below: 0.0, above: 0.0)
          for index in values.indices {
            // What is infinite or no number counts wherever it is.
            sums.below += Double(values[index] < range.low ? incoming[index] : incoming[index] * 0)
            sums.above += Double(values[index] > range.high ? incoming[index] : incoming[index] * 0)
          }
          below[0] = Float(sums.below)
          above[0] = Float(sums.above)
          pass(gradients, input, output, range, context.workers)
        }
      }),
  ]

  // MARK: A range for each channel

  private static func ranges(
    _ context: KernelContext, _ first: Int, _ input: Tensor, _ steps: QuantizedSteps
  ) throws -> [NudgedRange?] {
    guard let depth = input.shape.dimensions.last else {
      throw GraftError(.invalidArgument, "A scalar has no channels.", at: .init(input: 0))
    }
    let low = try context.input(first)
    let high = try context.input(first + 1)
    guard low.rank == 1, high.rank == 1, low.shape[0] == depth, high.shape[0] == depth else {
      throw GraftError(
        .invalidArgument,
        "'min' and 'max' have one number for each of \(depth) channels; the shapes \(low.shape) and "
          + "\(high.shape) were found.", at: .init(input: first))
    }
    return zip(low.buffer(as: Float.self), high.buffer(as: Float.self)).map { low, high in
      low == 0 && high == 0 ? nil : NudgedRange(low, high, steps)
    }
  }

  private static let perChannel: [OpDefinition] = [
    OpDefinition(
      "FakeQuantWithMinMaxVarsPerChannel", "FakeQuantWithMinMaxVars with a range for each channel.",
      shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let steps = try QuantizedSteps(setup)
        return { context in
          let input = try context.input(0)
          let ranges = try ranges(context, 1, input, steps)
          let output = try context.allocate(0, .float32, input.shape)
          guard !ranges.isEmpty else { return }
          let nothing = ranges.indices.filter { ranges[$0] == nil }
          func field(_ field: KeyPath<graft_steps, Float>) throws -> Tensor {
            let values = try context.scratch(.float32, Shape([ranges.count]))
            _ = values.mutableBuffer(as: Float.self).initialize(from: ranges.map { $0?[keyPath: field] ?? 0 })
            return values
          }
          nonisolated(unsafe) let steps = graft_channel_steps(
            low: try field(\.low).floats, high: try field(\.high).floats, scale: try field(\.scale).floats,
            inverse: try field(\.inverse).floats, zero: try field(\.zero).floats)
          nonisolated(unsafe) let (values, results) = (
            input.floats, output.base.assumingMemoryBound(to: Float.self)
          )
          context.workers.forEach(input.elementCount / ranges.count, cost: ranges.count) { rows in
            for row in rows {
              let first = row * ranges.count
              withUnsafePointer(to: steps) {
                graft_f32_steps_of_channels(
                  values + first, results + first, ranges.count, $0)
              }
              for channel in nothing { results[first + channel] = 0 }
            }
          }
        }
      }),
    OpDefinition(
      "FakeQuantWithMinMaxVarsPerChannelGradient", "The gradients of FakeQuantWithMinMaxVarsPerChannel.",
      shape: { [$0.input(0), $0.input(2), $0.input(3)] },
      prepare: { setup in
        let steps = try QuantizedSteps(setup)
        return { context in
          let gradients = try context.input(0)
          let input = try sameSize(context, gradients)
          let ranges = try ranges(context, 2, input, steps)
          let output = try context.allocate(0, .float32, input.shape).mutableBuffer(as: Float.self)
          let shape = Shape([ranges.count])
          let below = try context.allocate(1, .float32, shape).mutableBuffer(as: Float.self)
          let above = try context.allocate(2, .float32, shape).mutableBuffer(as: Float.self)
          below.update(repeating: 0)
          above.update(repeating: 0)
          let values = input.buffer(as: Float.self)
          let incoming = gradients.buffer(as: Float.self)
          guard !ranges.isEmpty else { return }
          for index in values.indices {
            let channel = index % ranges.count
            guard let range = ranges[channel] else {
              output[index] = incoming[index]
              continue
            }
            output[index] = range.contains(values[index]) ? incoming[index] : incoming[index] * 0
            below[channel] += values[index] < range.low ? incoming[index] : incoming[index] * 0
            above[channel] += values[index] > range.high ? incoming[index] : incoming[index] * 0
          }
        }
      }),
  ]

  // MARK: Loops

  private static func sameSize(_ context: KernelContext, _ gradients: Tensor) throws -> Tensor {
    let input = try context.input(1)
    guard input.shape == gradients.shape else {
      throw GraftError(
        .invalidArgument,
        "'gradients' of shape \(gradients.shape) and 'inputs' of shape \(input.shape) must have the same shape."
      )
    }
    return input
  }

  /// The nearest steps of a range, which is the same in each run where `binds`.
  private static func round(
    _ input: Tensor, _ output: Tensor, _ range: NudgedRange, _ context: KernelContext,
    _ loop:
      @escaping @Sendable (
        UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, UnsafePointer<graft_steps>
      ) -> Void,
    binds: Bool = true
  ) {
    nonisolated(unsafe) let source = input.floats
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
    let (workers, count) = (context.workers, input.elementCount)
    context.perform(binds: binds) {
      workers.forEach(count, cost: 1) { part in
        withUnsafePointer(to: range) {
          loop(source + part.lowerBound, target + part.lowerBound, part.count, $0)
        }
      }
    }
  }

  private static func pass(
    _ gradients: Tensor, _ input: Tensor, _ output: Tensor, _ range: NudgedRange, _ workers: WorkerPool
  ) {
    workers.forEach(input.elementCount, cost: 1) { indices in
      let incoming = gradients.buffer(as: Float.self)
      let values = input.buffer(as: Float.self)
      let target = output.mutableBuffer(as: Float.self)
      // Multiplied by zero outside, where infinity becomes NaN.
      for index in indices { target[index] = incoming[index] * (range.contains(values[index]) ? 1 : 0) }
    }
  }
}
