import CGraftVector
import GraftTensor

/// One of two values, as a condition says.
extension MathOps {
  static let selection: [OpDefinition] = [
    OpDefinition(
      "Select",
      "Elements of `t` where the condition holds, of `e` elsewhere. The condition has their shape, is a "
        + "scalar, or has one element for each row of theirs.",
      types: ["T": .anything], traits: [.inPlace],
      shape: { context in
        [context.input(1).merged(with: context.input(2)) ?? .unknown]
      },
      prepare: { setup in
        let dtype = try setup.inputType(1)
        return { try select(dtype, $0) }
      }
    ).elementwise(ChoiceRow.step),
    OpDefinition(
      "SelectV2", "Elements of `t` where the condition holds, of `e` elsewhere; all three broadcast.",
      types: ["T": .anything], traits: [.inPlace],
      shape: { [ShapeRules.broadcast(ShapeRules.broadcast($0.input(0), $0.input(1)), $0.input(2))] },
      prepare: { setup in
        let dtype = try setup.inputType(1)
        return { try selectBroadcasting(dtype, $0) }
      }
    ).elementwise(ChoiceRow.step),
  ]

  private static func select(_ dtype: DataType, _ context: KernelContext) throws {
    let condition = try context.input(0)
    let (t, e) = (try context.input(1), try context.input(2))
    guard t.shape == e.shape else {
      throw GraftError(
        .invalidArgument,
        "What to take where the condition holds has shape \(t.shape), and what to take elsewhere \(e.shape).",
        remedy: "Both must have the same shape.")
    }
    if condition.rank == 0 {
      return try context.setOutput(0, condition.buffer(as: Bool.self)[0] ? t : e)
    }
    guard condition.rank == 1 || condition.shape == t.shape else {
      throw GraftError(
        .invalidArgument, "The condition has shape \(condition.shape), and the values have \(t.shape).",
        at: .init(input: 0), remedy: "Give it their shape, or one element for each of their rows.")
    }
    guard condition.shape == t.shape || t.rank >= 1 && condition.elementCount == t.shape[0] else {
      throw GraftError(
        .invalidArgument,
        "The condition has \(condition.elementCount) elements, and the values have shape \(t.shape).",
        at: .init(input: 0), remedy: "A condition of one dimension needs one element for each of their rows.")
    }
    // A condition for each row stays along the others.
    let unit = [Int](repeating: 1, count: t.rank - condition.rank)
    try run([Shape(condition.shape.dimensions + unit), t.shape, e.shape], dtype, condition, t, e, context)
  }

  private static func selectBroadcasting(_ dtype: DataType, _ context: KernelContext) throws {
    let condition = try context.input(0)
    let (t, e) = (try context.input(1), try context.input(2))
    if condition.elementCount == 1, t.shape == e.shape, condition.rank <= t.rank {
      return try context.setOutput(0, condition.buffer(as: Bool.self)[0] ? t : e)
    }
    let shapes = [condition.shape, t.shape, e.shape]
    guard Broadcast.dimensions(shapes) != nil else {
      throw GraftError(
        .invalidArgument,
        "condition \(shapes[0]), then \(shapes[1]), and else \(shapes[2]) must be broadcastable.",
        remedy: "From the right, the sizes of each dimension must be equal, or 1.")
    }
    try run(shapes, dtype, condition, t, e, context)
  }

  /// - Parameter shapes: of the condition and the values, as they broadcast.
  private static func run(
    _ shapes: [Shape], _ dtype: DataType, _ condition: Tensor, _ t: Tensor, _ e: Tensor,
    _ context: KernelContext
  ) throws {
    let plan = try Broadcast(shapes)
    let y = try context.allocate(0, dtype, plan.shape)
    guard plan.shape.elementCount > 0 else { return }
    let paces = shapes.map { BroadcastPace($0, in: plan.shape) }
    if case .plain = dtype.layout, let choose = ChoiceRow(elementSize: dtype.size), !paces[0].isScalar,
      plan.rowCount == 1 || plan.rowLength <= BroadcastRows.shortRow
    {
      let size = dtype.size
      let rows = BroadcastRows(
        paces, [condition.base, t.base, e.base].map { UnsafeRawPointer($0) }, sizes: [1, size, size],
        count: plan.shape.elementCount)
      let steps = paces.map { $0.isScalar ? 0 : 1 }
      nonisolated(unsafe) let target = y.base
      let workers = context.workers
      return context.perform {
        rows.forEachPart(cost: 300, workers) { start, count, operands, _ in
          choose.body(
            operands[0], operands[1], steps[1], operands[2], steps[2], target + start * size, count)
        }
      }
    }
    try dtype.withElement(
      SelectTask(plan: plan, condition: condition, t: t, e: e, y: y, workers: context.workers))
  }
}

/// Chooses row by row.
private struct SelectTask: ElementTask {
  let plan: Broadcast
  let condition: Tensor
  let t: Tensor
  let e: Tensor
  let y: Tensor
  let workers: WorkerPool

  func run<E: Sendable>(_ type: E.Type) throws {
    nonisolated(unsafe) let c = UnsafePointer(condition.base.assumingMemoryBound(to: Bool.self))
    nonisolated(unsafe) let t = UnsafePointer(t.base.assumingMemoryBound(to: E.self))
    nonisolated(unsafe) let e = UnsafePointer(e.base.assumingMemoryBound(to: E.self))
    nonisolated(unsafe) let y = y.base.assumingMemoryBound(to: E.self)
    let length = plan.rowLength
    let steps = (plan.innerStride(0), plan.innerStride(1), plan.innerStride(2))
    if plan.rowCount == 1 {
      let block = ElementwiseKernels.block
      workers.forEach((length + block - 1) / block, cost: block) { blocks in
        let begin = blocks.lowerBound * block
        let end = min(blocks.upperBound * block, length)
        Self.row(
          c + begin * steps.0, t + begin * steps.1, e + begin * steps.2, y + begin, end - begin, steps)
      }
    } else {
      workers.forEach(plan.rowCount, cost: length + 10) { rows in
        plan.forEachRow(rows) { row, starts in
          Self.row(c + starts[0], t + starts[1], e + starts[2], y + row * length, length, steps)
        }
      }
    }
  }

  private static func row<E>(
    _ c: UnsafePointer<Bool>, _ t: UnsafePointer<E>, _ e: UnsafePointer<E>, _ y: UnsafeMutablePointer<E>,
    _ count: Int, _ steps: (Int, Int, Int)
  ) {
    if steps.0 == 0 {
      let (source, step) = c[0] ? (t, steps.1) : (e, steps.2)
      if step == 1 {
        y.update(from: source, count: count)
      } else {
        y.update(repeating: source[0], count: count)
      }
    } else if let choose = ChoiceRow(elementSize: MemoryLayout<E>.stride), _isPOD(E.self) {
      choose.body(c, t, steps.1, e, steps.2, y, count)
    } else {
      for i in 0..<count { y[i] = c[i] ? t[i * steps.1] : e[i * steps.2] }
    }
  }
}

/// A loop that chooses between elements: those of either side may be one and the same, where its step is 0.
struct ChoiceRow: Sendable {
  typealias Body =
    @Sendable (
      _ condition: UnsafeRawPointer, _ t: UnsafeRawPointer, _ tStep: Int, _ e: UnsafeRawPointer, _ eStep: Int,
      _ y: UnsafeMutableRawPointer, _ count: Int
    ) -> Void

  let body: Body
  /// Bytes of an element.
  let elementSize: Int

  /// Nil for elements of a size that no number has.
  init?(elementSize: Int) {
    self.elementSize = elementSize
    switch elementSize {
    case 1: body = { graft_select_8($0, $1, $2, $3, $4, $5, $6) }
    case 2: body = { graft_select_16($0, $1, $2, $3, $4, $5, $6) }
    case 4: body = { graft_select_32($0, $1, $2, $3, $4, $5, $6) }
    case 8: body = { graft_select_64($0, $1, $2, $3, $4, $5, $6) }
    default: return nil
    }
  }

  /// As a step of fused ops.
  @Sendable static func step(_ dtype: DataType) -> ElementStep? {
    guard case .plain = dtype.layout else { return nil }
    return ChoiceRow(elementSize: dtype.size).map { .choice($0) }
  }
}
