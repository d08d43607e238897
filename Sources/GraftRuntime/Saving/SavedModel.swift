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
  /// What the import had to guess, leave out or change, as sentences.
  public let notes: [String]
  let session: Session

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
  ///   - prefix: goes before the operations' names, so that several models share a session. Variables that have the
  ///     same `shared_name` are one, as in TensorFlow, and get the values of the model that is loaded last, which
  ///     ``notes`` tells: such models take a session each.
  ///   - restoresVariables: whether the variables get their values, and tables and whatever else are made.
  ///     Without, the graph can be looked at, also where the folder has lost its variables.
  ///   - inferenceMode: whether a graph that was exported to train is set to infer; see `ImportOptions`.
  /// - Throws: `GraftError`: `notFound` for a path or for tags that are not there, with those that are;
  ///   `permissionDenied` for an asset outside of the folder; `dataLoss`, `invalidGraph`, and what the model's
  ///   initialisers throw. The graph may have got the operations then; variables are as they were.
  public static func load(
    _ path: String, tags: Set<String>? = ["serve"], into session: Session, prefix: String = "",
    restoresVariables: Bool = true, inferenceMode: Bool = false
  ) throws -> SavedModel {
    let file = try SavedModelFile(path)
    return try load(
      try file.metaGraph(tagged: tags), of: file, into: session, prefix: prefix,
      restoresVariables: restoresVariables, inferenceMode: inferenceMode)
  }

  /// Loads one of the graphs of a file that was read already, as ``load(_:tags:into:prefix:restoresVariables:inferenceMode:)``
  /// does.
  package static func load(
    _ metaGraph: MetaGraph, of file: SavedModelFile, into session: Session, prefix: String,
    restoresVariables: Bool = true, inferenceMode: Bool = false
  ) throws -> SavedModel {
    let isAlone = session.graph.snapshot.nodes.isEmpty
    let imported = try metaGraph.imported(
      into: session.graph,
      options: ImportOptions(
        prefix: prefix, inferenceMode: inferenceMode, limits: session.options.limits.imports))
    let shared = isAlone ? nil : sharedVariables(of: imported.metaGraph, in: session.graph.snapshot)
    let model = SavedModel(
      metaGraph: imported.metaGraph, folder: file.folder, notes: imported.notes + [shared].compactMap(\.self),
      session: session)
    guard restoresVariables else { return model }
    try session.restoringVariablesOnFailure {
      try model.restoreVariables()
      try model.initialize()
    }
    return model
  }

  /// What to tell where variables of the model are those of other operations as well; nil where none is.
  private static func sharedVariables(of metaGraph: MetaGraph, in snapshot: GraphSnapshot) -> String? {
    func resource(_ binding: VariableBinding) -> [String] { [binding.container, binding.sharedName] }
    let all = VariableBinding.all(in: snapshot)
    let others = Set(all.filter { !metaGraph.isOwn($0.node) }.map(resource))
    let shared = all.filter { metaGraph.isOwn($0.node) && others.contains(resource($0)) }.map(\.node)
    guard let first = shared.first else { return nil }
    return
      "\(shared.count) of the model's variables, as '\(first)', are those of other operations of the session by "
      + "their shared_name, and have this model's values now: load models that are to differ into sessions of their own."
  }

  // MARK: - Loading

  private func restoreVariables() throws {
    let checkpoint = "\(folder)/variables/variables"
    let saver = metaGraph.message.saverDef
    guard FileSystem.isFile(checkpoint + ".index") || FileSystem.isFile(checkpoint) else {
      // A model without variables is exported with a saver all the same.
      guard !saver.restoreOpName.isEmpty, !ownVariables.isEmpty else { return }
      throw GraftError(
        .notFound,
        "The SavedModel's variables are not there: no variables/variables.index, and the graph has "
          + "\(ownVariables.count) variables.", at: .init(file: folder),
        remedy: "Copy the folder whole, with `variables` in it.")
    }
    _ = try variableFiles()
    guard !saver.restoreOpName.isEmpty else {
      // Modules of TensorFlow Hub name no saver: their variables have the checkpoint's names.
      return try restoreByName(checkpoint)
    }
    let restoring = try operation(saver.restoreOpName)
    do {
      _ = try session.run(
        [], feeding: [saver.filenameTensorName: try Tensor(Bytes(checkpoint))], targets: [restoring],
        files: try variableFiles())
    } catch let error as GraftError where error.code == .notFound && metaGraph.message.hasObjectGraphDef {
      // TensorFlow 2 restores the objects that were saved, and leaves variables that had no value.
      try restoreByName(checkpoint)
    }
    if metaGraph.message.hasObjectGraphDef { try restoreObjects(checkpoint) }
  }

  /// Permission to read the model's variables, where no link leads to what is not the model's.
  ///
  /// - Throws: `GraftError` (`permissionDenied`).
  private func variableFiles() throws -> FileAccess {
    let files = FileAccess(readingBelow: [folder] + session.options.readableFolders)
    for name in FolderContents.names(in: "\(folder)/variables") where name.hasPrefix("variables") {
      do {
        _ = try files.placeForReading("\(folder)/variables/\(name)")
      } catch {
        throw GraftError(
          .permissionDenied, "The SavedModel's variables are a link that leads out of its folder: \(name).",
          at: .init(file: folder),
          remedy:
            "If you trust the model, copy the file in the link's place (`cp -L`), or open the folder that "
            + "it leads to (`SessionOptions.readableFolders`).")
      }
    }
    return files
  }

  private func restoreByName(_ checkpoint: String) throws {
    guard !ownVariables.isEmpty else { return }
    try Saver(graph: session.graph, variables: ownVariables).restore(
      checkpoint, into: session, options: RestoreOptions(allowsMissing: true))
  }

  /// The names of the model's variables in the session's graph.
  private var ownVariables: [String] {
    VariableBinding.all(in: session.graph.snapshot).map(\.node).filter(isOwn)
  }

  /// Whether an operation of the session's graph is the model's.
  func isOwn(_ operation: String) -> Bool { metaGraph.isOwn(operation) }

  /// Runs the operation that makes tables and whatever else the model needs, with its assets' paths.
  private func initialize() throws {
    // A link in the place of the folder would open whatever it leads to.
    if isInside("\(folder)/assets") { session.allowReading(below: "\(folder)/assets") }
    guard let initOperation else { return }
    var feeds: [String: Tensor] = [:]
    for asset in metaGraph.assets {
      feeds[asset.tensor.contains(":") ? asset.tensor : asset.tensor + ":0"] = try Tensor(
        Bytes(try path(ofAsset: asset.filename)))
    }
    _ = try session.run([], feeding: feeds, targets: [try operation(initOperation)])
  }

  /// The operation that makes tables and whatever else the model needs.
  var initOperation: String? {
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
    return try session.graph.operation(named: base).name
  }

  /// Where an asset lies; symbolic links are followed.
  ///
  /// - Throws: `GraftError` (`permissionDenied`) for a path that leaves the folder.
  func path(ofAsset filename: String) throws -> String {
    let parts = filename.split(separator: "/", omittingEmptySubsequences: false)
    let path = "\(folder)/assets/\(filename)"
    guard
      !filename.hasPrefix("/") && !filename.isEmpty && !parts.contains("..") && !filename.utf8.contains(0),
      isInside(path)
    else {
      throw GraftError(
        .permissionDenied, "The SavedModel names an asset outside of its folder: '\(filename)'.",
        at: .init(file: folder),
        remedy: "Assets are files below `assets`; do not trust a model that reaches further.")
    }
    return path
  }

  /// Whether what a path leads to lies in the model's folder; nothing is there, or it does.
  private func isInside(_ path: String) -> Bool {
    guard let target = FileSystem.real(path), let root = FileSystem.real(folder) else { return true }
    return target.hasPrefix(root == "/" ? root : root + "/")
  }
}

extension MetaGraph {
  /// Whether an operation of the graph that it was imported into is its own.
  fileprivate func isOwn(_ operation: String) -> Bool { prefix.isEmpty || operation.hasPrefix(prefix + "/") }
}

// MARK: - Signatures

extension SavedModel {
  /// The keys of the ways of calling the model: signatures, and functions that were saved with it, `encode` or
  /// `encoder.encode`. A function that was traced for several kinds of arguments is there once for each: `encode`,
  /// `encode_1`. Of a model that has signatures these are the functions of the model itself, not of its parts.
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
    return Signature(key: key, definition: definition, session: session)
  }

  /// A way of calling a model: tensors by the names of arguments and results.
  public struct Signature: Sendable {
    /// The key in the SavedModel.
    public let key: String
    /// Arguments and results with their dtypes and shapes.
    public let definition: SignatureDef
    let session: Session

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
      var arguments: [String: String] = [:]
      for (argument, value) in inputs.sorted(by: { $0.key < $1.key }) {
        guard let info = definition.inputs[argument] else {
          throw unknown("argument", argument, definition.inputs.keys.sorted())
        }
        if let other = arguments.updateValue(argument, forKey: info.name) {
          throw GraftError(
            .invalidArgument,
            "The signature '\(key)' has one tensor for '\(other)' and '\(argument)', '\(info.name)', and a "
              + "value was given for each.", remedy: "Give a value for one of them.")
        }
        feeds[info.name] = value
      }
      let names = results ?? definition.outputs.keys.sorted()
      let fetches = try names.map { name in
        guard let info = definition.outputs[name] else {
          throw unknown("result", name, definition.outputs.keys.sorted())
        }
        return info.name
      }
      do {
        let values = try session.run(fetches, feeding: feeds, options: options)
        return Dictionary(zip(names, values)) { first, _ in first }
      } catch let error as GraftError where error.code == .notFed {
        throw notFed(feeds) ?? error
      }
    }

    /// The error of a placeholder without a value in the words of the signature.
    private func notFed(_ feeds: [String: Tensor]) -> GraftError? {
      let missing = definition.inputs.filter { feeds[$0.value.name] == nil && !hasDefault($0.value.name) }
        .sorted { $0.key < $1.key }
      guard !missing.isEmpty else { return nil }
      let list = missing.map { "'\($0)' (\($1.dtype.map(\.name) ?? "?"), shape \($1.shape))" }
      return GraftError(
        .notFed, "The signature '\(key)' needs a value for \(list.joined(separator: ", ")).",
        remedy: "Give one for each argument.")
    }

    /// Whether a tensor has a value where none is fed.
    private func hasDefault(_ tensor: String) -> Bool {
      guard let output = try? session.graph.tensor(named: tensor) else { return false }
      return (try? session.graph.operation(named: output.operationName))?.type == "PlaceholderWithDefault"
    }

    private func unknown(_ kind: String, _ name: String, _ known: [String]) -> GraftError {
      GraftError(
        .notFound, "The signature '\(key)' has no \(kind) '\(name)'.",
        remedy: "It has \(known.joined(separator: ", ")).")
    }
  }
}
