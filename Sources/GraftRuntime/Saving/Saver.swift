import GraftCheckpoint
import GraftGraph
import GraftKernels
import GraftProto
import GraftTensor

/// Brings a graph's variables back from a checkpoint, and writes them into one.
///
/// It finds the variables in the graph itself, so that it works for imported graphs, which list them nowhere:
///
/// ```swift
/// let saver = try Saver(graph: graph)
/// try saver.restore("checkpoint/model.ckpt", into: session)
/// ```
public struct Saver: Sendable {
  private let bindings: [VariableBinding]
  /// The graph's own operations that save and restore, where a MetaGraph names them.
  private let operations: Operations?

  private struct Operations: Sendable {
    let filename: String
    let save: String
    let restore: String
  }

  /// A saver of all variables of a graph.
  ///
  /// - Throws: `GraftError` (`notFound`) for a graph without variables, as a frozen one is.
  public init(graph: Graph) throws {
    let snapshot = graph.snapshot
    bindings = VariableBinding.all(in: snapshot)
    operations = nil
    guard !bindings.isEmpty else {
      let constants = snapshot.nodes.count { $0.op == "Const" }
      throw GraftError(
        .notFound,
        constants > 0
          ? "0 variables: this graph is frozen (\(constants) constants)."
          : "0 variables: this graph has \(snapshot.nodes.count) operations, and no constants either.",
        remedy: constants > 0
          ? "A frozen graph holds its weights itself: run it as it is, without a checkpoint."
          : "Import the graph with its variables.")
    }
  }

  /// A saver that does what a MetaGraph says: its own operations restore and save, and no other variables
  /// than theirs.
  ///
  /// The operations may then touch the checkpoint's folder, and no other.
  ///
  /// - Parameters:
  ///   - metaGraph: a MetaGraph that was imported; with a prefix, as ``MetaGraph/below(_:)`` gives it.
  ///   - graph: the graph that it was imported into.
  /// - Throws: `GraftError`: `notFound` for a MetaGraph without a saver, and for operations that the graph
  ///   has not.
  public init(metaGraph: MetaGraph, graph: Graph) throws {
    let definition = metaGraph.message.saverDef
    guard !definition.restoreOpName.isEmpty else {
      throw GraftError(
        .notFound, "The MetaGraph has no saver.", remedy: "Saver(graph:) finds the variables by itself.")
    }
    let snapshot = graph.snapshot
    func operation(_ name: String) throws -> String {
      let base = name.split(separator: ":").first.map(String.init) ?? name
      guard snapshot.nodeIndex(named: base) != nil else {
        throw snapshot.unknownOperation(base, what: "The saver's operation")
      }
      return base
    }
    let restore = try operation(definition.restoreOpName)
    _ = try operation(definition.filenameTensorName)
    operations = Operations(
      filename: definition.filenameTensorName, save: definition.saveTensorName, restore: restore)
    bindings =
      snapshot.nodeIndex(named: restore).map { VariableBinding.restored(by: $0, in: snapshot) } ?? []
  }

  /// A saver of some variables of a graph, under their own names.
  ///
  /// - Throws: `GraftError` (`notFound`) for a name that is no variable's.
  public init(graph: Graph, variables: [String]) throws {
    let pairs = variables.map { ($0, $0) }
    try self.init(graph: graph, variables: Dictionary(pairs) { first, _ in first })
  }

  /// A saver of some variables of a graph.
  ///
  /// - Parameter variables: the variables' names by the key that checkpoints hold them under.
  /// - Throws: `GraftError` (`notFound`) for a name that is no variable's.
  public init(graph: Graph, variables: [String: String]) throws {
    let all = Dictionary(VariableBinding.all(in: graph.snapshot).map { ($0.node, $0) }) { first, _ in first }
    bindings = try variables.sorted { $0.key < $1.key }.map { key, name in
      guard let binding = all[name] else {
        throw GraftError(
          .notFound, "The graph has no variable '\(name)'.",
          remedy: Suggestions.question(Suggestions.nearest(to: name, among: all.keys.sorted()))
            ?? "It has \(all.keys.sorted().prefix(10).joined(separator: ", "))\(all.count > 10 ? " …" : ".")")
      }
      return binding.under(key)
    }
    operations = nil
  }

  /// The saver of a MetaGraph that is made of a graph, which holds variables by their names: a checkpoint for it must
  /// do so too, whatever the keys of the checkpoint that they came from.
  package init(exporting graph: Graph) {
    self.init(VariableBinding.all(in: graph.snapshot).map { $0.slice.isEmpty ? $0.under($0.savedKey) : $0 })
  }

  /// A saver of variables under keys that are known.
  init(_ bindings: [VariableBinding]) {
    self.bindings = bindings
    operations = nil
  }

  /// The names of the variables.
  public var variables: [String] { bindings.map(\.node) }

  /// Holds the variables against a checkpoint, and changes nothing.
  ///
  /// - Parameters:
  ///   - path: the checkpoint, by its prefix, any of its files, or its folder.
  ///   - options: what may differ.
  /// - Throws: `GraftError` for a checkpoint that cannot be opened. What does not fit is in the result.
  public func diff(_ path: String, options: RestoreOptions = RestoreOptions()) throws -> RestoreDiff {
    try RestorePlan(bindings, source: try RestoreSource(path), options: options).diff
  }

  /// Gives the variables the checkpoint's values.
  ///
  /// What does not fit is reported at once and whole, before anything changes; a restore that fails leaves the
  /// session as it was. Values are views of the checkpoint's files, uncopied.
  ///
  /// - Parameters:
  ///   - path: the checkpoint, by its prefix, any of its files, or its folder.
  ///   - session: where the variables are. Its graph is the saver's.
  ///   - options: what may differ.
  ///   - progress: called with the number of variables that are read, and of all.
  /// - Returns: what was restored, left and unused.
  /// - Throws: `GraftError`: `notFound` with all missing keys and the nearest ones, `invalidArgument` with all
  ///   shapes and dtypes that differ, `dataLoss` for damaged files.
  @discardableResult
  public func restore(
    _ path: String, into session: Session, options: RestoreOptions = RestoreOptions(),
    progress: ((_ done: Int, _ total: Int) throws -> Void)? = nil
  ) throws -> RestoreReport {
    let source = try RestoreSource(path)
    let plan = try RestorePlan(bindings, source: source, options: options)
    if let error = plan.diff.error { throw error }
    if let operations, options.isStrict {
      try session.restoringVariablesOnFailure {
        let prefix = source.checkpoint.prefix
        _ = try session.run(
          [], feeding: [operations.filename: try Tensor(Bytes(prefix))], targets: [operations.restore],
          files: FileAccess(readingBelow: [FileSystem.parent(of: prefix)]))
      }
      return plan.report
    }
    var values: [(VariableBinding, Tensor)] = []
    for match in plan.matches {
      try progress?(values.count, plan.matches.count)
      values.append((match.binding, try plan.value(of: match)))
    }
    try progress?(values.count, values.count)
    try session.restoringVariablesOnFailure {
      for (binding, value) in values { try binding.variable(in: session).assign(value) }
    }
    return plan.report
  }

  /// Writes the variables' values into a checkpoint of the V2 format, which TensorFlow reads.
  ///
  /// - Parameters:
  ///   - path: the checkpoint's prefix.
  ///   - step: is appended to the prefix: `model.ckpt-1000`.
  ///   - shards: how many data files there are.
  ///   - keeping: how many of the folder's checkpoints are kept; nil for all.
  /// - Returns: the prefix of what was written.
  /// - Throws: `GraftError`: `uninitialized` with all variables that have no value, and what the system refuses.
  @discardableResult
  public func save(
    _ session: Session, to path: String, step: Int? = nil, shards: Int = 1, keeping: Int? = 5
  ) throws -> String {
    let prefix = step.map { "\(path)-\($0)" } ?? path
    var values: [(VariableBinding, Tensor)] = []
    var empty: [String] = []
    for binding in bindings {
      if let value = try binding.variable(in: session).value {
        values.append((binding, value))
      } else {
        empty.append("'\(binding.node)'")
      }
    }
    guard empty.isEmpty else {
      throw GraftError(
        .uninitialized,
        "\(empty.count) of the \(bindings.count) variables have no value to save: "
          + "\(empty.prefix(20).joined(separator: ", "))\(empty.count > 20 ? " and more." : ".")",
        remedy: "Restore or initialise them first, or save the others with Saver(graph:variables:).")
    }
    if let operations, shards == 1 {
      _ = try session.run(
        [operations.save], feeding: [operations.filename: try Tensor(Bytes(prefix))], targets: [],
        files: FileAccess(writingBelow: [try FileSystem.makeFolder(of: prefix)]))
    } else {
      var writer = CheckpointWriter()
      for (binding, value) in values {
        let key = binding.keys.first ?? binding.node
        if let part = try TensorSlice.parse(shapeAndSlice: binding.slice) {
          try writer.add(key, value, as: part.slice, of: part.shape)
        } else {
          try writer.add(key, value)
        }
      }
      try writer.write(to: prefix, shards: shards)
    }
    try CheckpointState.record(prefix, keeping: keeping)
    return prefix
  }
}

extension Session {
  /// Does something that changes variables; where it fails they are as they were.
  func restoringVariablesOnFailure(_ body: () throws -> Void) throws {
    let before = resources.all(Variable.self).map { ($0, $0.value) }
    do {
      try body()
    } catch {
      for variable in resources.all(Variable.self) { variable.reset() }
      for case (let variable, let value?) in before { try variable.assign(value, validatesShape: false) }
      throw error
    }
  }
}
