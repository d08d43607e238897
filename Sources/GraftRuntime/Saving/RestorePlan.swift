import GraftCheckpoint
import GraftKernels
import GraftTensor

/// What a restore will do, and all that keeps it from it.
struct RestorePlan {
  /// A variable with the tensor that it gets.
  struct Match {
    let binding: VariableBinding
    let key: String
    let slice: TensorSlice?
    let isCast: Bool
  }

  /// The variables that get a value.
  private(set) var matches: [Match] = []
  /// All variables against the checkpoint.
  let diff: RestoreDiff
  private let source: RestoreSource

  /// Holds variables against a checkpoint.
  ///
  /// - Throws: `GraftError` for a graph that contradicts itself; what does not fit is in ``diff``.
  init(_ bindings: [VariableBinding], source: RestoreSource, options: RestoreOptions) throws {
    self.source = source
    var rows: [RestoreDiff.Row] = []
    var used: Set<String> = []
    var missing: [Int] = []
    for binding in bindings {
      guard !options.skips(binding.node) else {
        rows.append(Self.row(binding, nil, nil, .skipped))
        continue
      }
      guard let (key, slice) = try Self.find(binding, source, options),
        let entry = source.checkpoint.entry(key)
      else {
        if !options.allowsMissing { missing.append(rows.count) }
        rows.append(Self.row(binding, nil, nil, options.allowsMissing ? .left : .missing))
        continue
      }
      used.insert(key)
      let shape = slice.flatMap { try? Self.shape(of: $0, in: entry.shape) } ?? entry.shape
      let isCast = entry.dtype != binding.dtype
      let verdict: RestoreDiff.Verdict =
        !binding.shape.accepts(shape) ? .shape : isCast ? (options.casts ? .cast : .dtype) : .fits
      rows.append(Self.row(binding, entry, shape, verdict))
      guard verdict.isAccepted else { continue }
      matches.append(Match(binding: binding, key: key, slice: slice, isCast: isCast))
    }
    let unused = source.checkpoint.entries.filter { !used.contains($0.key) && !Self.isBookkeeping($0.key) }
    let rules = Self.suggest(missing, bindings, unused, &rows)
    diff = RestoreDiff(
      checkpoint: source.checkpoint.prefix, rows: rows, unused: unused.map(\.key), suggestedRules: rules)
  }

  /// The checkpoint's tensor for a variable.
  func value(of match: Match) throws -> Tensor {
    let stored =
      try match.slice.map { try source.checkpoint.slice(match.key, $0) }
      ?? source.checkpoint.tensor(match.key)
    guard match.isCast else { return stored }
    return try Casting.cast(stored, to: match.binding.dtype)
  }

  /// What will have been done.
  var report: RestoreReport {
    RestoreReport(
      restored: Dictionary(matches.map { ($0.binding.node, $0.key) }) { first, _ in first },
      left: diff.rows.filter { $0.verdict == .left || $0.verdict == .skipped }.map(\.variable),
      unused: diff.unused)
  }

  // MARK: - Looking up

  private static func find(
    _ binding: VariableBinding, _ source: RestoreSource, _ options: RestoreOptions
  ) throws -> (key: String, slice: TensorSlice?)? {
    for name in binding.keys {
      for candidate in options.renamed(name) {
        guard let key = source.key(for: candidate) else { continue }
        if let part = try TensorSlice.parse(shapeAndSlice: binding.slice) { return (key, part.slice) }
        guard let entry = source.checkpoint.entry(key) else { continue }
        // The parts of a partitioned variable lie in the order of their numbers.
        if let part = binding.part, name != binding.node, entry.slices.count == part.count {
          let slices = entry.slices.sorted {
            $0.extents.map(\.start).lexicographicallyPrecedes($1.extents.map(\.start))
          }
          guard slices.indices.contains(part.index) else { return nil }
          return (key, slices[part.index])
        }
        return (key, nil)
      }
    }
    return nil
  }

  private static func shape(of slice: TensorSlice, in whole: Shape) throws -> Shape {
    guard slice.extents.count == whole.rank else { return whole }
    return try Shape(validating: zip(slice.extents, whole.dimensions).map { $0.length ?? $1 })
  }

  private static func row(
    _ binding: VariableBinding, _ entry: Checkpoint.Entry?, _ shape: Shape?, _ verdict: RestoreDiff.Verdict,
    suggestion: String? = nil
  ) -> RestoreDiff.Row {
    RestoreDiff.Row(
      variable: binding.node, shape: binding.shape, dtype: binding.dtype, key: entry?.key, storedShape: shape,
      storedDType: entry?.dtype, verdict: verdict, suggestion: suggestion)
  }

  /// What savers of objects keep for themselves.
  private static func isBookkeeping(_ key: String) -> Bool {
    key == ObjectGraph.key || key.hasSuffix("/.OBJECT_CONFIG_JSON")
      || key == "save_counter/.ATTRIBUTES/VARIABLE_VALUE"
  }

  /// Says for variables without a value where it may be, and gives the rules that find them.
  private static func suggest(
    _ missing: [Int], _ bindings: [VariableBinding], _ unused: [Checkpoint.Entry],
    _ rows: inout [RestoreDiff.Row]
  ) -> [RestoreDiff.RenameRule] {
    guard !missing.isEmpty, !unused.isEmpty else { return [] }
    let suggestions = RenameSuggestions(unused)
    var counts: [[String]: Int] = [:]
    for index in missing {
      guard let match = suggestions.match(bindings[index]) else { continue }
      counts[[match.pattern, match.replacement], default: 0] += 1
      rows[index] = row(bindings[index], nil, nil, .missing, suggestion: "perhaps '\(match.key)'")
    }
    return counts.sorted { ($1.value, $0.key[0]) < ($0.value, $1.key[0]) }.map { rule, count in
      RestoreDiff.RenameRule(pattern: rule[0], replacement: rule[1], count: count)
    }
  }
}
