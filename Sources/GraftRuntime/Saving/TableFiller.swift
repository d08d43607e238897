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
    var filled: [String: Set<Int>] = [:]
    return snapshot.nodes.enumerated().compactMap { index, node in
      if let table = tableFilled(byCall: node, snapshot, &filled) {
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
  ///
  /// - Parameter filled: which of their arguments functions fill, by name: many nodes may call the same.
  private static func tableFilled(
    byCall node: GraphNode, _ snapshot: GraphSnapshot, _ filled: inout [String: Set<Int>]
  ) -> Int? {
    guard node.op == "StatefulPartitionedCall" || node.op == "PartitionedCall",
      let argument = node.inputs.firstIndex(where: { table(Int($0.node), snapshot.nodes) != nil }),
      case .function(let reference)? = node.attribute("f")
    else { return nil }
    if filled[reference.name] == nil {
      let nodes = (try? snapshot.functions.body(of: reference))?.nodes ?? []
      filled[reference.name] = Set(
        nodes.compactMap { filling.contains($0.op) ? $0.inputs.first.map { Int($0.node) } : nil })
    }
    guard filled[reference.name]?.contains(argument) == true else { return nil }
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
    let fillers = Self.selfContained(
      TableFiller.all(in: snapshot).filter { TableFiller.isFixedTable(snapshot.nodes[$0.table]) }, snapshot)
    func fill(_ fillers: [TableFiller]) throws -> [String] {
      guard !fillers.isEmpty else { return [] }
      _ = try run([], targets: fillers.map { snapshot.nodes[$0.node].name })
      return fillers.map { snapshot.nodes[$0.table].name }
    }
    if let filled = try? fill(fillers) { return (filled, nil) }
    var filled: [String] = []
    var failure: (any Error)?
    for filler in fillers.prefix(Self.mostTablesApart) {
      do {
        filled += try fill([filler])
      } catch {
        failure = failure ?? error
      }
    }
    return (filled, failure)
  }

  /// How many tables are filled one by one, where one of them cannot be.
  private static let mostTablesApart = 256

  /// Of some operations those that need nothing that is fed, and nothing from a checkpoint.
  ///
  /// - Complexity: O(nodes + edges).
  private static func selfContained(_ fillers: [TableFiller], _ snapshot: GraphSnapshot) -> [TableFiller] {
    guard !fillers.isEmpty else { return [] }
    var takers: [Int: [Int]] = [:]
    var fed: [Int] = []
    for (index, node) in snapshot.nodes.enumerated() {
      for edge in node.inputs { takers[Int(edge.node), default: []].append(index) }
      for control in node.controlInputs { takers[Int(control), default: []].append(index) }
      if node.op == "Placeholder" || node.op == "PlaceholderV2" || node.op.hasPrefix("Restore") {
        fed.append(index)
      }
    }
    var seen = Set(fed)
    while let index = fed.popLast() {
      for taker in takers[index] ?? [] where seen.insert(taker).inserted { fed.append(taker) }
    }
    return fillers.filter { !seen.contains($0.node) }
  }
}
