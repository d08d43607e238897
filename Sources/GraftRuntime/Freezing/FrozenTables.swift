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

  /// Finds the tables among what some nodes need.
  ///
  /// - Throws: `GraftError` (`unimplemented`) with all tables that are filled from files.
  /// - Complexity: O(nodes + edges).
  init(_ snapshot: GraphSnapshot, neededBy needed: [Int]) throws {
    self.snapshot = snapshot
    let tables = Set(needed.filter { TableFiller.isTable(snapshot.nodes[$0]) })
    guard !tables.isEmpty else { return }
    var files: [String] = []
    for filler in TableFiller.all(in: snapshot) where tables.contains(filler.table) {
      if filler.isFromFile {
        files.append("'\(snapshot.nodes[filler.table].name)'")
      } else {
        initializers[filler.table, default: []].append(filler.node)
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
}
