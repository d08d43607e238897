import GraftCheckpoint
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

extension MetaGraph {
  /// A MetaGraph of a graph as it is now, with operations added that save and restore its variables:
  /// TensorFlow's `import_meta_graph` and its saver's `restore` take it.
  ///
  /// - Parameters:
  ///   - graph: the graph.
  ///   - signatures: the ways of calling it.
  ///   - tags: the words that a SavedModel tells it apart by.
  ///   - original: the MetaGraph that the graph was imported from, whose collections, assets and signatures
  ///     are kept; given signatures replace those of the same key.
  /// - Throws: `GraftError` for a graph that cannot be written.
  /// - Complexity: O(size of the graph).
  public init(
    exporting graph: Graph, signatures: [String: SignatureDef] = [:], tags: Set<String> = [],
    original: MetaGraph? = nil
  ) throws {
    try self.init(
      exporting: graph, variables: VariableBinding.all(in: graph.snapshot), signatures: signatures,
      tags: tags,
      original: original)
  }

  init(
    exporting graph: Graph, variables: [VariableBinding], signatures: [String: SignatureDef],
    tags: Set<String>, original: MetaGraph?
  ) throws {
    var message = original?.message ?? Tensorflow_MetaGraphDef()
    if message.metaInfoDef.tensorflowVersion.isEmpty {
      message.metaInfoDef.tensorflowVersion = Self.formatVersion
    }
    message.metaInfoDef.tags = tags.sorted()
    for (key, signature) in signatures { message.signatureDef[key] = signature.message }
    // The objects of TensorFlow 2 are those of the program that wrote them; signatures are what is left.
    message.clearObjectGraphDef()
    message.clearSaverDef()
    var writer = WireWriter()
    writer.raw(try graph.graphDef())
    if !variables.isEmpty {
      let saver = SaverNodes(variables, in: graph.snapshot)
      for node in saver.nodes { writer.field(1, bytes: try node.serializedBytes() as [UInt8]) }
      message.saverDef = saver.definition
    }
    let document = try GraphBytes(copying: writer.bytes)
    self.init(message: message, document: document, graphRange: document.all)
  }

  /// The release whose formats are written.
  private static let formatVersion = "2.21.0"

  /// The MetaGraph as a serialized `MetaGraphDef`.
  ///
  /// - Throws: `GraftError` (`failedPrecondition`) for one that ``below(_:)`` gave: its names are other than
  ///   those of its graph.
  public func metaGraphDef() throws -> [UInt8] {
    guard prefix.isEmpty else {
      throw GraftError(
        .failedPrecondition, "The names of this MetaGraph are those of a graph that it was imported into.",
        remedy: "Write that graph: MetaGraph(exporting: graph, original: metaGraph).")
    }
    var writer = WireWriter()
    writer.raw(try message.serializedBytes() as [UInt8])
    writer.field(2, bytes: document.bytes(graphRange))
    return writer.bytes
  }

  /// The MetaGraph as a `MetaGraphDef` in text format.
  ///
  /// - Throws: `GraftError` as ``metaGraphDef()``.
  public func textMetaGraphDef() throws -> String {
    try Tensorflow_MetaGraphDef(serializedBytes: try metaGraphDef()).textFormatString()
  }

  /// Writes the MetaGraph as a file, as the `.meta` beside checkpoints is: aside first, then in place of what
  /// is there.
  ///
  /// - Throws: `GraftError` as ``metaGraphDef()``, and for what the system refuses.
  public func write(to path: String, asText: Bool = false) throws {
    try FileSystem.makeFolder(of: path)
    try StagedFile.write(asText ? Array(try textMetaGraphDef().utf8) : try metaGraphDef(), to: path)
  }
}
