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

  let source: RestoreSource
  let options: RestoreOptions
  private(set) var matches: [Match] = []
  private var left: [String] = []
  private var missing: [(name: String, near: [String])] = []
  private var differing: [String] = []

  init(source: RestoreSource, options: RestoreOptions) {
    self.source = source
    self.options = options
  }

  /// Finds the tensor of a variable.
  mutating func add(_ binding: VariableBinding) throws {
    guard !options.skips(binding.node) else {
      left.append(binding.node)
      return
    }
    guard let (key, slice) = try find(binding), let entry = source.checkpoint.entry(key) else {
      if options.allowsMissing {
        left.append(binding.node)
      } else {
        missing.append((binding.node, near(binding)))
      }
      return
    }
    let shape = slice.flatMap { try? Self.shape(of: $0, in: entry.shape) } ?? entry.shape
    if !binding.shape.accepts(shape) {
      differing.append("'\(binding.node)' has shape \(binding.shape), and '\(key)' has \(shape)")
    } else if entry.dtype != binding.dtype, !options.casts {
      differing.append("'\(binding.node)' is \(binding.dtype), and '\(key)' is \(entry.dtype)")
    } else {
      matches.append(
        Match(binding: binding, key: key, slice: slice, isCast: entry.dtype != binding.dtype))
    }
  }

  private func find(_ binding: VariableBinding) throws -> (key: String, slice: TensorSlice?)? {
    for name in binding.keys {
      guard let key = source.key(for: options.renamed(name)) else { continue }
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
    return nil
  }

  private static func shape(of slice: TensorSlice, in whole: Shape) throws -> Shape {
    guard slice.extents.count == whole.rank else { return whole }
    return try Shape(validating: zip(slice.extents, whole.dimensions).map { $0.length ?? $1 })
  }

  /// The checkpoint's tensor for a variable.
  func value(of match: Match) throws -> Tensor {
    let stored =
      try match.slice.map { try source.checkpoint.slice(match.key, $0) }
      ?? source.checkpoint.tensor(match.key)
    guard match.isCast else { return stored }
    return try Casting.cast(stored, to: match.binding.dtype)
  }

  /// The keys that are most like a variable's name: those that end or begin alike.
  private func near(_ binding: VariableBinding) -> [String] {
    let name = binding.node
    let tail = name.split(separator: "/").last.map(String.init) ?? name
    let found = source.checkpoint.entries.map(\.key).filter { key in
      key.hasSuffix("/" + name) || name.hasSuffix("/" + key) || key.hasPrefix(name + "/")
        || key.hasPrefix(name + "_") || key.split(separator: "/").contains { $0 == tail }
    }
    return Array(found.prefix(3))
  }

  /// Everything that does not fit, as one error.
  var error: GraftError? {
    guard !missing.isEmpty || !differing.isEmpty else { return nil }
    var sentences: [String] = []
    if !missing.isEmpty {
      let list = missing.prefix(20).map { name, near in
        near.isEmpty ? "'\(name)'" : "'\(name)' (perhaps \(near.map { "'\($0)'" }.joined(separator: " or ")))"
      }
      sentences.append(
        "The checkpoint holds nothing for \(missing.count) of the variables: \(list.joined(separator: ", "))"
          + (missing.count > 20 ? " and more." : "."))
    }
    if !differing.isEmpty {
      sentences.append(
        "\(differing.count) do not fit: \(differing.prefix(20).joined(separator: "; "))"
          + (differing.count > 20 ? " and more." : "."))
    }
    let unused = report.unused
    if !missing.isEmpty, !unused.isEmpty {
      sentences.append(
        "Not asked for are \(unused.prefix(10).map { "'\($0)'" }.joined(separator: ", "))\(unused.count > 10 ? " …" : ".")"
      )
    }
    let remedy =
      missing.isEmpty
      ? "Restore the checkpoint that belongs to the graph, or name what to leave in `skip`\(hasDtypes ? "; `casts` converts dtypes" : "")."
      : "Where names differ, give `rename` rules; `allowsMissing` leaves variables as they are."
    return GraftError(
      missing.isEmpty ? .invalidArgument : .notFound, sentences.joined(separator: " "),
      at: .init(file: source.checkpoint.prefix), remedy: remedy)
  }

  private var hasDtypes: Bool { differing.contains { $0.contains(" is ") } }

  /// What will have been done.
  var report: RestoreReport {
    let used = Set(matches.map(\.key))
    let unused = source.checkpoint.entries.map(\.key).filter {
      !used.contains($0) && $0 != ObjectGraph.key && !$0.hasSuffix("/.OBJECT_CONFIG_JSON")
        && $0 != "save_counter/.ATTRIBUTES/VARIABLE_VALUE"
    }
    return RestoreReport(
      restored: Dictionary(matches.map { ($0.binding.node, $0.key) }) { first, _ in first }, left: left,
      unused: unused)
  }
}
