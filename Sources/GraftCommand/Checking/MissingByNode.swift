import GraftGraph
import GraftKernels

/// For each node of a graph, the ops without a kernel that it needs to run: its own, and those of the
/// functions that it calls.
struct MissingByNode {
  private let graph: GraphSnapshot
  private let registry: OpRegistry
  private var byFunction: [String: Set<String>] = [:]

  init(_ graph: GraphSnapshot, registry: OpRegistry = .standard) {
    self.graph = graph
    self.registry = registry
  }

  /// The ops without a kernel of some nodes.
  ///
  /// - Complexity: O(nodes), and O(size) of functions that are met for the first time.
  mutating func ops(_ nodes: some Sequence<GraphNode>) -> Set<String> {
    var missing: Set<String> = []
    for node in nodes {
      if MissingOp.reasonNotToRun(node, in: graph, registry) != nil { missing.insert(node.op) }
      for reference in CalledFunctions.references(node, graph.functions) {
        missing.formUnion(ops(of: reference))
      }
    }
    return missing
  }

  private mutating func ops(of reference: FunctionReference) -> Set<String> {
    if let known = byFunction[reference.name] { return known }
    // A function that calls itself is looked at once.
    byFunction[reference.name] = []
    guard let body = try? graph.functions.body(of: reference) else { return [] }
    let missing = ops(body.nodes.dropFirst(body.argumentCount))
    byFunction[reference.name] = missing
    return missing
  }
}
