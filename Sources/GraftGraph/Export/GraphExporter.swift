import GraftTensor

/// Writes a graph as a `tensorflow.GraphDef`.
///
/// A node that the import left as it was is copied byte for byte. Of another one the name and the inputs are
/// written anew, with the attribute that holds names of nodes, and all the rest is copied: so attributes come
/// back as they were, those included that nobody knows.
package struct GraphExporter {
  let snapshot: GraphSnapshot

  /// A writer of a graph, or of parts of it.
  package init(snapshot: GraphSnapshot) {
    self.snapshot = snapshot
  }

  /// The serialized message.
  func graphDef() throws(GraftError) -> [UInt8] {
    var writer = WireWriter()
    writer.reserve(snapshot.nodes.reduce(0) { $0 + ($1.source?.range.count ?? 0) + 16 })
    for index in snapshot.nodes.indices { writer.field(1, bytes: try nodeDef(index)) }
    if snapshot.remainder.hasLibrary { writer.field(2, bytes: library()) }
    if snapshot.versions.isPresent { writer.field(4, bytes: versions()) }
    for field in snapshot.remainder.graphFields { writer.raw(field.document.bytes(field.range)) }
    return writer.bytes
  }

  /// A node as a serialized `NodeDef`.
  package func nodeDef(_ index: Int) throws(GraftError) -> [UInt8] {
    let node = snapshot.nodes[index]
    guard let source = node.source else {
      throw GraftError(
        .internalError, "The node '\(node.name)' cannot be written: it was not read from a graph.")
    }
    return node.isChanged ? try changed(node, source, index) : source.document.array(source.range)
  }

  /// A function of the library as a serialized `FunctionDef`; no bytes where it is not there.
  package func functionDef(_ name: String) -> [UInt8] {
    snapshot.functions[name].map { $0.document.array($0.range) } ?? []
  }

  /// The graph's versions as a serialized `VersionDef`; nil where it has none.
  package var versionDef: [UInt8]? { snapshot.versions.isPresent ? versions() : nil }

  private func changed(_ node: GraphNode, _ source: NodeSource, _ index: Int) throws(GraftError) -> [UInt8] {
    var writer = WireWriter()
    writer.field(1, bytes: node.name.utf8)
    for edge in node.inputs {
      let name = snapshot.nodes[Int(edge.node)].name
      writer.field(3, bytes: (edge.output == 0 ? name : "\(name):\(edge.output)").utf8)
    }
    for control in node.controlInputs {
      writer.field(3, bytes: "^\(snapshot.nodes[Int(control)].name)".utf8)
    }
    do {
      try copyRest(node, source, into: &writer)
    } catch {
      throw GraftError(
        .internalError, "The node '\(node.name)' cannot be written: \(error.message).",
        at: .init(file: source.document.file, offset: error.offset))
    }
    return writer.bytes
  }

  /// Copies all fields but name and inputs.
  private func copyRest(_ node: GraphNode, _ source: NodeSource, into writer: inout WireWriter)
    throws(WireError)
  {
    let document = source.document
    var reader = document.reader(source.range)
    while !reader.isAtEnd {
      let begin = reader.position
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.block), WireTag.field(3, WireTag.block):
        _ = try reader.block()
        continue
      case WireTag.field(5, WireTag.block):
        let entry = try MapEntry(document.reader(try reader.block()))
        if document.equals(entry.key, "_class"), case .strings(let classes)? = node.overrides["_class"] {
          writer.field(5, bytes: Self.attribute("_class", strings: classes))
          continue
        }
      default: try reader.skip(tag)
      }
      writer.raw(document.bytes(ByteRange(offset: begin, count: reader.position - begin)))
    }
  }

  /// An entry of the attributes whose value is a list of strings.
  private static func attribute(_ name: String, strings: [Bytes]) -> [UInt8] {
    var list = WireWriter()
    for string in strings { list.field(2, bytes: string.bytes) }
    var value = WireWriter()
    value.field(1, bytes: list.bytes)
    var entry = WireWriter()
    entry.field(1, bytes: name.utf8)
    entry.field(2, bytes: value.bytes)
    return entry.bytes
  }

  private func library() -> [UInt8] {
    var writer = WireWriter()
    for name in snapshot.functions.names {
      guard let function = snapshot.functions[name] else { continue }
      writer.field(1, bytes: function.document.bytes(function.range))
    }
    for field in snapshot.remainder.libraryFields { writer.raw(field.document.bytes(field.range)) }
    return writer.bytes
  }

  private func versions() -> [UInt8] {
    let versions = snapshot.versions
    var writer = WireWriter()
    // Negative numbers take ten bytes.
    if versions.producer != 0 { writer.field(1, varint: UInt64(bitPattern: Int64(versions.producer))) }
    if versions.minConsumer != 0 { writer.field(2, varint: UInt64(bitPattern: Int64(versions.minConsumer))) }
    for version in versions.badConsumers { writer.field(3, varint: UInt64(bitPattern: Int64(version))) }
    writer.raw(versions.unknownFields)
    return writer.bytes
  }
}
