import GraftCheckpoint
import GraftGraph
import GraftKernels
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

  /// A saver of all variables of a graph.
  ///
  /// - Throws: `GraftError` (`notFound`) for a graph without variables, as a frozen one is.
  public init(graph: Graph) throws {
    let snapshot = graph.snapshot
    bindings = VariableBinding.all(in: snapshot)
    guard !bindings.isEmpty else {
      let constants = snapshot.nodes.count { $0.op == "Const" }
      throw GraftError(
        .notFound,
        "The graph has no variables: of its \(snapshot.nodes.count) operations \(constants) are constants.",
        remedy: constants > 0
          ? "A frozen graph holds its weights itself: run it as it is."
          : "Import the graph with its variables.")
    }
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
          remedy:
            "It has \(all.keys.sorted().prefix(10).joined(separator: ", "))\(all.count > 10 ? " …" : ".")")
      }
      return VariableBinding(
        node: name, keys: [key], slice: "", part: nil, container: binding.container,
        sharedName: binding.sharedName, dtype: binding.dtype, shape: binding.shape)
    }
  }

  /// The names of the variables.
  public var variables: [String] { bindings.map(\.node) }

  /// Gives the variables the checkpoint's values.
  ///
  /// What does not fit is reported at once and whole, before anything changes; a restore that fails leaves the
  /// session as it was. Values are views of the checkpoint's files, uncopied.
  ///
  /// - Parameters:
  ///   - path: the checkpoint, by its prefix, any of its files, or its folder.
  ///   - session: where the variables are. Its graph is the saver's.
  ///   - options: what may differ.
  /// - Returns: what was restored, left and unused.
  /// - Throws: `GraftError`: `notFound` with all missing keys and the nearest ones, `invalidArgument` with all
  ///   shapes and dtypes that differ, `dataLoss` for damaged files.
  @discardableResult
  public func restore(
    _ path: String, into session: Session, options: RestoreOptions = RestoreOptions()
  ) throws -> RestoreReport {
    let source = try RestoreSource(path)
    var plan = RestorePlan(source: source, options: options)
    for binding in bindings { try plan.add(binding) }
    if let error = plan.error { throw error }
    let values = try plan.matches.map { try plan.value(of: $0) }
    for (match, value) in zip(plan.matches, values) { try match.binding.variable(in: session).assign(value) }
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
    var writer = CheckpointWriter()
    var empty: [String] = []
    for binding in bindings {
      guard let value = try binding.variable(in: session).value else {
        empty.append(binding.node)
        continue
      }
      let key = binding.keys.first ?? binding.node
      if let part = try TensorSlice.parse(shapeAndSlice: binding.slice) {
        try writer.add(key, value, as: part.slice, of: part.shape)
      } else {
        try writer.add(key, value)
      }
    }
    guard empty.isEmpty else {
      throw GraftError(
        .uninitialized,
        "\(empty.count) variables have no value to save: \(empty.prefix(10).joined(separator: ", ")).",
        remedy: "Restore or initialise them first.")
    }
    try writer.write(to: prefix, shards: shards)
    try CheckpointState.record(prefix, keeping: keeping)
    return prefix
  }
}
