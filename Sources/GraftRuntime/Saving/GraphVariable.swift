import GraftGraph
import GraftKernels
import GraftTensor

/// A variable of a graph, for those who look at graphs and restore nothing.
package struct GraphVariable: Sendable {
  /// The name of the variable's node.
  package let name: String
  package let dtype: DataType
  /// The shapes that it may have.
  package let shape: PartialShape

  /// The ops whose nodes are variables.
  package static var ops: Set<String> { VariableBinding.ops }

  /// All variables of a graph, in its order.
  ///
  /// - Complexity: O(nodes).
  package static func all(in graph: GraphSnapshot) -> [GraphVariable] {
    VariableBinding.all(in: graph).map { GraphVariable(name: $0.node, dtype: $0.dtype, shape: $0.shape) }
  }
}

extension Session {
  /// The names of the nodes of the variables that have a value.
  ///
  /// - Complexity: O(nodes).
  package var filledVariables: Set<String> {
    let filled = VariableBinding.all(in: graph.snapshot).filter {
      resources.find(Variable.self, container: $0.container, name: $0.sharedName)?.value != nil
    }
    return Set(filled.map(\.node))
  }
}
