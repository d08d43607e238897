import Graft
import GraftGraph
import GraftKernels
import GraftRuntime
import GraftTensor

/// All that `graft check` finds out about a model.
struct ModelCheck {
  /// Something that can be run, and what keeps it from running.
  struct Call {
    /// The signature's key; nil for fetches by tensor name.
    let signature: String?
    let fetches: [String]
    /// Why it cannot run; nil where it can.
    var obstacle: String?
  }

  /// A variable, and what it gets.
  struct VariableRow: Equatable {
    let name: String
    let dtype: DataType
    let shape: PartialShape
    /// What becomes of it in a word or two: `restored`, `no value`, `missing`, `shape`, `dtype`.
    let status: String
    /// The key in the checkpoint, with dtype and shape where they differ.
    let stored: String
    let isGood: Bool
  }

  /// What was asked for.
  struct Request {
    var selection = OpenedModel.Selection()
    var signature: String?
    var fetches: [String] = []
    /// Whether every checksum is verified.
    var isDeep = false
    /// The arguments of the command line that pick the model, for the commands that are proposed.
    var arguments = ""
  }

  let path: String
  private(set) var model: OpenedModel?
  private(set) var calls: [Call] = []
  private(set) var variables: [VariableRow] = []
  private(set) var findings: [Finding] = []

  /// The problems among the findings.
  var problems: [Finding] { findings.filter { $0.weight == .problem } }

  /// Checks the model at a path. Nothing that is wrong with it is thrown.
  ///
  /// - Throws: `GraftError` for a path that is not there, and for names that the model has not.
  init(_ path: String, _ request: Request) throws {
    self.path = path
    let source: ModelSource
    do {
      source = try ModelSource(path)
    } catch let error as GraftError where error.code != .notFound {
      findings.append(Self.finding(.cannotOpen, error))
      return
    }
    do {
      model = try OpenedModel(
        source, request.selection, options: SessionOptions(optimize: false), restoring: false)
    } catch let error as GraftError where error.code != .notFound {
      findings.append(Self.finding(.cannotOpen, error))
      return
    }
    guard let model else { return }
    let command = "graft run " + request.arguments
    if request.selection.inferenceMode {
      findings += model.notes.map { .note(.trainingMode, $0) }
    }
    if !model.completion.isEmpty {
      findings.append(
        .problem(
          .halfFrozen, model.completion.joined(separator: " "),
          advice: "Other programs refuse the file; write one that they take.",
          command: "graft freeze \(request.arguments) --fetch NAME --output FILE"))
    }
    let restoring = Restoring(model, source, request.selection, command: command)
    variables = restoring.rows
    findings += restoring.findings
    try check(model, restoring, request, command: command)
    findings += Self.missingAssets(model)
    if request.isDeep { findings += Self.damage(model) }
  }

  private mutating func check(
    _ model: OpenedModel, _ restoring: Restoring, _ request: Request, command: String
  ) throws {
    let graph = model.graph.snapshot
    var roots: [Int] = []
    var arguments: Set<String> = []
    var missing = MissingByNode(graph)
    for planned in try Self.plannedCalls(model, request) {
      let indices = try planned.fetches.map { Int(try graph.edge(named: $0.tensor).node) }
      roots += indices
      arguments.formUnion(planned.signatureFeeds)
      var call = Call(signature: planned.signature, fetches: planned.fetches.map(\.name))
      let feeds = Set(planned.signatureFeeds.compactMap { (try? graph.edge(named: $0)).map { Int($0.node) } })
      call.obstacle = Self.obstacle(
        planned, model, NeededNodes(graph, fetches: indices, feeds: feeds), &missing)
      calls.append(call)
    }
    let needed = NeededNodes(graph, fetches: roots)
    findings += MissingOp.findings(in: graph, needed: Set(needed.indices))
    for call in calls where call.obstacle != nil && !findings.contains(where: { $0.kind == .missingOp }) {
      findings.append(
        .problem(
          .cannotRun,
          "\(call.signature.map { "The signature '\($0)'" } ?? "A fetch") cannot run: "
            + (call.obstacle ?? ""), at: call.fetches))
    }
    // What the checkpoint does not hold is told already.
    let isToldAlready = restoring.findings.contains { $0.kind == .checkpoint && $0.weight == .problem }
    findings +=
      isToldAlready
      ? []
      : StateChecks.variables(
        in: needed, hasValue: restoring.hasValue,
        checkpoint: model.checkpoint == nil && model.source.format != .savedModel
          ? model.source.checkpointNearby : nil, command: command)
    findings += StateChecks.tables(
      in: needed, isLoaded: model.source.format == .savedModel && restoring.isLoaded,
      filled: restoring.filledTables, command: command)
    findings += ModeChecks.findings(in: needed, arguments: arguments, command: command)
    findings += ModeChecks.devices(in: needed)
    findings += ContentChecks.findings(in: needed)
  }

  // MARK: - Calls

  private static let mostOutputs = 32

  private struct PlannedCall {
    let signature: String?
    let fetches: [(name: String, tensor: String)]
    /// The tensors that a signature feeds.
    let signatureFeeds: [String]
  }

  /// What is asked for, else all signatures, else all outputs.
  private static func plannedCalls(_ model: OpenedModel, _ request: Request) throws -> [PlannedCall] {
    let keys =
      request.signature.map { [$0] } ?? (request.fetches.isEmpty ? model.signatures.keys.sorted() : [])
    guard keys.isEmpty else {
      return try keys.map { key in
        let call = try ModelCall(model, signature: key, fetches: request.fetches)
        return PlannedCall(signature: key, fetches: call.fetches, signatureFeeds: call.names.feeds)
      }
    }
    guard request.fetches.isEmpty else {
      let call = try ModelCall(model, signature: nil, fetches: request.fetches)
      return call.fetches.map { PlannedCall(signature: nil, fetches: [$0], signatureFeeds: call.names.feeds) }
    }
    let outputs = GraphInspection(model.graph.snapshot).outputs.map { (name: $0.name, tensor: $0.name) }
    // More than can be looked at one by one are looked at together.
    let groups = outputs.count <= mostOutputs ? outputs.map { [$0] } : [outputs]
    return groups.map { PlannedCall(signature: nil, fetches: $0, signatureFeeds: []) }
  }

  /// Why a call cannot run; nil where it can.
  private static func obstacle(
    _ call: PlannedCall, _ model: OpenedModel, _ needed: NeededNodes, _ missing: inout MissingByNode
  ) -> String? {
    let ops = missing.ops(needed.nodes)
    guard ops.isEmpty else { return "no kernel for \(ops.sorted().joined(separator: ", "))" }
    var feeds = call.signatureFeeds
    if feeds.isEmpty {
      feeds = needed.nodes.filter { ["Placeholder", "PlaceholderV2"].contains($0.op) }.map { $0.name + ":0" }
    }
    do {
      _ = try model.session.callable(feeds: feeds, fetches: call.fetches.map(\.tensor))
      return nil
    } catch {
      return (error as? GraftError)?.message ?? "\(error)"
    }
  }

  // MARK: - Files

  private static func missingAssets(_ model: OpenedModel) -> [Finding] {
    let missing = InspectionReport(model).assets.filter { $0.bytes == nil }.map(\.asset.filename)
    guard !missing.isEmpty else { return [] }
    return [
      .problem(
        .missingAsset,
        "\(counted(missing.count, "file")) of the model \(missing.count == 1 ? "is" : "are") not in "
          + "its folder 'assets'.", at: missing, advice: "Copy the folder whole.")
    ]
  }

  /// Every checksum of the files with variables.
  private static func damage(_ model: OpenedModel) -> [Finding] {
    let own = model.folder.map { "\($0)/variables/variables" }
    return [own, model.checkpoint].compactMap(\.self).flatMap { path -> [Finding] in
      guard let checkpoint = try? Checkpoint(path: path, requiringData: false) else { return [] }
      let problems = ProgressBar.during("Verifying") { progress in checkpoint.verify(progress: progress) }
      return problems.map { finding(.damaged, $0) }
    }
  }

  static func finding(_ kind: Finding.Kind, _ error: any Error) -> Finding {
    guard let error = error as? GraftError else { return .problem(kind, "\(error)") }
    let place = error.place.description
    return .problem(kind, error.message, at: place.isEmpty ? [] : [place], advice: error.remedy)
  }
}
