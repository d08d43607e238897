import Graft
import GraftRuntime
import GraftTensor

/// A recorded case's model, in a session of its own.
struct CaseModel {
  let session: Session
  private let savedModel: SavedModel?
  private let checkpoint: Checkpoint?

  /// Loads what a case names, in the way of its kind.
  ///
  /// - Throws: `GraftError`, what loading throws.
  init(_ description: CaseDescription, in folder: String, options: SessionOptions) throws {
    session = Session(options: options)
    let restored = description.checkpoint.map { folder + $0 }
    func model() throws -> String {
      guard let model = description.model else {
        throw GraftError(.invalidArgument, "The case names no model.")
      }
      return folder + model
    }
    switch description.kind {
    case "saved_model":
      savedModel = try SavedModel.load(try model(), tags: description.tags.map { Set($0) }, into: session)
      checkpoint = nil
      return
    case "metagraph+ckpt": try session.graph.importMetaGraph(try MetaGraph(contentsOf: try model()))
    case "frozen", "graphdef+ckpt": try session.graph.importGraphDef(contentsOf: try model())
    case "checkpoint": break
    default: throw GraftError(.unimplemented, "Cases of the kind '\(description.kind)' are not known.")
    }
    savedModel = nil
    checkpoint = try restored.map { try Checkpoint(path: $0) }
    if let restored, description.kind != "checkpoint" {
      try Saver(graph: session.graph).restore(restored, into: session)
    }
  }

  /// Does a run of the case.
  func run(_ run: CaseDescription.Run, feeding feeds: [String: Tensor]) throws -> [Tensor] {
    guard let key = run.signature else {
      return try session.run(run.fetches, feeding: feeds, targets: run.targets)
    }
    guard let savedModel else {
      throw GraftError(.invalidArgument, "A run of the case names a signature, and there is no SavedModel.")
    }
    let results = try savedModel.signature(key).run(feeds, results: run.fetches)
    return run.fetches.compactMap { results[$0] }
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
