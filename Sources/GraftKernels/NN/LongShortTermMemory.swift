import CGraftVector
import GraftGraph
import GraftTensor

/// LSTM cells, and layers of them.
enum LongShortTermMemoryOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "LSTMBlockCell",
      "One step of an LSTM cell with optional peepholes. Gives out every gate, the states and the output.",
      types: ["T": [.float16, .float32]],
      shape: { context in
        [PartialShape](repeating: PartialShape([context.input(0)[0], context.input(1)[1]]), count: 7)
      }
    ) { node in
      let options = try LSTMOptions(node, gates: .inputCellForgetOutput)
      return { context in
        let inputs = try context.inputs()
        guard inputs.count == 8, inputs[0].rank == 2 else {
          throw GraftError(
            .invalidArgument,
            "An LSTM cell takes 8 inputs, the first [batch, inputs]: \(inputs.map(\.shape)).")
        }
        let shape = inputs[0].shape
        let layer = try LSTMLayer(
          options, steps: 1, batch: shape[0], inputs: shape[1], Array(inputs[1...]), context, isCell: true)
        let outputs = try (0..<7).map { try context.allocate($0, inputs[0].dtype, layer.stateShape) }
        try layer.run(inputs[0], limit: 1, outputs, context)
      }
    },
    layer(
      "BlockLSTM", "An LSTM layer over a sequence: `LSTMBlockCell` step after step.",
      gates: .inputCellForgetOutput),
    layer(
      "BlockLSTMV2",
      "As `BlockLSTM`, with the gates in the order input, forget, cell, output, and no forget bias.",
      gates: .inputForgetCellOutput),
  ]

  private static func layer(_ name: String, _ summary: String, gates: LSTMOptions.Gates) -> OpDefinition {
    OpDefinition(
      name, summary + " Steps after `seq_len_max` give zeros.", types: ["T": [.float16, .float32]],
      shape: { context in
        let (x, state) = (context.input(1), context.input(2))
        return [PartialShape](repeating: PartialShape([x[0], x[1], state[1]]), count: 7)
      }
    ) { node in
      let options = try LSTMOptions(node, gates: gates)
      return { context in
        let inputs = try context.inputs()
        guard inputs.count == 9, inputs[1].rank == 3 else {
          throw GraftError(
            .invalidArgument,
            "An LSTM layer takes 9 inputs, the second [steps, batch, inputs]: \(inputs.map(\.shape)).")
        }
        let shape = inputs[1].shape
        guard inputs[0].rank == 0 else {
          throw GraftError(
            .invalidArgument, "'seq_len_max' must be a scalar, and its shape is \(inputs[0].shape).",
            at: .init(input: 0))
        }
        let limit = try inputs[0].integer()
        guard limit >= 0, limit <= shape[0] else {
          throw GraftError(
            .invalidArgument, "'seq_len_max' is \(limit), and the sequence has \(shape[0]) steps.",
            at: .init(input: 0))
        }
        let layer = try LSTMLayer(
          options, steps: shape[0], batch: shape[1], inputs: shape[2], Array(inputs[2...]), context)
        let outputs = try (0..<7).map { try context.allocate($0, inputs[1].dtype, layer.sequenceShape) }
        try layer.run(inputs[1], limit: limit, outputs, context)
      }
    }
  }
}

/// The attributes of an LSTM op.
struct LSTMOptions: Sendable {
  /// In which order the gates' columns lie.
  enum Gates: Sendable {
    case inputCellForgetOutput
    case inputForgetCellOutput
  }

  let gates: Gates
  let forgetBias: Float
  /// States are kept within plus and minus this; not where it is 0 or less.
  let clip: Float
  let usesPeepholes: Bool

  init(_ node: NodeSetup, gates: Gates) throws {
    self.gates = gates
    forgetBias = node.has("forget_bias") ? try node.float("forget_bias") : 0
    clip = try node.float("cell_clip")
    usesPeepholes = try node.bool("use_peephole")
  }
}

/// An LSTM layer for given sizes and weights, in float32.
private struct LSTMLayer {
  let options: LSTMOptions
  let steps: Int
  let batch: Int
  let inputs: Int
  let cells: Int
  let stateShape: Shape
  let sequenceShape: Shape
  private let parameters: [Tensor]
  private let weights: Tensor
  private let packed: PackedMatrix?

  /// Checks the sizes of state, output, weights, three peepholes and bias.
  init(
    _ options: LSTMOptions, steps: Int, batch: Int, inputs: Int, _ parameters: [Tensor],
    _ context: KernelContext, isCell: Bool = false
  ) throws {
    let cells = parameters[0].shape.dimensions.last ?? 0
    let expected: [Shape] = [
      [batch, cells], [batch, cells], [inputs + cells, 4 * cells], [cells], [cells], [cells], [4 * cells],
    ]
    let names = ["cs_prev", "h_prev", "w", "wci", "wcf", "wco", "b"]
    for (index, (parameter, shape)) in zip(parameters, expected).enumerated() {
      // A cell by itself does not look at the peepholes that it does not use.
      if (3...5).contains(index), isCell, !options.usesPeepholes, parameter.rank == 1 { continue }
      guard parameter.shape == shape else {
        throw GraftError(
          .invalidArgument, "'\(names[index])' has shape \(parameter.shape), and \(shape) is expected.")
      }
    }
    self.options = options
    (self.steps, self.batch, self.inputs, self.cells) = (steps, batch, inputs, cells)
    stateShape = try Shape(validating: [batch, cells])
    sequenceShape = try Shape(validating: [steps, batch, cells])
    self.parameters = try parameters.map { try FloatConversion.widen($0, context) }
    weights = self.parameters[2]
    let position = context.inputCount - 5
    packed =
      parameters[2].dtype == .float32 && context.isConstant(position) && weights.elementCount > 0
      ? try PackedMatrix.kept(
        MatrixOperand(tensor: weights, row: 4 * cells, column: 1, offsets: [0]), k: inputs + cells,
        n: 4 * cells, context) : nil
  }

  /// Computes `limit` steps of the sequence; the outputs are input gate, state, forget gate, output gate, new
  /// values, the state's tanh and the cell's output.
  func run(_ x: Tensor, limit: Int, _ outputs: [Tensor], _ context: KernelContext) throws {
    let dtype = x.dtype
    guard outputs[0].elementCount > 0 else { return }
    let results = try outputs.map { dtype == .float32 ? $0 : try context.scratch(.float32, $0.shape) }
    let values = try FloatConversion.widen(x, context).floats
    let joined = try context.scratch(.float32, Shape(validating: [batch, inputs + cells]))
    let gates = try context.scratch(.float32, Shape(validating: [batch, 4 * cells]))
    let line = joined.mutableBuffer(as: Float.self)
    var (state, output) = (parameters[0].floats, parameters[1].floats)
    let size = batch * cells
    for step in 0..<limit {
      try context.checkpoint()
      for row in 0..<batch {
        for index in 0..<inputs {
          line[row * (inputs + cells) + index] = values[(step * batch + row) * inputs + index]
        }
        for index in 0..<cells { line[row * (inputs + cells) + inputs + index] = output[row * cells + index] }
      }
      let product = MatrixProduct(
        rows: batch, columns: 4 * cells, depth: inputs + cells,
        left: MatrixOperand(tensor: joined, row: inputs + cells, column: 1, offsets: [0]),
        right: MatrixOperand(tensor: weights, row: 4 * cells, column: 1, offsets: [0]),
        finish: Finish(bias: parameters[6]), packed: packed)
      try product.run(context, into: gates)
      let targets = results.map { $0.base.assumingMemoryBound(to: Float.self) + step * size }
      advance(gates.mutableBuffer(as: Float.self), state, targets, isHalf: dtype == .float16)
      (state, output) = (UnsafePointer(targets[1]), UnsafePointer(targets[6]))
    }
    for result in results {
      let rest = result.mutableBuffer(as: Float.self)[(limit * size)...]
      for index in rest.indices { result.mutableBuffer(as: Float.self)[index] = 0 }
    }
    if dtype != .float32 {
      for (result, output) in zip(results, outputs) {
        FloatConversion.narrow(result, into: output, context.workers)
      }
    }
  }

  /// One step, from the gates' sums to the outputs.
  private func advance(
    _ sums: UnsafeMutableBufferPointer<Float>, _ state: UnsafePointer<Float>,
    _ targets: [UnsafeMutablePointer<Float>],
    isHalf: Bool
  ) {
    guard let base = sums.baseAddress else { return }
    let (input, next, forget, gate) = (targets[0], targets[1], targets[2], targets[3])
    let (candidate, squashed, output) = (targets[4], targets[5], targets[6])
    let peepholes = parameters[3...5].map(\.floats)
    let (cellColumn, forgetColumn) =
      options.gates == .inputCellForgetOutput ? (cells, 2 * cells) : (2 * cells, cells)
    for row in 0..<batch {
      let line = base + row * 4 * cells
      let first = row * cells
      let previous = state + first
      for index in 0..<cells {
        var (i, f) = (line[index], line[forgetColumn + index] + options.forgetBias)
        if options.usesPeepholes {
          i += previous[index] * peepholes[0][index]
          f += previous[index] * peepholes[1][index]
        }
        input[first + index] = i
        forget[first + index] = f
        candidate[first + index] = line[cellColumn + index]
      }
      graft_f32_sigmoid(input + first, input + first, cells)
      graft_f32_sigmoid(forget + first, forget + first, cells)
      graft_f32_tanh(candidate + first, candidate + first, cells)
      if isHalf { for target in [input, forget, candidate] { round(target + first) } }
      for index in first..<first + cells {
        var value = candidate[index] * input[index] + previous[index - first] * forget[index]
        if options.clip > 0 { value = min(max(value, -options.clip), options.clip) }
        next[index] = value
      }
      if isHalf { round(next + first) }
      for index in 0..<cells {
        var sum = line[3 * cells + index]
        if options.usesPeepholes { sum += next[first + index] * peepholes[2][index] }
        gate[first + index] = sum
      }
      graft_f32_sigmoid(gate + first, gate + first, cells)
      graft_f32_tanh(next + first, squashed + first, cells)
      if isHalf { for target in [gate, squashed] { round(target + first) } }
      for index in first..<first + cells { output[index] = gate[index] * squashed[index] }
      if isHalf { round(output + first) }
    }
  }

  private func round(_ values: UnsafeMutablePointer<Float>) {
    for index in 0..<cells { values[index] = Float(Float16(values[index])) }
  }
}
