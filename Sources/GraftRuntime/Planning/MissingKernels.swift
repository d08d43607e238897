import GraftGraph
import GraftKernels
import GraftTensor

/// The ops of some nodes that cannot run here: all of them, not only the first.
package struct MissingKernels: Sendable {
  /// An op without a kernel.
  package struct Entry: Sendable {
    package let op: String
    /// Whether TensorFlow itself knows it.
    package let isKnown: Bool
    /// The names of the nodes that have it.
    package var nodes: [String]
  }

  /// One for each op, by name.
  package let entries: [Entry]

  package init(nodes: some Sequence<GraphNode>, functions: FunctionLibrary, registry: OpRegistry) {
    var found: [String: Entry] = [:]
    for node in nodes where registry[node.op] == nil && functions[node.op] == nil {
      found[node.op, default: Entry(op: node.op, isKnown: node.signature != nil, nodes: [])].nodes
        .append(node.name)
    }
    entries = found.values.sorted { $0.op < $1.op }
  }

  /// Whether all ops have kernels.
  package var isEmpty: Bool { entries.isEmpty }

  /// One error that names every op, how often it is there, and where first.
  package var error: GraftError {
    let list = entries.map { entry in
      let nodes = entry.nodes.sorted()
      let place = nodes.count == 1 ? "node '\(nodes[0])'" : "\(nodes.count) nodes, as '\(nodes[0])'"
      return "\(entry.op) (\(place)\(entry.isKnown ? "" : "; no op of TensorFlow's own"))"
    }
    let count = entries.count == 1 ? "An op" : "\(entries.count) ops"
    return GraftError(
      .unimplemented,
      "\(count) that the fetches need \(entries.count == 1 ? "has" : "have") no kernel here: "
        + list.joined(separator: ", ") + ".",
      at: .init(node: entries.first?.nodes.min(), op: entries.first?.op),
      remedy: "Fetch tensors that come before them, or feed their outputs.")
  }
}

extension Graph {
  /// All ops of the graph and of its functions that have no kernel, needed or not.
  ///
  /// - Complexity: O(nodes), those of functions included.
  package func missingKernels() -> MissingKernels {
    let snapshot = snapshot
    var nodes = snapshot.nodes
    for name in snapshot.functions.names {
      // A body that cannot be read is reported when it is called.
      if let body = try? snapshot.functions.body(of: FunctionReference(name: name)) {
        nodes += body.nodes.dropFirst(body.argumentCount)
      }
    }
    return MissingKernels(nodes: nodes, functions: snapshot.functions, registry: .standard)
  }
}
