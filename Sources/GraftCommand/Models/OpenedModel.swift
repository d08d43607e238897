import Graft
import GraftGraph
import GraftRuntime
import GraftTensor

/// A model in a session of its own, whatever format it came in: its graph, its signatures, its variables.
struct OpenedModel {
  let source: ModelSource
  let session: Session
  /// What came with the graph, its names below the prefix; nil for a plain GraphDef.
  let metaGraph: MetaGraph?
  /// The SavedModel, where it is one and was loaded as a whole.
  let savedModel: SavedModel?
  /// The tags of all graphs of a SavedModel.
  let tagSets: [Set<String>]
  /// The folder of a SavedModel.
  let folder: String?
  /// What the import had to guess or leave out.
  let notes: [String]
  /// What was put right in a graph that was frozen in part, as sentences; nothing for other models.
  let completion: [String]
  /// The tables of a model other than a SavedModel that were filled, by their nodes' names.
  let filledTables: Set<String>
  /// The checkpoint that belongs to it and is no part of it.
  let checkpoint: String?
  /// What was restored from a checkpoint that is no part of the model.
  let restored: RestoreReport?

  /// The session's graph.
  var graph: Graph { session.graph }

  /// Which part of a model to open, and how.
  struct Selection {
    /// The tags of a SavedModel's graph; nil for the only one, or the one with the tag `serve`.
    var tags: Set<String>?
    /// What variables are restored from, apart from what belongs to the model.
    var checkpoint = Source.beside
    /// What names of operations begin with.
    var prefix = ""
    /// What may differ between the variables and the checkpoint.
    var restoring = RestoreOptions()
    /// Whether a graph that was exported to train is set to infer.
    var inferenceMode = false
    /// Whether what TensorFlow refuses is put right: graphs that were frozen in part, tables that nothing filled.
    var putsRight = true

    /// A checkpoint that is no part of the model.
    enum Source: Equatable {
      case none
      /// The one beside a `.meta` file, if there is one.
      case beside
      case path(String)
    }
  }

  /// Opens a model.
  ///
  /// - Parameter restoring: whether variables, tables and assets are loaded; otherwise only the graph is.
  /// - Throws: `GraftError`, what importing and restoring throw.
  init(
    _ source: ModelSource, _ selection: Selection = Selection(), options: SessionOptions = SessionOptions(),
    restoring: Bool = true
  ) throws {
    self.source = source
    session = Session(options: options)
    let importing = ImportOptions(prefix: selection.prefix, inferenceMode: selection.inferenceMode)
    var completion: [String] = []
    switch source.format {
    case .graphDef:
      (metaGraph, savedModel, tagSets, folder) = (nil, nil, [], nil)
      let imported: ImportResult
      do {
        imported = try session.graph.importGraphDef(contentsOf: source.file, options: importing)
      } catch {
        guard selection.putsRight, let completed = try? FrozenGraph(completing: source.file) else {
          throw error
        }
        imported = try session.graph.importGraphDef(bytes: completed.graphDef, options: importing)
        completion = completed.notes
      }
      notes = completion + imported.notes
    case .metaGraph:
      let metaGraph = try MetaGraph(contentsOf: source.file)
      let imported = try session.graph.importMetaGraph(metaGraph, options: importing)
      (self.metaGraph, savedModel, tagSets, folder) = (metaGraph.below(imported.prefix), nil, [], nil)
      notes = imported.notes
    case .savedModel:
      let file = try SavedModelFile(source.file)
      let metaGraph = try Self.pick(selection.tags, from: file)
      (tagSets, folder) = (file.metaGraphs.map(\.tags), file.folder)
      if restoring {
        let model = try SavedModel.load(
          metaGraph, of: file, into: session, prefix: selection.prefix, inferenceMode: selection.inferenceMode
        )
        (self.metaGraph, savedModel, notes) = (model.metaGraph, model, model.notes)
      } else {
        let imported = try metaGraph.imported(into: session.graph, options: importing)
        (self.metaGraph, savedModel, notes) = (imported.metaGraph, nil, imported.notes)
      }
    }
    self.completion = completion
    let checkpoint: String? =
      switch selection.checkpoint {
      case .none: nil
      case .beside: source.checkpointBeside
      case .path(let path): path
      }
    self.checkpoint = checkpoint
    // What cannot be filled is told by the run that needs it.
    filledTables =
      restoring && selection.putsRight && savedModel == nil ? Set(session.fillTables().filled) : []
    guard restoring, let checkpoint else {
      restored = nil
      return
    }
    let saver = try Self.saver(metaGraph, session.graph)
    restored = try ProgressBar.during("Restoring") { [session] progress in
      try saver.restore(checkpoint, into: session, options: selection.restoring, progress: progress)
    }
  }

  /// What restores the model's variables from a checkpoint: what came with the graph says, or the graph itself.
  func saver() throws -> Saver { try Self.saver(metaGraph, graph) }

  private static func saver(_ metaGraph: MetaGraph?, _ graph: Graph) throws -> Saver {
    guard let metaGraph, metaGraph.hasSaver else { return try Saver(graph: graph) }
    return try Saver(metaGraph: metaGraph, graph: graph)
  }

  private static func pick(_ tags: Set<String>?, from file: SavedModelFile) throws -> MetaGraph {
    do {
      return try file.metaGraph(tagged: tags)
    } catch let error as GraftError {
      throw GraftError(
        error.code, error.message, at: error.place,
        remedy: (error.remedy.map { $0 + " " } ?? "") + "Name them with --tags, commas between.")
    }
  }
}
