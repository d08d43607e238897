import GraftKernels
import GraftTensor

/// What one run needs for itself: its values, its arena, and what kernels prepared.
///
/// A frame belongs to one run at a time; between runs its program keeps it.
final class Frame: @unchecked Sendable {
  let plan: Plan
  let values: UnsafeMutableBufferPointer<Tensor?>
  /// What the frames of a program share. Not the program itself, which keeps its frames.
  private let shared: PreparedObjects?
  private let layout: ArenaLayout?
  private var recorder: Recorder?
  private var regionStorage: [TensorStorage] = []
  /// Where in its region the value of each slot began when it was first set; negative before that.
  private var firstOffsets: [Int] = []
  private var arena: TensorStorage?
  private var prepared: [(any AnyObject & Sendable)?]
  /// What is done in an instruction's place, where its kernel has bound it to this frame's memory. Held by hand: to count
  /// references would take as long as small kernels do.
  private let bound: UnsafeMutableBufferPointer<Unmanaged<BoundInstruction>?>
  private var fixed: FixedMemory
  /// The memory of feeds that are copied, by their positions.
  private var places: [(position: Int, tensor: Tensor)] = []
  /// The same for every feed, in numbers only; nil for those that are not copied.
  private let addresses:
    UnsafeMutableBufferPointer<(base: UnsafeMutableRawPointer, byteCount: Int, dtype: DataType)?>
  private var laterReads = LaterReads()
  private var scratchUsed = 0
  private var currentInstruction = 0

  /// A frame for a plan. Without a program nothing is recorded or planned: every value is allocated by
  /// itself.
  init(
    plan: Plan, layout: ArenaLayout? = nil, sharing shared: PreparedObjects? = nil, feeds: [Tensor] = []
  ) throws {
    self.plan = plan
    self.shared = shared
    self.layout = layout
    prepared = shared?.all ?? Array(repeating: nil, count: plan.instructions.count)
    bound = .allocate(capacity: plan.instructions.count)
    bound.initialize(repeating: nil)
    fixed = layout.map { FixedMemory(plan, $0, feeds: feeds) } ?? FixedMemory(plan)
    values = .allocate(capacity: plan.slotCount)
    values.initialize(repeating: nil)
    for (slot, value) in plan.constants { values[slot] = value }
    addresses = .allocate(capacity: plan.feedSlots.count)
    addresses.initialize(repeating: nil)
    if let layout {
      let copied = plan.feedSlots.indices.filter { fixed.isFixed[plan.feedSlots[$0]] }
      let sizes = copied.map { ArenaLayout.padded(feeds[$0].byteCount) }
      let arena = try TensorStorage(byteCount: sizes.reduce(layout.byteCount, +))
      self.arena = arena
      regionStorage = layout.regions.map {
        TensorStorage(transient: arena.base + $0.offset, byteCount: $0.byteCount, arena: arena)
      }
      firstOffsets = Array(repeating: -1, count: plan.slotCount)
      var offset = layout.byteCount
      for (position, size) in zip(copied, sizes) {
        let feed = feeds[position]
        let place = Tensor(
          dtype: feed.dtype, shape: feed.shape,
          storage: TensorStorage(
            transient: arena.base + offset, byteCount: feed.byteCount, arena: arena))
        offset += size
        places.append((position, place))
        addresses[position] = (place.base, place.byteCount, place.dtype)
        values[plan.feedSlots[position]] = place
      }
    } else if shared != nil {
      recorder = Recorder(plan: plan)
    }
  }

  deinit {
    values.deinitialize()
    values.deallocate()
    for action in bound { action?.release() }
    bound.deallocate()
    addresses.deallocate()
  }

  /// Whether values lie in an arena.
  var isPlanned: Bool { layout != nil }

  /// What the run that just ended recorded.
  func recordedLayout() -> ArenaLayout? { recorder?.layout() }

  /// Takes the values of the feeds, of the shapes that the frame is for.
  func feed(_ feeds: [Tensor]) {
    // Not as copies of tensors: who feeds the same ones to runs that overlap would have them all count references.
    let given = feeds.span
    for position in given.indices {
      let (dtype, count) = (given[position].dtype, given[position].shape.elementCount)
      guard let place = place(of: position, dtype, count) else {
        feed(position, feeds[position])
        continue
      }
      place.copyMemory(
        from: given[position].storage.base + given[position].byteOffset, byteCount: count * dtype.size)
    }
  }

  /// Takes the value of a feed, of the shape that the frame is for: a copy of a small one, so that it lies where it lay
  /// before.
  func feed(_ position: Int, _ tensor: Tensor) {
    if let place = place(of: position, tensor.dtype, tensor.elementCount) {
      place.copyMemory(from: tensor.base, byteCount: tensor.byteCount)
    } else {
      let slot = plan.feedSlots[position]
      if fixed.isFixed[slot] { unbind() }
      values[slot] = tensor
    }
  }

  /// Where the value of a feed is copied to, where it is.
  @inline(__always)
  private func place(of feed: Int, _ dtype: DataType, _ elementCount: Int) -> UnsafeMutableRawPointer? {
    guard let (base, byteCount, type) = addresses[feed], fixed.isFixed[plan.feedSlots[feed]], dtype == type,
      elementCount * dtype.size == byteCount
    else { return nil }
    return base
  }

  /// The values of the fetches, in memory that stays as it is after the run.
  func results() throws -> [Tensor] {
    var results: [Tensor] = []
    results.reserveCapacity(plan.fetchSlots.count)
    for slot in plan.fetchSlots {
      guard let value = values[slot] else {
        throw GraftError(.internalError, "A fetched tensor has no value after the run.")
      }
      results.append(try plan.slotTypes[slot].fetched(value).persistent())
    }
    return results
  }

  /// Lets kernels run again: something does not lie where it did, or will not.
  func unbind() {
    for index in bound.indices {
      bound[index]?.release()
      bound[index] = nil
    }
    for slot in firstOffsets.indices { firstOffsets[slot] = -1 }
    fixed = FixedMemory(plan)
  }

  /// Begins rounds in which the last feeds stay as they are, and only the first ones change: those of the sizes of
  /// `feeds`. Ends with `letGo`.
  ///
  /// - Parameter binds: whether kernels may bind themselves to this frame's memory, which was made for such feeds.
  func hold(_ held: ArraySlice<Tensor>, after feeds: [Tensor], binds: Bool) {
    unbind()
    if binds, let layout {
      for (position, place) in places { values[plan.feedSlots[position]] = place }
      fixed = FixedMemory(plan, layout, feeds: feeds, held: held)
    }
    for (slot, value) in zip(plan.feedSlots.dropFirst(feeds.count), held) { values[slot] = value }
  }

  /// Forgets everything that rounds had, the feeds that were held among it.
  func letGo() {
    unbind()
    reset()
  }

  /// Called before each instruction.
  func begin(_ index: Int) {
    currentInstruction = index
    scratchUsed = 0
  }

  /// Called after each instruction: makes sure that outputs are of the dtypes that their readers take for
  /// granted, keeps views out of memory that is not planned for them, and releases what nobody reads any more.
  func finish(_ index: Int) throws {
    let instruction = plan.instructions[index]
    for slot in instruction.outputs {
      if let dtype = values[slot]?.dtype, !plan.slotTypes[slot].accepts(dtype) {
        throw GraftError.otherType(
          dtype, ofOutput: slot - instruction.outputs.lowerBound, expected: plan.slotTypes[slot].dtype)
      }
    }
    if let layout, let arena {
      for slot in instruction.outputs {
        guard let storage = values[slot]?.storage else { continue }
        let region = layout.regionOfSlot[slot]
        // What lies in the arena of a run around this one stays as it is while this one goes on.
        if storage.isTransient, storage.isPart(of: arena), region < 0 || regionStorage[region] !== storage {
          values[slot] = try values[slot]?.copied()
        }
        if fixed.isFixed[slot], !isWhereItWas(slot, in: regionStorage[region]) { unbind() }
      }
    }
    recorder?.finished(index, values: values)
    for slot in plan.releases[instruction.releases] where !fixed.isFixed[slot] { values[slot] = nil }
  }

  /// Whether the value of a slot lies in its region, where it lay when it was first set: a view may begin elsewhere, by the
  /// numbers of other inputs.
  private func isWhereItWas(_ slot: Int, in region: TensorStorage) -> Bool {
    guard let value = values[slot], value.storage === region else { return false }
    if firstOffsets[slot] < 0 { firstOffsets[slot] = value.byteOffset }
    return firstOffsets[slot] == value.byteOffset
  }

  /// Runs all instructions on the feeds that stand in their slots.
  ///
  /// - Parameters:
  ///   - control: what may end the run early; nil within a kernel.
  ///   - trace: what is told of each instruction.
  ///   - makeContext: makes what kernels see. Small runs, whose instructions are bound, need none.
  func run(
    _ control: RunControl? = nil, trace: RunTrace?, _ makeContext: () -> KernelContext
  ) throws {
    try FlushedArithmetic.run { try runFlushed(control, trace, makeContext) }
  }

  private func runFlushed(
    _ control: RunControl?, _ trace: RunTrace?, _ makeContext: () -> KernelContext
  ) throws {
    let isLimited = control?.isLimited ?? false
    var made: KernelContext?
    let readsLater = !laterReads.isEmpty
    defer { if readsLater { laterReads.end() } }
    for index in plan.instructions.indices {
      if isLimited { try control?.check() }
      if readsLater { laterReads.begin(index) }
      let start = trace?.now ?? 0
      if let instruction = bound[index], instruction._withUnsafeGuaranteedRef({ $0.run() }) {
        trace?.record(plan, index, values, start: start)
        continue
      }
      let context = made ?? makeContext()
      made = context
      let instruction = plan.instructions[index]
      begin(index)
      context.begin(
        index, inputs: UnsafeBufferPointer(rebasing: plan.inputSlots[instruction.inputs]),
        outputs: instruction.outputs)
      do {
        if instruction.flushes {
          try plan.kernels[index](context)
        } else {
          try FlushedArithmetic.run(false) { try plan.kernels[index](context) }
        }
        trace?.record(plan, index, values, start: start)
        try finish(index)
      } catch let error as GraftError {
        let inputs = plan.inputSlots[instruction.inputs].map { values[Int($0)] }
        let (name, op) = plan.places[index]
        throw error.explained(by: inputs).at(.init(node: name, op: op))
      }
    }
  }

  /// Whether a value lies in this frame's arena, and is written again by the next run.
  func holds(_ value: Tensor) -> Bool {
    guard let arena else { return false }
    return value.storage.isPart(of: arena)
  }

  /// Forgets what kernels prepared for other shapes.
  func forgetPrepared() {
    laterReads = LaterReads()
    for index in prepared.indices { prepared[index] = nil }
  }

  /// Forgets the run's values, to be used again.
  func reset() {
    for slot in fixed.passingSlots { values[slot] = nil }
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
    shared?.keep(object, for: instruction)
  }

  func readsOnce(_ memory: UnsafeRawBufferPointer, instruction: Int) {
    if isPlanned { laterReads.note(memory, by: instruction) }
  }

  var derived: DerivedConstants? { plan.graph.derived }

  var keepsPacked: Bool { isPlanned }

  func isConstant(slot: Int) -> Bool { plan.isConstantSlot[slot] }

  func isHeld(slot: Int) -> Bool {
    fixed.isFixed[slot] && plan.feedSlots.dropFirst(plan.graph.firstHeldFeed).contains(slot)
  }

  func isLastUse(slot: Int, of instruction: Int) -> Bool {
    !fixed.isFixed[slot] && plan.releases[plan.instructions[instruction].releases].contains(slot)
  }

  func isFixed(_ instruction: Int) -> Bool { fixed.instructions[instruction] }

  func bind(_ instruction: Int, _ action: BoundAction) {
    bound[instruction]?.release()
    bound[instruction] = .passRetained(
      BoundInstruction(action, flushes: plan.instructions[instruction].flushes))
  }
}

/// An instruction whose kernel is bound to a frame's memory.
private final class BoundInstruction {
  /// Does what the kernel would; false where the kernel is to run. A closure by itself: to take it out of an enumeration
  /// would retain what it captures.
  let run: () -> Bool

  init(_ action: BoundAction, flushes: Bool) {
    switch (action, flushes) {
    case (.always(let action), true):
      run = {
        action()
        return true
      }
    case (.always(let action), false):
      run = {
        FlushedArithmetic.run(false, action)
        return true
      }
    case (.attempt(let action), true): run = action
    case (.attempt(let action), false): run = { FlushedArithmetic.run(false, action) }
    }
  }
}
