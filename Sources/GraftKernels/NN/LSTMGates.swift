import CGraftVector
import GraftGraph
import GraftTensor

/// The part of an LSTM cell after the matrix products, which graphs write as a dozen small operations.
enum LSTMGatesOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "_LSTMGates",
      "The output and the state of an LSTM cell, from the sums of its gates and its state before. The planner "
        + "puts it in the place of the operations that compute the same.",
      types: ["T": [.float32]],
      shape: { context in
        var gates = PartialShape([nil, nil])
        if let sizes = context.input(0).dimensions, sizes.count == 2 {
          gates = PartialShape([sizes[0], sizes[1].map { $0 / 4 }])
        }
        return [PartialShape](repeating: ShapeRules.broadcast(gates, context.input(1)), count: 2)
      }
    ) { node in
      let places = try node.ints("gates")
      let forgetBias = try node.float("forget_bias")
      guard places.count == 4, Set(places) == [0, 1, 2, 3] else {
        throw node.invalid("The attribute 'gates' gives the places of four gates, and \(places) was found.")
      }
      return { context in
        let (sums, state) = (try context.input(0), try context.input(1))
        guard sums.rank == 2, sums.shape[1] % 4 == 0 else {
          throw GraftError(
            .invalidArgument, "The gates' sums have shape [batch, 4 · units], and \(sums.shape) was found.",
            at: .init(input: 0))
        }
        let cell = LSTMGates(places: places, forgetBias: forgetBias)
        if state.shape == [sums.shape[0], sums.shape[1] / 4] {
          try cell.run(sums, state, context)
        } else {
          try cell.runBroadcast(sums, state, context)
        }
      }
    }
  ]
}

/// An LSTM cell whose gates' columns lie in a given order.
private struct LSTMGates {
  /// Where among the four parts of a row are the sums of the input gate, the forget gate, the new values and
  /// the output gate.
  let places: [Int]
  let forgetBias: Float

  func run(_ sums: Tensor, _ state: Tensor, _ context: KernelContext) throws {
    let (batch, units) = (state.shape[0], state.shape[1])
    let output = try context.allocate(0, .float32, state.shape)
    let next = try context.allocate(1, .float32, state.shape)
    guard batch * units > 0 else { return }
    let scratch = try context.scratch(.float32, Shape(validating: [4, units]))
    let offsets = (places[0] * units, places[1] * units, places[2] * units, places[3] * units)
    context.perform {
      for row in 0..<batch {
        advance(
          Parts(sums.writableFloats + row * 4 * units, offsets), state.writableFloats + row * units, units,
          scratch.writableFloats, output.writableFloats + row * units, next.writableFloats + row * units)
      }
    }
  }

  /// The sums of a row's gates.
  private struct Parts {
    let input, forget, candidate, output: UnsafeMutablePointer<Float>

    init(_ first: UnsafeMutablePointer<Float>, _ offsets: (Int, Int, Int, Int)) {
      (input, forget) = (first + offsets.0, first + offsets.1)
      (candidate, output) = (first + offsets.2, first + offsets.3)
    }
  }

  /// One row: `next = σ(f) · state + σ(i) · tanh(g)`, `output = σ(o) · tanh(next)`.
  @inline(__always)
  private func advance(
    _ parts: Parts, _ state: UnsafeMutablePointer<Float>, _ units: Int,
    _ scratch: UnsafeMutablePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ next: UnsafeMutablePointer<Float>
  ) {
    let (input, forget) = (scratch, scratch + units)
    let (candidate, gate) = (scratch + 2 * units, scratch + 3 * units)
    graft_f32_sigmoid(parts.input, input, units)
    if forgetBias == 0 {
      graft_f32_sigmoid(parts.forget, forget, units)
    } else {
      for index in 0..<units { forget[index] = parts.forget[index] + forgetBias }
      graft_f32_sigmoid(forget, forget, units)
    }
    graft_f32_tanh(parts.candidate, candidate, units)
    graft_f32_sigmoid(parts.output, gate, units)
    for index in 0..<units {
      let kept = forget[index] * state[index]
      next[index] = kept + input[index] * candidate[index]
    }
    graft_f32_tanh(next, output, units)
    for index in 0..<units { output[index] = gate[index] * output[index] }
  }

  /// The same where the state has another shape, so that one or the other is repeated.
  func runBroadcast(_ sums: Tensor, _ state: Tensor, _ context: KernelContext) throws {
    let (batch, units) = (sums.shape[0], sums.shape[1] / 4)
    let gates: [Int] = [batch, units]
    let rank = max(state.rank, 2)
    let ones = [Int](repeating: 1, count: rank)
    let a = Array((ones + gates).suffix(rank))
    let b = Array((ones + state.shape.dimensions).suffix(rank))
    guard zip(a, b).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 }) else {
      throw GraftError(
        .invalidArgument, "Gates of shape \(Shape(gates)) and a state of shape \(state.shape) do not fit.")
    }
    let sizes = zip(a, b).map { $0 == 1 ? $1 : $0 }
    let shape = try Shape(validating: sizes)
    let output = try context.allocate(0, .float32, shape).writableFloats
    let next = try context.allocate(1, .float32, shape).writableFloats
    let count = shape.elementCount
    guard count > 0 else { return }
    let expanded = try context.scratch(.float32, Shape(validating: [5, count])).writableFloats
    let gateStrides = (ones.map { _ in 0 } + [batch == 1 ? 0 : 4 * units, units == 1 ? 0 : 1]).suffix(rank)
    let stateStrides = zip(Shape(b).strides, b).map { $1 == 1 ? 0 : $0 }
    var position = [Int](repeating: 0, count: rank)
    for element in 0..<count {
      let column = zip(position, gateStrides).reduce(0) { $0 + $1.0 * $1.1 }
      for part in 0..<4 {
        expanded[part * count + element] = sums.writableFloats[places[part] * units + column]
      }
      expanded[4 * count + element] =
        state.writableFloats[zip(position, stateStrides).reduce(0) { $0 + $1.0 * $1.1 }]
      for axis in stride(from: rank - 1, through: 0, by: -1) {
        position[axis] += 1
        if position[axis] < sizes[axis] { break }
        position[axis] = 0
      }
    }
    let scratch = try context.scratch(.float32, Shape(validating: [4, count])).writableFloats
    advance(
      Parts(expanded, (0, count, 2 * count, 3 * count)), expanded + 4 * count, count, scratch, output, next)
  }
}

extension Tensor {
  fileprivate var writableFloats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
}
