import GraftGraph
import GraftTensor

/// What an op that computes element by element does to a row of elements.
enum ElementStep: Sendable {
  case unary(UnaryRow)
  case binary(BinaryRow)
  case choice(ChoiceRow)

  /// Bytes of an element of each operand.
  var operandSizes: [Int] {
    switch self {
    case .unary(let row): [row.inputSize]
    case .binary(let row): [row.inputSize, row.inputSize]
    case .choice(let row): [1, row.elementSize, row.elementSize]
    }
  }

  /// Bytes of an element of the result.
  var outputSize: Int {
    switch self {
    case .unary(let row): row.outputSize
    case .binary(let row): row.outputSize
    case .choice(let row): row.elementSize
    }
  }

  /// About how many nanoseconds 1,024 elements take.
  var cost: Int {
    switch self {
    case .unary(let row): row.cost
    case .binary(let row): row.cost
    case .choice: 300
    }
  }
}

extension OpDefinition {
  /// Whether the op, with inputs and an output of these types, can be a step of `_FusedElementwise`.
  package func isElementwise(_ inputTypes: [DataType], _ output: DataType) -> Bool {
    guard let dtype = inputTypes.last,
      (inputTypes + [output]).allSatisfy({ if case .plain = $0.layout { true } else { false } })
    else { return false }
    return elementStep?(dtype, output)?.operandSizes == inputTypes.map(\.size)
  }
}

/// Several ops that compute element by element as one, so that what lies between them stays in a core's innermost
/// cache, and a run has one instruction.
package enum FusedElementwiseOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "_FusedElementwise",
      """
      The `ops` one after the other, element by element, for inputs that broadcast to one shape. `operands` lists \
      what each reads: inputs by number, then the ops' own results; `types` the type of each op's last operand, \
      `results` that of its result. \
      Planning makes it; graphs need not hold it.
      """,
      traits: .inPlace,
      shape: { context in
        [context.inputs.reduce(PartialShape.scalar) { ShapeRules.broadcast($0, $1) }]
      },
      prepare: { node in
        let program = try ElementProgram(node)
        return { try program.run($0) }
      })
  ]
}

/// The steps of a fused op.
final class ElementProgram: Sendable {
  /// One op of it.
  struct Step: Sendable {
    let step: ElementStep
    /// Numbers of inputs, then of results.
    let operands: [Int]
    /// Which of the temporary rows takes the result; nil for the output.
    let row: Int?
  }

  /// What becomes of the last step's result besides.
  struct Tail: Sendable {
    let reduction: RowReduction
    /// Which dimensions are reduced, and whether each stays as one of size 1.
    let axes: [Int]
    let keepsDimensions: Bool
  }

  let inputTypes: [DataType]
  let steps: [Step]
  let output: DataType
  let tail: Tail?
  /// How many temporary rows there are, and the largest element of any.
  let rowCount: Int
  let elementSize: Int

  /// Elements that go through all steps together: so few that the temporary rows stay in the innermost cache.
  private static let chunk = BroadcastRows.longest

  init(_ node: NodeSetup, _ tail: Tail? = nil) throws {
    let names = try node.strings("ops")
    let (types, results) = (try node.types("types"), try node.types("results"))
    let operands = try node.ints("operands")
    inputTypes = node.inputTypes
    var sizes = inputTypes.map(\.size)
    guard let output = node.outputTypes.first, names.count == types.count, types.count == results.count,
      (inputTypes + [output]).allSatisfy({ if case .plain = $0.layout { true } else { false } })
    else { throw node.invalid("A fused op names an op and a type for each step, and computes with numbers.") }
    self.output = output
    self.tail = tail
    var steps: [(step: ElementStep, operands: [Int])] = []
    var next = 0
    for (name, (type, result)) in zip(names, zip(types, results)) {
      guard let step = OpRegistry.standard[name.string]?.elementStep?(type, result),
        next + step.operandSizes.count <= operands.count
      else { throw node.invalid("'\(name)' of \(type) is no step of a fused op.") }
      let own = Array(operands[next..<next + step.operandSizes.count])
      guard own.allSatisfy(sizes.indices.contains), own.map({ sizes[$0] }) == step.operandSizes else {
        throw node.invalid("'\(name)' of \(type) cannot read the values \(own) of a fused op.")
      }
      steps.append((step, own))
      sizes.append(step.outputSize)
      next += own.count
    }
    guard let last = steps.last, last.step.outputSize == output.size, next == operands.count else {
      throw node.invalid(
        "A fused op has \(operands.count) operands and \(steps.count) steps, which do not go together.")
    }
    (self.steps, rowCount) = Self.assignRows(steps, inputs: inputTypes.count, lastIsOutput: tail == nil)
    elementSize = sizes.max() ?? 1
  }

  /// Gives each result a temporary row, as soon as one is free; but the last one where that is the output.
  private static func assignRows(
    _ steps: [(step: ElementStep, operands: [Int])], inputs: Int, lastIsOutput: Bool
  ) -> ([Step], Int) {
    var lastReader = [Int](repeating: -1, count: inputs + steps.count)
    for (position, step) in steps.enumerated() {
      for operand in step.operands { lastReader[operand] = position }
    }
    var free: [Int] = []
    var count = 0
    var rows = [Int?](repeating: nil, count: inputs + steps.count)
    var result: [Step] = []
    for (position, step) in steps.enumerated() {
      var row: Int?
      if position < steps.count - 1 || !lastIsOutput {
        row = free.popLast() ?? count
        count = max(count, (row ?? 0) + 1)
      }
      rows[inputs + position] = row
      result.append(Step(step: step.step, operands: step.operands, row: row))
      for operand in Set(step.operands) where lastReader[operand] == position {
        if let row = rows[operand] { free.append(row) }
      }
    }
    return (result, count)
  }

  /// A step with the loop that its operands' shapes ask for.
  enum Call: Sendable {
    case unary(Int, UnaryRow.Body)
    case binary(Int, Int, BinaryRow.Body)
    case choice(Int, yes: Int, yesStep: Int, no: Int, noStep: Int, ChoiceRow.Body)
  }

  /// What follows from the inputs' shapes.
  final class Layout: Sendable {
    let inputs: [Shape]
    let shape: Shape
    let output: Shape
    let rowLength: Int
    let paces: [BroadcastPace]
    let calls: [Call]

    init(_ inputs: [Shape], _ program: ElementProgram) throws {
      guard let dimensions = Broadcast.dimensions(inputs) else {
        throw GraftError(
          .invalidArgument, "Incompatible shapes: \(inputs.map(\.description).joined(separator: " vs. ")).",
          remedy: "From the right, the sizes of each dimension must be equal, or one of them 1.")
      }
      let full = try Shape(validating: dimensions)
      self.inputs = inputs
      shape = full
      (output, rowLength) = try Self.reduced(full, program.tail)
      let paces = inputs.map { BroadcastPace($0, in: full) }
      self.paces = paces
      calls = try program.steps.map { step in
        guard let call = Self.call(step, isOne: { paces.indices.contains($0) && paces[$0].isScalar }) else {
          throw GraftError(
            .unimplemented, "A fused op does not compute with a single element apart from the others.")
        }
        return call
      }
    }

    /// The output's shape, and the length of the rows that each of its elements is made from.
    private static func reduced(_ shape: Shape, _ tail: Tail?) throws -> (Shape, Int) {
      guard let tail else { return (shape, 1) }
      let geometry = try ReductionGeometry(shape, axes: tail.axes, keepsDimensions: tail.keepsDimensions)
      guard FusedReductionOps.takes(geometry) else {
        throw GraftError(.unimplemented, "A fused op does not reduce dimensions \(tail.axes) of \(shape).")
      }
      return (geometry.shape, geometry.reducedCount)
    }

    /// Nil where none of the operands is a row, which loops go over.
    private static func call(_ step: Step, isOne: (Int) -> Bool) -> Call? {
      let operands = step.operands
      switch step.step {
      case .unary(let row): return isOne(operands[0]) ? nil : .unary(operands[0], row.body)
      case .binary(let row):
        let (left, right) = (isOne(operands[0]), isOne(operands[1]))
        if left && right { return nil }
        return .binary(operands[0], operands[1], left ? row.left : right ? row.right : row.pairs)
      case .choice(let row):
        if isOne(operands[0]) { return nil }
        return .choice(
          operands[0], yes: operands[1], yesStep: isOne(operands[1]) ? 0 : 1, no: operands[2],
          noStep: isOne(operands[2]) ? 0 : 1, row.body)
      }
    }
  }

  func run(_ context: KernelContext) throws {
    let inputs = try context.inputs()
    guard inputs.map(\.dtype) == inputTypes else {
      throw GraftError(.invalidArgument, "A fused op of \(inputTypes) got \(inputs.map(\.dtype)).")
    }
    var layout = try context.prepared { try Layout(inputs.map(\.shape), self) }
    if !zip(layout.inputs, inputs).allSatisfy({ $0 == $1.shape }) {
      layout = try Layout(inputs.map(\.shape), self)
    }
    let y = try context.allocate(0, output, layout.output)
    let count = layout.shape.elementCount
    guard count > 0 else { return }
    let addresses = try zip(inputs, layout.paces).map { input, pace in
      // What is read more than once may not be written over.
      guard !pace.isTogether, input.base == y.base else { return UnsafeRawPointer(input.base) }
      let copy = try context.scratch(input.dtype, input.shape)
      copy.base.copyMemory(from: input.base, byteCount: input.byteCount)
      return UnsafeRawPointer(copy.base)
    }
    let rows = BroadcastRows(
      layout.paces, addresses, sizes: inputTypes.map(\.size), count: count, whole: layout.rowLength)
    let work = Work(program: self, layout: layout, inputs: rows, y: y.base, count: count)
    let workers = context.workers
    context.perform(
      // A copy lies in scratch, which is another's the next time.
      binds: zip(addresses, inputs).allSatisfy { $0 == UnsafeRawPointer($1.base) }
    ) { work.run(workers) }
  }

  /// One run of a program over whole tensors.
  struct Work: @unchecked Sendable {
    let program: ElementProgram
    let layout: Layout
    let inputs: BroadcastRows
    let y: UnsafeMutableRawPointer
    /// About how many nanoseconds a chunk takes.
    private let cost: Int
    private let outputSize: Int
    /// Bytes of a temporary row, and where in their memory each step's is; -1 for the output.
    private let rowBytes: Int
    private let targets: [Int]

    init(
      program: ElementProgram, layout: Layout, inputs: BroadcastRows, y: UnsafeMutableRawPointer, count: Int
    ) {
      self.program = program
      self.layout = layout
      self.inputs = inputs
      self.y = y
      let length = min(count, chunk)
      cost = program.steps.reduce(50) { $0 + $1.step.cost } * length / chunk + 1
      outputSize = program.output.size
      let bytes = (length * program.elementSize + 63) / 64 * 64
      rowBytes = bytes
      targets = program.steps.map { $0.row.map { $0 * bytes } ?? -1 }
    }

    func run(_ workers: WorkerPool) {
      inputs.forEachPart(
        cost: cost, temporaries: program.rowCount * rowBytes, results: program.steps.count, workers
      ) { start, count, values, rows in
        compute(values, start, count, rows)
      }
    }

    private func compute(
      _ values: UnsafeMutablePointer<UnsafeRawPointer>, _ start: Int, _ count: Int,
      _ rows: UnsafeMutableRawPointer
    ) {
      let inputCount = inputs.addresses.count
      for position in layout.calls.indices {
        let target = targets[position] >= 0 ? rows + targets[position] : y + start * outputSize
        switch layout.calls[position] {
        case .unary(let x, let body): body(values[x], target, count)
        case .binary(let a, let b, let body): body(values[a], values[b], target, count)
        case .choice(let condition, let yes, let yesStep, let no, let noStep, let body):
          body(values[condition], values[yes], yesStep, values[no], noStep, target, count)
        }
        values[inputCount + position] = UnsafeRawPointer(target)
      }
      if let tail = program.tail {
        let length = layout.rowLength
        tail.reduction.run(
          values[inputCount + layout.calls.count - 1], y + start / length * outputSize, rows: count / length,
          count: length)
      }
    }
  }
}
