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

  /// How an operand of one shape meets the elements of another that it broadcasts to; nil where it is not in one
  /// of the simple ways.
  package static func canBroadcast(_ shape: Shape, to full: Shape) -> Bool {
    ElementProgram.Pace(shape, in: full) != nil
  }
}

/// The steps of a fused op.
private final class ElementProgram: Sendable {
  /// One op of it.
  struct Step: Sendable {
    let step: ElementStep
    /// Numbers of inputs, then of results.
    let operands: [Int]
    /// Which of the temporary rows takes the result; nil for the output.
    let row: Int?
  }

  let inputTypes: [DataType]
  let steps: [Step]
  let output: DataType
  /// How many temporary rows there are, and the largest element of any.
  let rowCount: Int
  let elementSize: Int

  /// Elements that go through all steps together: so few that the temporary rows stay in the innermost cache.
  private static let chunk = 1024

  init(_ node: NodeSetup) throws {
    let names = try node.strings("ops")
    let (types, results) = (try node.types("types"), try node.types("results"))
    let operands = try node.ints("operands")
    inputTypes = node.inputTypes
    var sizes = inputTypes.map(\.size)
    guard let output = node.outputTypes.first, names.count == types.count, types.count == results.count,
      (inputTypes + [output]).allSatisfy({ if case .plain = $0.layout { true } else { false } })
    else { throw node.invalid("A fused op names an op and a type for each step, and computes with numbers.") }
    self.output = output
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
    (self.steps, rowCount) = Self.assignRows(steps, inputs: inputTypes.count)
    elementSize = sizes.max() ?? 1
  }

  /// Gives each result but the last a temporary row, as soon as one is free.
  private static func assignRows(
    _ steps: [(step: ElementStep, operands: [Int])], inputs: Int
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
      if position < steps.count - 1 {
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

  /// How an operand moves along with the elements of the result.
  enum Pace: Sendable {
    case together
    /// One element for all.
    case scalar
    /// So many elements, over and over.
    case over(period: Int)
    /// Each element so many times in a row.
    case stretched(Int)

    var isScalar: Bool { if case .scalar = self { true } else { false } }

    init?(_ shape: Shape, in full: Shape) {
      let rank = full.rank
      guard shape.rank <= rank else { return nil }
      if shape.elementCount == full.elementCount {
        self = .together
        return
      }
      if shape.elementCount == 1 {
        self = .scalar
        return
      }
      let sizes = [Int](repeating: 1, count: rank - shape.rank) + shape.dimensions
      let kept = (0..<rank).filter { sizes[$0] != 1 }
      guard let first = kept.first, let last = kept.last, kept.allSatisfy({ sizes[$0] == full[$0] }),
        (first...last).allSatisfy({ sizes[$0] == full[$0] })
      else { return nil }
      let before = full.dimensions[..<first].reduce(1, *)
      let after = full.dimensions[(last + 1)...].reduce(1, *)
      if after == 1 {
        self = .over(period: shape.elementCount)
      } else if before == 1 {
        self = .stretched(after)
      } else {
        return nil
      }
    }
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
    let paces: [Pace]
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
      let paces = try inputs.map { shape in
        guard let pace = Pace(shape, in: full) else {
          throw GraftError(.unimplemented, "A fused op does not broadcast the shape \(shape) to \(full).")
        }
        return pace
      }
      self.paces = paces
      calls = try program.steps.map { step in
        guard let call = Self.call(step, isOne: { paces.indices.contains($0) && paces[$0].isScalar }) else {
          throw GraftError(
            .unimplemented, "A fused op does not compute with a single element apart from the others.")
        }
        return call
      }
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
    let y = try context.allocate(0, output, layout.shape)
    let count = layout.shape.elementCount
    guard count > 0 else { return }
    let addresses = try zip(inputs, layout.paces).map { input, pace in
      // What is read more than once may not be written over.
      if case .together = pace { return UnsafeRawPointer(input.base) }
      guard input.base == y.base else { return UnsafeRawPointer(input.base) }
      let copy = try context.scratch(input.dtype, input.shape)
      copy.base.copyMemory(from: input.base, byteCount: input.byteCount)
      return UnsafeRawPointer(copy.base)
    }
    let work = Work(program: self, layout: layout, inputs: addresses, y: y.base, count: count)
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
    let inputs: [UnsafeRawPointer]
    let y: UnsafeMutableRawPointer
    let count: Int
    /// About how many nanoseconds a chunk takes.
    private let cost: Int
    private let outputSize: Int
    /// Bytes of a temporary row, and where in their memory each step's is; -1 for the output.
    private let rowBytes: Int
    private let targets: [Int]

    init(
      program: ElementProgram, layout: Layout, inputs: [UnsafeRawPointer], y: UnsafeMutableRawPointer,
      count: Int
    ) {
      self.program = program
      self.layout = layout
      self.inputs = inputs
      self.y = y
      self.count = count
      let length = min(count, chunk)
      cost = program.steps.reduce(50) { $0 + $1.step.cost } * length / chunk + 1
      outputSize = program.output.size
      let bytes = (length * program.elementSize + 63) / 64 * 64
      rowBytes = bytes
      targets = program.steps.map { $0.row.map { $0 * bytes } ?? -1 }
    }

    func run(_ workers: WorkerPool) {
      let chunks = (count + chunk - 1) / chunk
      workers.forEach(chunks, cost: cost) { range in
        run(range.lowerBound * chunk..<min(range.upperBound * chunk, count))
      }
    }

    private func run(_ range: Range<Int>) {
      // Rows of temporary results, and for each input that does not move along one of its elements as they meet
      // the result's.
      let size = program.elementSize
      let tileBytes = 2 * chunk * size
      let bytes = program.rowCount * rowBytes + inputs.count * tileBytes
      withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 64) { memory in
        withUnsafeTemporaryAllocation(
          of: UnsafeRawPointer.self, capacity: inputs.count + program.steps.count
        ) { values in
          guard let rows = memory.baseAddress, let values = values.baseAddress else { return }
          let tiles = rows + program.rowCount * rowBytes
          for (index, pace) in layout.paces.enumerated() {
            guard case .over(let period) = pace, period < chunk else { continue }
            fill(tiles + index * tileBytes, with: index, period)
          }
          var start = range.lowerBound
          while start < range.upperBound {
            var end = min(start + chunk, range.upperBound)
            for (index, pace) in layout.paces.enumerated() {
              values[index] = operand(index, pace, start, &end, tiles + index * tileBytes)
            }
            compute(values, start, end - start, rows)
            start = end
          }
        }
      }
    }

    /// A short row over and over, twice a chunk, so that it can be read from any of its elements on.
    private func fill(_ tile: UnsafeMutableRawPointer, with input: Int, _ period: Int) {
      let size = program.inputTypes[input].size
      tile.copyMemory(from: inputs[input], byteCount: period * size)
      var filled = period
      while filled < 2 * chunk {
        let count = min(filled, 2 * chunk - filled)
        (tile + filled * size).copyMemory(from: tile, byteCount: count * size)
        filled += count
      }
    }

    /// Where an input's elements for the result's from `start` on are; `end` comes nearer where they end before.
    @inline(__always)
    private func operand(
      _ index: Int, _ pace: Pace, _ start: Int, _ end: inout Int, _ tile: UnsafeMutableRawPointer
    ) -> UnsafeRawPointer {
      let (base, size) = (inputs[index], program.inputTypes[index].size)
      switch pace {
      case .together: return base + start * size
      case .scalar: return base
      case .over(let period):
        let place = start % period
        if period < chunk { return UnsafeRawPointer(tile + place * size) }
        end = min(end, start + period - place)
        return base + place * size
      case .stretched(let times):
        stretch(base, size, start, end - start, times, tile)
        return UnsafeRawPointer(tile)
      }
    }

    private func stretch(
      _ base: UnsafeRawPointer, _ size: Int, _ start: Int, _ count: Int, _ times: Int,
      _ tile: UnsafeMutableRawPointer
    ) {
      func copy<T>(_ type: T.Type) {
        let (from, to) = (base.assumingMemoryBound(to: T.self), tile.assumingMemoryBound(to: T.self))
        var (element, place) = start.quotientAndRemainder(dividingBy: times)
        var filled = 0
        while filled < count {
          let length = min(times - place, count - filled)
          (to + filled).update(repeating: from[element], count: length)
          filled += length
          element += 1
          place = 0
        }
      }
      switch size {
      case 1: copy(UInt8.self)
      case 2: copy(UInt16.self)
      case 4: copy(UInt32.self)
      case 8: copy(UInt64.self)
      default: copy((UInt64, UInt64).self)
      }
    }

    private func compute(
      _ values: UnsafeMutablePointer<UnsafeRawPointer>, _ start: Int, _ count: Int,
      _ rows: UnsafeMutableRawPointer
    ) {
      for position in layout.calls.indices {
        let target = targets[position] >= 0 ? rows + targets[position] : y + start * outputSize
        switch layout.calls[position] {
        case .unary(let x, let body): body(values[x], target, count)
        case .binary(let a, let b, let body): body(values[a], values[b], target, count)
        case .choice(let condition, let yes, let yesStep, let no, let noStep, let body):
          body(values[condition], values[yes], yesStep, values[no], noStep, target, count)
        }
        values[inputs.count + position] = UnsafeRawPointer(target)
      }
    }
  }
}
