import GraftTensor

/// Sets a GraphDef that was exported to train to infer: see ``ImportOptions/inferenceMode``.
struct InferenceMode {
  private let document: GraphBytes
  /// Where the GraphDef lies in the document.
  private let range: ByteRange
  private let firstNode: Int
  private var graph: NodeScope
  /// The bodies of functions that are rewritten, by the place of their messages among the library's.
  private var functions: [Int: NodeScope] = [:]
  /// What was changed, and what was not, as sentences.
  private(set) var notes: [String] = []

  /// Looks at an imported GraphDef.
  ///
  /// - Parameters:
  ///   - scan: the GraphDef.
  ///   - range: where it lies in its document.
  ///   - snapshot: the graph with it, its nodes being the last ones.
  init(_ scan: GraphDefScan, _ range: ByteRange, importedInto snapshot: GraphSnapshot) throws {
    document = scan.document
    self.range = range
    firstNode = snapshot.nodes.count - scan.nodes.count
    graph = NodeScope(nodes: snapshot.nodes, own: firstNode..<snapshot.nodes.count, isFunction: false)
    var switches: [String] = []
    for index in graph.own {
      if let text = try graph.fixSwitch(index) { switches.append(text) }
    }
    let averages = graph.useMovingAverages { snapshot.nodeIndex(named: $0) }
    var (used, lost) = (averages.used.map(\.name), averages.lost.map(\.name))
    var dropouts = graph.removeDropout().map(\.name)
    for (place, range) in scan.functions.enumerated() {
      let name = try FunctionDefinition(document: document, range: range, limits: scan.limits).name
      // A body that cannot be read without a call's attributes, or not at all, stays as it is.
      guard let body = try? snapshot.functions.body(of: FunctionReference(name: name, attributes: [:])) else {
        continue
      }
      var scope = NodeScope(body)
      let averages = scope.useMovingAverages { body.nodeIndex(named: $0) }
      used += averages.used.map { "\(name)/\($0.name)" }
      lost += averages.lost.map { "\(name)/\($0.name)" }
      dropouts += scope.removeDropout().map { "\(name)/\($0.name)" }
      if !scope.isUnchanged { functions[place] = scope }
    }
    note("moving averages are used in place of the batch's by", used)
    note("nothing is dropped by", dropouts)
    if !switches.isEmpty { notes.append("Inference mode: \(switches.joined(separator: ", ")).") }
    note("moving averages are not in the graph, so that the batch's are still used by", lost)
  }

  private mutating func note(_ what: String, _ names: [String]) {
    guard !names.isEmpty else { return }
    let list = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
    let rest = names.count > 5 ? " and \(names.count - 5) more" : ""
    notes.append("Inference mode: \(what) \(list)\(rest).")
  }

  // MARK: - Writing

  /// The GraphDef with the changes, as a document of its own; nil where nothing changes.
  func rewritten() throws -> GraphBytes? {
    guard !graph.isUnchanged || !functions.isEmpty else { return nil }
    do {
      return try GraphBytes(copying: try graphDef(), file: document.file)
    } catch let error as WireError {
      throw GraftError(
        error.code, "The graph cannot be set to infer: \(error.message).",
        at: .init(file: document.file, offset: error.offset), remedy: error.remedy)
    }
  }

  private func graphDef() throws(WireError) -> [UInt8] {
    var writer = WireWriter()
    writer.reserve(range.count)
    var node = firstNode
    try copy(range, into: &writer) { tag, reader, writer throws(WireError) in
      switch tag {
      case WireTag.field(1, WireTag.block):
        defer { node += 1 }
        guard let message = graph.changes[node] else { return false }
        _ = try reader.block()
        writer.field(1, bytes: message.bytes)
        return true
      case WireTag.field(2, WireTag.block):
        writer.field(2, bytes: try library(try reader.block()))
        return true
      default: return false
      }
    }
    for (_, message) in graph.additions.sorted(by: { $0.key < $1.key }) {
      writer.field(1, bytes: message.bytes)
    }
    return writer.bytes
  }

  private func library(_ range: ByteRange) throws(WireError) -> [UInt8] {
    var writer = WireWriter()
    var place = 0
    try copy(range, into: &writer) { tag, reader, writer throws(WireError) in
      guard tag == WireTag.field(1, WireTag.block) else { return false }
      defer { place += 1 }
      guard let scope = functions[place] else { return false }
      writer.field(1, bytes: try function(try reader.block(), scope))
      return true
    }
    return writer.bytes
  }

  private func function(_ range: ByteRange, _ scope: NodeScope) throws(WireError) -> [UInt8] {
    var writer = WireWriter()
    var node = scope.own.lowerBound
    try copy(range, into: &writer) { tag, reader, writer throws(WireError) in
      switch tag {
      case WireTag.field(3, WireTag.block):
        defer { node += 1 }
        let block = try reader.block()
        var message =
          if let changed = scope.changes[node] { changed } else {
            try NodeMessage(NodeSource(document: document, range: block))
          }
        message.inputs = message.inputs.map(scope.renamed)
        writer.field(3, bytes: message.bytes)
        return true
      case WireTag.field(4, WireTag.block):
        let result = try MapEntry(document.reader(try reader.block()))
        var entry = WireWriter()
        entry.field(1, bytes: document.bytes(result.key))
        entry.field(2, bytes: scope.renamed(document.string(result.value)).utf8)
        writer.field(4, bytes: entry.bytes)
        return true
      default: return false
      }
    }
    return writer.bytes
  }

  /// Copies the fields of a message, but for those that a closure writes itself.
  ///
  /// - Parameter replace: is told a field's tag; where it reads the field and writes another, it returns true.
  private func copy(
    _ range: ByteRange, into writer: inout WireWriter,
    replacing replace: (UInt32, inout WireReader, inout WireWriter) throws(WireError) -> Bool
  ) throws(WireError) {
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let begin = reader.position
      let tag = try reader.tag()
      guard try !replace(tag.raw, &reader, &writer) else { continue }
      try reader.skip(tag)
      writer.raw(document.bytes(ByteRange(offset: begin, count: reader.position - begin)))
    }
  }
}

extension NodeScope {
  /// Makes a placeholder that sets the mode a constant.
  ///
  /// - Returns: the placeholder and its value; nil for other nodes.
  fileprivate mutating func fixSwitch(_ index: Int) throws -> String? {
    let node = nodes[index]
    guard ["Placeholder", "PlaceholderV2", "PlaceholderWithDefault"].contains(node.op),
      let dtype = node.outputTypes.first?.dtype, let found = ModeSwitch(node.name, dtype), found.isNamed
    else { return nil }
    if case .shape(let shape)? = node.attribute("shape"), let rank = shape.rank, rank > 0 { return nil }
    let tensor: Tensor
    switch dtype {
    case .bool: tensor = try Tensor(found.number != 0)
    case .float32: tensor = try Tensor(Float(found.number))
    case .float64: tensor = try Tensor(found.number)
    default: return nil
    }
    try change(index) { message in
      message.become("Const", inputs: [], keeping: [])
      message.set("dtype", dtype)
      try message.set("value", tensor)
    }
    return "'\(node.name)' is \(found.value)"
  }
}
