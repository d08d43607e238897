/// What may differ between a graph's variables and a checkpoint.
public struct RestoreOptions: Sendable {
  /// Whether variables that the checkpoint does not hold may stay as they are.
  public var allowsMissing: Bool
  /// Variables to leave as they are: names, in which `*` stands for any characters.
  public var skip: [String]
  /// Rules that make the checkpoint's keys of variables' names: the first whose beginning fits replaces it.
  /// `("model/", "")` finds `model/w` under `w`.
  public var rename: [(prefix: String, replacement: String)]
  /// Whether values of another dtype are cast to the variable's.
  public var casts: Bool

  /// What may differ; nothing unless told.
  public init(
    allowsMissing: Bool = false, skip: [String] = [], rename: [(prefix: String, replacement: String)] = [],
    casts: Bool = false
  ) {
    self.allowsMissing = allowsMissing
    self.skip = skip
    self.rename = rename
    self.casts = casts
  }

  func skips(_ name: String) -> Bool {
    skip.contains { Self.matches(Array(name.utf8)[...], Array($0.utf8)[...]) }
  }

  func renamed(_ name: String) -> String {
    for rule in rename where name.hasPrefix(rule.prefix) {
      return rule.replacement + name.dropFirst(rule.prefix.count)
    }
    return name
  }

  /// Whether a name fits a pattern, in time linear in both but for repeated stars.
  private static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
    let star = UInt8(ascii: "*")
    var (n, p) = (name.startIndex, pattern.startIndex)
    var back: (name: Int, pattern: Int)?
    while n < name.endIndex {
      if p < pattern.endIndex, pattern[p] == star {
        back = (n, p + 1)
        p += 1
      } else if p < pattern.endIndex, pattern[p] == name[n] {
        n += 1
        p += 1
      } else if let last = back {
        back = (last.name + 1, last.pattern)
        (n, p) = (last.name + 1, last.pattern)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == star }
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
