import GraftGraph
import GraftTensor

/// What a graph computes in the end: operations whose results nobody reads, without those that save,
/// initialise, train or report.
package enum LikelyOutputs {
  private static let ops: Set<String> = [
    "Const", "Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "NoOp", "Assert", "Print",
    "VarHandleOp",
    "VariableV2", "Variable", "VarIsInitializedOp", "IsVariableInitialized", "SaveV2", "RestoreV2",
    "ShardedFilename", "MergeV2Checkpoints",
  ]
  private static let scopes: Set<Substring> = [
    "save", "init", "gradients", "report_uninitialized_variables", "saver_filename",
  ]

  /// The names of the operations, the last ones first.
  ///
  /// - Complexity: O(nodes + edges).
  package static func names(in snapshot: GraphSnapshot) -> [String] {
    var isRead = [Bool](repeating: false, count: snapshot.nodes.count)
    for node in snapshot.nodes {
      for edge in node.inputs where node.op != "Assert" && !node.op.contains("Summary") {
        isRead[Int(edge.node)] = true
      }
    }
    return snapshot.nodes.indices.reversed().filter { index in
      let node = snapshot.nodes[index]
      let scope = node.name.split(separator: "/").first ?? ""
      let plain = scope.split(separator: "_").first ?? ""
      return !isRead[index] && !node.outputTypes.isEmpty && !ops.contains(node.op)
        && !node.op.contains("Summary") && !node.op.hasPrefix("Assign") && !node.op.contains("Apply")
        && !scopes.contains(scope) && plain != "save" && plain != "init"
        && node.outputTypes.contains { $0.dtype != .resource && !$0.isReference }
    }.map { snapshot.nodes[$0].name }
  }

  /// A sentence that names some.
  static func remedy(_ snapshot: GraphSnapshot) -> String {
    let names = names(in: snapshot)
    guard !names.isEmpty else { return "Name the tensors that are to be fetched." }
    let list = names.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
    return "Likely results of this graph are \(list)\(names.count > 8 ? " and others." : ".")"
  }

  /// The node of a tensor or operation.
  ///
  /// - Throws: `GraftError` (`notFound`) with names that look like it, and the likely results.
  static func node(named name: String, in snapshot: GraphSnapshot) throws -> Int {
    if let index = snapshot.nodeIndex(named: name) { return index }
    do {
      return Int(try snapshot.edge(named: name).node)
    } catch {
      guard error.code == .notFound else { throw error }
      let near = error.remedy.flatMap { $0.hasPrefix("Did you mean") ? $0 + " " : nil } ?? ""
      throw GraftError(error.code, error.message, at: error.place, remedy: near + remedy(snapshot))
    }
  }
}
