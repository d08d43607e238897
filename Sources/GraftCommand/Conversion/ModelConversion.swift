import Glibc
import Graft
import GraftGraph
import GraftRuntime
import GraftTensor

/// A model that is open, to be written in some format.
struct ModelConversion {
  /// The formats that are written.
  enum Format: String, CaseIterable {
    /// A GraphDef whose variables are constants, with what the outputs need and no more.
    case frozen
    /// The GraphDef as it is.
    case graphDef = "graphdef"
    /// A `.meta` file, and a checkpoint of the same name.
    case metaGraph = "metagraph"
    case savedModel = "saved_model"

    /// The format that a file's name tells; nil for a name that tells none.
    init?(named path: String) {
      if path.hasSuffix(".meta") {
        self = .metaGraph
      } else if path.hasSuffix(".pb") || path.hasSuffix(".pbtxt") {
        self = .graphDef
      } else {
        return nil
      }
    }
  }

  var format: Format
  var isText = false
  var shards = 1
  /// Whether what is there is replaced.
  var replaces = false
  /// The outputs, and the signature that they belong to.
  var call: ModelCall?
  private let model: OpenedModel

  init(_ model: OpenedModel, format: Format) {
    self.model = model
    self.format = format
  }

  /// Writes the model, and says what was written.
  ///
  /// - Throws: `GraftError`: `alreadyExists`, `uninitialized` for variables that have no value, and what the
  ///   system refuses.
  func write(to path: String) throws -> String {
    switch format {
    case .frozen: return try writeFrozen(to: path)
    case .graphDef:
      try checkFree(path)
      let bytes = isText ? Array(try model.graph.textGraphDef().utf8) : try model.graph.graphDef()
      try FileBytes.write(bytes, to: path)
    case .metaGraph: try writeMetaGraph(to: path)
    case .savedModel: try writeSavedModel(to: path)
    }
    let graph = model.graph.snapshot
    return "\(counted(graph.nodes.count, "operation")), "
      + counted(GraphVariable.all(in: graph).count, "variable")
  }

  private func writeFrozen(to path: String) throws -> String {
    try checkFree(path)
    var fetches = call?.fetches ?? []
    if fetches.isEmpty { fetches = call?.names.results ?? [] }
    guard !fetches.isEmpty else {
      throw GraftError(
        .invalidArgument, "Nothing says which outputs the frozen graph is for.",
        at: .init(file: model.source.path),
        remedy: "Name them with --fetch, as \(outputs.prefix(5).map(\.name).joined(separator: ", ")).")
    }
    let frozen = try model.session.freeze(fetches.map(\.tensor))
    try frozen.write(to: path, asText: isText)
    var text =
      "\(counted(frozen.operationCount, "operation")), \(counted(frozen.variables.count, "variable")) as "
      + "constant\(frozen.variables.count == 1 ? "" : "s")"
    if !frozen.tables.isEmpty { text += ", \(counted(frozen.tables.count, "table"))" }
    return text + frozen.notes.map { "\n  \($0)" }.joined()
  }

  private func checkFree(_ path: String) throws {
    guard !replaces, access(path, F_OK) == 0 else { return }
    throw GraftError(
      .alreadyExists, "There is something of that name.", at: .init(file: path),
      remedy: "Name another one, or replace it with --force.")
  }

  private func writeMetaGraph(to path: String) throws {
    let prefix = path.hasSuffix(".meta") ? String(path.dropLast(".meta".count)) : path
    try checkFree(prefix + ".meta")
    if !model.session.filledVariables.isEmpty {
      try Saver(exporting: model.graph).save(model.session, to: prefix, shards: shards, keeping: nil)
    }
    try MetaGraph(
      exporting: model.graph, signatures: try signatures(), tags: model.metaGraph?.tags ?? [],
      original: model.metaGraph
    ).write(to: prefix + ".meta", asText: isText)
  }

  private func writeSavedModel(to folder: String) throws {
    for name in ["saved_model.pb", "saved_model.pbtxt"] { try checkFree("\(folder)/\(name)") }
    if replaces {
      for name in ["saved_model.pb", "saved_model.pbtxt"] { unlink("\(folder)/\(name)") }
    }
    var writer = try model.savedModel.map { try SavedModelWriter($0) } ?? SavedModelWriter(model.session)
    writer.signatures = try signatures()
    if writer.signatures.isEmpty, model.savedModel == nil {
      throw GraftError(
        .invalidArgument, "Nothing says what the SavedModel computes.", at: .init(file: model.source.path),
        remedy: "Name its outputs with --fetch.")
    }
    writer.asText = isText
    writer.shards = shards
    try writer.write(to: folder)
  }

  /// The model's signatures, and one that computes what was asked for.
  private func signatures() throws -> [String: SignatureDef] {
    var signatures = model.signatures
    if let call, call.names.signature == nil {
      let fetches = call.fetches.isEmpty ? outputs : call.fetches
      guard !fetches.isEmpty else { return signatures }
      signatures[CallNames.defaultKey] = try signature(of: fetches)
    }
    return signatures
  }

  /// What the graph computes where nobody says it.
  private var outputs: [(name: String, tensor: String)] {
    GraphInspection(model.graph.snapshot).outputs.map { ($0.name, $0.name) }
  }

  /// A signature of some tensors: the placeholders that they need are its arguments.
  private func signature(of fetches: [(name: String, tensor: String)]) throws -> SignatureDef {
    let graph = model.graph.snapshot
    let roots = try fetches.map { Int(try graph.edge(named: $0.tensor).node) }
    let inputs = NeededNodes(graph, fetches: roots).nodes.filter {
      ["Placeholder", "PlaceholderV2"].contains($0.op)
    }
    func plain(_ name: String) -> String { name.hasSuffix(":0") ? String(name.dropLast(2)) : name }
    return try SignatureDef(
      graph: model.graph,
      inputs: Dictionary(inputs.map { ($0.name, $0.name + ":0") }) { first, _ in first },
      outputs: Dictionary(fetches.map { (plain($0.name), $0.tensor) }) { first, _ in first })
  }
}
