import GraftTensor

/// Which inputs of a GraphDef come from the graph that it is imported into.
struct InputMap {
  /// The keys as they were written, in ascending order.
  let keys: [String]
  /// The node that a key names, with the output, or ``NodeResolver/control``.
  private let names: [(name: String, output: Int32)]
  /// Where the inputs come from instead.
  private let edges: [Edge]
  /// How a key is found by its node's name; keys of the same name follow one another.
  private var table = NameTable()

  /// How many keys there are.
  var count: Int { keys.count }

  /// Reads the keys, and finds what they are mapped to in the graph.
  ///
  /// - Throws: `GraftError` for a key or tensor that is not written as one, and for a tensor that is not in
  ///   the graph.
  init(_ map: [String: String], base: GraphSnapshot) throws(GraftError) {
    var entries: [(key: String, name: String, output: Int32, edge: Edge)] = []
    for (key, value) in map.sorted(by: { $0.key < $1.key }) {
      if key.hasPrefix("^") {
        let name = value.hasPrefix("^") ? String(value.dropFirst()) : value
        guard let node = base.nodeIndex(named: name) else {
          throw base.unknownOperation(name, what: "The input map's '\(key)' is mapped to an operation that")
        }
        let edge = Edge(node: Int32(node), output: NodeResolver.control)
        entries.append((key, String(key.dropFirst()), NodeResolver.control, edge))
      } else {
        guard let (name, output) = NodeName.split(key), !name.isEmpty else {
          throw GraftError(
            .invalidArgument, "The input map's key '\(key)' names no tensor.",
            remedy: "Write it 'name:0', or '^name' for control inputs.")
        }
        guard !value.hasPrefix("^") else {
          throw GraftError(
            .invalidArgument, "The input map leads from the tensor '\(key)' to the control input '\(value)'.",
            remedy: "Map tensors to tensors, and control inputs ('^name') to operations.")
        }
        let edge: Edge
        do {
          edge = try base.edge(named: value)
        } catch {
          throw GraftError(
            error.code, "The input map's '\(key)' is mapped to a tensor that is not there. \(error.message)",
            remedy: error.remedy)
        }
        entries.append((key, name, Int32(output ?? 0), edge))
      }
    }
    entries.sort { ($0.name, $0.output) < ($1.name, $1.output) }
    for (a, b) in zip(entries, entries.dropFirst()) where a.name == b.name && a.output == b.output {
      throw GraftError(
        .invalidArgument, "The input map's keys '\(a.key)' and '\(b.key)' are the same tensor.",
        remedy: "Leave one of them out.")
    }
    keys = entries.map(\.key)
    names = entries.map { ($0.name, $0.output) }
    edges = entries.map(\.edge)
    for (index, entry) in entries.enumerated() where index == 0 || entries[index - 1].name != entry.name {
      table.insert(NameTable.hash(entry.name), index)
    }
  }

  /// The key for an input, and where it comes from instead.
  func find(_ name: UnsafeRawBufferPointer, _ output: Int32) -> (key: Int, edge: Edge)? {
    guard var index = table.find(NameTable.hash(name), { name.elementsEqual(names[$0].name.utf8) }) else {
      return nil
    }
    let first = names[index].name
    while index < names.count, names[index].name == first {
      if names[index].output == output { return (index, edges[index]) }
      index += 1
    }
    return nil
  }

  /// The keys that are nodes' first outputs and are mapped to such.
  var firstOutputs: [(key: String, name: String, edge: Edge)] {
    keys.indices.filter { names[$0].output == 0 && edges[$0].output == 0 }.map {
      (keys[$0], names[$0].name, edges[$0])
    }
  }

  /// The edge that a name written by the caller is mapped to.
  func find(_ name: String, _ output: Int) -> Edge? {
    var name = name
    return name.withUTF8 { find(UnsafeRawBufferPointer($0), Int32(clamping: output))?.edge }
  }

  /// Checks that every key is a tensor of the GraphDef, or one that its nodes take.
  ///
  /// - Parameters:
  ///   - uses: how many inputs each key has replaced.
  ///   - outputCount: how many outputs a node of the GraphDef has; nil for one that is not there.
  ///   - names: the names of the GraphDef's nodes, for suggestions.
  func checkUses(
    _ uses: [Int], _ outputCount: (String) -> Int?, names candidates: () -> [String]
  ) throws(GraftError) {
    var unknown: [Int] = []
    for (index, key) in names.enumerated() where uses[index] == 0 {
      guard let count = outputCount(key.name), Int(key.output) < count else {
        unknown.append(index)
        continue
      }
    }
    guard !unknown.isEmpty else { return }
    let list = unknown.map { "'\(keys[$0])'" }.joined(separator: ", ")
    var lines = [
      unknown.count == 1
        ? "The input map's key \(list) is not in the GraphDef, and no node takes it."
        : "The input map's keys \(list) are not in the GraphDef, and no node takes them."
    ]
    let candidates = candidates()
    for index in unknown {
      if let count = outputCount(names[index].name) {
        lines.append("'\(names[index].name)' has \(count) outputs.")
        continue
      }
      let near = Suggestions.nearest(to: names[index].name, among: candidates).map { name in
        names[index].output == NodeResolver.control ? "^\(name)" : "\(name):\(names[index].output)"
      }
      if let question = Suggestions.question(near) {
        lines.append(unknown.count == 1 ? question : "For '\(keys[index])': \(question)")
      }
    }
    throw GraftError(
      .notFound, lines[0],
      remedy: lines.count > 1
        ? lines.dropFirst().joined(separator: " ")
        : "Keys are names as the GraphDef has them, without the prefix.")
  }

  /// How many inputs each key has replaced, by key.
  func describe(_ uses: [Int]) -> [String: Int] {
    Dictionary(zip(keys, uses), uniquingKeysWith: +)
  }
}
