import GraftGraph
import GraftKernels
import GraftTensor

extension Planner {
  /// Refuses nodes that would touch files where none was opened, before anything runs: all of them at once.
  ///
  /// Which files they ask for is known only when they run, and is checked there.
  func checkPermissions(of needed: [Int]) throws {
    guard let files else { return }
    var refused: [(node: GraphNode, option: String)] = []
    for index in needed {
      let node = nodes[index]
      guard let traits = registry[node.op]?.traits else { continue }
      if traits.contains(.writesFiles), !files.allowsWriting {
        refused.append((node, "writableFolders"))
      } else if traits.contains(.readsFiles), !files.allowsReading {
        refused.append((node, "readableFolders"))
      }
    }
    guard let first = refused.first else { return }
    let list = refused.prefix(10).map { "'\($0.node.name)' (\($0.node.op))" }.joined(separator: ", ")
    let options = Set(refused.map(\.option)).sorted().map { "`\($0)`" }.joined(separator: " and ")
    throw GraftError(
      .permissionDenied,
      "The fetches need operations that touch files, and the session opened no folder to them: \(list)"
        + (refused.count > 10 ? " and \(refused.count - 10) more." : "."),
      at: .init(node: first.node.name, op: first.node.op),
      remedy: "If you trust the graph, name the folder in \(options) of the session's options.")
  }
}
