import GraftKernels
import GraftTensor

/// Takes out what passes its inputs on, and control edges that order nothing: those from nodes without
/// effects, and targets that only waited for such.
enum PassThroughRemoval: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    try reduceControlInputs(&graph)
    // What waits for nothing any more need not be there.
    graph.targets.removeAll { graph.nodes[$0].op == "NoOp" && graph.nodes[$0].controlInputs.isEmpty }
    var replacements = ReferenceMap<ValueReference>()
    let targets = Set(graph.targets)
    for (index, node) in graph.nodes.enumerated() {
      guard node.definition?.traits.contains(.passesThrough) == true, node.controlInputs.isEmpty,
        node.inputs.count >= node.outputTypes.count, !targets.contains(index)
      else { continue }
      for output in node.outputTypes.indices where node.inputTypes[output] == node.outputTypes[output] {
        replacements[ValueReference(node: index, output: output)] = node.inputs[output]
      }
    }
    graph.replace(replacements)
  }

  /// A node that waits for one without effects waits for what that one waits for.
  private static func reduceControlInputs(_ graph: inout PlanGraph) throws {
    guard graph.nodes.contains(where: { !$0.controlInputs.isEmpty }) else { return }
    let order = try graph.order()
    // In a frozen graph nothing has effects.
    guard order.contains(where: { graph.nodes[$0].hasEffects }) else {
      for index in order where !graph.nodes[index].controlInputs.isEmpty {
        graph.nodes[index].controlInputs = []
      }
      return
    }
    // For each node, the nodes with effects that have run when it has.
    var effects = [Set<Int>](repeating: [], count: graph.nodes.count)
    for index in order {
      let node = graph.nodes[index]
      var before = node.inputs.first.map { effects[$0.node] } ?? []
      for input in node.inputs.dropFirst() where input.node != node.inputs.first?.node {
        before.formUnion(effects[input.node])
      }
      let waited = node.controlInputs.reduce(into: Set<Int>()) { $0.formUnion(effects[$1]) }
      if !node.controlInputs.isEmpty {
        graph.nodes[index].controlInputs = waited.subtracting(before).sorted()
        before.formUnion(waited)
      }
      effects[index] = node.hasEffects ? [index] : before
    }
  }
}
