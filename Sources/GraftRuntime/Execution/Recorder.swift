import GraftKernels
import GraftTensor

/// Watches a first run: what each instruction allocated, and which values are views of which.
struct Recorder {
  private struct Group {
    var byteCount: Int
    var life: ClosedRange<Int>
    var isPlanned = true
    var liveSlots = 0
  }

  /// A storage that was allocated for a group, as long as it lives: its address may serve others afterwards.
  private struct Member {
    weak var storage: TensorStorage?
    var group: Int
  }

  private let plan: Plan
  private var groups: [Group] = []
  private var groupOfSlot: [Int]
  /// By the storage's address.
  private var members: [ObjectIdentifier: Member] = [:]
  private var scratch: [[Int]]
  private var placements: [ArenaLayout.Placement]

  init(plan: Plan) {
    self.plan = plan
    groupOfSlot = Array(repeating: -1, count: plan.slotCount)
    scratch = Array(repeating: [], count: plan.instructions.count)
    placements = Array(repeating: .separate, count: plan.slotCount)
  }

  private func group(of tensor: Tensor) -> Int? {
    guard let member = members[ObjectIdentifier(tensor.storage)], member.storage === tensor.storage else {
      return nil
    }
    return member.group
  }

  mutating func allocated(_ tensor: Tensor, instruction: Int) {
    groups.append(Group(byteCount: tensor.byteCount, life: instruction...instruction))
    members[ObjectIdentifier(tensor.storage)] = Member(storage: tensor.storage, group: groups.count - 1)
  }

  mutating func allocatedScratch(_ tensor: Tensor, instruction: Int) {
    groups.append(Group(byteCount: tensor.byteCount, life: instruction...instruction))
    scratch[instruction].append(groups.count - 1)
  }

  /// Called when an instruction's outputs have their values, before what nobody needs is released.
  mutating func finished(_ index: Int, values: UnsafeMutableBufferPointer<Tensor?>) {
    let instruction = plan.instructions[index]
    for slot in instruction.outputs {
      guard let value = values[slot], let group = group(of: value) else { continue }
      groupOfSlot[slot] = group
      groups[group].liveSlots += 1
      if groups[group].life.lowerBound == index { placements[slot] = .own }
    }
    let inputs = plan.inputSlots[instruction.inputs].map { groupOfSlot[Int($0)] }.filter { $0 >= 0 }
    for group in inputs {
      groups[group].life = groups[group].life.lowerBound...index
      if instruction.traits.contains(.keepsInputs) { groups[group].isPlanned = false }
    }
    reuseInput(index, instruction, inputs, values)
    for slot in plan.releases[instruction.releases] { release(slot, values) }
  }

  /// Lets the first output lie where an input lies that dies here, for kernels that allow it.
  private mutating func reuseInput(
    _ index: Int, _ instruction: Plan.Instruction, _ inputs: [Int],
    _ values: UnsafeMutableBufferPointer<Tensor?>
  ) {
    guard instruction.traits.contains(.inPlace), let output = instruction.outputs.first,
      case let made = groupOfSlot[output], made >= 0, groups[made].life.lowerBound == index,
      groups[made].isPlanned, !plan.fetchSlots.contains(output)
    else { return }
    for slot in plan.inputSlots[instruction.inputs] {
      let group = groupOfSlot[Int(slot)]
      guard group >= 0, group != made, groups[group].isPlanned,
        groups[group].byteCount == groups[made].byteCount,
        groups[group].liveSlots == 1, inputs.filter({ $0 == group }).count == 1,
        plan.releases[instruction.releases].contains(Int(slot))
      else { continue }
      // The output joins the input's group; its own is left empty.
      groups[made].byteCount = 0
      groups[made].isPlanned = false
      if let value = values[output] { members[ObjectIdentifier(value.storage)]?.group = group }
      groupOfSlot[output] = group
      placements[output] = .overwriting(slot: Int(slot))
      groups[group].liveSlots += 1
      groups[made].liveSlots -= 1
      return
    }
  }

  private mutating func release(_ slot: Int, _ values: UnsafeMutableBufferPointer<Tensor?>) {
    let group = groupOfSlot[slot]
    guard group >= 0 else { return }
    groups[group].liveSlots -= 1
    if groups[group].liveSlots <= 0, let value = values[slot] {
      members[ObjectIdentifier(value.storage)] = nil
    }
  }

  /// The layout for runs with the same shapes.
  func layout() -> ArenaLayout {
    var kept = groups
    for slot in plan.fetchSlots where groupOfSlot[slot] >= 0 {
      // A small result is copied out of the arena; a large one has memory of its own.
      let group = groupOfSlot[slot]
      if kept[group].byteCount <= KernelContext.copiedBytes {
        kept[group].life = kept[group].life.lowerBound...plan.instructions.count
      } else {
        kept[group].isPlanned = false
      }
    }
    var region = [Int](repeating: -1, count: groups.count)
    var regions: [ArenaLayout.Region] = []
    for (index, group) in kept.enumerated() where group.isPlanned {
      region[index] = regions.count
      regions.append(.init(byteCount: group.byteCount, life: group.life))
    }
    return ArenaLayout(
      regions: regions, regionOfSlot: groupOfSlot.map { $0 < 0 ? -1 : region[$0] }, placements: placements,
      scratchRegions: scratch.map { $0.map { region[$0] } })
  }
}
