import Glibc
import Graft
import GraftGraph
import GraftRuntime
import GraftTensor

/// What a path is that somebody names as a model: told by content, whatever the names.
struct ModelSource {
  /// The ways in which TensorFlow hands on a graph.
  enum Format: String {
    case graphDef = "GraphDef"
    case metaGraph = "MetaGraphDef"
    case savedModel = "SavedModel"
  }

  /// The path, as it was named.
  let path: String
  /// The file with the graph.
  let file: String
  let format: Format
  /// Whether the file is text, which people can read.
  let isText: Bool
  /// Bytes of the file.
  let size: Int

  /// Looks at a path: a file of any format, the folder of a SavedModel, one above or below it, or a folder of
  /// checkpoints whose latest has its graph beside it.
  ///
  /// - Throws: `GraftError`: `notFound`, or `wrongFileKind` with what was found.
  init(_ path: String) throws {
    self.path = path
    file = try Self.file(path)
    let document = GraphBytes(try MappedFile(path: file))
    size = document.count
    switch FileKind(document) {
    case .graphDef: (format, isText) = (.graphDef, false)
    case .textGraphDef: (format, isText) = (.graphDef, true)
    case .metaGraphDef: (format, isText) = (.metaGraph, false)
    case .textMetaGraphDef: (format, isText) = (.metaGraph, true)
    case .savedModel: (format, isText) = (.savedModel, false)
    case .textSavedModel: (format, isText) = (.savedModel, true)
    case .other(let kind, let remedy):
      throw GraftError(.wrongFileKind, "This is \(kind).", at: .init(file: file), remedy: remedy)
    }
  }

  /// The checkpoint that a `.meta` file stands beside; nil for other models, and where there is none.
  var checkpointBeside: String? {
    guard format == .metaGraph, file.hasSuffix(".meta") else { return nil }
    return try? Checkpoint.resolve(String(file.dropLast(".meta".count)))
  }

  /// A checkpoint in the file's folder, or in one below it that is named for that.
  var checkpointNearby: String? {
    if let checkpointBeside { return checkpointBeside }
    let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
    for place in [folder, folder + "/checkpoint", folder + "/checkpoints", folder + "/variables"] {
      if let found = try? Checkpoint.latestCheckpoint(in: place) { return found }
    }
    return nil
  }

  private static func file(_ path: String) throws -> String {
    if isFile(path) {
      // A checkpoint's graph stands beside its files.
      let ending = path.lastIndex(of: ".").map { path[$0...] } ?? ""
      if ending == ".index" || ending.hasPrefix(".data-"), let beside = metaGraph(beside: path) {
        return beside
      }
      return path
    }
    do {
      return try SavedModelFile.locate(path).file
    } catch {
      guard let beside = metaGraph(beside: path) else { throw Self.explained(error, path) }
      return beside
    }
  }

  /// The `.meta` file of the checkpoint that a path names.
  private static func metaGraph(beside path: String) -> String? {
    if isFile(path + ".meta") { return path + ".meta" }
    guard let prefix = try? Checkpoint.resolve(path), isFile(prefix + ".meta") else { return nil }
    return prefix + ".meta"
  }

  /// Why a path is no model.
  private static func explained(_ error: any Error, _ path: String) -> any Error {
    if access(path, F_OK) != 0, !path.isEmpty {
      return GraftError(
        .notFound, "There is no such file or folder.", at: .init(file: path),
        remedy: "Check the path; a model is a .pb, .pbtxt or .meta file, or the folder of a SavedModel.")
    }
    if let prefix = try? Checkpoint.resolve(path) {
      return GraftError(
        .wrongFileKind, "This is a checkpoint, which holds variables and no graph.", at: .init(file: path),
        remedy:
          "Name the graph, and this with --checkpoint \(prefix). 'graft checkpoint ls \(path)' lists it.")
    }
    return error
  }

  private static func isFile(_ path: String) -> Bool {
    guard !path.utf8.contains(0) else { return false }
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }
}
