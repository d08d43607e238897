import GraftGraph
import GraftTensor

/// Makes one variable of a loop of those that count alike: TensorFlow's loops bring a counter of their own beside
/// the one that the program has.
enum LoopCounters {
  /// Rewrites a loop's bodies, and what reads its results.
  static func merge(_ index: Int, _ graph: inout PlanGraph) {
    let node = graph.nodes[index]
    var known: [Counter: Int] = [:]
    var same: [Int: Int] = [:]
    for variable in node.outputTypes.indices {
      guard let counter = Counter(variable, of: node, graph) else { continue }
      if let earlier = known[counter] { same[variable] = earlier } else { known[counter] = variable }
    }
    guard !same.isEmpty else { return }
    // The variables' own steps stay, so that each is still one; nobody reads the later ones any more.
    graph.nodes[index].setBodies(node.bodies.map { $0.unifyingFeeds(same) })
    var replacements = ReferenceMap<ValueReference>()
    for (variable, earlier) in same {
      replacements[ValueReference(node: index, output: variable)] = ValueReference(
        node: index, output: earlier)
    }
    graph.replace(replacements)
  }

  /// A variable that begins with a constant number, to which each round adds another one.
  private struct Counter: Hashable {
    let type: DataType
    let start: [UInt8]
    let step: [UInt8]

    init?(_ variable: Int, of node: PlanNode, _ graph: PlanGraph) {
      let body = node.bodies[1]
      let next = body.nodes[body.fetches[variable].node]
      guard let start = graph.constant(node.inputs[variable]), start.rank == 0,
        case .plain = start.dtype.layout, next.op == "AddV2" || next.op == "Add", next.constants == nil,
        next.inputs.count == 2,
        let own = next.inputs.firstIndex(where: { body.nodes[$0.node].feed == variable }),
        let step = body.constant(next.inputs[1 - own]), step.rank == 0, step.dtype == start.dtype
      else { return nil }
      type = start.dtype
      self.start = start.withUnsafeBytes { Array($0) }
      self.step = step.withUnsafeBytes { Array($0) }
    }
  }
}
