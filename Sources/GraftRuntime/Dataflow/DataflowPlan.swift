import GraftGraph
import GraftKernels
import GraftTensor

/// A plan with TensorFlow 1's control flow: nodes with the loops ("frames") that they belong to.
///
/// Immutable, and shared by all runs.
package final class DataflowPlan: Sendable {
  /// What the interpreter does with a node.
  enum Role: Sendable {
    case kernel(Kernel)
    /// By a truth between two outputs, or by a number.
    case switching(isNumbered: Bool)
    case merging
    /// Into the frame of that number; a constant one is there in every round.
    case enter(frame: Int, isConstant: Bool)
    case exit
    case nextIteration
    /// Runs though what it waits for is dead.
    case trigger
  }

  /// An operation. Who reads it is written while the plan is made, and nothing afterwards.
  final class Node: @unchecked Sendable {
    let name: String
    let op: String
    let role: Role
    let frame: Int
    /// Where each input's value is.
    let inputs: [Source]
    /// How many inputs have to arrive, constants and feeds not counted.
    let dataCount: Int
    /// Nodes that it waits for.
    let controls: [Int]
    var controlCount: Int { controls.count }
    /// The place of the first input among its frame's values.
    let firstSlot: Int
    let outputTypes: [ValueType]
    var outputCount: Int { outputTypes.count }
    /// Whether it has ``FlushedArithmetic``.
    let flushes: Bool
    /// Who reads each output: node and position of the input.
    fileprivate(set) var readers: [[(node: Int, input: Int)]]
    /// Who waits for it.
    fileprivate(set) var waiters: [Int] = []
    /// Its place among its frame's nodes.
    let local: Int

    init(
      _ node: PlanNode, role: Role, frame: Int, inputs: [Source], controls: [Int], firstSlot: Int, local: Int
    ) {
      name = node.name
      op = node.op
      self.role = role
      self.frame = frame
      self.inputs = inputs
      dataCount = inputs.count { if case .node = $0 { true } else { false } }
      self.controls = controls
      self.firstSlot = firstSlot
      outputTypes = node.valueTypes
      flushes = FlushedArithmetic.applies(to: node.inputTypes, node.outputTypes)
      readers = Array(repeating: [], count: node.outputTypes.count)
      self.local = local
    }

    /// Whether it merges something that is there from the beginning.
    var isMergeOfKnownValue: Bool {
      if case .merging = role { dataCount < inputs.count } else { false }
    }
  }

  /// Where an input's value is.
  enum Source: Sendable {
    case constant(Tensor)
    case feed(Int)
    /// Arrives when the node has run: node and output.
    case node(Int, Int)
  }

  /// A loop as it stands in the graph.
  struct StaticFrame: Sendable {
    let name: String
    let parent: Int
    /// How many loops are around it.
    let depth: Int
    var nodeCount = 0
    /// How many inputs its nodes have in all.
    var slotCount = 0
    /// How many `Enter` nodes feed it.
    var enterCount = 0
  }

  let nodes: [Node]
  let frames: [StaticFrame]
  /// Nodes that wait for nothing.
  let roots: [Int]
  let fetches: [Source]
  /// What is fed, for messages.
  let feedNames: [String]
  /// Nodes whose outputs are kept for the fetches.
  let fetchedNodes: Set<Int>
  /// What kernels made of constants.
  let prepared: PreparedConstants
  /// The plan as text.
  package let description: String

  init(_ graph: PlanGraph) throws {
    let order = try graph.order()
    let running = order.filter { graph.nodes[$0].definition != nil && graph.nodes[$0].constants == nil }
    var numbers = [Int](repeating: -1, count: graph.nodes.count)
    for (number, index) in running.enumerated() { numbers[index] = number }

    func source(_ value: ValueReference) -> Source {
      if let constant = graph.constant(value) { return .constant(constant) }
      if let feed = graph.nodes[value.node].feed { return .feed(feed) }
      return .node(numbers[value.node], value.output)
    }

    description = graph.description
    let feeds = graph.nodes.filter { $0.feed != nil }.sorted { $0.feed ?? 0 < $1.feed ?? 0 }
    feedNames = feeds.map(\.name)
    var assignment = FrameAssignment()
    try assignment.assign(running.map { graph.nodes[$0] }, numbers)
    var frames = assignment.frames
    var nodes: [Node] = []
    for (number, index) in running.enumerated() {
      let node = graph.nodes[index]
      let inputs = node.inputs.map(source)
      let frame = assignment.frameOf[number]
      nodes.append(
        Node(
          node, role: try Self.role(of: node, assignment.entered[number]), frame: frame, inputs: inputs,
          controls: node.controlInputs.map { numbers[$0] }.filter { $0 >= 0 },
          firstSlot: frames[frame].slotCount, local: frames[frame].nodeCount))
      frames[frame].nodeCount += 1
      frames[frame].slotCount += inputs.count
    }
    for number in nodes.indices {
      for (position, input) in nodes[number].inputs.enumerated() {
        if case .node(let producer, let output) = input {
          guard assignment.frameAfter(producer, graph.nodes[running[producer]]) == nodes[number].frame else {
            throw GraftError(
              .invalidGraph,
              "The node takes a value of '\(nodes[producer].name)', which is in another loop.",
              at: .init(node: nodes[number].name, op: nodes[number].op, input: position),
              remedy: "Values go into a loop through Enter and out of it through Exit.")
          }
          nodes[producer].readers[output].append((number, position))
        }
      }
      for control in graph.nodes[running[number]].controlInputs where numbers[control] >= 0 {
        nodes[numbers[control]].waiters.append(number)
      }
    }
    self.nodes = nodes
    self.frames = frames
    prepared = PreparedConstants(count: nodes.count)
    roots = nodes.indices.filter { number in
      let node = nodes[number]
      return node.controlCount == 0 && (node.dataCount == 0 || node.isMergeOfKnownValue)
    }
    fetchedNodes = Set(graph.fetches.map { numbers[$0.node] })
    fetches = graph.fetches.map(source)
  }

  private static func role(of node: PlanNode, _ entered: Int) throws -> Role {
    switch node.op {
    case "Switch", "RefSwitch": return .switching(isNumbered: false)
    case "_SwitchN": return .switching(isNumbered: true)
    case "Merge", "RefMerge": return .merging
    case "Exit", "RefExit": return .exit
    case "NextIteration", "RefNextIteration": return .nextIteration
    case "ControlTrigger": return .trigger
    case "Enter", "RefEnter":
      return .enter(frame: entered, isConstant: try node.setup.bool("is_constant"))
    default:
      guard let definition = node.definition else {
        throw GraftError(.internalError, "The node has no kernel.", at: .init(node: node.name, op: node.op))
      }
      do {
        return .kernel(try definition.prepare(node.setup))
      } catch let error as GraftError {
        throw error.at(.init(node: node.name, op: node.op))
      }
    }
  }
}

/// Finds out which loop each node belongs to.
struct FrameAssignment {
  var frames = [DataflowPlan.StaticFrame(name: "", parent: -1, depth: 0)]
  var frameOf: [Int] = []
  /// The frame that an `Enter` leads into.
  var entered: [Int] = []
  private var byName: [String: Int] = [:]

  /// - Parameters:
  ///   - nodes: each after the nodes that it reads, but for values of earlier rounds.
  ///   - numbers: the place among them of each node of the plan's graph.
  mutating func assign(_ nodes: [PlanNode], _ numbers: [Int]) throws {
    frameOf = Array(repeating: 0, count: nodes.count)
    entered = Array(repeating: -1, count: nodes.count)
    for (number, node) in nodes.enumerated() {
      var frame = 0
      // What comes from outside a loop without `Enter` (a constant, a feed) is in frame 0: the deepest counts.
      for producer in node.inputs.map({ numbers[$0.node] }) + node.controlInputs.map({ numbers[$0] })
      where producer >= 0 && producer < number {
        let reached = frameAfter(producer, nodes[producer])
        if frames[reached].depth > frames[frame].depth { frame = reached }
      }
      frameOf[number] = frame
      guard node.op == "Enter" || node.op == "RefEnter" else { continue }
      let name = try node.setup.string("frame_name")
      let key = "\(frame)/\(name)"
      if let known = byName[key] {
        entered[number] = known
      } else {
        byName[key] = frames.count
        entered[number] = frames.count
        frames.append(.init(name: name, parent: frame, depth: frames[frame].depth + 1))
      }
      frames[entered[number]].enterCount += 1
    }
  }

  /// The frame that a node's outputs are in.
  func frameAfter(_ number: Int, _ node: PlanNode) -> Int {
    switch node.op {
    case "Enter", "RefEnter": entered[number]
    case "Exit", "RefExit": max(frames[frameOf[number]].parent, 0)
    default: frameOf[number]
    }
  }
}
