import GraftGraph

/// An operation of a graph that fills a lookup table.
struct TableFiller {
  /// The table's node.
  let table: Int
  /// The node of the operation, which may call a function that fills the table, as in TensorFlow 2.
  let node: Int
  /// Whether what the table holds stands in a text file.
  let isFromFile: Bool

  private static let filling: Set<String> = [
    "InitializeTable", "InitializeTableV2", "LookupTableImport", "LookupTableImportV2",
  ]
  private static let fillingFromFile: Set<String> = [
    "InitializeTableFromTextFile", "InitializeTableFromTextFileV2",
  ]

  /// All of a graph, in the order of the nodes.
  ///
  /// - Complexity: O(nodes + edges).
  static func all(in snapshot: GraphSnapshot) -> [TableFiller] {
    guard snapshot.nodes.contains(where: isTable) else { return [] }
    return snapshot.nodes.enumerated().compactMap { index, node in
      if let table = tableFilled(byCall: node, snapshot) {
        return TableFiller(table: table, node: index, isFromFile: false)
      }
      let isFromFile = fillingFromFile.contains(node.op)
      guard isFromFile || filling.contains(node.op), let first = node.inputs.first,
        let table = table(Int(first.node), snapshot.nodes)
      else { return nil }
      return TableFiller(table: table, node: index, isFromFile: isFromFile)
    }
  }

  /// Whether a node is a table.
  static func isTable(_ node: GraphNode) -> Bool {
    isFixedTable(node) || node.op.hasPrefix("MutableHashTable") || node.op.hasPrefix("MutableDenseHashTable")
  }

  /// Whether a node is a table that is of no use before it is filled.
  static func isFixedTable(_ node: GraphNode) -> Bool { node.op.hasPrefix("HashTable") }

  /// The table that a function fills which a node calls.
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

extension Session {
  /// Fills the graph's lookup tables, as the operation `init_all_tables` of TensorFlow 1 does, which is lost when a
  /// graph is cut down to what its outputs need.
  ///
  /// What fills a table is found in the graph: `InitializeTable`, `LookupTableImport`, or the call of a function with
  /// one of them. `SavedModel.load` has filled the model's tables already; to fill one again with as many entries
  /// changes nothing. Tables that are filled with what is fed, or with what a checkpoint holds, stay as they are.
  ///
  /// - Returns: the names of the tables' nodes.
  /// - Throws: `GraftError`: what filling throws, as `permissionDenied` for a file of words outside of the folders
  ///   that may be read; all other tables are filled then.
  @discardableResult
  public func initializeTables() throws -> [String] {
    let (filled, failure) = fillTables()
    if let failure { throw failure }
    return filled
  }

  /// Fills the tables that can be filled; tells which were, and the first error.
  package func fillTables() -> (filled: [String], failure: (any Error)?) {
    let snapshot = graph.snapshot
    var filled: [String] = []
    var failure: (any Error)?
    for filler in TableFiller.all(in: snapshot) where TableFiller.isFixedTable(snapshot.nodes[filler.table]) {
      guard isSelfContained(filler, snapshot) else { continue }
      do {
        _ = try run([], targets: [snapshot.nodes[filler.node].name])
        filled.append(snapshot.nodes[filler.table].name)
      } catch {
        failure = failure ?? error
      }
    }
    return (filled, failure)
  }

  /// Whether an operation needs nothing that is fed, and nothing from a checkpoint.
  private func isSelfContained(_ filler: TableFiller, _ snapshot: GraphSnapshot) -> Bool {
    var seen: Set<Int> = [filler.node]
    var waiting = [filler.node]
    while let index = waiting.popLast() {
      let node = snapshot.nodes[index]
      if node.op == "Placeholder" || node.op == "PlaceholderV2" || node.op.hasPrefix("Restore") {
        return false
      }
      for next in node.inputs.map({ Int($0.node) }) + node.controlInputs.map({ Int($0) })
      where seen.insert(next).inserted {
        waiting.append(next)
      }
    }
    return true
  }
}
