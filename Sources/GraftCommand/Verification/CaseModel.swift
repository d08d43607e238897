import Graft
import GraftGraph
import GraftRuntime
import GraftTensor

/// A recorded case's model, in a session of its own.
struct CaseModel {
  /// What a case's model is.
  enum Kind: String {
    case frozen, checkpoint
    case savedModel = "saved_model"
    case metaGraph = "metagraph+ckpt"
    case graphDef = "graphdef+ckpt"

    /// The format of the model; nil where there is a checkpoint only.
    var format: ModelSource.Format? {
      switch self {
      case .frozen, .graphDef: .graphDef
      case .metaGraph: .metaGraph
      case .savedModel: .savedModel
      case .checkpoint: nil
      }
    }
  }

  let session: Session
  private let model: OpenedModel?
  private let checkpoint: Checkpoint?

  /// Loads what a case names, in the way of its kind.
  ///
  /// - Throws: `GraftError`, what loading throws.
  init(_ description: CaseDescription, in folder: String, options: SessionOptions) throws {
    guard let kind = Kind(rawValue: description.kind) else {
      throw GraftError(.unimplemented, "Cases of the kind '\(description.kind)' are not known.")
    }
    let restored = description.checkpoint.map { folder + $0 }
    checkpoint = try restored.map { try Checkpoint(path: $0) }
    guard let format = kind.format else {
      session = Session(options: options)
      model = nil
      return
    }
    guard let path = description.model else {
      throw GraftError(.invalidArgument, "The case names no model.")
    }
    let source = try ModelSource(folder + path)
    guard source.format == format else {
      throw GraftError(
        .wrongFileKind, "This is a \(source.format.rawValue), and the case says '\(kind.rawValue)'.",
        at: .init(file: source.file))
    }
    // What is only to be imported may have lost its variables.
    let variables = "\(folder)\(path)/variables/variables"
    let isImportOnly =
      kind == .savedModel && description.runs.isEmpty && description.variables.isEmpty
      && (try? Checkpoint(path: variables)) == nil
    let model = try OpenedModel(
      source,
      OpenedModel.Selection(
        tags: description.tags.map { Set($0) }, checkpoint: restored.map { .path($0) } ?? .none,
        putsRight: false),
      options: options, restoring: !isImportOnly)
    self.model = model
    session = model.session
  }

  /// Whether the graph, or a function of it, has ops that nobody knows.
  var hasUnknownOps: Bool {
    session.graph.missingKernels().entries.contains { !$0.isKnown }
  }

  /// Does a run of the case.
  func run(_ run: CaseDescription.Run, feeding feeds: [String: Tensor]) throws -> [Tensor] {
    guard let key = run.signature, let model else {
      return try session.run(run.fetches, feeding: feeds, targets: run.targets)
    }
    let call = try ModelCall(model, signature: key, fetches: run.fetches)
    return try session.run(
      call.fetches.map(\.tensor),
      feeding: Dictionary(feeds.map { (call.names.feed($0.key), $0.value) }) { first, _ in first },
      targets: run.targets)
  }

  /// The value of a variable: of the checkpoint, or of the session where that has one of the name.
  func variable(_ name: String) throws -> Tensor {
    if let value = session.variable(named: name) { return value }
    guard let checkpoint else {
      throw GraftError(.notFound, "The session has no variable '\(name)'.")
    }
    return try checkpoint.tensor(name)
  }
}
