import GraftGraph
import GraftProto
import GraftTensor

/// The file of a SavedModel: its MetaGraphs, where its folder is.
package struct SavedModelFile {
  /// The folder that holds `saved_model.pb`, `variables` and `assets`.
  package let folder: String
  /// The graphs, at least one.
  package let metaGraphs: [MetaGraph]

  /// Opens a SavedModel by its folder, the folder above or below it, or its file.
  ///
  /// - Throws: `GraftError`: `notFound` with where it was looked for, `wrongFileKind` with what was found.
  package init(_ path: String) throws {
    let (folder, file) = try Self.locate(path)
    self.folder = folder
    var document = GraphBytes(try MappedFile(path: file))
    switch FileKind(document) {
    case .textSavedModel:
      document = try GraphBytes(
        copying: try TextFormatReader.read(document, message: "SavedModel"), file: document.file)
    case .savedModel: break
    case .graphDef, .textGraphDef:
      throw GraftError(
        .wrongFileKind, "This is a GraphDef under the name of a SavedModel.", at: .init(file: file),
        remedy: "Import it with importGraphDef(contentsOf:); a frozen graph needs no variables.")
    case .metaGraphDef, .textMetaGraphDef:
      throw GraftError(
        .wrongFileKind, "This is a MetaGraphDef, and a SavedModel was expected.", at: .init(file: file),
        remedy: "Open it with MetaGraph(contentsOf:).")
    case .other(let kind, let remedy):
      throw GraftError(
        .wrongFileKind, "This is \(kind), and a SavedModel was expected.", at: .init(file: file),
        remedy: remedy)
    }
    metaGraphs = try Self.metaGraphs(in: document)
    guard !metaGraphs.isEmpty else {
      throw GraftError(
        .dataLoss, "The SavedModel holds no graph.", at: .init(file: file), remedy: "Export it again.")
    }
  }

  /// The MetaGraph of a set of tags, in any order. Nil picks the only one, or of several the one for serving.
  ///
  /// - Throws: `GraftError` (`notFound`) with the sets that there are and what can be called in each.
  package func metaGraph(tagged tags: Set<String>?) throws -> MetaGraph {
    if let tags, let found = metaGraphs.first(where: { $0.tags == tags }) { return found }
    if tags == nil {
      if metaGraphs.count == 1, let only = metaGraphs.first { return only }
      for usual in [["serve"], []] as [Set<String>] {
        if let found = metaGraphs.first(where: { $0.tags == usual }) { return found }
      }
    }
    let available = metaGraphs.map { metaGraph in
      let keys = metaGraph.signatures.keys.filter { !$0.hasPrefix("__saved_model_") }.sorted()
      let calls = keys.isEmpty ? "no signatures" : "signatures \(keys.prefix(5).joined(separator: ", "))"
      return "\(Self.listed(metaGraph.tags)) (\(calls))"
    }
    throw GraftError(
      .notFound,
      "The SavedModel has no graph with \(tags.map { $0.isEmpty ? "no tags" : "the tags \(Self.listed($0))" } ?? "usual tags"); "
        + "it has \(available.joined(separator: " and ")).", at: .init(file: folder), remedy: advice(tags))
  }

  /// Which set of tags was perhaps meant.
  private func advice(_ tags: Set<String>?) -> String {
    guard let tags, !tags.isEmpty else { return "Load it with one of these sets of tags." }
    if let split = metaGraphs.first(where: { metaGraph in
      tags.allSatisfy { $0.count == 1 } && Set(metaGraph.tags.joined(separator: ",").map(String.init)) == tags
    }) {
      return "The tags are the letters of \(Self.listed(split.tags)): give a set of words, not a text."
    }
    func distance(_ metaGraph: MetaGraph) -> Int {
      let near = tags.count { tag in
        metaGraph.tags.contains(tag) || !Suggestions.nearest(to: tag, among: metaGraph.tags).isEmpty
      }
      return metaGraph.tags.symmetricDifference(tags).count - 3 * near
    }
    let nearest = metaGraphs.min { distance($0) < distance($1) }
    return "Load it with the tags \(Self.listed(nearest?.tags ?? []))."
  }

  private static func listed(_ tags: Set<String>) -> String { "{\(tags.sorted().joined(separator: ", "))}" }

  private static func metaGraphs(in document: GraphBytes) throws -> [MetaGraph] {
    var ranges: [ByteRange] = []
    do throws(WireError) {
      var reader = document.reader(document.all)
      while !reader.isAtEnd {
        let tag = try reader.tag()
        if tag.raw == WireTag.field(2, WireTag.block) {
          ranges.append(try reader.block())
        } else {
          try reader.skip(tag)
        }
      }
    } catch {
      throw GraftError(
        .dataLoss, "The SavedModel is damaged: \(error).", at: .init(file: document.file),
        remedy: "Download or export it again.")
    }
    return try ranges.map { try MetaGraph($0, in: document) }
  }

  /// The names of the file, the last for what is only named in the error.
  private static let names = ["saved_model.pb", "saved_model.pbtxt", "saved_model.cpb"]

  /// The folder and file that a path leads to.
  package static func locate(_ path: String) throws -> (folder: String, file: String) {
    let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    for name in names {
      if FileSystem.isFile("\(trimmed)/\(name)") { return (trimmed, "\(trimmed)/\(name)") }
    }
    // The file itself.
    if FileSystem.isFile(trimmed) {
      return (FileSystem.parent(of: trimmed), trimmed)
    }
    // Model servers keep versions in folders of their numbers; the highest is the newest.
    let below = FileSystem.folders(in: trimmed).filter { folder in
      names.contains { FileSystem.isFile("\(trimmed)/\(folder)/\($0)") }
    }
    let versions = below.compactMap { name in Int(name).map { ($0, name) } }
    if let newest = versions.max(by: { $0.0 < $1.0 })?.1 ?? (below.count == 1 ? below[0] : nil) {
      return try locate("\(trimmed)/\(newest)")
    }
    let above = FileSystem.parent(of: trimmed)
    if let name = names.first(where: { FileSystem.isFile("\(above)/\($0)") }) {
      return (above, "\(above)/\(name)")
    }
    throw GraftError(
      .notFound, "There is no SavedModel: neither saved_model.pb nor saved_model.pbtxt is in the folder.",
      at: .init(file: path),
      remedy: below.isEmpty
        ? "Name the folder that TensorFlow exported into."
        : "Name one of the folders below it: \(below.sorted().prefix(10).joined(separator: ", ")).")
  }
}
