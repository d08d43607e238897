import GraftCheckpoint
import GraftGraph
import GraftTensor

/// A graph's variables against a checkpoint, before anything is restored.
public struct RestoreDiff: Sendable {
  /// What becomes of a variable.
  public enum Verdict: String, Sendable {
    /// The checkpoint's value fits.
    case fits
    /// The checkpoint's value fits when it is cast, which the options allow.
    case cast
    /// The options leave the variable as it is.
    case skipped
    /// The checkpoint has no value, which the options allow.
    case left
    /// The checkpoint has no value.
    case missing
    /// The checkpoint's value has another shape.
    case shape
    /// The checkpoint's value has another dtype.
    case dtype

    /// Whether a restore does not refuse because of it.
    public var isAccepted: Bool {
      switch self {
      case .fits, .cast, .skipped, .left: true
      case .missing, .shape, .dtype: false
      }
    }
  }

  /// A variable, and what the checkpoint has for it.
  public struct Row: Sendable {
    /// The name of the variable's node.
    public let variable: String
    /// The shapes that the variable may have.
    public let shape: PartialShape
    /// The variable's dtype.
    public let dtype: DataType
    /// The key in the checkpoint; nil where there is none.
    public let key: String?
    /// The shape of what is stored.
    public let storedShape: Shape?
    /// The dtype of what is stored.
    public let storedDType: DataType?
    /// What becomes of it.
    public let verdict: Verdict
    /// What was perhaps meant, or what would help, in words.
    public let suggestion: String?
  }

  /// A rule for `rename` in ``RestoreOptions`` that finds values for variables that have none.
  public struct RenameRule: Sendable, Hashable {
    /// What the variables' names are like.
    public let pattern: String
    /// What the keys are like.
    public let replacement: String
    /// For how many of the variables without a value it finds one.
    public let count: Int

    /// A rule that finds so many.
    public init(pattern: String, replacement: String, count: Int) {
      self.pattern = pattern
      self.replacement = replacement
      self.count = count
    }
  }

  /// The checkpoint's prefix.
  public let checkpoint: String
  /// One for each variable, in the graph's order.
  public let rows: [Row]
  /// Keys of the checkpoint that no variable asks for.
  public let unused: [String]
  /// Rules that would find values for those that are missing, the most useful first.
  public let suggestedRules: [RenameRule]

  /// Whether a restore would go ahead.
  public var isAccepted: Bool { rows.allSatisfy(\.verdict.isAccepted) }
}

extension RestoreDiff {
  /// Everything that keeps a restore from going ahead, as one error; nil where nothing does.
  var error: GraftError? {
    let missing = rows.filter { $0.verdict == .missing }
    let differing = rows.filter { $0.verdict == .shape || $0.verdict == .dtype }
    guard !missing.isEmpty || !differing.isEmpty else { return nil }
    var sentences: [String] = []
    if !missing.isEmpty {
      let list = missing.map { row in "'\(row.variable)'" + (row.suggestion.map { " (\($0))" } ?? "") }
      sentences.append(
        "The checkpoint holds nothing for \(missing.count) of the \(rows.count) variables: "
          + Self.listed(list, separator: ", "))
    }
    if !differing.isEmpty {
      let list = differing.map { row in
        let (shape, dtype) = (row.storedShape.map { "\($0)" } ?? "?", row.storedDType?.name ?? "?")
        return row.verdict == .shape
          ? "'\(row.variable)' has shape \(row.shape), and '\(row.key ?? "")' has \(shape)"
          : "'\(row.variable)' is \(row.dtype), and '\(row.key ?? "")' is \(dtype)"
      }
      let verb = differing.count == 1 ? "1 does not fit" : "\(differing.count) do not fit"
      sentences.append("\(verb): \(Self.listed(list, separator: "; "))")
    }
    if !missing.isEmpty, !unused.isEmpty {
      sentences.append("No variable asks for \(Self.listed(unused.map { "'\($0)'" }, separator: ", "))")
    }
    return GraftError(
      missing.isEmpty ? .invalidArgument : .notFound, sentences.joined(separator: " "),
      at: .init(file: checkpoint), remedy: remedy(missing: missing.count, differing))
  }

  private func remedy(missing: Int, _ differing: [Row]) -> String {
    var advice: [String] = []
    if missing > 0, !suggestedRules.isEmpty {
      let rules = suggestedRules.map { "(\"\($0.pattern)\", \"\($0.replacement)\")" }
      let found = suggestedRules.reduce(0) { $0 + $1.count }
      advice.append(
        "rename: [\(rules.joined(separator: ", "))] finds \(found == missing ? "all" : "\(found)") of the missing"
      )
    } else if missing > 0 {
      advice.append("rename: rules say under which names to look")
    }
    if missing > 0 { advice.append("allowsMissing: true (--allow-missing) leaves the rest as they are") }
    if differing.contains(where: { $0.verdict == .shape }) {
      let names = differing.filter { $0.verdict == .shape }.prefix(5).map { "\"\($0.variable)\"" }
      advice.append("skip: [\(names.joined(separator: ", "))] leaves what differs in shape, as a new head")
    }
    if differing.contains(where: { $0.verdict == .dtype }) {
      advice.append("casts: true (--cast in the shell) converts dtypes")
    }
    let text = advice.joined(separator: "; ")
    return "If the checkpoint is the right one: \(text)."
  }

  private static func listed(_ items: [String], separator: String) -> String {
    items.prefix(50).joined(separator: separator)
      + (items.count > 50 ? " and \(items.count - 50) more." : ".")
  }
}
