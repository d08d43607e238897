/// Something about a model that its user should know before it runs.
struct Finding: Sendable, Equatable {
  /// What it is about.
  enum Kind: String, Sendable {
    case cannotOpen = "cannot-open"
    case cannotLoad = "cannot-load"
    case missingOp = "missing-op"
    case cannotRun = "cannot-run"
    case halfFrozen = "half-frozen"
    case checkpoint
    case uninitializedVariable = "uninitialized-variable"
    case uninitializedTable = "uninitialized-table"
    case missingAsset = "missing-asset"
    case trainingMode = "training-mode"
    case dropout, random
    case modeSwitch = "switch"
    case device
    case damaged
  }

  /// How much it matters.
  enum Weight: String, Sendable {
    /// Something to mend or to decide: the check is not clean.
    case problem
    /// Something to know.
    case note
  }

  let kind: Kind
  let weight: Weight
  /// What was found, as sentences.
  let message: String
  /// Where: nodes, variables, tensors.
  var places: [String] = []
  /// What to do.
  var advice: String?
  /// What to type.
  var command: String?

  /// A problem.
  static func problem(
    _ kind: Kind, _ message: String, at places: [String] = [], advice: String? = nil, command: String? = nil
  ) -> Finding {
    Finding(kind: kind, weight: .problem, message: message, places: places, advice: advice, command: command)
  }

  /// A note.
  static func note(
    _ kind: Kind, _ message: String, at places: [String] = [], advice: String? = nil, command: String? = nil
  ) -> Finding {
    Finding(kind: kind, weight: .note, message: message, places: places, advice: advice, command: command)
  }
}

/// Counts with their word: `1 variable`, `2 variables`.
func counted(_ count: Int, _ word: String) -> String {
  "\(count.grouped) \(word)\(count == 1 ? "" : "s")"
}
