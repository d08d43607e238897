import Graft
import GraftGraph
import GraftRuntime
import GraftTensor

/// What restoring a model's variables comes to: each variable against the checkpoint, and what fails.
struct Restoring {
  let rows: [ModelCheck.VariableRow]
  let findings: [Finding]
  /// Whether the model was loaded as a whole.
  let isLoaded: Bool
  /// The tables that are filled when a graph is opened.
  let filledTables: Set<String>
  private let filled: Set<String>

  /// Loads the model in a session of its own, to see what comes of it.
  init(
    _ model: OpenedModel, _ source: ModelSource, _ selection: OpenedModel.Selection, command: String
  ) {
    let variables = GraphVariable.all(in: model.graph.snapshot)
    var findings: [Finding] = []
    let diff = model.checkpoint.flatMap { path in
      try? model.saver().diff(path, options: selection.restoring)
    }
    if let diff { findings += Self.findings(diff, command: command) }
    var loaded: OpenedModel?
    do {
      loaded = try OpenedModel(source, selection)
    } catch {
      // What does not fit is told already, and better.
      if diff?.isAccepted ?? true { findings.append(ModelCheck.finding(.cannotLoad, error)) }
    }
    filled = loaded?.session.filledVariables ?? []
    rows =
      diff.map { $0.rows.map(Self.row) }
      ?? variables.map { [filled] variable in
        let isFilled = filled.contains(variable.name)
        return ModelCheck.VariableRow(
          name: variable.name, dtype: variable.dtype, shape: variable.shape,
          status: isFilled ? "restored" : "no value", stored: "", isGood: isFilled)
      }
    isLoaded = loaded != nil
    filledTables = loaded?.filledTables ?? []
    self.findings = findings
  }

  /// Whether a variable has a value after it.
  func hasValue(_ variable: String) -> Bool { filled.contains(variable) }

  private static func row(_ row: RestoreDiff.Row) -> ModelCheck.VariableRow {
    var stored = row.key ?? row.suggestion ?? ""
    if row.verdict == .shape, let shape = row.storedShape { stored += " is \(shape)" }
    if row.verdict == .dtype || row.verdict == .cast, let dtype = row.storedDType { stored += " is \(dtype)" }
    return ModelCheck.VariableRow(
      name: row.variable, dtype: row.dtype, shape: row.shape,
      status: row.verdict == .fits ? "restored" : row.verdict.rawValue, stored: stored,
      isGood: row.verdict == .fits || row.verdict == .cast)
  }

  /// What does not fit, each kind as one finding.
  static func findings(_ diff: RestoreDiff, command: String) -> [Finding] {
    func names(_ verdict: RestoreDiff.Verdict) -> [String] {
      diff.rows.filter { $0.verdict == verdict }.map(\.variable)
    }
    var findings: [Finding] = []
    let (missing, shape, dtype) = (names(.missing), names(.shape), names(.dtype))
    if !missing.isEmpty {
      let rules = diff.suggestedRules.map { ShellText.quoted("\($0.pattern)=\($0.replacement)") }
      let found = diff.suggestedRules.reduce(0) { $0 + $1.count }
      findings.append(
        .problem(
          .checkpoint, "The checkpoint holds nothing for \(counted(missing.count, "variable")).", at: missing,
          advice: rules.isEmpty
            ? "If it is the right checkpoint, they stay as they are with --allow-missing."
            : "Under other names it may hold \(found) of them.",
          command: rules.isEmpty
            ? "\(command) --allow-missing" : "\(command) --rename \(rules.joined(separator: " "))"))
    }
    if !shape.isEmpty {
      findings.append(
        .problem(
          .checkpoint,
          "\(counted(shape.count, "variable")) of the checkpoint \(shape.count == 1 ? "has" : "have") "
            + "another shape than in the graph.", at: shape,
          advice:
            "If they are to be trained anew, as the last layer for other classes, they can be left out.",
          command: "\(command) --skip \(shape.prefix(5).map(ShellText.quoted).joined(separator: " "))"))
    }
    if !dtype.isEmpty {
      findings.append(
        .problem(
          .checkpoint,
          "\(counted(dtype.count, "variable")) of the checkpoint \(dtype.count == 1 ? "has" : "have") "
            + "another dtype than in the graph.", at: dtype, advice: "Values can be cast.",
          command: "\(command) --cast"))
    }
    if !diff.unused.isEmpty {
      findings.append(
        .note(
          .checkpoint, "\(counted(diff.unused.count, "tensor")) of the checkpoint belong to no variable.",
          at: diff.unused))
    }
    return findings
  }
}
