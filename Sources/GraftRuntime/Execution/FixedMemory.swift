import GraftKernels
import GraftTensor

/// Which values of a planned frame have the same shape and address in every run, and which instructions work
/// on such values only.
struct FixedMemory {
  /// Whether each slot's value stays where it is, and in the frame from run to run.
  let isFixed: [Bool]
  /// Whether each instruction may be bound to its addresses.
  let instructions: [Bool]
  /// The slots that are empty between runs.
  let passingSlots: [Int]

  /// Nothing is fixed but constants: for a frame without an arena.
  init(_ plan: Plan) {
    isFixed = Array(repeating: false, count: plan.slotCount)
    instructions = Array(repeating: false, count: plan.instructions.count)
    passingSlots = (0..<plan.slotCount).filter { !plan.isConstantSlot[$0] }
  }

  /// What is fixed in a frame of this layout, for feeds of the shapes of these.
  ///
  /// - Parameter held: the feeds after these, where they stay the same tensors for as long as that is asked.
  init(_ plan: Plan, _ layout: ArenaLayout, feeds: [Tensor], held: ArraySlice<Tensor> = []) {
    var isFixed = [Bool](repeating: false, count: plan.slotCount)
    var instructions = [Bool](repeating: false, count: plan.instructions.count)
    for (slot, tensor) in zip(plan.feedSlots, feeds) {
      if case .plain = tensor.dtype.layout { isFixed[slot] = tensor.byteCount <= KernelContext.copiedBytes }
    }
    for slot in plan.feedSlots.dropFirst(feeds.count).prefix(held.count) { isFixed[slot] = true }
    // What is kept beyond the run may not lie in the frame.
    for instruction in plan.instructions where instruction.traits.contains(.keepsInputs) {
      for slot in plan.inputSlots[instruction.inputs] { isFixed[Int(slot)] = false }
    }
    for (index, instruction) in plan.instructions.enumerated() {
      // Views are set anew each time, and are fixed nevertheless; the frame sees where one begins elsewhere.
      guard instruction.hasKnownShapes else { continue }
      for slot in instruction.outputs { isFixed[slot] = layout.regionOfSlot[slot] >= 0 }
      instructions[index] =
        plan.inputSlots[instruction.inputs].allSatisfy { isFixed[Int($0)] || plan.isConstantSlot[Int($0)] }
        && instruction.outputs.allSatisfy { isFixed[$0] }
    }
    self.isFixed = isFixed
    self.instructions = instructions
    passingSlots = (0..<plan.slotCount).filter { !plan.isConstantSlot[$0] && !isFixed[$0] }
  }
}
