import GraftGraph
import GraftTensor

/// A table of a graph, in which words are looked up, and what fills it.
struct LookupTable {
  let node: String
  let op: String
  let key: DataType?
  let value: DataType?
  /// The operations of the graph that put something into it.
  let initializers: [String]

  /// All tables of a graph.
  ///
  /// - Complexity: O(nodes).
  static func all(in graph: GraphSnapshot) -> [LookupTable] {
    let places = graph.nodes.indices.filter { isTable(graph.nodes[$0].op) }
    guard !places.isEmpty else { return [] }
    var initializers: [Int: [String]] = [:]
    for node in graph.nodes where fills(node.op) {
      if let first = node.inputs.first { initializers[Int(first.node), default: []].append(node.name) }
    }
    return places.map { index in
      let node = graph.nodes[index]
      return LookupTable(
        node: node.name, op: node.op, key: dtype(node, "key_dtype"), value: dtype(node, "value_dtype"),
        initializers: initializers[index] ?? [])
    }
  }

  private static func isTable(_ op: String) -> Bool {
    op.contains("HashTable") && OpSignature.named(op)?.attribute(named: "key_dtype") != nil
  }

  private static func fills(_ op: String) -> Bool {
    op.hasPrefix("InitializeTable") || op.hasPrefix("LookupTableImport")
      || op.hasPrefix("LookupTableInsert")
  }

  private static func dtype(_ node: GraphNode, _ name: String) -> DataType? {
    if case .type(let type)? = node.attribute(name) { type.dtype } else { nil }
  }
}
