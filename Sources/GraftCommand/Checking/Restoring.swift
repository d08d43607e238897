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
  private let filled: Set<String>

  /// Loads the model in a session of its own, to see what comes of it.
  init(_ model: OpenedModel, _ source: ModelSource, _ selection: OpenedModel.Selection) {
    let variables = GraphVariable.all(in: model.graph.snapshot)
    var findings: [Finding] = []
    var loaded: OpenedModel?
    do {
      loaded = try OpenedModel(source, selection)
    } catch {
      findings.append(ModelCheck.finding(.cannotLoad, error))
    }
    filled = loaded?.session.filledVariables ?? []
    rows = variables.map { [filled] variable in
      let isFilled = filled.contains(variable.name)
      return ModelCheck.VariableRow(
        name: variable.name, dtype: variable.dtype, shape: variable.shape,
        status: isFilled ? "restored" : "no value",
        stored: loaded?.restored?.restored[variable.name] ?? "", isGood: isFilled)
    }
    isLoaded = loaded != nil
    self.findings = findings
  }

  /// Whether a variable has a value after it.
  func hasValue(_ variable: String) -> Bool { filled.contains(variable) }
}
