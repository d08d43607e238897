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
    /// The function in whose body the first of the nodes stands; nil for one of the graph's own.
    let function: String?

    /// Whether it would touch more than its inputs, so that no graph may ask for it.
    var isRefused: Bool { isKnown && RefusedOps.reachesOut(op) }

    fileprivate var text: String {
      let names = nodes.sorted()
      var place = names.count == 1 ? "node '\(names[0])'" : "\(names.count) nodes, as '\(names[0])'"
      if let function { place += " of the function '\(function)'" }
      guard isKnown else {
        let origin = OpOrigin.name(of: op).map { ", but of \($0)" } ?? ""
        return "\(op) (\(place); no op of TensorFlow's own\(origin))"
      }
      let reason = RefusedOps.reason(op) ?? (isRefused ? RefusedOps.files : nil)
      return "\(op) (\(place)\(reason.map { "; it \($0)" } ?? ""))"
    }
  }

  /// One for each op, by name.
  package let entries: [Entry]

  /// What is missing of a graph's own nodes, and what the functions that they call would have to be refused.
  ///
  /// Other ops that a function's body has are missing only when it is called: no branch may be taken that
  /// has them.
  package init(
    nodes: some Sequence<GraphNode>, calling called: [CallScan.Function] = [], functions: FunctionLibrary,
    registry: OpRegistry
  ) {
    var found: [String: Entry] = [:]
    func isMissing(_ op: String) -> Bool { registry.definition(inGraph: op) == nil && functions[op] == nil }
    for node in nodes where isMissing(node.op) {
      found[node.op, default: Entry(op: node.op, isKnown: node.signature != nil, nodes: [], function: nil)]
        .nodes.append(node.name)
    }
    for function in called {
      for node in function.nodes where isMissing(node.op) {
        guard RefusedOps.reachesOut(node.op) else { continue }
        found[node.op, default: Entry(op: node.op, isKnown: true, nodes: [], function: function.name)]
          .nodes.append(node.name)
      }
    }
    entries = found.values.sorted { $0.op < $1.op }
  }

  /// Whether all ops have kernels.
  package var isEmpty: Bool { entries.isEmpty }

  /// One error that names every op, how often it is there, and where first.
  package var error: GraftError {
    let refused = entries.first(where: \.isRefused)
    let first = refused ?? entries.first
    let list = entries.map(\.text).joined(separator: ", ")
    let count = entries.count == 1 ? "An op" : "\(entries.count) ops"
    return GraftError(
      refused == nil ? .unimplemented : .permissionDenied,
      "\(count) that the fetches need \(entries.count == 1 ? "has" : "have") no kernel here: \(list).",
      at: .init(node: first?.nodes.min(), op: first?.op, function: first?.function),
      remedy: (refused == nil ? "" : "No option allows what is refused. ")
        + "Fetch tensors that come before them, or feed their outputs"
        + (entries.allSatisfy(\.isKnown) ? "." : "; an op of your own runs as a `CustomOp` of the graph."))
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
