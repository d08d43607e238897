import GraftGraph
import GraftKernels
import GraftProto
import GraftTensor
import SwiftProtobuf

/// The tables that a frozen graph needs, with the operations that fill them.
///
/// What reads a table then waits for the operation that fills it: a frozen graph has no step of its own that
/// would. To fill a table again with the same contents is no error.
struct FrozenTables {
  /// The nodes of the tables, by the nodes of the operations that fill them.
  private var initializers: [Int: [Int]] = [:]
  private let snapshot: GraphSnapshot

  private static let filling: Set<String> = [
    "InitializeTable", "InitializeTableV2", "LookupTableImport", "LookupTableImportV2",
  ]
  private static let fillingFromFile: Set<String> = [
    "InitializeTableFromTextFile", "InitializeTableFromTextFileV2",
  ]

  /// Finds the tables among what some nodes need.
  ///
  /// - Throws: `GraftError` (`unimplemented`) with all tables that are filled from files.
  /// - Complexity: O(nodes + edges).
  init(_ snapshot: GraphSnapshot, neededBy needed: [Int]) throws {
    self.snapshot = snapshot
    let tables = Set(needed.filter { Self.isTable(snapshot.nodes[$0]) })
    guard !tables.isEmpty else { return }
    var files: [String] = []
    for (index, node) in snapshot.nodes.enumerated() {
      if let table = Self.tableFilled(byCall: node, snapshot), tables.contains(table) {
        initializers[table, default: []].append(index)
        continue
      }
      let isFile = Self.fillingFromFile.contains(node.op)
      guard isFile || Self.filling.contains(node.op), let first = node.inputs.first,
        let table = Self.table(Int(first.node), snapshot.nodes), tables.contains(table)
      else { continue }
      if isFile {
        files.append("'\(snapshot.nodes[table].name)'")
      } else {
        initializers[table, default: []].append(index)
      }
    }
    guard files.isEmpty else {
      throw GraftError(
        .unimplemented, "\(files.count) tables are filled from files: \(files.joined(separator: ", ")).",
        remedy: "Export a SavedModel in place of a frozen graph: it carries the files as assets.")
    }
  }

  /// The names of the tables that are filled.
  var names: [String] { initializers.keys.sorted().map { snapshot.nodes[$0].name } }

  /// The operations that fill them.
  var nodes: [Int] { initializers.values.joined().sorted() }

  /// Lets a node that takes a table wait for what fills it.
  func link(_ index: Int, _ message: inout Tensorflow_NodeDef?, _ original: () throws -> Tensorflow_NodeDef)
    throws
  {
    let node = snapshot.nodes[index]
    guard !initializers.isEmpty, !initializers.values.joined().contains(index) else { return }
    var controls: [String] = []
    for edge in node.inputs {
      for filler in initializers[Int(edge.node)] ?? [] { controls.append("^\(snapshot.nodes[filler].name)") }
    }
    guard !controls.isEmpty else { return }
    var changed = try message ?? original()
    // Those that pass a handle on to what fills the table cannot wait for it.
    guard changed.op != "Identity" else { return }
    changed.input += controls.filter { !changed.input.contains($0) }
    message = changed
  }

  /// The table that a function fills which a node calls, as TensorFlow 2 fills tables.
  private static func tableFilled(byCall node: GraphNode, _ snapshot: GraphSnapshot) -> Int? {
    guard node.op == "StatefulPartitionedCall" || node.op == "PartitionedCall",
      let argument = node.inputs.firstIndex(where: { table(Int($0.node), snapshot.nodes) != nil }),
      case .function(let reference)? = node.attribute("f"),
      let body = try? snapshot.functions.body(of: reference),
      body.nodes.contains(where: { inner in
        filling.contains(inner.op) && inner.inputs.first.map { Int($0.node) } == argument
      })
    else { return nil }
    return table(Int(node.inputs[argument].node), snapshot.nodes)
  }

  private static func isTable(_ node: GraphNode) -> Bool {
    node.op.hasPrefix("HashTable") || node.op.hasPrefix("MutableHashTable")
      || node.op.hasPrefix("MutableDenseHashTable")
  }

  private static func table(_ start: Int, _ nodes: [GraphNode]) -> Int? {
    var index = start
    for _ in 0..<8 {
      if isTable(nodes[index]) { return index }
      guard let next = nodes[index].inputs.first else { return nil }
      index = Int(next.node)
    }
    return nil
  }
}
