import GraftKernels
import GraftTensor

/// Runs plans with TensorFlow 1's control flow, as its own executor does: a node runs in a round of its
/// loop when everything that it waits for there has arrived; what is not taken is dead, and makes dead
/// what depends on it.
struct DataflowInterpreter {
  private let plan: DataflowPlan
  private let feeds: [Tensor]
  private let control: RunControl
  private let evaluator: NodeEvaluator
  private let initialPending: [[Int32]]
  private let root: DataflowFrame
  private var ready: [Ready] = []
  private var children: [ChildKey: DataflowFrame] = [:]
  private var fetched: [Int: [Tensor?]] = [:]
  /// Which outputs the switches outside of loops took.
  private var outcomes: [Int: Int] = [:]

  private struct Ready {
    let node: Int
    let frame: DataflowFrame
    let round: Int
    let isDead: Bool
  }

  private struct ChildKey: Hashable {
    let parent: ObjectIdentifier
    let round: Int
    let frame: Int
  }

  init(plan: DataflowPlan, feeds: [Tensor], control: RunControl, evaluator: NodeEvaluator) {
    self.plan = plan
    self.feeds = feeds
    self.control = control
    self.evaluator = evaluator
    var initial = plan.frames.map { [Int32](repeating: 0, count: $0.nodeCount) }
    for node in plan.nodes {
      // A merge waits for its control inputs, and then for one value.
      let isMerge = if case .merging = node.role { true } else { false }
      initial[node.frame][node.local] = Int32(
        isMerge ? node.controlCount : node.dataCount + node.controlCount)
    }
    initialPending = initial
    root = DataflowFrame(
      number: 0, parent: nil, parentRound: 0, missingEnters: 0,
      first: DataflowRound(plan.frames[0], initial: initial[0]))
  }

  /// The fetches' values.
  ///
  /// - Throws: what kernels throw; `GraftError` (`failedPrecondition`) for a fetch that is dead.
  mutating func run() throws -> [Tensor] {
    for number in plan.roots where plan.nodes[number].frame == 0 { start(number) }
    while let next = ready.popLast() {
      try control.check()
      try execute(next)
      try finish(next.frame, next.round)
    }
    return try plan.fetches.map { source in
      switch source {
      case .constant(let value): return value
      case .feed(let index): return feeds[index]
      case .node(let number, let output):
        guard let value = fetched[number]?[output] else { throw dead(number, output) }
        return try plan.nodes[number].outputTypes[output].fetched(value)
      }
    }
  }

  private func dead(_ number: Int, _ output: Int) -> GraftError {
    let node = plan.nodes[number]
    var message = "The tensor '\(node.name):\(output)' was fetched, and it is "
    if node.frame == 0 {
      message += "on a branch that was not taken" + (reason(number, output).map { ": \($0)." } ?? ".")
    } else {
      message += "inside of a loop, so that it has no single value."
    }
    return GraftError(
      .failedPrecondition, message, at: .init(node: node.name, op: node.op),
      remedy: "Fetch what the branches are merged into, or what the loop gives when it ends.")
  }

  /// The predicate that decided that a value is not there.
  private func reason(_ number: Int, _ output: Int) -> String? {
    var seen: Set<Int> = []
    var worklist = [(number, output)]
    while let (number, output) = worklist.popLast() {
      let node = plan.nodes[number]
      if let outcome = outcomes[number] {
        guard output >= 0, output != outcome else { continue }
        let predicate =
          switch node.inputs[1] {
          case .node(let number, _): plan.nodes[origin(of: number)].name
          case .feed(let feed): plan.feedNames.indices.contains(feed) ? plan.feedNames[feed] : node.name
          case .constant: node.name
          }
        if case .switching(isNumbered: true) = node.role {
          return "the number '\(predicate)' chose branch \(outcome)"
        }
        return "the predicate '\(predicate)' is \(outcome == 1)"
      }
      guard seen.insert(number).inserted else { continue }
      for case .node(let producer, let output) in node.inputs { worklist.append((producer, output)) }
      for control in node.controls { worklist.append((control, -1)) }
    }
    return nil
  }

  /// The node whose value identities pass on.
  private func origin(of number: Int) -> Int {
    var number = number
    var steps = 0
    while plan.nodes[number].op == "Identity", steps < plan.nodes.count,
      case .node(let next, _)? = plan.nodes[number].inputs.first
    {
      number = next
      steps += 1
    }
    return number
  }

  private mutating func start(_ number: Int) {
    let node = plan.nodes[number]
    if node.isMergeOfKnownValue, let first = root.rounds.first, let round = first,
      let known = node.inputs.firstIndex(where: { if case .node = $0 { false } else { true } })
    {
      round.merged[node.local] = Int32(known)
    }
    push(number, root, 0, isDead: false)
  }

  private mutating func push(_ node: Int, _ frame: DataflowFrame, _ round: Int, isDead: Bool) {
    frame.rounds[round]?.outstanding += 1
    ready.append(Ready(node: node, frame: frame, round: round, isDead: isDead))
  }
}

// MARK: - Running a node

extension DataflowInterpreter {
  private mutating func execute(_ item: Ready) throws {
    let node = plan.nodes[item.node]
    guard let round = item.frame.rounds[item.round] else { return }
    /// Outputs that are not there.
    var nothing: [Tensor?] { Array(repeating: nil, count: node.outputCount) }
    switch node.role {
    case .merging:
      guard !item.isDead else { return pass(item, nothing) }
      let index = Int(round.merged[node.local])
      // Hardly anybody asks which input it was.
      let isAsked = node.readers.dropFirst().contains { !$0.isEmpty } || plan.fetchedNodes.contains(item.node)
      pass(item, [try input(index, of: node, round), isAsked ? try Tensor(Int32(index)) : nil])
    case .trigger:
      pass(item, nothing, isDead: false)
    case .enter(let frame, let isConstant):
      enter(item, item.isDead ? nil : try input(0, of: node, round), frame, isConstant: isConstant)
    case .exit:
      leave(item, item.isDead ? nil : try input(0, of: node, round))
    case .nextIteration:
      if !item.isDead { try advance(item, try input(0, of: node, round)) }
    case .switching(let isNumbered):
      guard !item.isDead else { return pass(item, nothing) }
      let predicate = try input(1, of: node, round)
      let dtype: DataType = isNumbered ? .int32 : .bool
      guard predicate.dtype == dtype, predicate.rank == 0 else {
        throw GraftError(
          .invalidArgument,
          "The predicate is a scalar \(dtype), and \(predicate.dtype)\(predicate.shape) was found.",
          at: .init(node: node.name, op: node.op, input: 1))
      }
      let taken = try ChoiceKernel.branch(predicate, of: node.outputCount, !isNumbered)
      if item.frame === root { outcomes[item.node] = taken }
      var outputs = nothing
      outputs[taken] = try input(0, of: node, round)
      pass(item, outputs)
    case .kernel(let kernel):
      guard !item.isDead else { return pass(item, nothing) }
      let inputs = try node.inputs.indices.map { try input($0, of: node, round) }
      let start = control.trace?.now ?? 0
      let outputs = try evaluator.run(
        kernel, inputs: inputs, outputTypes: node.outputTypes, flushes: node.flushes,
        allocator: NodeMemory(plan, node: item.node, inputs: inputs),
        place: .init(node: node.name, op: node.op))
      if let trace = control.trace {
        trace.record(node.name, node.op, inputs: inputs, outputs: outputs, from: start, to: trace.now)
      }
      pass(item, outputs)
    }
  }

  private func input(_ position: Int, of node: DataflowPlan.Node, _ round: DataflowRound) throws -> Tensor {
    switch node.inputs[position] {
    case .constant(let tensor): return tensor
    case .feed(let index): return feeds[index]
    case .node:
      guard let value = round.values[node.firstSlot + position] else {
        throw GraftError(
          .internalError, "Input \(position) has no value.",
          at: .init(node: node.name, op: node.op, input: position))
      }
      return value
    }
  }

  /// Gives a node's outputs to those who read them in the same round.
  private mutating func pass(_ item: Ready, _ outputs: [Tensor?], isDead: Bool? = nil) {
    if item.frame === root, plan.fetchedNodes.contains(item.node) { fetched[item.node] = outputs }
    deliver(outputs, of: item.node, to: item.frame, item.round, isDead: isDead ?? item.isDead)
  }

  private mutating func deliver(
    _ outputs: [Tensor?], of number: Int, to frame: DataflowFrame, _ round: Int, isDead: Bool
  ) {
    let node = plan.nodes[number]
    let isDeadEnter = if case .enter = node.role { isDead } else { false }
    for (output, readers) in node.readers.enumerated() {
      for reader in readers {
        arrive(outputs[output], at: reader.node, reader.input, frame, round, fromDeadEnter: isDeadEnter)
      }
    }
    for waiter in node.waiters { arrive(isDead: isDead, at: waiter, frame, round) }
  }

  /// A value, or the news that there is none, arrives at a node's input.
  private mutating func arrive(
    _ value: Tensor?, at number: Int, _ input: Int, _ frame: DataflowFrame, _ index: Int, fromDeadEnter: Bool
  ) {
    let node = plan.nodes[number]
    guard let round = frame.rounds[index] else { return }
    if value != nil { round.values[node.firstSlot + input] = value }
    if case .merging = node.role {
      guard round.merged[node.local] < 0 else { return }
      if value != nil {
        round.merged[node.local] = Int32(input)
        if round.pending[node.local] == 0 { push(number, frame, index, isDead: false) }
      } else {
        round.dead[node.local] += 1
        // A loop on a branch that is not taken never gets to its next round.
        if fromDeadEnter { round.dead[node.local] = Int32(node.inputs.count) }
        if Int(round.dead[node.local]) == node.inputs.count, round.pending[node.local] == 0 {
          push(number, frame, index, isDead: true)
        }
      }
    } else {
      if value == nil { round.dead[node.local] = 1 }
      countDown(number, node, round, frame, index)
    }
  }

  /// Something that a node waits for without a value has run, or is dead.
  private mutating func arrive(isDead: Bool, at number: Int, _ frame: DataflowFrame, _ index: Int) {
    let node = plan.nodes[number]
    guard let round = frame.rounds[index] else { return }
    if case .merging = node.role {
      round.pending[node.local] -= 1
      guard round.pending[node.local] == 0 else { return }
      if round.merged[node.local] >= 0 {
        push(number, frame, index, isDead: false)
      } else if Int(round.dead[node.local]) >= node.inputs.count {
        push(number, frame, index, isDead: true)
      }
    } else {
      if isDead { round.dead[node.local] = 1 }
      countDown(number, node, round, frame, index)
    }
  }

  private mutating func countDown(
    _ number: Int, _ node: DataflowPlan.Node, _ round: DataflowRound, _ frame: DataflowFrame, _ index: Int
  ) {
    round.pending[node.local] -= 1
    if round.pending[node.local] == 0 { push(number, frame, index, isDead: round.dead[node.local] != 0) }
  }
}

// MARK: - Loops

extension DataflowInterpreter {
  private mutating func enter(_ item: Ready, _ value: Tensor?, _ number: Int, isConstant: Bool) {
    let key = ChildKey(parent: ObjectIdentifier(item.frame), round: item.round, frame: number)
    let frame: DataflowFrame
    if let known = children[key] {
      frame = known
    } else {
      let description = plan.frames[number]
      frame = DataflowFrame(
        number: number, parent: item.frame, parentRound: item.round, missingEnters: description.enterCount,
        first: DataflowRound(description, initial: initialPending[number]))
      children[key] = frame
      item.frame.rounds[item.round]?.outstanding += 1
    }
    frame.missingEnters -= 1
    // Delivering may make nodes ready; the loop cannot be over before they have run.
    if isConstant {
      frame.invariants.append((item.node, value))
      for round in frame.firstRound..<frame.rounds.count {
        deliver([value], of: item.node, to: frame, round, isDead: value == nil)
      }
    } else {
      deliver([value], of: item.node, to: frame, 0, isDead: value == nil)
    }
    closeRounds(of: frame)
  }

  private mutating func leave(_ item: Ready, _ value: Tensor?) {
    guard let parent = item.frame.parent else { return }
    guard let value else {
      item.frame.deadExits.insert(item.node)
      return
    }
    item.frame.liveExits.insert(item.node)
    exit(item.node, value, parent, item.frame.parentRound)
  }

  private mutating func exit(_ node: Int, _ value: Tensor?, _ parent: DataflowFrame, _ round: Int) {
    if parent === root, plan.fetchedNodes.contains(node) { fetched[node] = [value] }
    deliver([value], of: node, to: parent, round, isDead: value == nil)
  }

  private mutating func advance(_ item: Ready, _ value: Tensor) throws {
    let next = item.round + 1
    guard item.round < control.maximumLoopSteps else {
      let node = plan.nodes[item.node]
      throw GraftError.tooManyLoopSteps(control.maximumLoopSteps).at(.init(node: node.name, op: node.op))
    }
    let frame = item.frame
    if frame.rounds.count == next {
      frame.rounds.append(DataflowRound(plan.frames[frame.number], initial: initialPending[frame.number]))
      for invariant in frame.invariants {
        deliver([invariant.value], of: invariant.node, to: frame, next, isDead: invariant.value == nil)
      }
    }
    deliver([value], of: item.node, to: frame, next, isDead: false)
  }

  /// A node has run: its round may be over, and with it the loop.
  private mutating func finish(_ frame: DataflowFrame, _ round: Int) throws {
    frame.rounds[round]?.outstanding -= 1
    closeRounds(of: frame)
  }

  private mutating func closeRounds(of frame: DataflowFrame) {
    guard let parent = frame.parent, frame.missingEnters == 0 else { return }
    while frame.firstRound < frame.rounds.count, frame.rounds[frame.firstRound]?.outstanding == 0 {
      frame.rounds[frame.firstRound] = nil
      frame.firstRound += 1
    }
    guard frame.firstRound == frame.rounds.count else { return }
    let key = ChildKey(parent: ObjectIdentifier(parent), round: frame.parentRound, frame: frame.number)
    guard children.removeValue(forKey: key) != nil else { return }
    for node in frame.deadExits.subtracting(frame.liveExits).sorted() {
      exit(node, nil, parent, frame.parentRound)
    }
    parent.rounds[frame.parentRound]?.outstanding -= 1
    closeRounds(of: parent)
  }
}
