/// A part of a graph or of a function's body that trains, as long as nothing sets it to infer.
package struct TrainingPart: Sendable {
  /// A node of it.
  package let index: Int
  /// The name of the node, or of the scope that it is in.
  package let name: String
}

/// What makes a graph's outputs depend on what else is in the batch, or on chance: what
/// ``ImportOptions/inferenceMode`` is there for.
package struct TrainingParts: Sendable {
  /// Batch normalisations by what is in the batch.
  package let normalizations: [TrainingPart]
  /// What drops elements by chance.
  package let dropouts: [TrainingPart]

  /// Those of a graph's own nodes.
  package init(_ graph: GraphSnapshot) {
    self.init(NodeScope(nodes: graph.nodes, own: graph.nodes.indices, isFunction: false)) {
      graph.nodeIndex(named: $0)
    }
  }

  /// Those of a function's body.
  package init(_ body: FunctionBody) {
    self.init(NodeScope(body)) { body.nodeIndex(named: $0) }
  }

  private init(_ scope: NodeScope, _ find: (String) -> Int?) {
    var scope = scope
    let averages = scope.useMovingAverages(find)
    normalizations = averages.used + averages.lost
    dropouts = scope.removeDropout()
  }
}
