import GraftGraph
import GraftKernels
import GraftTensor

extension Planner {
  /// Refuses nodes that would touch files where none was opened, before anything runs: all of them at once,
  /// those of the functions that are called included.
  ///
  /// Which files they ask for is known only when they run, and is checked there.
  ///
  /// - Parameter definitions: the ops of the nodes that are needed, nil for functions.
  func checkPermissions(
    of needed: [Int], _ definitions: [OpDefinition?], calling functions: [CallScan.Function]
  ) throws {
    guard let files else { return }
    var refused: [Refused] = []
    func look(
      at name: String, _ op: String, _ definition: OpDefinition?, of function: String?,
      attribute: (String) -> AttributeValue?
    ) {
      guard let definition else { return }
      if definition.traits.contains(.writesFiles), !files.allowsWriting {
        refused.append(Refused(node: name, op: op, function: function, option: "writableFolders"))
      } else if definition.traits.contains(.readsFiles), !files.allowsReading {
        // Here the file is named by an attribute, and none at all by an empty one.
        if op == "FixedUnigramCandidateSampler" {
          guard case .string(let path)? = attribute("vocab_file"), !path.bytes.isEmpty else { return }
        }
        refused.append(Refused(node: name, op: op, function: function, option: "readableFolders"))
      }
    }
    let touching = OpDefinition.Traits.readsFiles.union(.writesFiles)
    for (index, definition) in zip(needed, definitions) {
      guard let definition, !definition.traits.isDisjoint(with: touching) else { continue }
      let node = nodes[index]
      look(at: node.name, node.op, definition, of: nil) { node.attribute($0) }
    }
    for function in functions {
      for node in function.nodes {
        look(at: node.name, node.op, registry.definition(inGraph: node.op), of: function.name) {
          node.attribute($0)
        }
      }
    }
    guard let first = refused.first else { return }
    let list = refused.prefix(10).map(\.text).joined(separator: ", ")
    let options = Set(refused.map(\.option)).sorted().map { "`\($0)`" }.joined(separator: " and ")
    throw GraftError(
      .permissionDenied,
      "The fetches need operations that touch files, and the session opened no folder to them: \(list)"
        + (refused.count > 10 ? " and \(refused.count - 10) more." : "."),
      at: .init(node: first.node, op: first.op, function: first.function),
      remedy: "If you trust the graph, name the folder in \(options) of the session's options.")
  }
}

/// A node that was refused, and the option that would allow it.
private struct Refused {
  let node: String
  let op: String
  let function: String?
  let option: String

  var text: String { "'\(node)' (\(op)\(function.map { " of the function '\($0)'" } ?? ""))" }
}
