import GraftKernels
import GraftTensor

/// What to run for a set of feeds and fetches: kernels in order, and the slots that their values lie in.
///
/// Immutable, and shared by all runs.
package final class Plan: @unchecked Sendable {
  /// One kernel's turn: numbers only, so that a run looks at it without counting references.
  struct Instruction {
    /// Where its inputs' slots stand in `inputSlots`.
    let inputs: Range<Int>
    /// The slots of its outputs.
    let outputs: Range<Int>
    /// Where the slots that nobody reads afterwards stand in `releases`.
    let releases: Range<Int>
    let traits: OpDefinition.Traits
    /// Whether the shapes of all inputs and outputs follow from those of the feeds.
    let hasKnownShapes: Bool
    /// Whether it has ``FlushedArithmetic``.
    let flushes: Bool
  }

  let instructions: [Instruction]
  /// What each instruction runs.
  let kernels: [Kernel]
  /// The node of the graph that each instruction runs.
  private let running: [Int]
  /// What each instruction was in the graph, for messages and traces.
  let places: [(name: String, op: String)]
  let slotCount: Int
  /// The slot of each feed.
  let feedSlots: [Int]
  /// The slot of each fetch, at an address that stays.
  let fetchSlots: UnsafeMutableBufferPointer<Int>
  /// Whether each fetch is the last one of a value that the plan does not keep, so that it may be moved out.
  let fetchesMove: [Bool]
  /// The values that are the same in every run, by slot.
  let constants: [(slot: Int, value: Tensor)]
  let isConstantSlot: [Bool]
  /// What each slot's value is by the graph, at an address that stays.
  let slotTypes: UnsafeMutableBufferPointer<ValueType>
  /// All inputs' slots, instruction after instruction, at an address that stays.
  let inputSlots: UnsafeMutableBufferPointer<Int32>
  /// What instructions release, one after the other, at an address that stays.
  let releases: UnsafeMutableBufferPointer<Int>
  /// The graph that the instructions were made from, to be printed.
  package let graph: PlanGraph

  /// - Parameter earlier: A plan whose kernels are taken for the nodes that are the same.
  init(
    _ graph: PlanGraph, feedCount: Int, inference: ShapeInference? = nil, earlier: Plan? = nil
  ) throws {
    self.graph = graph
    let prepared = earlier?.kernelsByNode ?? []
    let order = try graph.runningOrder()
    var firstSlot = [Int](repeating: -1, count: graph.nodes.count)
    var slotCount = 0
    var slotTypes: [ValueType] = []
    var feedSlots = [Int](repeating: -1, count: feedCount)
    var constants: [(slot: Int, value: Tensor)] = []
    // Feeds first, those too that nothing reads.
    for (index, node) in graph.nodes.enumerated() {
      guard let feed = node.feed else { continue }
      firstSlot[index] = slotCount
      feedSlots[feed] = slotCount
      slotCount += 1
      slotTypes += node.valueTypes.prefix(1)
    }
    for index in order where graph.nodes[index].feed == nil {
      firstSlot[index] = slotCount
      for (output, value) in (graph.nodes[index].constants ?? []).enumerated() {
        constants.append((slotCount + output, value))
      }
      slotCount += graph.nodes[index].outputTypes.count
      slotTypes += graph.nodes[index].valueTypes
    }
    var isConstant = [Bool](repeating: false, count: slotCount)
    for (slot, _) in constants { isConstant[slot] = true }

    let running = order.filter { graph.nodes[$0].definition != nil && graph.nodes[$0].constants == nil }
    func slot(_ value: ValueReference) -> Int { firstSlot[value.node] + value.output }
    let fetchSlots = graph.fetches.map(slot)

    // Who reads a slot last; fetched ones live to the end.
    var lastReader = [Int](repeating: -1, count: slotCount)
    for (position, index) in running.enumerated() {
      let outputs = firstSlot[index]..<firstSlot[index] + graph.nodes[index].outputTypes.count
      for output in outputs { lastReader[output] = position }
      for input in graph.nodes[index].inputs { lastReader[slot(input)] = position }
    }
    for fetched in fetchSlots { lastReader[fetched] = .max }
    for (feed, slot) in feedSlots.enumerated() where feed >= graph.firstHeldFeed { lastReader[slot] = .max }
    var released = [[Int]](repeating: [], count: running.count)
    for (slot, position) in lastReader.enumerated()
    where position >= 0 && position < running.count && !isConstant[slot] {
      released[position].append(slot)
    }

    var flatInputs: [Int32] = []
    var releases: [Int] = []
    var instructions: [Instruction] = []
    var kernels: [Kernel] = []
    var places: [(name: String, op: String)] = []
    for (position, index) in running.enumerated() {
      let node = graph.nodes[index]
      guard let definition = node.definition else { continue }
      do {
        if index < prepared.count, let kernel = prepared[index], let earlier,
          earlier.graph.nodes[index].isIdentical(to: node)
        {
          kernels.append(kernel)
        } else {
          kernels.append(try definition.prepare(node.setup))
        }
      } catch let error as GraftError {
        throw error.at(.init(node: node.name, op: node.op))
      }
      let firstInput = flatInputs.count
      for input in node.inputs { flatInputs.append(Int32(slot(input))) }
      let hasKnownShapes =
        inference.map { inference in
          node.inputs.allSatisfy { inference.shape(of: $0).fullyDefined != nil }
            && node.outputTypes.indices.allSatisfy {
              inference.shape(of: ValueReference(node: index, output: $0)).fullyDefined != nil
            }
        } ?? false
      let firstRelease = releases.count
      releases += released[position]
      instructions.append(
        Instruction(
          inputs: firstInput..<flatInputs.count,
          outputs: firstSlot[index]..<firstSlot[index] + node.outputTypes.count,
          releases: firstRelease..<releases.count, traits: definition.traits, hasKnownShapes: hasKnownShapes,
          flushes: FlushedArithmetic.applies(to: node.inputTypes, node.outputTypes)))
      places.append((node.name, node.op))
    }
    self.instructions = instructions
    self.kernels = kernels
    self.running = running
    self.places = places
    self.slotCount = slotCount
    self.feedSlots = feedSlots
    self.fetchSlots = .allocate(capacity: fetchSlots.count)
    _ = self.fetchSlots.initialize(from: fetchSlots)
    var kept = Set(feedSlots.enumerated().filter { $0.offset >= graph.firstHeldFeed }.map(\.element))
    fetchesMove = fetchSlots.reversed().map { !isConstant[$0] && kept.insert($0).inserted }.reversed()
    self.constants = constants
    isConstantSlot = isConstant
    self.releases = .allocate(capacity: releases.count)
    _ = self.releases.initialize(from: releases)
    inputSlots = .allocate(capacity: flatInputs.count)
    _ = inputSlots.initialize(from: flatInputs)
    self.slotTypes = .allocate(capacity: slotTypes.count)
    _ = self.slotTypes.initialize(from: slotTypes)
  }

  deinit {
    fetchSlots.deallocate()
    inputSlots.deallocate()
    releases.deallocate()
    slotTypes.deallocate()
  }

  /// The plan for feeds of the given shapes: with what follows from shapes computed, and fused where equal
  /// shapes allow it.
  func specialized(for shapes: FeedShapes) throws -> Plan {
    var graph = graph
    let inference = try Planner.specialize(&graph, for: shapes)
    return try Plan(graph, feedCount: feedSlots.count, inference: inference, earlier: self)
  }

  /// What runs each node of the graph, where anything does.
  private var kernelsByNode: [Kernel?] {
    var result = [Kernel?](repeating: nil, count: graph.nodes.count)
    for (index, kernel) in zip(running, kernels) { result[index] = kernel }
    return result
  }
}

extension Plan: CustomStringConvertible {
  package var description: String { graph.description }
}
