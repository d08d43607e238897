import GraftTensor

/// Takes out the nodes that nothing needs any more, which the passes before have left where they were: those after it,
/// and what is made for each set of shapes, need not walk over them.
enum UnneededRemoval: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    var isNeeded = graph.nodes.map { $0.feed != nil }
    for index in try graph.order() { isNeeded[index] = true }
    guard isNeeded.contains(false) else { return }
    var places = [Int](repeating: 0, count: graph.nodes.count)
    let kept = graph.nodes.indices.filter { isNeeded[$0] }
    for (place, index) in kept.enumerated() { places[index] = place }
    // What a value was computed from may be gone.
    graph.nodes = kept.map { index in
      let node = graph.nodes[index]
      guard let constants = node.constants, node.definition != nil else { return node }
      return PlanNode(constants: constants, name: node.name)
    }
    func moved(_ value: ValueReference) -> ValueReference {
      ValueReference(node: places[value.node], output: value.output)
    }
    for index in graph.nodes.indices {
      for position in graph.nodes[index].inputs.indices {
        graph.nodes[index].inputs[position] = moved(graph.nodes[index].inputs[position])
      }
      for position in graph.nodes[index].controlInputs.indices {
        graph.nodes[index].controlInputs[position] = places[graph.nodes[index].controlInputs[position]]
      }
    }
    graph.fetches = graph.fetches.map(moved)
    graph.targets = graph.targets.map { places[$0] }
  }
}
