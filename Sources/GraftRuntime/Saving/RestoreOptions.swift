/// What may differ between a graph's variables and a checkpoint.
public struct RestoreOptions: Sendable {
  /// Whether variables that the checkpoint does not hold may stay as they are.
  public var allowsMissing: Bool
  /// Variables to leave as they are: names, in which `*` stands for any characters.
  public var skip: [String]
  /// Rules that make the checkpoint's keys of variables' names.
  ///
  /// A `*` in a pattern stands for any characters, which go where the replacement has one:
  /// `("*", "ema/*")` finds `ema/w` for `w`, and `("dense_1/*", "dense/*")` finds `dense/kernel` for
  /// `dense_1/kernel`. A pattern without a star is a beginning: `("model/", "")` finds `w` for `model/w`.
  /// Of the rules that fit, the first counts whose key the checkpoint holds; the name itself counts only
  /// where no rule fits.
  public var rename: [(pattern: String, replacement: String)]
  /// Whether values of another dtype are cast to the variable's.
  public var casts: Bool

  /// What may differ; nothing unless told.
  public init(
    allowsMissing: Bool = false, skip: [String] = [], rename: [(pattern: String, replacement: String)] = [],
    casts: Bool = false
  ) {
    self.allowsMissing = allowsMissing
    self.skip = skip
    self.rename = rename
    self.casts = casts
  }

  /// Whether nothing may differ.
  var isStrict: Bool { !allowsMissing && skip.isEmpty && rename.isEmpty && !casts }

  func skips(_ name: String) -> Bool { skip.contains { NamePattern($0).matches(name) != nil } }

  /// The keys to look for in place of a name, the first one first.
  func renamed(_ name: String) -> [String] {
    let names = rename.compactMap { rule -> String? in
      let isPrefix = !rule.pattern.contains("*")
      guard let rest = NamePattern(isPrefix ? rule.pattern + "*" : rule.pattern).matches(name) else {
        return nil
      }
      if isPrefix { return rule.replacement + rest }
      guard let star = rule.replacement.firstIndex(of: "*") else { return rule.replacement }
      let end = rule.replacement[rule.replacement.index(after: star)...]
      return String(rule.replacement[..<star] + rest + end)
    }
    return names.isEmpty ? [name] : names
  }
}

/// A name in which `*` stands for any characters.
struct NamePattern {
  private let parts: [Substring]

  init(_ text: String) {
    parts = text.split(separator: "*", omittingEmptySubsequences: false)
  }

  /// What the first star stands for in a name that fits, the least that it can; nil for one that does not.
  ///
  /// - Complexity: O(length of the name × parts).
  func matches(_ name: String) -> Substring? {
    guard let first = parts.first, let last = parts.last else { return nil }
    guard parts.count > 1 else { return first == name ? "" : nil }
    guard name.hasPrefix(first), name.hasSuffix(last), name.utf8.count >= first.utf8.count + last.utf8.count
    else { return nil }
    let rest = name.dropFirst(first.count).dropLast(last.count)
    var (position, star) = (rest.startIndex, rest)
    for (number, part) in parts.dropFirst().dropLast().enumerated() where !part.isEmpty {
      guard let found = rest[position...].firstRange(of: part) else { return nil }
      if number == 0 { star = rest[rest.startIndex..<found.lowerBound] }
      position = found.upperBound
    }
    return star
  }
}

/// What a restore did.
public struct RestoreReport: Sendable {
  /// The variables that have a value now, with the key that it came from.
  public let restored: [String: String]
  /// Variables that were left as they were: skipped, or not in the checkpoint.
  public let left: [String]
  /// Keys of the checkpoint that no variable asked for.
  public let unused: [String]
}
