import GraftGraph
import GraftKernels
import GraftTensor

/// Puts the bodies of functions where they are called, and makes the conditionals and loops of TensorFlow 2
/// nodes that hold their functions' plans, so that passes see all of it.
///
/// A function that calls itself, or whose body cannot be planned here, stays a call: the run says what is
/// wrong with it, if it gets there.
final class FunctionExpansion {
  private let planner: Planner
  /// The functions that are being put in place, outermost first.
  private var path: [FunctionPlans.Key] = []
  private var bodies: [FunctionPlans.Key: PlanGraph] = [:]
  private var nodeCount = 0

  /// How deeply functions are put into each other; deeper ones are called.
  private static let maximumDepth = 40
  /// How many nodes a plan may grow by. Functions that call others twice double at every level.
  private static let maximumNodeCount = 200_000
  /// How many nodes a conditional or loop may hold, those inside of others in it included: each is planned by
  /// itself.
  private static let maximumBodyNodeCount = 20_000

  init(_ planner: Planner) {
    self.planner = planner
  }

  /// Expands a graph without control flow of TensorFlow 1.
  func run(_ graph: inout PlanGraph) throws {
    guard !planner.functions.names.isEmpty else { return }
    var replacements = Replacements()
    var targets: [Int] = []
    for index in try graph.order() {
      let node = graph.nodes[index]
      guard node.constants == nil, node.feed == nil else { continue }
      try PlanningLimit.check()
      switch node.op {
      case "If", "StatelessIf": branch(index, &graph, ["else_branch", "then_branch"], .conditional)
      case "Case", "StatelessCase": branch(index, &graph, nil, .choice)
      case "While", "StatelessWhile": loop(index, &graph)
      default:
        if let (reference, isGradient) = node.calledFunction,
          let body = body(reference, of: node, node.inputs[...], isGradient: isGradient)
        {
          insert(body, at: index, &graph, &replacements, &targets)
        }
      }
    }
    replacements.apply(to: &graph)
    graph.targets += targets
  }

  /// The body of a function as a plan's graph; nil where it stays a call.
  private func body(
    _ reference: FunctionReference, of node: PlanNode, _ inputs: ArraySlice<ValueReference>,
    isGradient: Bool = false
  ) -> PlanGraph? {
    let key = FunctionPlans.Key(version: 0, reference: reference, isGradient: isGradient)
    guard path.count < Self.maximumDepth, !path.contains(key), nodeCount <= Self.maximumNodeCount,
      let graph = graph(reference, key)
    else { return nil }
    nodeCount += graph.wholeNodeCount
    return nodeCount <= Self.maximumNodeCount ? graph : nil
  }

  private func graph(_ reference: FunctionReference, _ key: FunctionPlans.Key) -> PlanGraph? {
    if let known = bodies[key] { return known }
    // What is tried in vain is tried again elsewhere, where the path is another one: that has an end as well.
    nodeCount += 1
    path.append(key)
    defer { path.removeLast() }
    let functions = planner.functions
    guard let body = try? key.isGradient ? functions.gradient(of: reference) : functions.body(of: reference),
      var graph = try? planner.planner(of: body).prune(function: body)
    else { return nil }
    do {
      try StructuredControlFlow.run(&graph)
      guard !graph.hasDataflow else { return nil }
      try run(&graph)
    } catch {
      return nil
    }
    guard graph.nesting < Structured.maximumNesting else { return nil }
    bodies[key] = graph
    return graph
  }

  // MARK: - Calls

  private func insert(
    _ body: PlanGraph, at index: Int, _ graph: inout PlanGraph, _ replacements: inout Replacements,
    _ targets: inout [Int]
  ) {
    let call = graph.nodes[index]
    guard body.feedTypes == call.inputTypes, body.fetchTypes == call.outputTypes else { return }
    let copy = graph.append(body) { call.inputs[$0] }
    for inner in copy.nodes { graph.nodes[inner].name = call.name + "/" + graph.nodes[inner].name }
    // Effects wait for what the call waits for, and what waits for the call waits for the effects.
    if !call.controlInputs.isEmpty {
      let start = graph.nodes.count
      graph.nodes.append(.waiting(call.name, for: call.controlInputs))
      for inner in copy.nodes where !graph.nodes[inner].isPure {
        graph.nodes[inner].controlInputs.append(start)
      }
      graph.nodes.append(.waiting(call.name, for: copy.targets + [start]))
    } else {
      graph.nodes.append(.waiting(call.name, for: copy.targets))
    }
    let done = graph.nodes.count - 1
    replacements.nodes[index] = done
    if !copy.targets.isEmpty { targets.append(done) }
    for (output, value) in copy.fetches.enumerated() {
      replacements.values[ValueReference(node: index, output: output)] = value
    }
  }

  // MARK: - Conditionals and loops

  private func branch(_ index: Int, _ graph: inout PlanGraph, _ attributes: [String]?, _ kind: Structured) {
    let node = graph.nodes[index]
    var references: [FunctionReference] = []
    if let attributes {
      references = attributes.compactMap { node.functionReference($0) }
      guard references.count == attributes.count else { return }
    } else {
      guard case .functions(let list) = node.attributes["branches"] else { return }
      references = list
    }
    let bodies = references.compactMap { body($0, of: node, node.inputs.dropFirst()) }
    guard bodies.count == references.count, !bodies.isEmpty, Self.isPlannable(bodies),
      let selector = node.inputTypes.first,
      kind == .conditional || selector == .int32,
      bodies.allSatisfy({
        $0.feedTypes == Array(node.inputTypes.dropFirst()) && $0.fetchTypes == node.outputTypes
      })
    else { return }
    var inputs = node.inputs
    // Of what TensorFlow makes no `Switch`, a tensor that is no scalar decides, too.
    if kind == .conditional, selector == .bool, !node.isTrue("_lower_using_switch_merge") {
      graph.nodes.append(.applying("ToBool", to: inputs[0], .bool, name: node.name + "/ToBool"))
      inputs[0] = ValueReference(node: graph.nodes.count - 1, output: 0)
    }
    graph.nodes[index] = PlanNode(
      kind, name: node.name, inputs: inputs, controlInputs: node.controlInputs,
      inputTypes: node.inputTypes, outputTypes: node.outputTypes, bodies: bodies)
  }

  private static func isPlannable(_ bodies: [PlanGraph]) -> Bool {
    bodies.reduce(0) { $0 + $1.wholeNodeCount } <= maximumBodyNodeCount
  }

  private func loop(_ index: Int, _ graph: inout PlanGraph) {
    let node = graph.nodes[index]
    guard let condition = node.functionReference("cond"), let next = node.functionReference("body"),
      let test = body(condition, of: node, node.inputs[...]),
      let step = body(next, of: node, node.inputs[...]), Self.isPlannable([test, step]),
      test.feedTypes == node.inputTypes, test.fetches.count == 1, step.feedTypes == node.inputTypes,
      step.fetchTypes == node.outputTypes, node.inputTypes == node.outputTypes
    else { return }
    graph.nodes[index] = PlanNode(
      .whileLoop, name: node.name, inputs: node.inputs, controlInputs: node.controlInputs,
      inputTypes: node.inputTypes, outputTypes: node.outputTypes, bodies: [test, step])
  }
}

extension PlanNode {
  /// The function that the node does nothing but call, itself or its gradient.
  fileprivate var calledFunction: (reference: FunctionReference, isGradient: Bool)? {
    switch self.definition?.name {
    case "PartitionedCall", "StatefulPartitionedCall": functionReference("f").map { ($0, false) }
    case "SymbolicGradient": functionReference("f").map { ($0, true) }
    default: nil
    }
  }

  fileprivate func functionReference(_ attribute: String) -> FunctionReference? {
    if case .function(let reference) = self.attributes[attribute] { reference } else { nil }
  }
}

extension PlanGraph {
  /// The dtypes of the feeds, in order.
  var feedTypes: [DataType] {
    var types: [Int: DataType] = [:]
    for node in nodes { if let feed = node.feed { types[feed] = node.outputTypes[0] } }
    return types.keys.sorted().compactMap { types[$0] }
  }

  /// The dtypes of what it gives back.
  var fetchTypes: [DataType] { fetches.map { nodes[$0.node].outputTypes[$0.output] } }

  /// Whether control flow of TensorFlow 1 is in what has to run.
  var hasDataflow: Bool {
    func isDataflow(_ node: PlanNode) -> Bool {
      node.constants == nil && node.definition?.traits.contains(.dataflow) == true
    }
    guard nodes.contains(where: isDataflow) else { return false }
    guard let order = try? order() else { return true }
    return order.contains { isDataflow(nodes[$0]) }
  }
}
