import GraftGraph

/// The functions that a graph's operations call, and those that these call.
struct CalledFunctions {
  /// A function that is called.
  struct Called {
    let body: FunctionBody
    /// Whether an operation calls it that one of the outputs needs.
    let isNeeded: Bool
  }

  private let library: FunctionLibrary
  private var seen: Set<String> = []
  /// Each function once, with the attributes of the first call that was met.
  private(set) var functions: [Called] = []

  /// Follows the calls in a graph, first those of the nodes that are needed.
  ///
  /// - Complexity: O(size of the graph and of all functions).
  init(_ graph: GraphSnapshot, needed: Set<Int>) {
    library = graph.functions
    guard !library.names.isEmpty else { return }
    follow(graph.nodes.indices.lazy.filter { needed.contains($0) }.map { graph.nodes[$0] }, isNeeded: true)
    follow(graph.nodes, isNeeded: false)
  }

  private mutating func follow(_ nodes: some Sequence<GraphNode>, isNeeded: Bool) {
    var waiting = nodes.flatMap { Self.references($0, library) }
    while let reference = waiting.popLast() {
      // A body that cannot be read is reported by the run that needs it.
      guard seen.insert(reference.name).inserted, let body = try? library.body(of: reference) else {
        continue
      }
      functions.append(Called(body: body, isNeeded: isNeeded))
      waiting += body.nodes.flatMap { Self.references($0, library) }
    }
  }

  /// The functions that a node calls: by its op, or by its attributes.
  static func references(_ node: GraphNode, _ library: FunctionLibrary) -> [FunctionReference] {
    if library[node.op] != nil { return [FunctionReference(name: node.op, attributes: node.attributes)] }
    return node.functions
  }
}
