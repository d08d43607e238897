import GraftKernels
import GraftTensor

/// What one run needs for itself: its values, its arena, and what kernels prepared.
///
/// A frame belongs to one run at a time; between runs its program keeps it.
final class Frame: @unchecked Sendable {
  let plan: Plan
  let values: UnsafeMutableBufferPointer<Tensor?>
  // The program keeps its frames.
  private weak var program: Program?
  private let layout: ArenaLayout?
  private var recorder: Recorder?
  private var regionStorage: [TensorStorage] = []
  private var arena: TensorStorage?
  private var prepared: [(any AnyObject & Sendable)?]
  private var scratchUsed = 0
  private var currentInstruction = 0

  /// A frame for a plan. Without a program nothing is recorded or planned: every value is allocated by
  /// itself.
  init(
    plan: Plan, layout: ArenaLayout? = nil, prepared: [(any AnyObject & Sendable)?] = [],
    program: Program? = nil
  ) throws {
    self.plan = plan
    self.program = program
    self.layout = layout
    self.prepared = prepared.isEmpty ? Array(repeating: nil, count: plan.instructions.count) : prepared
    values = .allocate(capacity: plan.slotCount)
    values.initialize(repeating: nil)
    for (slot, value) in plan.constants { values[slot] = value }
    if let layout {
      let arena = try TensorStorage(byteCount: layout.byteCount)
      self.arena = arena
      regionStorage = layout.regions.map {
        TensorStorage(transient: arena.base + $0.offset, byteCount: $0.byteCount, arena: arena)
      }
    } else if program != nil {
      recorder = Recorder(plan: plan)
    }
  }

  deinit {
    values.deinitialize()
    values.deallocate()
  }

  /// Whether values lie in an arena.
  var isPlanned: Bool { layout != nil }

  /// What the run that just ended recorded.
  func recordedLayout() -> ArenaLayout? { recorder?.layout() }

  /// Called before each instruction.
  func begin(_ index: Int) {
    currentInstruction = index
    scratchUsed = 0
  }

  /// Called after each instruction: keeps views out of memory that is not planned for them, and releases
  /// what nobody reads any more.
  func finish(_ index: Int) throws {
    let instruction = plan.instructions[index]
    for slot in instruction.outputs {
      guard let value = values[slot] else { continue }
      // What lies in the arena of a run around this one stays as it is while this one goes on.
      if value.storage.isTransient, let layout, let arena, value.storage.isPart(of: arena) {
        let region = layout.regionOfSlot[slot]
        if region < 0 || regionStorage[region] !== value.storage { values[slot] = try value.copied() }
      }
    }
    recorder?.finished(index, values: values)
    for slot in plan.releases[instruction.releases] { values[slot] = nil }
  }

  /// Runs all instructions on the feeds that stand in their slots.
  func run(_ context: KernelContext, checking isLimited: Bool) throws {
    for index in plan.instructions.indices {
      if isLimited { try context.checkpoint() }
      let instruction = plan.instructions[index]
      begin(index)
      context.begin(
        index, inputs: UnsafeBufferPointer(rebasing: plan.inputSlots[instruction.inputs]),
        outputs: instruction.outputs)
      do {
        try instruction.kernel(context)
        try finish(index)
      } catch let error as GraftError {
        let inputs = plan.inputSlots[instruction.inputs].map { values[Int($0)] }
        throw error.explained(by: inputs).at(.init(node: instruction.name, op: instruction.op))
      }
    }
  }

  /// Forgets what kernels prepared for other shapes.
  func forgetPrepared() {
    for index in prepared.indices { prepared[index] = nil }
  }

  /// Forgets the run's values, to be used again.
  func reset() {
    for slot in values.indices where !plan.isConstantSlot[slot] { values[slot] = nil }
  }
}

extension Frame: OutputAllocator {
  func allocate(output: Int, of instruction: Int, dtype: DataType, shape: Shape) throws -> Tensor {
    let slot = plan.instructions[instruction].outputs.lowerBound + output
    if let layout, case .plain = dtype.layout, fits(slot, shape.elementCount * dtype.size, layout) {
      return Tensor(dtype: dtype, shape: shape, storage: regionStorage[layout.regionOfSlot[slot]])
    }
    let tensor = try Tensor(uninitialized: dtype, shape: shape)
    if case .plain = dtype.layout { recorder?.allocated(tensor, instruction: instruction) }
    return tensor
  }

  private func fits(_ slot: Int, _ byteCount: Int, _ layout: ArenaLayout) -> Bool {
    let region = layout.regionOfSlot[slot]
    guard region >= 0, byteCount <= layout.regions[region].byteCount else { return false }
    switch layout.placements[slot] {
    case .separate: return false
    case .own: return true
    case .overwriting(let input):
      // Another shape than recorded would be broadcast: not element over element any more.
      return values[input].map { $0.byteCount == byteCount && $0.storage === regionStorage[region] } ?? false
    }
  }

  func scratch(dtype: DataType, shape: Shape) throws -> Tensor {
    let instruction = currentInstruction
    if let layout, case .plain = dtype.layout {
      let regions = layout.scratchRegions[instruction]
      if scratchUsed < regions.count, case let region = regions[scratchUsed], region >= 0,
        shape.elementCount * dtype.size <= layout.regions[region].byteCount
      {
        scratchUsed += 1
        return Tensor(dtype: dtype, shape: shape, storage: regionStorage[region])
      }
    }
    let tensor = try Tensor(uninitialized: dtype, shape: shape)
    if case .plain = dtype.layout { recorder?.allocatedScratch(tensor, instruction: instruction) }
    return tensor
  }

  func prepared(_ instruction: Int) -> AnyObject? { prepared[instruction] }

  func setPrepared(_ instruction: Int, _ object: any AnyObject & Sendable) {
    prepared[instruction] = object
    program?.keepPrepared(object, for: instruction)
  }

  func isConstant(slot: Int) -> Bool { plan.isConstantSlot[slot] }

  func isLastUse(slot: Int, of instruction: Int) -> Bool {
    plan.releases[plan.instructions[instruction].releases].contains(slot)
  }
}
