import Glibc
import GraftCheckpoint
import GraftGraph
import GraftKernels
import GraftProto
import GraftTensor
import SwiftProtobuf

/// Writes a session's graph and variables as a SavedModel in the way of TensorFlow 1, which TensorFlow of
/// either version, and model servers, load.
///
/// ```swift
/// var writer = SavedModelWriter(session)
/// writer.signatures["serving_default"] = try SignatureDef(
///   graph: session.graph, inputs: ["images": "x:0"], outputs: ["scores": "probabilities:0"])
/// try writer.write(to: "export/1")
/// ```
public struct SavedModelWriter: Sendable {
  /// A file that the model needs, as a vocabulary.
  public struct Asset: Sendable {
    /// The tensor of the graph that holds the file's path when the model's initialisers run.
    public var tensor: String
    /// The file that is copied.
    public var path: String

    /// A file that the model needs.
    public init(tensor: String, path: String) {
      self.tensor = tensor
      self.path = path
    }
  }

  /// The words that tell the graph apart.
  public var tags: Set<String> = ["serve"]
  /// The ways of calling the model.
  public var signatures: [String: SignatureDef] = [:]
  /// The files that the model needs.
  public var assets: [Asset] = []
  /// The operation that makes tables and whatever else the model needs when it is loaded.
  public var initOperation: String?
  /// Whether `saved_model.pbtxt` is written in place of `saved_model.pb`.
  public var asText = false
  /// How many data files the variables are written into.
  public var shards = 1
  /// Whether variables may be left out that have no value.
  public var allowsUninitialized = false

  private let session: Session
  private var original: MetaGraph?

  /// A writer of a session's graph, without signatures.
  public init(_ session: Session) {
    self.session = session
  }

  /// A writer of a SavedModel that was loaded, with its signatures, collections, assets and initialisers.
  ///
  /// - Throws: `GraftError` for assets that lie outside of the model's folder.
  public init(_ model: SavedModel) throws {
    session = model.session
    original = model.metaGraph
    tags = model.metaGraph.tags
    initOperation = model.initOperation.map { $0.split(separator: ":").first.map(String.init) ?? $0 }
    assets = try model.metaGraph.assets.map {
      Asset(tensor: $0.tensor, path: try model.path(ofAsset: $0.filename))
    }
  }

  /// Writes the folder: variables and assets first, `saved_model.pb` last, so that what is there is whole.
  ///
  /// - Throws: `GraftError`: `alreadyExists` for a folder that holds a SavedModel, `uninitialized` with all
  ///   variables that have no value, `notFound` for a signature's tensor, an asset or the init operation, and
  ///   what the system refuses.
  public func write(to folder: String) throws {
    for name in ["saved_model.pb", "saved_model.pbtxt"] where FileSystem.isFile("\(folder)/\(name)") {
      throw GraftError(
        .alreadyExists, "There is a SavedModel already.", at: .init(file: "\(folder)/\(name)"),
        remedy: "Write into another folder, as the next version's number.")
    }
    try checkNames()
    let saved = try savedVariables()
    let metaGraph = try MetaGraph(
      exporting: session.graph, variables: saved.map(\.0), signatures: signatures, tags: tags,
      original: original)
    var message = metaGraph.message
    if original == nil { message.metaInfoDef.strippedDefaultAttrs = false }
    setInitializer(&message)
    message.assetFileDef = try copyAssets(to: folder)
    if !saved.isEmpty {
      var variables = CheckpointWriter()
      for (binding, value) in saved {
        if let part = try TensorSlice.parse(shapeAndSlice: binding.slice) {
          try variables.add(binding.savedKey, value, as: part.slice, of: part.shape)
        } else {
          try variables.add(binding.savedKey, value)
        }
      }
      try variables.write(to: "\(folder)/variables/variables", shards: shards)
    }
    try FileSystem.makeFolder(folder)
    var writer = WireWriter()
    writer.field(1, varint: 1)
    writer.field(
      2,
      bytes: try MetaGraph(message: message, document: metaGraph.document, graphRange: metaGraph.graphRange)
        .metaGraphDef())
    guard asText else {
      try StagedFile.write(writer.bytes, to: "\(folder)/saved_model.pb")
      return
    }
    let text = try Tensorflow_SavedModel(serializedBytes: writer.bytes).textFormatString()
    try StagedFile.write(Array(text.utf8), to: "\(folder)/saved_model.pbtxt")
  }

  /// Checks that everything named is in the graph.
  private func checkNames() throws {
    for (key, signature) in signatures {
      for info in Array(signature.inputs.values) + signature.outputs.values {
        do {
          _ = try session.graph.tensor(named: info.name)
        } catch let error as GraftError {
          throw GraftError(
            error.code, "The signature '\(key)': \(error.message)", at: error.place, remedy: error.remedy)
        }
      }
    }
    for asset in assets { _ = try session.graph.tensor(named: asset.tensor) }
    if let initOperation { _ = try session.graph.operation(named: initOperation) }
  }

  private func savedVariables() throws -> [(VariableBinding, Tensor)] {
    let bindings = VariableBinding.all(in: session.graph.snapshot)
    let values = bindings.map { binding in
      (
        binding,
        session.resources.find(Variable.self, container: binding.container, name: binding.sharedName)?.value
      )
    }
    let empty = values.filter { $0.1 == nil }.map { "'\($0.0.node)'" }
    guard empty.isEmpty || allowsUninitialized else {
      throw GraftError(
        .uninitialized,
        "\(empty.count) of the \(bindings.count) variables have no value to export: "
          + "\(empty.prefix(20).joined(separator: ", "))\(empty.count > 20 ? " and more." : ".")",
        remedy: "Restore or initialise them first; `allowsUninitialized` leaves them out.")
    }
    return values.compactMap { binding, value in value.map { (binding, $0) } }
  }

  private func setInitializer(_ message: inout Tensorflow_MetaGraphDef) {
    for key in ["saved_model_main_op", "legacy_init_op", "saved_model_assets"] {
      message.collectionDef[key] = nil
    }
    message.signatureDef["__saved_model_init_op"] = nil
    guard let initOperation else { return }
    message.collectionDef["saved_model_main_op"] = .with { $0.nodeList.value = [initOperation] }
    message.signatureDef["__saved_model_init_op"] = .with { signature in
      signature.outputs["__saved_model_init_op"] = .with {
        $0.name = initOperation
        $0.dtype = .dtInvalid
        $0.tensorShape.unknownRank = true
      }
    }
  }

  /// Copies the assets, each under a name of its own.
  private func copyAssets(to folder: String) throws -> [Tensorflow_AssetFileDef] {
    var sources: [String: String] = [:]
    return try assets.map { asset in
      let base = asset.path.split(separator: "/").last.map(String.init) ?? "asset"
      var (name, number) = (base, 0)
      while let other = sources[name], other != asset.path {
        number += 1
        name = "\(base)_\(number)"
      }
      if sources.updateValue(asset.path, forKey: name) == nil {
        try FileSystem.makeFolder("\(folder)/assets")
        let file = try MappedFile(path: asset.path, allowsEmpty: true)
        try StagedFile.write(withExtendedLifetime(file) { Array(file.bytes) }, to: "\(folder)/assets/\(name)")
      }
      return Tensorflow_AssetFileDef.with {
        $0.filename = name
        $0.tensorInfo.name = asset.tensor.contains(":") ? asset.tensor : asset.tensor + ":0"
        $0.tensorInfo.dtype = .dtString
      }
    }
  }
}
