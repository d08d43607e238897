import GraftGraph
import GraftTensor

/// Gradients of LSTM cells and layers, in float32.
enum LongShortTermMemoryGradientOps {
  static let all: [OpDefinition] = [
    cell,
    layer("BlockLSTMGrad", "The gradient of `BlockLSTM`.", gates: .inputCellForgetOutput),
    layer("BlockLSTMGradV2", "The gradient of `BlockLSTMV2`.", gates: .inputForgetCellOutput),
  ]

  private static let cell = OpDefinition(
    "LSTMBlockCellGrad", "The gradient of `LSTMBlockCell` with respect to the state, gates and peepholes.",
    types: ["T": [.float16, .float32]],
    shape: { context in
      let (batch, cells) = (context.input(1)[0], context.input(1)[1])
      let peephole = PartialShape([cells])
      return [
        PartialShape([batch, cells]), PartialShape([batch, cells.map { $0 &* 4 }]), peephole, peephole,
        peephole,
      ]
    }
  ) { node in
    let usesPeepholes = try node.bool("use_peephole")
    return { context in
      let inputs = try context.inputs()
      guard inputs.count == 16, inputs[0].rank == 2, inputs[1].rank == 2 else {
        throw wrongRanks(inputs)
      }
      let sizes = LSTMSizes(steps: 1, batch: inputs[1].shape[0], inputs: inputs[0].shape[1], inputs[1])
      try sizes.check(inputs, state: 1, peepholes: usesPeepholes)
      for index in 8..<16 { try sizes.check(inputs, index, [sizes.batch, sizes.cells]) }
      let gradient = try LSTMGradient(
        sizes, .inputCellForgetOutput, usesPeepholes: usesPeepholes, inputs, first: 8, context)
      let (batch, cells) = (sizes.batch, sizes.cells)
      let wide = try [[batch, cells], [batch, 4 * cells], [cells], [cells], [cells]].map {
        try context.scratch(.float32, Shape(validating: $0)).cleared()
      }
      let values = try [1, 14, 15].map { try FloatConversion.widen(inputs[$0], context) }
      gradient.back(
        step: 0, state: values[0].floats, stateGradient: values[1].floats, outputGradient: values[2].floats,
        previous: wide[0], gates: wide[1], peepholes: Array(wide[2...]))
      try deliver(wide, inputs[0].dtype, context)
    }
  }

  private static func layer(_ name: String, _ summary: String, gates: LSTMOptions.Gates) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": [.float16, .float32]],
      shape: { context in (1...8).map { context.input($0) } }
    ) { node in
      let usesPeepholes = try node.bool("use_peephole")
      return { context in
        let inputs = try context.inputs()
        guard inputs.count == 18, inputs[1].rank == 3, inputs[2].rank == 2 else { throw wrongRanks(inputs) }
        let shape = inputs[1].shape
        let sizes = LSTMSizes(steps: shape[0], batch: shape[1], inputs: shape[2], inputs[2])
        try sizes.check(inputs, state: 2, peepholes: usesPeepholes)
        for index in 9..<18 { try sizes.check(inputs, index, [sizes.steps, sizes.batch, sizes.cells]) }
        let limit = try inputs[0].integer()
        guard limit >= 0, limit <= sizes.steps else {
          throw GraftError(
            .invalidArgument, "'seq_len_max' is \(limit), and the sequence has \(sizes.steps) steps.",
            at: .init(input: 0))
        }
        let gradient = try LSTMGradient(
          sizes, gates, usesPeepholes: usesPeepholes, inputs, first: 9, context)
        try run(gradient, inputs, limit: limit, context)
      }
    }
  }

  private static func run(
    _ gradient: LSTMGradient, _ inputs: [Tensor], limit: Int, _ context: KernelContext
  ) throws {
    let sizes = gradient.sizes
    let (batch, cells, width) = (sizes.batch, sizes.cells, sizes.inputs)
    func zeros(_ shape: [Int]) throws -> Tensor {
      try context.scratch(.float32, Shape(validating: shape)).cleared()
    }
    // In the order of the outputs: x, state, output, weights, three peepholes, bias.
    let results = try (1...8).map { index in
      try zeros(
        (5...7).contains(index) ? [cells] : inputs[index].shape.dimensions)
    }
    guard batch * cells > 0 else { return try deliver(results, inputs[1].dtype, context) }
    let wide = try [1, 2, 3, 4, 15, 16, 17].map { try FloatConversion.widen(inputs[$0], context) }
    let (x, firstState, firstOutput, weights) = (wide[0].floats, wide[1].floats, wide[2].floats, wide[3])
    let outputs = wide[4].floats
    let gates = try zeros([batch, 4 * cells])
    let joined = try zeros([batch, width + cells])
    let product = try zeros([batch, width + cells])
    let weightStep = try zeros([width + cells, 4 * cells])
    let states = try zeros([2, batch, cells]).rows()
    let size = batch * cells
    let (xGradient, line) = (results[0].mutableBuffer(as: Float.self), joined.mutableBuffer(as: Float.self))
    for step in (0..<limit).reversed() {
      try context.checkpoint()
      // What comes from the output, and from the step behind this one.
      add(wide[5].floats + step * size, results[1], into: states[0])
      add(wide[6].floats + step * size, results[2], into: states[1])
      gradient.back(
        step: step, state: step == 0 ? firstState : gradient.states + (step - 1) * size,
        stateGradient: states[0].floats, outputGradient: states[1].floats, previous: results[1], gates: gates,
        peepholes: Array(results[4...6]))
      let before = step == 0 ? firstOutput : outputs + (step - 1) * size
      for row in 0..<batch {
        let first = row * (width + cells)
        for index in 0..<width { line[first + index] = x[(step * batch + row) * width + index] }
        for index in 0..<cells { line[first + width + index] = before[row * cells + index] }
      }
      try MatrixProduct(
        rows: batch, columns: width + cells, depth: 4 * cells,
        left: MatrixOperand(tensor: gates, row: 4 * cells, column: 1, offsets: [0]),
        right: MatrixOperand(tensor: weights, row: 1, column: 4 * cells, offsets: [0])
      ).run(context, into: product)
      let (back, previous) = (product.floats, results[2].mutableBuffer(as: Float.self))
      for row in 0..<batch {
        let first = row * (width + cells)
        for index in 0..<width { xGradient[(step * batch + row) * width + index] = back[first + index] }
        for index in 0..<cells { previous[row * cells + index] = back[first + width + index] }
      }
      try MatrixProduct(
        rows: width + cells, columns: 4 * cells, depth: batch,
        left: MatrixOperand(tensor: joined, row: 1, column: width + cells, offsets: [0]),
        right: MatrixOperand(tensor: gates, row: 4 * cells, column: 1, offsets: [0])
      ).run(context, into: weightStep)
      add(weightStep.floats, results[3], into: results[3])
      let bias = results[7].mutableBuffer(as: Float.self)
      for row in 0..<batch {
        for index in bias.indices { bias[index] += gates.floats[row * bias.count + index] }
      }
    }
    try deliver(results, inputs[1].dtype, context)
  }

  private static func add(_ a: UnsafePointer<Float>, _ b: Tensor, into sum: Tensor) {
    let (b, sum) = (b.floats, sum.mutableBuffer(as: Float.self))
    for index in sum.indices { sum[index] = a[index] + b[index] }
  }

  private static func deliver(_ results: [Tensor], _ dtype: DataType, _ context: KernelContext) throws {
    for (index, result) in results.enumerated() {
      FloatConversion.narrow(
        result, into: try context.allocate(index, dtype, result.shape), context.workers)
    }
  }

  private static func wrongRanks(_ inputs: [Tensor]) -> GraftError {
    GraftError(
      .invalidArgument, "These inputs are not those of an LSTM's gradient: \(inputs.map(\.shape)).")
  }
}

/// The sizes of a layer, against which its inputs are checked.
private struct LSTMSizes {
  let steps: Int
  let batch: Int
  let inputs: Int
  let cells: Int

  init(steps: Int, batch: Int, inputs: Int, _ state: Tensor) {
    (self.steps, self.batch, self.inputs) = (steps, batch, inputs)
    cells = state.shape.dimensions.last ?? 0
  }

  /// Checks the seven inputs from the state on: state, output, weights, three peepholes, bias.
  func check(_ tensors: [Tensor], state: Int, peepholes: Bool) throws {
    try check(tensors, state, [batch, cells])
    try check(tensors, state + 1, [batch, cells])
    try check(tensors, state + 2, [inputs + cells, 4 * cells])
    if peepholes { for index in state + 3...state + 5 { try check(tensors, index, [cells]) } }
    try check(tensors, state + 6, [4 * cells])
  }

  func check(_ tensors: [Tensor], _ index: Int, _ expected: [Int]) throws {
    guard tensors[index].shape.dimensions == expected else {
      throw GraftError(
        .invalidArgument, "Shape \(tensors[index].shape) was found where \(Shape(expected)) is expected.",
        at: .init(input: index))
    }
  }
}

/// One step back.
private struct LSTMGradient {
  let sizes: LSTMSizes
  /// In which gates' columns lie: input, new values, forget.
  private let columns: (input: Int, candidate: Int, forget: Int)
  private let usesPeepholes: Bool
  /// Input gate, state, forget gate, output gate, new values, the state's tanh, of all steps.
  private let values: [Tensor]
  private let peepholes: [Tensor]

  init(
    _ sizes: LSTMSizes, _ gates: LSTMOptions.Gates, usesPeepholes: Bool, _ inputs: [Tensor], first: Int,
    _ context: KernelContext
  ) throws {
    self.sizes = sizes
    self.usesPeepholes = usesPeepholes
    columns =
      gates == .inputCellForgetOutput ? (0, sizes.cells, 2 * sizes.cells) : (0, 2 * sizes.cells, sizes.cells)
    values = try inputs[first..<first + 6].map { try FloatConversion.widen($0, context) }
    peepholes =
      usesPeepholes ? try inputs[first - 4..<first - 1].map { try FloatConversion.widen($0, context) } : []
  }

  /// The states of all steps.
  var states: UnsafePointer<Float> { values[1].floats }

  /// From the gradients of a step's state and output to those of the state before and of the gates' sums;
  /// what the peepholes get is added to what they have.
  func back(
    step: Int, state: UnsafePointer<Float>, stateGradient: UnsafePointer<Float>,
    outputGradient: UnsafePointer<Float>, previous: Tensor, gates: Tensor, peepholes sums: [Tensor]
  ) {
    let cells = sizes.cells
    let start = step * sizes.batch * cells
    let (input, next, forget) = (values[0].floats + start, values[1].floats + start, values[2].floats + start)
    let (output, candidate, squashed) = (
      values[3].floats + start, values[4].floats + start, values[5].floats + start
    )
    let weights = peepholes.map(\.floats)
    let before = previous.mutableBuffer(as: Float.self)
    let target = gates.mutableBuffer(as: Float.self)
    let peepholeSums = sums.map { $0.mutableBuffer(as: Float.self) }
    for row in 0..<sizes.batch {
      for cell in 0..<cells {
        let at = row * cells + cell
        let outputGate = output[at] * (1 - output[at]) * outputGradient[at] * squashed[at]
        var inner = (1 - squashed[at] * squashed[at]) * outputGradient[at] * output[at] + stateGradient[at]
        if usesPeepholes { inner += outputGate * weights[2][cell] }
        let newValue = (1 - candidate[at] * candidate[at]) * inner * input[at]
        let forgetGate = forget[at] * (1 - forget[at]) * inner * state[at]
        let inputGate = input[at] * (1 - input[at]) * inner * candidate[at]
        let line = row * 4 * cells + cell
        target[line + columns.input] = inputGate
        target[line + columns.candidate] = newValue
        target[line + columns.forget] = forgetGate
        target[line + 3 * cells] = outputGate
        var back = inner * forget[at]
        if usesPeepholes {
          back += inputGate * weights[0][cell] + forgetGate * weights[1][cell]
          peepholeSums[0][cell] += inputGate * state[at]
          peepholeSums[1][cell] += forgetGate * state[at]
          peepholeSums[2][cell] += outputGate * next[at]
        }
        before[at] = back
      }
    }
  }
}
