import GraftGraph

/// Which operations of a graph give variables their first values.
package enum Initializers {
  /// What to do about variables that have no value, the graph's own operation named where it has one.
  package static func remedy(for names: [String], in snapshot: GraphSnapshot) -> String {
    let restore = "Restore a checkpoint with Saver(graph:).restore(_:into:)"
    guard let name = operation(for: names, in: snapshot) else {
      return "\(restore); the graph has no operation that initialises them all."
    }
    return "\(restore), or run the operation '\(name)' as a target, which initialises them."
  }

  /// The operation that initialises the most of some variables and no others that could be spared: `init` in
  /// graphs of TensorFlow 1.
  ///
  /// - Complexity: O(nodes + edges).
  package static func operation(for names: [String], in snapshot: GraphSnapshot) -> String? {
    let wanted = Set(names)
    var initialized: [Int: Set<String>] = [:]
    for (index, node) in snapshot.nodes.enumerated()
    where node.op == "Assign" || node.op == "AssignVariableOp" {
      guard node.inputs.count == 2,
        let variable = SavedKeys.variable(Int(node.inputs[0].node), snapshot.nodes)
      else { continue }
      let name = snapshot.nodes[variable].name
      if wanted.contains(name), !isRestored(Int(node.inputs[1].node), snapshot.nodes) {
        initialized[index] = [name]
      }
    }
    guard !initialized.isEmpty else { return nil }
    // Groups of groups: `init_op` runs `init` and `init_tables`.
    var best: (count: Int, controls: Int, name: String)?
    var covered = initialized
    for _ in 0..<4 {
      var grew = false
      for (index, node) in snapshot.nodes.enumerated() where node.op == "NoOp" {
        let names = node.controlInputs.reduce(into: Set<String>()) { $0.formUnion(covered[Int($1)] ?? []) }
        guard !names.isEmpty, covered[index] != names else { continue }
        covered[index] = names
        grew = true
        let candidate = (count: names.count, controls: node.controlInputs.count, name: node.name)
        let isBetter = best.map { best in
          (candidate.count, -candidate.controls) > (best.count, -best.controls)
        }
        if isBetter ?? true { best = candidate }
      }
      if !grew { break }
    }
    if let best, best.count == wanted.count { return best.name }
    guard wanted.count == 1, let index = initialized.keys.min() else { return nil }
    return snapshot.nodes[index].name
  }

  /// Whether a value comes from a checkpoint.
  private static func isRestored(_ start: Int, _ nodes: [GraphNode]) -> Bool {
    var index = start
    for _ in 0..<8 {
      if nodes[index].op.hasPrefix("Restore") { return true }
      guard let next = nodes[index].inputs.first else { return false }
      index = Int(next.node)
    }
    return false
  }
}
