import GraftGraph
import GraftKernels
import GraftTensor

/// Finds the loops of TensorFlow 1 that are what `tf.while_loop` writes, and makes each one node.
///
/// Such a loop has one `LoopCond`, and for every variable `Enter` → `Merge` ← `NextIteration` and a
/// `Switch` between the body and `Exit`. What else is in its frame belongs to the condition or hangs on the
/// switches. Others stay as they are, for the interpreter.
struct LoopExtraction {
  private var graph: PlanGraph
  private var replacements = Replacements()
  private let order: [Int]
  /// Of the nodes in `order`: the frame that each is in, and the one that an `Enter` leads into.
  private var frameOf: [Int: Int] = [:]
  private var entered: [Int: Int] = [:]
  private let frames: [DataflowPlan.StaticFrame]
  private var members: [[Int]]
  private var enters: [[Int]]
  private var failed: Set<Int> = []

  /// Makes every loop that is well formed a node.
  static func run(_ graph: inout PlanGraph) throws {
    guard graph.nodes.contains(where: { $0.op == "LoopCond" }) else { return }
    var extraction = try LoopExtraction(graph)
    let depths = extraction.frames.indices.map { extraction.depth($0) }
    for frame in extraction.frames.indices.dropFirst().sorted(by: { depths[$0] > depths[$1] }) {
      if extraction.failed.contains(frame) || !extraction.extract(frame) {
        extraction.failed.insert(extraction.frames[frame].parent)
      }
    }
    graph = extraction.graph
    extraction.replacements.apply(to: &graph)
  }

  private init(_ graph: PlanGraph) throws {
    self.graph = graph
    order = try graph.order()
    let running = order.filter { graph.nodes[$0].definition != nil && graph.nodes[$0].constants == nil }
    var numbers = [Int](repeating: -1, count: graph.nodes.count)
    for (number, index) in running.enumerated() { numbers[index] = number }
    var assignment = FrameAssignment()
    try assignment.assign(running.map { graph.nodes[$0] }, numbers)
    frames = assignment.frames
    members = Array(repeating: [], count: frames.count)
    enters = Array(repeating: [], count: frames.count)
    for (number, index) in running.enumerated() {
      frameOf[index] = assignment.frameOf[number]
      members[assignment.frameOf[number]].append(index)
      if assignment.entered[number] >= 0 {
        entered[index] = assignment.entered[number]
        enters[assignment.entered[number]].append(index)
      }
    }
  }

  private func depth(_ frame: Int) -> Int {
    var (frame, depth) = (frame, 0)
    while frame > 0 {
      frame = frames[frame].parent
      depth += 1
    }
    return depth
  }

  private struct Variable {
    let merge: Int
    let enter: Int
    let next: Int
  }

  /// What the nodes of a frame are for.
  private struct Roles {
    var variables: [Variable] = []
    var condition = -1
    /// Switches on the loop's condition, with what they pass on.
    var switches: [Int: ValueReference] = [:]
    var exits: [Int] = []
    /// Nodes that need a switch, and the others.
    var body: Set<Int> = []
    var others: Set<Int> = []
  }

  private mutating func extract(_ frame: Int) -> Bool {
    guard let roles = roles(of: frame) else { return false }
    let variables = roles.variables
    let types = variables.map { graph.nodes[$0.merge].outputTypes[0] }
    // In the condition and in the body a variable is its value in this round.
    var given = ReferenceMap<Int>()
    for (position, variable) in variables.enumerated() {
      given[ValueReference(node: variable.merge, output: 0)] = position
    }
    for (node, value) in roles.switches {
      if let position = given[value] { given[ValueReference(node: node, output: 1)] = position }
    }
    var local = replacements
    for enter in enters[frame] where !variables.contains(where: { $0.enter == enter }) {
      guard graph.nodes[enter].isTrue("is_constant") else { return false }
      local.values[ValueReference(node: enter, output: 0)] = graph.nodes[enter].inputs[0]
    }
    // A value that is no variable passes a switch unchanged where the body goes on.
    for (node, value) in roles.switches where given[value] == nil {
      local.values[ValueReference(node: node, output: 1)] = value
    }

    var captures = Captures()
    var condition = RegionCopy(of: graph, local, region: roles.others, given: given, types: types)
    guard
      condition.copy(
        fetches: [graph.nodes[roles.condition].inputs[0]], targets: effects(in: roles.others),
        captures: &captures)
    else { return false }
    condition.complete(captures)
    captures.places = [:]
    let known = captures.values.count

    let shared = roles.others.filter { graph.nodes[$0].isPure }
    var body = RegionCopy(
      of: graph, local, region: roles.body.union(shared), given: given, types: types)
    let waited = variables.flatMap { graph.nodes[$0.next].controlInputs }.map { replacements.node($0) }
      .filter { roles.body.contains($0) }
    guard
      body.copy(
        fetches: variables.map { graph.nodes[$0.next].inputs[0] },
        targets: Set(effects(in: roles.body) + waited).sorted(), captures: &captures),
      captures.values.allSatisfy({ !isInside($0.node, frame) })
    else { return false }
    body.complete(captures)
    captures.places = [:]
    var conditionBody = condition.body
    for position in known..<captures.values.count {
      conditionBody.nodes.append(
        .feed(types.count + position, name: "argument", type: captures.types[position]))
    }
    guard max(conditionBody.nesting, body.body.nesting) < Structured.maximumNesting else { return false }
    finish(frame, roles, bodies: [conditionBody, body.body], captures, types)
    return true
  }

  private func effects(in nodes: Set<Int>) -> [Int] { nodes.filter { !graph.nodes[$0].isPure }.sorted() }

  private mutating func finish(
    _ frame: Int, _ roles: Roles, bodies: [PlanGraph], _ captures: Captures, _ types: [DataType]
  ) {
    let loop = graph.nodes.count
    let controls = Set(enters[frame].flatMap { graph.nodes[$0].controlInputs }.map { replacements.node($0) })
    graph.nodes.append(
      PlanNode(
        .whileLoop, name: frames[frame].name,
        inputs: roles.variables.map { replacements.value(graph.nodes[$0.enter].inputs[0]) } + captures.values,
        controlInputs: controls.sorted(), inputTypes: types + captures.types, outputTypes: types,
        bodies: bodies))
    let parent = frames[frame].parent
    frameOf[loop] = parent
    members[parent].append(loop)
    let positions = Dictionary(uniqueKeysWithValues: roles.variables.enumerated().map { ($1.merge, $0) })
    for exit in roles.exits {
      guard let value = roles.switches[graph.nodes[exit].inputs[0].node], let position = positions[value.node]
      else { continue }
      replacements.values[ValueReference(node: exit, output: 0)] = ValueReference(
        node: loop, output: position)
      replacements.nodes[exit] = loop
    }
    // What was the loop is nobody's any more; the nodes that led into it are gone from the parent, too.
    let gone = Set(enters[frame])
    members[parent].removeAll { gone.contains($0) }
  }

  private func isInside(_ node: Int, _ frame: Int) -> Bool {
    frameOf[node] == frame && entered[node] == nil
  }
}

// MARK: - What the nodes are for

extension LoopExtraction {
  private static func isOp(_ op: String, _ name: String) -> Bool { op == name || op == "Ref" + name }

  private func roles(of frame: Int) -> Roles? {
    var roles = Roles()
    let conditions = members[frame].filter { graph.nodes[$0].op == "LoopCond" }
    guard conditions.count == 1, graph.nodes[conditions[0]].inputs.count == 1 else { return nil }
    roles.condition = conditions[0]
    let test = ValueReference(node: roles.condition, output: 0)
    var special: Set<Int> = [roles.condition]
    for index in members[frame] {
      let node = graph.nodes[index]
      if Self.isOp(node.op, "Merge"), let variable = variable(index, frame) {
        roles.variables.append(variable)
        special.formUnion([index, variable.next])
      } else if Self.isOp(node.op, "Exit") {
        roles.exits.append(index)
        special.insert(index)
      } else if Self.isOp(node.op, "Switch"), node.inputs.count == 2,
        replacements.value(node.inputs[1]) == test
      {
        guard node.controlInputs.isEmpty else { return nil }
        roles.switches[index] = replacements.value(node.inputs[0])
        special.insert(index)
      } else if entered[index] != nil || node.op == "ControlTrigger" || node.isNextIteration {
        // A loop inside that is not well formed, or a next round that is no variable's; `special` has seen
        // those that are only when their merge comes first.
        guard node.isNextIteration else { return nil }
      }
    }
    guard
      members[frame].allSatisfy({ !graph.nodes[$0].isNextIteration || special.contains($0) }),
      graph.fetches.allSatisfy({ frameOf[$0.node] != frame || roles.exits.contains($0.node) }),
      graph.targets.allSatisfy({ frameOf[$0] != frame || roles.exits.contains($0) })
    else { return nil }
    return classify(frame, &roles, special) ? roles : nil
  }

  private func variable(_ merge: Int, _ frame: Int) -> Variable? {
    let inputs = graph.nodes[merge].inputs.map { $0.node }
    guard inputs.count == 2, graph.nodes[merge].controlInputs.isEmpty,
      let next = inputs.first(where: { graph.nodes[$0].isNextIteration }), frameOf[next] == frame,
      let enter = inputs.first(where: { entered[$0] == frame }),
      case .bool(false)? = graph.nodes[enter].attributes["is_constant"],
      graph.nodes[next].inputs.count == 1
    else { return nil }
    return Variable(merge: merge, enter: enter, next: next)
  }

  /// Tells the body from the rest; the result is whether everything is used as it may be.
  private func classify(_ frame: Int, _ roles: inout Roles, _ special: Set<Int>) -> Bool {
    let merges = Set(roles.variables.map(\.merge))
    var pending = members[frame].filter { !special.contains($0) }
    // In the order of execution, so that what a node needs was classified before; loops that were extracted
    // stand at the end of the list, and may be needed by earlier nodes: until nothing changes.
    while true {
      let before = roles.body.count
      for index in pending {
        let node = graph.nodes[index]
        for input in node.inputs.map({ replacements.value($0) }) {
          if roles.switches[input.node] != nil {
            guard input.output == 1 else { return false }
            roles.body.insert(index)
          } else if roles.body.contains(input.node) {
            roles.body.insert(index)
          } else if merges.contains(input.node), input.output != 0 {
            return false
          } else if input.node == roles.condition
            || special.contains(input.node) && !merges.contains(input.node)
          {
            return false
          }
        }
        // A switch has run whichever way it leads: to wait for one tells nothing of where a node belongs.
        if node.controlInputs.contains(where: { roles.body.contains(replacements.node($0)) }) {
          roles.body.insert(index)
        }
      }
      pending.removeAll { roles.body.contains($0) }
      if roles.body.count == before { break }
    }
    roles.others = Set(pending)
    // Only exits take the side of a switch that ends the loop, and only variables' values.
    for exit in roles.exits {
      let input = replacements.value(graph.nodes[exit].inputs[0])
      guard input.output == 0, let value = roles.switches[input.node], merges.contains(value.node),
        value.output == 0, graph.nodes[exit].controlInputs.isEmpty
      else { return false }
    }
    // Effects of the condition would lose their place behind a switch.
    for index in pending where !graph.nodes[index].isPure {
      let controls = graph.nodes[index].controlInputs.map { replacements.node($0) }
      if controls.contains(where: { roles.switches[$0] != nil }) { return false }
    }
    // What the condition has done with effects the body may not do again.
    var tainted = roles.others.filter { !graph.nodes[$0].isPure }
    for index in pending where !tainted.isEmpty {
      if graph.nodes[index].inputs.contains(where: { tainted.contains(replacements.value($0).node) }) {
        tainted.insert(index)
      }
    }
    let readers = roles.body.map { graph.nodes[$0] } + roles.variables.map { graph.nodes[$0.next] }
    return tainted.isEmpty
      || !readers.contains { $0.inputs.contains { tainted.contains(replacements.value($0).node) } }
  }
}
