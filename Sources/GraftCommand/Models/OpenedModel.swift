import Graft
import GraftGraph
import GraftRuntime
import GraftTensor

/// A model in a session of its own, whatever format it came in: its graph, its signatures, its variables.
struct OpenedModel {
  let source: ModelSource
  let session: Session
  /// What came with the graph; nil for a plain GraphDef.
  let metaGraph: MetaGraph?
  /// The tags of all graphs of a SavedModel.
  let tagSets: [Set<String>]
  /// The folder of a SavedModel.
  let folder: String?
  /// What the names of operations begin with.
  let prefix: String
  /// What the import had to guess or leave out.
  let notes: [String]
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
    prefix = selection.prefix
    session = Session(options: options)
    let importing = ImportOptions(prefix: selection.prefix)
    switch source.format {
    case .graphDef:
      (metaGraph, tagSets, folder) = (nil, [], nil)
      notes = try session.graph.importGraphDef(contentsOf: source.file, options: importing).notes
    case .metaGraph:
      let metaGraph = try MetaGraph(contentsOf: source.file)
      (self.metaGraph, tagSets, folder) = (metaGraph, [], nil)
      notes = try session.graph.importMetaGraph(metaGraph, options: importing).notes
    case .savedModel:
      let file = try SavedModelFile(source.file)
      let metaGraph = try file.metaGraph(tagged: selection.tags)
      (self.metaGraph, tagSets, folder) = (metaGraph, file.metaGraphs.map(\.tags), file.folder)
      if restoring {
        _ = try SavedModel.load(
          source.file, tags: metaGraph.tags, into: session, prefix: selection.prefix)
        notes = []
      } else {
        notes = try session.graph.importMetaGraph(metaGraph, options: importing).notes
      }
    }
    let checkpoint: String? =
      switch selection.checkpoint {
      case .none: nil
      case .beside: source.checkpointBeside
      case .path(let path): path
      }
    self.checkpoint = checkpoint
    guard restoring, let checkpoint else {
      restored = nil
      return
    }
    let saver =
      if let metaGraph, metaGraph.hasSaver {
        try Saver(metaGraph: metaGraph.below(selection.prefix), graph: session.graph)
      } else {
        try Saver(graph: session.graph)
      }
    restored = try saver.restore(checkpoint, into: session)
  }
}
