import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

/// A graph with what belongs to it: how its variables are saved, what its signatures are, which tables and
/// assets it needs (`MetaGraphDef`).
public struct MetaGraph: Sendable {
  /// The words that a SavedModel tells its graphs apart by, as `serve`.
  public let tags: Set<String>
  /// The ways of calling the graph, by key.
  public let signatures: [String: SignatureDef]
  /// The release of TensorFlow that wrote it, where it says.
  public let tensorFlowVersion: String?
  /// The message without its graph.
  package let message: Tensorflow_MetaGraphDef
  /// Where the graph stands.
  let document: GraphBytes
  let graphRange: ByteRange
  /// What the message's names begin with and the graph's do not.
  let prefix: String

  /// Whether it names operations that save and restore its variables.
  public var hasSaver: Bool { !message.saverDef.restoreOpName.isEmpty }

  /// The binary `MetaGraphDef` in a part of a document. The graph stays where it is until it is imported.
  package init(_ range: ByteRange, in document: GraphBytes) throws {
    var rest: [UInt8] = []
    var fields: [ByteRange] = []
    var graph = ByteRange.empty
    let message: Tensorflow_MetaGraphDef
    do throws(any Error) {
      var reader = document.reader(range)
      while !reader.isAtEnd {
        let start = reader.position
        let tag = try reader.tag()
        if tag.raw == WireTag.field(2, WireTag.block) {
          graph = try reader.block()
        } else {
          try reader.skip(tag)
          fields.append(ByteRange(offset: start, count: reader.position - start))
          rest += document.bytes(fields[fields.count - 1])
        }
      }
      message = try Tensorflow_MetaGraphDef(serializedBytes: rest)
    } catch {
      let damage = Self.damage(error, fields, document)
      throw GraftError(
        .dataLoss, "The MetaGraphDef is damaged: \(damage.message).",
        at: .init(file: document.file, offset: damage.offset ?? range.offset),
        remedy: "Download or export it again.", cause: error)
    }
    self.init(message: message, document: document, graphRange: graph)
  }

  /// What is wrong with a message that cannot be read, and where its first field begins that cannot.
  private static func damage(
    _ error: any Error, _ fields: [ByteRange], _ document: GraphBytes
  ) -> (message: String, offset: Int?) {
    if let error = error as? WireError { return (error.message, error.offset) }
    for field in fields
    where (try? Tensorflow_MetaGraphDef(serializedBytes: Array(document.bytes(field)))) == nil {
      var reader = document.reader(field)
      let number = (try? reader.tag().number).map { Int($0) } ?? 0
      let name = fieldNames.indices.contains(number) ? fieldNames[number] : "\(number)"
      return ("the \(field.count) bytes of its field '\(name)' are no such message", field.offset)
    }
    return ("its fields are no such message", nil)
  }

  /// The fields of a MetaGraphDef by their numbers.
  private static let fieldNames = [
    "0", "meta_info_def", "graph_def", "saver_def", "collection_def", "signature_def", "asset_file_def",
    "object_graph_def",
  ]

  /// A MetaGraph of a message without a graph, and the graph where it stands.
  init(
    message: Tensorflow_MetaGraphDef, document: GraphBytes, graphRange: ByteRange, prefix: String = ""
  ) {
    self.message = message
    self.document = document
    self.graphRange = graphRange
    self.prefix = prefix
    tags = Set(message.metaInfoDef.tags)
    let version = message.metaInfoDef.tensorflowVersion
    tensorFlowVersion = version.isEmpty ? nil : version
    signatures = message.signatureDef.mapValues { SignatureDef($0) }
  }

  /// A `.meta` file, binary or text.
  ///
  /// - Throws: `GraftError`: `notFound`, `wrongFileKind` with what the file is, `dataLoss`.
  public init(contentsOf path: String) throws {
    let document = GraphBytes(try MappedFile(path: path))
    switch FileKind(document) {
    case .textMetaGraphDef:
      let binary = try GraphBytes(
        copying: try TextFormatReader.read(document, message: "MetaGraphDef"), file: document.file)
      try self.init(binary.all, in: binary)
    case .metaGraphDef, .graphDef:
      try self.init(document.all, in: document)
    case .textGraphDef:
      throw GraftError(
        .wrongFileKind, "This is a GraphDef in text, and a MetaGraphDef was expected.", at: .init(file: path),
        remedy: "Import it with importGraphDef(contentsOf:).")
    case .savedModel, .textSavedModel:
      throw GraftError(
        .wrongFileKind, "This is a SavedModel, and a MetaGraphDef was expected.", at: .init(file: path),
        remedy: "Open its folder with SavedModel.load.")
    case .other(let kind, let remedy):
      throw GraftError(
        .wrongFileKind, "This is \(kind), and a MetaGraphDef was expected.", at: .init(file: path),
        remedy: remedy)
    }
  }
}

extension Graph {
  /// Imports a MetaGraph's graph. With a prefix ``MetaGraph/below(_:)`` gives the MetaGraph whose signatures,
  /// collections and saver name what was imported.
  ///
  /// - Throws: `GraftError` as `importGraphDef(contentsOf:)`.
  @discardableResult
  public func importMetaGraph(_ metaGraph: MetaGraph, options: ImportOptions = ImportOptions()) throws
    -> ImportResult
  {
    try importGraphDef(metaGraph.document, range: metaGraph.graphRange, options: options)
  }
}
