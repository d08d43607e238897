import GraftTensor

/// Computes what depends on constants alone.
enum ConstantFolding: PlanPass {
  /// Results above this are kept only where they are no larger than what they come from.
  private static let byteLimit = 10 << 20

  static func run(_ graph: inout PlanGraph) throws {
    let evaluator = NodeEvaluator(checkpoint: PlanningLimit.current)
    for index in try graph.order() {
      let node = graph.nodes[index]
      guard node.constants == nil, node.feed == nil, node.definition != nil, node.isPure,
        node.controlInputs.isEmpty, !node.outputTypes.isEmpty,
        node.inputs.allSatisfy({ graph.nodes[$0.node].constants != nil })
      else { continue }
      let inputs = node.inputs.compactMap { graph.constant($0) }
      guard inputs.count == node.inputs.count else { continue }
      // An error is the run's to report, if the run gets there; but for the one that says that it is to end.
      let outputs = try? evaluator.run(node, inputs: inputs)
      try PlanningLimit.check()
      guard let outputs else { continue }
      let before = inputs.reduce(0) { $0 + $1.byteCount }
      let after = outputs.reduce(0) { $0 + $1.byteCount }
      if after <= max(byteLimit, before) { graph.nodes[index].constants = outputs }
    }
  }
}
