import GraftKernels
import GraftTensor

/// A loop as it runs. Its plans are made once; a round moves the variables from one to the next.
final class LoopKernel: Sendable {
  private let variableCount: Int
  private let condition: PlanPrograms
  /// Gives the variables' next values, and whether the loop goes on with them, where that can be told in
  /// the same plan.
  private let step: PlanPrograms
  private let stepTells: Bool
  /// The variables that are lists of which rounds take elements, and to which they add none.
  private let shrinkingLists: [Int]
  private let reads: LoopReads

  /// - Parameter bodies: the condition and the body, both with the variables and the captures as feeds.
  init(_ bodies: [PlanGraph], variableCount: Int) throws {
    self.variableCount = variableCount
    guard bodies.count == 2 else { throw GraftError(.internalError, "A loop has a condition and a body.") }
    var (condition, step) = (bodies[0], bodies[1])
    condition.firstHeldFeed = variableCount
    step.firstHeldFeed = variableCount
    let feedCount = condition.nodes.count { $0.feed != nil }
    self.condition = PlanPrograms(plan: try Plan(condition, feedCount: feedCount))
    stepTells = condition.isPure
    shrinkingLists = (0..<variableCount).filter { step.onlyTakesElements(of: $0) }
    if stepTells { step.append(condition, variableCount: variableCount) }
    reads = try LoopReads(&step, firstFeed: feedCount, captures: variableCount..<feedCount)
    self.step = PlanPrograms(plan: try Plan(step, feedCount: feedCount + reads.count))
  }

  func run(_ context: KernelContext) throws {
    var variables: [Tensor?] = try (0..<variableCount).map { try context.takeHandle($0) }
    let captures = try (variableCount..<context.inputCount).map { try context.input($0) }[...]
    let condition = NestedRun(
      self.condition, captures: captures, shrinkingLists: shrinkingLists, isLoop: true, in: context)
    defer { condition.end() }
    var goesOn = try condition.holds(for: variables)
    // What no round reads need not have a value.
    let held = goesOn ? try captures + reads.values(context) : captures
    let step = NestedRun(
      self.step, captures: held, shrinkingLists: shrinkingLists, isLoop: true, in: context)
    defer { step.end() }
    var count = 0
    while goesOn {
      try context.checkpoint()
      try context.checkLoopSteps(count)
      count += 1
      let test = try step.advance(&variables)
      goesOn = try test?.isPredicateTrue(ofSwitch: true) ?? condition.holds(for: variables)
    }
    for (index, value) in variables.enumerated() {
      guard let value else { throw GraftError(.internalError, "Variable \(index) of the loop has no value.") }
      try context.setOutput(index, value)
    }
  }
}

extension NestedRun {
  fileprivate func holds(for variables: [Tensor?]) throws -> Bool {
    guard let test = try results(variables.compactMap { $0 }).first else {
      throw GraftError(.invalidArgument, "The loop's condition gives no result.")
    }
    return try test.isPredicateTrue(ofSwitch: true)
  }
}

extension PlanGraph {
  /// Whether nothing in it has effects, or gives other values at every run.
  var isPure: Bool { nodes.allSatisfy { $0.constants != nil || $0.isPure } }

  /// Whether a round gives a variable, a list, its value without elements that it takes from the end.
  fileprivate func onlyTakesElements(of variable: Int) -> Bool {
    var value = fetches[variable]
    while nodes[value.node].op == "TensorListPopBack", value.output == 0 {
      value = nodes[value.node].inputs[0]
    }
    return nodes[value.node].feed == variable && value != fetches[variable]
  }

  /// Adds what a loop's condition says of the next values to the loop's body: one more fetch.
  fileprivate mutating func append(_ condition: PlanGraph, variableCount: Int) {
    var feeds: [Int: Int] = [:]
    for (index, node) in nodes.enumerated() {
      if let feed = node.feed { feeds[feed] = index }
    }
    let next = fetches
    fetches +=
      append(condition) { feed in
        feed < variableCount ? next[feed] : ValueReference(node: feeds[feed] ?? 0, output: 0)
      }.fetches
  }

  /// Copies another graph's nodes into this one, its feeds replaced by values that are here.
  ///
  /// - Returns: where the other's fetches and targets are now.
  mutating func append(
    _ other: PlanGraph, feeds: (Int) -> ValueReference
  ) -> (fetches: [ValueReference], targets: [Int], nodes: Range<Int>) {
    let first = nodes.count
    func value(_ value: ValueReference) -> ValueReference {
      if let feed = other.nodes[value.node].feed { return feeds(feed) }
      return ValueReference(node: value.node + first, output: value.output)
    }
    for var node in other.nodes {
      // Nobody reads the feeds any more; they keep their places so that numbers stay simple.
      if node.feed != nil { node = .waiting(node.name, for: []) }
      node.inputs = node.inputs.map(value)
      node.controlInputs = node.controlInputs.filter { other.nodes[$0].feed == nil }.map { $0 + first }
      nodes.append(node)
    }
    return (
      other.fetches.map(value), other.targets.filter { other.nodes[$0].feed == nil }.map { $0 + first },
      first..<nodes.count
    )
  }
}
