import GraftTensor

/// What a file is by its content, whatever its name: a graph is imported, and of all else is said what it is.
package enum FileKind: Sendable, Equatable {
  /// Binary, as far as its beginning tells.
  case graphDef
  case textGraphDef
  case metaGraphDef
  case textMetaGraphDef
  case savedModel
  case textSavedModel
  /// Something that holds no graph for Graft: what it is, and what to do with it.
  case other(String, remedy: String)

  /// Looks at a document's beginning, and at its end.
  package init(_ document: GraphBytes) {
    self =
      Self.foreign(document) ?? Self.text(document) ?? Self.message(document)
      ?? .graphDef
  }

  // MARK: - Files of others

  private static func foreign(_ document: GraphBytes) -> FileKind? {
    func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool {
      document.count >= offset + bytes.count
        && document.bytes(ByteRange(offset: offset, count: bytes.count)).elementsEqual(bytes)
    }
    func begins(_ text: String, at offset: Int = 0) -> Bool { begins(Array(text.utf8), at: offset) }
    let unpack = "Unpack it, and import the file that is in it."
    let freeze = "Export the model from its own program as a TensorFlow SavedModel or frozen graph first."

    if begins([0x1F, 0x8B]) { return .other("a gzip archive", remedy: unpack) }
    if begins("BZh") || begins([0xFD, 0x37, 0x7A, 0x58, 0x5A]) || begins([0x28, 0xB5, 0x2F, 0xFD]) {
      return .other("a compressed file", remedy: unpack)
    }
    if begins("PK\u{3}\u{4}") || begins("PK\u{5}\u{6}") {
      return .other(
        "a zip archive: perhaps a Keras 3 model (.keras), a PyTorch model or an .npz",
        remedy: "In Keras, write a SavedModel with model.export(\"folder\"); otherwise unpack it.")
    }
    if begins("ustar", at: 257) { return .other("a tar archive", remedy: unpack) }
    if begins([0x89, 0x48, 0x44, 0x46]) {
      return .other(
        "an HDF5 file, as Keras wrote (.h5)",
        remedy: "Load it in Keras and write a SavedModel: "
          + "tf.keras.models.load_model(\"model.h5\").export(\"folder\").")
    }
    if begins("TFL3", at: 4) { return .other("a TensorFlow Lite model", remedy: freeze) }
    if begins([0x93] + Array("NUMPY".utf8)) {
      return .other("a numpy array", remedy: "It can be fed to a graph, and holds none.")
    }
    if begins([0x89, 0x50, 0x4E, 0x47]) || begins([0xFF, 0xD8, 0xFF]) || begins("GIF8") {
      return .other("a picture", remedy: "It can be fed to a graph, and holds none.")
    }
    if begins([0x80, 2]) || begins([0x80, 3]) || begins([0x80, 4]) || begins([0x80, 5]) {
      return .other("a Python pickle, as PyTorch writes", remedy: freeze)
    }
    // Every file of Riegeli records begins with the hash of the same first block.
    if begins([0x83, 0xAF, 0x70, 0xD1, 0x0D, 0x88, 0x4A, 0x3F]) {
      return .other(
        "a model in chunks (.cpb), as TensorFlow writes those beyond 2 GB with `experimental_image_format`",
        remedy:
          "Graft does not read chunks: load the model with TensorFlow and save it again without that option. "
          + "Constants that take it beyond 2 GB have to become variables first, whose files have no limit."
      )
    }
    if begins([0x7F, 0x45, 0x4C, 0x46]) {
      return .other("a program or library", remedy: "Name the graph's file.")
    }
    if document.count >= 48, begins([0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB], at: document.count - 8)
    {
      return .other(
        "the index of a checkpoint, or a checkpoint of version 1",
        remedy:
          "It holds variables and no graph: import the graph, then restore the checkpoint into the session "
          + "with Saver.")
    }
    let head = document.bytes(ByteRange(offset: 0, count: min(document.count, 64)))
    if head.count >= 16, head.allSatisfy({ $0 == 0 }) {
      return .other(
        "a file that begins with zeros, as an interrupted download leaves one", remedy: "Download it again.")
    }
    return nil
  }

  // MARK: - Text

  private static func text(_ document: GraphBytes) -> FileKind? {
    let head = document.bytes(ByteRange(offset: 0, count: min(document.count, 4096)))
    let isText = head.allSatisfy {
      $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D || $0 == 0x0C
    }
    guard isText, !head.isEmpty else { return nil }
    var text = Substring(String(decoding: head, as: UTF8.self))
    if text.hasPrefix("\u{FEFF}") { text = text.dropFirst() }
    while let first = text.first, first.isWhitespace || first == "#" {
      text = first == "#" ? text.drop { !$0.isNewline } : text.dropFirst()
    }
    guard !text.isEmpty else {
      return .other("a text without content", remedy: "Download or export the graph again.")
    }
    let lower = text.prefix(64).lowercased()
    if lower.hasPrefix("<!doctype") || lower.hasPrefix("<html") {
      return .other(
        "an HTML page: a server has sent it in place of the file",
        remedy: "Open it in a browser to see why, and download the file itself.")
    }
    if lower.hasPrefix("version https://git-lfs") {
      return .other("a Git LFS pointer and not the file itself", remedy: "Fetch the file with: git lfs pull")
    }
    if lower.hasPrefix("<?xml") { return .other("an XML document", remedy: "Name the graph's file.") }
    if text.first == "{" || text.first == "[" {
      return .other(
        "a JSON document, as for Keras's architectures or TensorFlow.js",
        remedy: "Export the model as a TensorFlow SavedModel or frozen graph first.")
    }
    let word = String(text.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    let after = text.dropFirst(word.count).first { !$0.isWhitespace }
    let isField = !word.isEmpty && (after == ":" || after == "{" || after == "<")
    switch word {
    case "model_checkpoint_path", "all_model_checkpoint_paths":
      return .other(
        "the file 'checkpoint' that stands beside checkpoints and says which is the latest",
        remedy: "It holds no graph: import the graph, then restore the folder's checkpoint with Saver.")
    case "node", "library", "versions", "version",
      "debug_info" where isField:
      return .textGraphDef
    case "meta_info_def", "graph_def", "saver_def", "collection_def", "signature_def", "asset_file_def",
      "object_graph_def" where isField:
      return .textMetaGraphDef
    case "saved_model_schema_version",
      "meta_graphs" where isField:
      return .textSavedModel
    default:
      return .other(
        isField ? "a text whose first field is '\(word)', which no graph has" : "a text and no graph",
        remedy: "A graph in text begins with 'node {'. Check where the file comes from.")
    }
  }

  // MARK: - Messages

  private static func message(_ document: GraphBytes) -> FileKind? {
    if isSavedModel(document, document.all) { return .savedModel }
    if isMetaGraph(document, document.all) { return .metaGraphDef }
    if isONNX(document) {
      return .other(
        "an ONNX model", remedy: "Graft runs TensorFlow's graphs: export the model for TensorFlow.")
    }
    guard let first = document.bytes(document.all).first else { return nil }
    // A GraphDef begins with one of its fields.
    let tags: [UInt8] = [0x0A, 0x12, 0x18, 0x22, 0x2A]
    let isLater = first & 7 == 2 && first >= 0x30 || first >= 0x80 && plausible(document)
    guard tags.contains(first) || isLater else {
      if let file = document.file, file.contains(".data-"), file.contains("-of-") {
        return .other(
          "one of the files with the values of a checkpoint",
          remedy: "It holds no graph: import the graph, then restore the checkpoint with Saver.")
      }
      let bytes = document.bytes(ByteRange(offset: 0, count: min(document.count, 8)))
      let hexadecimal = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
      return .other(
        "no GraphDef: it begins with the bytes \(hexadecimal)",
        remedy: "Check where the file comes from. A frozen graph (.pb) begins with the byte 0a.")
    }
    return nil
  }

  /// Whether the fields of a document can be gone over, if they are fields of a graph or not.
  private static func plausible(_ document: GraphBytes) -> Bool {
    var reader = document.reader(document.all)
    guard let tag = try? reader.tag() else { return false }
    return (try? reader.skip(tag)) != nil
  }

  /// The first field of the given number whose content the closure accepts.
  private static func hasField(
    _ document: GraphBytes, _ range: ByteRange, _ number: UInt32, _ accepts: (ByteRange) -> Bool
  ) -> Bool {
    var reader = document.reader(range)
    var tried = 0
    while !reader.isAtEnd, tried < 8, let tag = try? reader.tag() {
      if tag.raw == WireTag.field(number, WireTag.block) {
        guard let block = try? reader.block() else { return false }
        if accepts(block) { return true }
        tried += 1
      } else if (try? reader.skip(tag)) == nil {
        return false
      }
    }
    return false
  }

  /// A node has a name and an op, both words.
  private static func isNode(_ document: GraphBytes, _ range: ByteRange) -> Bool {
    func isWord(_ range: ByteRange) -> Bool { NodeName.isValid(document.bytes(range)) }
    return hasField(document, range, 1, isWord) && hasField(document, range, 2, isWord)
  }

  private static func isGraph(_ document: GraphBytes, _ range: ByteRange) -> Bool {
    hasField(document, range, 1) { isNode(document, $0) }
  }

  /// Field 2 of a graph is its library, and of a MetaGraphDef its graph.
  private static func isMetaGraph(_ document: GraphBytes, _ range: ByteRange) -> Bool {
    hasField(document, range, 2) { isGraph(document, $0) }
  }

  /// A SavedModel begins with its schema's version.
  private static func isSavedModel(_ document: GraphBytes, _ range: ByteRange) -> Bool {
    hasField(document, range, 2) { isMetaGraph(document, $0) }
  }

  /// An ONNX model begins with its version; field 7 is its graph, whose field 1 are nodes with an op in
  /// field 4.
  private static func isONNX(_ document: GraphBytes) -> Bool {
    var reader = document.reader(document.all)
    guard let tag = try? reader.tag(), tag.raw == WireTag.field(1, WireTag.varint) else { return false }
    return hasField(document, document.all, 7) { graph in
      hasField(document, graph, 1) { node in
        hasField(document, node, 4) { NodeName.isValid(document.bytes($0)) }
      }
    }
  }
}

extension FileKind {
  /// Why a document of this kind is not imported as a GraphDef; nil for one that is.
  func refusal(_ document: GraphBytes) -> GraftError? {
    let place = GraftError.Place(file: document.file)
    switch self {
    case .graphDef, .textGraphDef: return nil
    case .savedModel, .textSavedModel:
      let tags = self == .savedModel ? Self.tagSets(document) : []
      let list = tags.isEmpty ? "" : " (tags: " + tags.joined(separator: "; ") + ")"
      return GraftError(
        .wrongFileKind, "This is a SavedModel\(list), and a GraphDef was expected.", at: place,
        remedy: "Open the folder that it is in with SavedModel.load: its variables lie beside it.")
    case .metaGraphDef, .textMetaGraphDef:
      return GraftError(
        .wrongFileKind, "This is a MetaGraphDef, and a GraphDef was expected.", at: place,
        remedy:
          "It is the .meta file of a checkpoint: import it with importMetaGraph, and restore the checkpoint.")
    case .other(let what, let remedy):
      return GraftError(.wrongFileKind, "This is \(what).", at: place, remedy: remedy)
    }
  }

  /// The tags of a SavedModel's graphs, those of one with commas between them.
  private static func tagSets(_ document: GraphBytes) -> [String] {
    var sets: [String] = []
    var reader = document.reader(document.all)
    while !reader.isAtEnd, let tag = try? reader.tag() {
      guard tag.raw == WireTag.field(2, WireTag.block) else {
        guard (try? reader.skip(tag)) != nil else { break }
        continue
      }
      guard let meta = try? reader.block() else { break }
      var tags: [String] = []
      _ = hasField(document, meta, 1) { info in
        _ = hasField(document, info, 4) { range in
          tags.append(document.string(range))
          return false
        }
        return true
      }
      sets.append(tags.isEmpty ? "none" : tags.joined(separator: ", "))
    }
    return sets
  }
}
