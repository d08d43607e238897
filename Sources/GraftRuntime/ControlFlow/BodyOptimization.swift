import GraftGraph
import GraftKernels
import GraftTensor

/// Optimises what loops and conditionals run: values that stay the same in every round are taken out of the
/// variables, constants go into the bodies, branches that are known to be taken go in place of the
/// conditional, and the passes rewrite what is left.
enum BodyOptimization: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    while try takeKnownBranches(&graph) {
      try PassThroughRemoval.run(&graph)
      try ConstantEvaluation.run(&graph)
      try ConstantFolding.run(&graph)
    }
    for index in try graph.order() {
      let node = graph.nodes[index]
      guard let kind = node.structured, node.constants == nil else { continue }
      var bodies = node.bodies
      for position in bodies.indices {
        try PassThroughRemoval.run(&bodies[position])
        try ConstantEvaluation.run(&bodies[position])
      }
      graph.nodes[index].setBodies(bodies)
      if kind == .whileLoop {
        LoopCounters.merge(index, &graph)
        try reduceVariables(index, &graph)
      }
      unifyCaptures(index, &graph)
      try sinkConstants(index, &graph)
      if kind == .whileLoop, try LoopProducts.takeOut(of: index, &graph) { try sinkConstants(index, &graph) }
      bodies = graph.nodes[index].bodies
      for position in bodies.indices {
        bodies[position].skippedPasses = graph.skippedPasses
        try Planner.optimize(&bodies[position])
      }
      graph.nodes[index].setBodies(bodies)
    }
  }

  /// Replaces conditionals whose choice is constant by the branch; the result is whether there were any.
  private static func takeKnownBranches(_ graph: inout PlanGraph) throws -> Bool {
    var replacements = Replacements()
    var targets: [Int] = []
    for index in try graph.order() {
      let node = graph.nodes[index]
      guard node.constants == nil, let kind = node.structured, kind != .whileLoop,
        let selector = graph.constant(node.inputs[0]),
        let branch = try? ChoiceKernel.branch(selector, of: node.bodies.count, kind == .conditional),
        branch < node.bodies.count
      else { continue }
      let copy = graph.append(node.bodies[branch]) { node.inputs[$0 + 1] }
      for inner in copy.nodes where !graph.nodes[inner].isPure {
        graph.nodes[inner].controlInputs += node.controlInputs
      }
      graph.nodes.append(.waiting(node.name, for: copy.targets + node.controlInputs))
      replacements.nodes[index] = graph.nodes.count - 1
      if !copy.targets.isEmpty { targets.append(graph.nodes.count - 1) }
      for (output, value) in copy.fetches.enumerated() {
        replacements.values[ValueReference(node: index, output: output)] = value
      }
    }
    guard !replacements.nodes.isEmpty else { return false }
    replacements.apply(to: &graph)
    graph.targets += targets
    return true
  }

  /// Variables that a round passes on as they are become values that all rounds see, and variables that
  /// nobody reads are left out.
  private static func reduceVariables(_ index: Int, _ graph: inout PlanGraph) throws {
    let node = graph.nodes[index]
    let count = node.outputTypes.count
    let body = node.bodies[1]
    let isHeld = (0..<count).map { body.nodes[body.fetches[$0].node].feed == $0 }
    let isLive = try liveVariables(index, graph)
    let kept = (0..<count).filter { !isHeld[$0] && isLive[$0] }
    guard kept.count < count else { return }
    let held = (0..<count).filter { isHeld[$0] }
    var bodies = node.bodies
    bodies[1].fetches = kept.map { body.fetches[$0] }
    graph.nodes[index].outputTypes = kept.map { node.outputTypes[$0] }
    graph.nodes[index].setBodies(bodies)
    graph.setInputs(of: index, to: kept + held + Array(count..<node.inputs.count))
    var places = node.inputs
    for (place, variable) in kept.enumerated() {
      places[variable] = ValueReference(node: index, output: place)
    }
    graph.redirectOutputs(of: index, to: places)
  }

  /// Which variables something depends on that is seen outside.
  private static func liveVariables(_ index: Int, _ graph: PlanGraph) throws -> [Bool] {
    let node = graph.nodes[index]
    let count = node.outputTypes.count
    var isLive = [Bool](repeating: false, count: count)
    var worklist: [Int] = []
    func mark(_ variables: some Sequence<Int>) {
      for variable in variables where variable < count && !isLive[variable] {
        isLive[variable] = true
        worklist.append(variable)
      }
    }
    for reader in try graph.order() where graph.nodes[reader].constants == nil {
      mark(graph.nodes[reader].inputs.filter { $0.node == index }.map(\.output))
    }
    mark(graph.fetches.filter { $0.node == index }.map(\.output))
    var body = node.bodies[1]
    mark(try node.bodies[0].neededFeeds())
    body.fetches = []
    mark(try body.neededFeeds())
    body.targets = []
    while let variable = worklist.popLast() {
      body.fetches = [node.bodies[1].fetches[variable]]
      mark(try body.neededFeeds())
    }
    return isLive
  }

  /// A value that the bodies are given twice is one to them.
  private static func unifyCaptures(_ index: Int, _ graph: inout PlanGraph) {
    let node = graph.nodes[index]
    let first = node.structured == .whileLoop ? node.outputTypes.count : 1
    let shift = node.structured == .whileLoop ? 0 : 1
    var known = ReferenceMap<Int>()
    var same: [Int: Int] = [:]
    for position in first..<max(node.inputs.count, first) {
      if let earlier = known[node.inputs[position]] {
        same[position - shift] = earlier - shift
      } else {
        known[node.inputs[position]] = position
      }
    }
    guard !same.isEmpty else { return }
    graph.nodes[index].setBodies(node.bodies.map { $0.unifyingFeeds(same) })
  }

  /// Constants that bodies see become the bodies' own, and what no body reads is not passed to it.
  private static func sinkConstants(_ index: Int, _ graph: inout PlanGraph) throws {
    let node = graph.nodes[index]
    let first = node.structured == .whileLoop ? node.outputTypes.count : 1
    // The feed of a conditional's branch is one less than the place of the input.
    let shift = node.structured == .whileLoop ? 0 : 1
    var bodies = node.bodies
    var needed: Set<Int> = []
    for position in bodies.indices {
      for inner in bodies[position].nodes.indices {
        guard let feed = bodies[position].nodes[inner].feed, feed + shift >= first,
          let value = graph.constant(node.inputs[feed + shift])
        else { continue }
        bodies[position].nodes[inner].constants = [value]
        bodies[position].nodes[inner].op = "Const"
        bodies[position].nodes[inner].feed = nil
      }
      needed.formUnion(try bodies[position].neededFeeds().map { $0 + shift })
    }
    graph.nodes[index].setBodies(bodies)
    graph.setInputs(
      of: index, to: Array(0..<first) + (first..<max(node.inputs.count, first)).filter { needed.contains($0) }
    )
  }
}

extension PlanGraph {
  /// The same where some feeds are read in the place of others.
  func unifyingFeeds(_ same: [Int: Int]) -> PlanGraph {
    var feeds: [Int: Int] = [:]
    for (index, node) in nodes.enumerated() {
      if let feed = node.feed { feeds[feed] = index }
    }
    var replacements = ReferenceMap<ValueReference>()
    for (feed, other) in same {
      guard let from = feeds[feed], let to = feeds[other] else { continue }
      replacements[ValueReference(node: from, output: 0)] = ValueReference(node: to, output: 0)
    }
    var result = self
    result.replace(replacements)
    return result
  }

  /// The feeds that the fetches and targets need.
  fileprivate func neededFeeds() throws -> [Int] { try order().compactMap { nodes[$0].feed } }

  /// Gives a loop or conditional some of its inputs, in another order, and its bodies feeds to match.
  fileprivate mutating func setInputs(of index: Int, to kept: [Int]) {
    let node = nodes[index]
    let shift = node.structured == .whileLoop ? 0 : 1
    var places: [Int: Int] = [:]
    for (place, input) in kept.enumerated() { places[input] = place }
    var bodies = node.bodies
    for position in bodies.indices {
      for inner in bodies[position].nodes.indices {
        guard let feed = bodies[position].nodes[inner].feed else { continue }
        if let place = places[feed + shift] {
          bodies[position].nodes[inner].feed = place - shift
        } else {
          bodies[position].nodes[inner] = .waiting(bodies[position].nodes[inner].name, for: [])
        }
      }
    }
    nodes[index].inputs = kept.map { node.inputs[$0] }
    nodes[index].inputTypes = kept.map { node.inputTypes[$0] }
    nodes[index].setBodies(bodies)
  }

  /// Makes readers of a node's outputs read other values; all at once.
  fileprivate mutating func redirectOutputs(of index: Int, to values: [ValueReference]) {
    for reader in nodes.indices {
      for position in nodes[reader].inputs.indices where nodes[reader].inputs[position].node == index {
        nodes[reader].inputs[position] = values[nodes[reader].inputs[position].output]
      }
    }
    for position in fetches.indices where fetches[position].node == index {
      fetches[position] = values[fetches[position].output]
    }
  }
}
