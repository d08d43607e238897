import GraftCheckpoint
import GraftGraph
import GraftKernels
import GraftProto
import GraftTensor

/// A SavedModel in a session: its graph imported, its variables restored, its tables and assets ready.
///
/// ```swift
/// let session = Session()
/// let model = try SavedModel.load("saved_model_dir", tags: ["serve"], into: session)
/// let scores = try model.signature("serving_default").run(["images": batch])["scores"]
/// ```
public struct SavedModel: Sendable {
  /// The MetaGraph that was picked.
  public let metaGraph: MetaGraph
  /// The folder that it was loaded from.
  public let folder: String
  private let session: Session
  private let prefix: String

  /// The sets of tags that a SavedModel's graphs can be picked by.
  ///
  /// - Throws: `GraftError` as ``load(_:tags:into:prefix:)``.
  public static func availableTags(_ path: String) throws -> [Set<String>] {
    try SavedModelFile(path).metaGraphs.map(\.tags)
  }

  /// Loads a SavedModel, of TensorFlow 1 or 2, into a session.
  ///
  /// - Parameters:
  ///   - path: the folder; one that holds it or lies in it, and the file itself, do as well.
  ///   - tags: the tags of the graph to pick, in any order. Where there is one graph only, nil picks it.
  ///   - session: the session; its graph gets the model's operations.
  ///   - prefix: goes before the operations' names, so that several models share a session.
  /// - Throws: `GraftError`: `notFound` for a path or for tags that are not there, with those that are;
  ///   `permissionDenied` for an asset outside of the folder; `dataLoss`, `invalidGraph`, and what the model's
  ///   initialisers throw. The graph may have got the operations then; variables are as they were.
  public static func load(
    _ path: String, tags: Set<String>? = ["serve"], into session: Session, prefix: String = ""
  ) throws -> SavedModel {
    let file = try SavedModelFile(path)
    let metaGraph = try pick(tags, from: file, path)
    try session.graph.importMetaGraph(metaGraph, options: ImportOptions(prefix: prefix))
    let model = SavedModel(metaGraph: metaGraph, folder: file.folder, session: session, prefix: prefix)
    let before = session.resources.all(Variable.self).map { ($0, $0.value) }
    do {
      try model.restoreVariables()
      try model.initialize()
    } catch {
      for variable in session.resources.all(Variable.self) { variable.reset() }
      for case (let variable, let value?) in before { try variable.assign(value, validatesShape: false) }
      throw error
    }
    return model
  }

  private static func pick(_ tags: Set<String>?, from file: SavedModelFile, _ path: String) throws
    -> MetaGraph
  {
    if let found = file.metaGraphs.first(where: { $0.tags == tags }) { return found }
    if tags == nil, file.metaGraphs.count == 1, let only = file.metaGraphs.first { return only }
    let available = file.metaGraphs.map { "{\($0.tags.sorted().joined(separator: ", "))}" }
    let nearest = tags.flatMap { tags in
      file.metaGraphs.max { $0.tags.intersection(tags).count < $1.tags.intersection(tags).count }
    }
    let asked = tags.map { "{\($0.sorted().joined(separator: ", "))}" } ?? "no tags"
    throw GraftError(
      .notFound,
      "The SavedModel has no graph with the tags \(asked); it has \(available.joined(separator: " and ")).",
      at: .init(file: path),
      remedy: nearest.map { "Load it with the tags \($0.tags.sorted())." })
  }

  /// The name of something of the model's in the session's graph.
  private func name(_ original: String) -> String {
    guard !prefix.isEmpty, !original.isEmpty else { return original }
    return original.hasPrefix("^") ? "^\(prefix)/\(original.dropFirst())" : "\(prefix)/\(original)"
  }

  // MARK: - Loading

  private func restoreVariables() throws {
    let saver = metaGraph.message.saverDef
    guard !saver.restoreOpName.isEmpty else { return }
    let checkpoint = "\(folder)/variables/variables"
    guard FileSystem.isFile(checkpoint + ".index") || FileSystem.isFile(checkpoint) else {
      // A model without variables is exported with a saver all the same.
      guard FileSystem.isFolder("\(folder)/variables"),
        !VariableBinding.all(in: session.graph.snapshot).isEmpty
      else {
        return
      }
      throw GraftError(
        .notFound, "The SavedModel's variables are not there: no variables/variables.index.",
        at: .init(file: folder),
        remedy: "Copy the folder whole, with `variables` in it.")
    }
    let restoring = try operation(saver.restoreOpName)
    _ = try session.run(
      [], feeding: [name(saver.filenameTensorName): try Tensor(Bytes(checkpoint))], targets: [restoring],
      files: FileAccess(readingBelow: ["\(folder)/variables"]))
  }

  /// Runs the operation that makes tables and whatever else the model needs, with its assets' paths.
  private func initialize() throws {
    session.allowReading(below: "\(folder)/assets")
    guard let initializer = initializerName else { return }
    var feeds: [String: Tensor] = [:]
    for asset in metaGraph.assets {
      let tensor = name(asset.tensor)
      feeds[tensor.contains(":") ? tensor : tensor + ":0"] = try Tensor(
        Bytes(try path(ofAsset: asset.filename)))
    }
    _ = try session.run([], feeding: feeds, targets: [try operation(initializer)])
  }

  private var initializerName: String? {
    let message = metaGraph.message
    if let signature = message.signatureDef["__saved_model_init_op"],
      let output = signature.outputs["__saved_model_init_op"]
    {
      return output.name
    }
    for key in ["saved_model_main_op", "legacy_init_op"] {
      if case .nodeList(let nodes)? = message.collectionDef[key]?.kind, let first = nodes.value.first {
        return first
      }
    }
    return nil
  }

  private func operation(_ tensorOrOperation: String) throws -> String {
    let base = tensorOrOperation.split(separator: ":").first.map(String.init) ?? tensorOrOperation
    return try session.graph.operation(named: name(base)).name
  }

  private func path(ofAsset filename: String) throws -> String {
    let parts = filename.split(separator: "/", omittingEmptySubsequences: false)
    guard !filename.hasPrefix("/"), !filename.isEmpty, !parts.contains(".."), !filename.utf8.contains(0)
    else {
      throw GraftError(
        .permissionDenied, "The SavedModel names an asset outside of its folder: '\(filename)'.",
        at: .init(file: folder),
        remedy: "Assets are files below `assets`; do not trust a model that reaches further.")
    }
    return "\(folder)/assets/\(filename)"
  }
}

// MARK: - Signatures

extension SavedModel {
  /// The keys of the ways of calling the model.
  public var signatureKeys: [String] {
    metaGraph.signatures.keys.filter { !$0.hasPrefix("__saved_model_") }.sorted()
  }

  /// A way of calling the model.
  ///
  /// - Throws: `GraftError` (`notFound`) with the keys that there are.
  public func signature(_ key: String = "serving_default") throws -> Signature {
    guard let definition = metaGraph.signatures[key] else {
      throw GraftError(
        .notFound, "The SavedModel has no signature '\(key)'.", at: .init(file: folder),
        remedy: signatureKeys.isEmpty
          ? "It has none at all: run its tensors by name."
          : "It has \(signatureKeys.joined(separator: ", ")).")
    }
    return Signature(key: key, definition: definition, session: session, prefix: prefix)
  }

  /// A way of calling a model: tensors by the names of arguments and results.
  public struct Signature: Sendable {
    /// The key in the SavedModel.
    public let key: String
    /// Arguments and results with their dtypes and shapes.
    public let definition: SignatureDef
    let session: Session
    let prefix: String

    /// Runs the signature.
    ///
    /// - Parameters:
    ///   - inputs: a value for each argument.
    ///   - results: the results that are wanted; all of them where nil.
    /// - Throws: `GraftError`: `notFound` for an argument or result that the signature has not, `notFed` for
    ///   arguments without a value, and what a run throws.
    public func run(
      _ inputs: [String: Tensor], results: [String]? = nil, options: RunOptions = RunOptions()
    ) throws -> [String: Tensor] {
      var feeds: [String: Tensor] = [:]
      for (argument, value) in inputs {
        guard let info = definition.inputs[argument] else {
          throw unknown("argument", argument, definition.inputs.keys.sorted())
        }
        feeds[tensor(info)] = value
      }
      let missing = definition.inputs.keys.filter { inputs[$0] == nil }.sorted()
      guard missing.isEmpty else {
        let list = missing.map { name in
          definition.inputs[name].map { "'\(name)' (\($0.dtype.map(\.name) ?? "?"), shape \($0.shape))" }
            ?? name
        }
        throw GraftError(
          .notFed, "The signature '\(key)' needs a value for \(list.joined(separator: ", ")).",
          remedy: "Give one for each argument.")
      }
      let names = results ?? definition.outputs.keys.sorted()
      let fetches = try names.map { name in
        guard let info = definition.outputs[name] else {
          throw unknown("result", name, definition.outputs.keys.sorted())
        }
        return tensor(info)
      }
      let values = try session.run(fetches, feeding: feeds, options: options)
      return Dictionary(zip(names, values)) { first, _ in first }
    }

    private func tensor(_ info: SignatureDef.TensorInfo) -> String {
      prefix.isEmpty ? info.name : "\(prefix)/\(info.name)"
    }

    private func unknown(_ kind: String, _ name: String, _ known: [String]) -> GraftError {
      GraftError(
        .notFound, "The signature '\(key)' has no \(kind) '\(name)'.",
        remedy: "It has \(known.joined(separator: ", ")).")
    }
  }
}
