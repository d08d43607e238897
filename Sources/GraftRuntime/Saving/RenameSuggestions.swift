import GraftCheckpoint
import GraftGraph
import GraftTensor

/// Finds under which keys of a checkpoint variables may be that it does not hold under their names: below
/// another scope, with or without a number (`dense_1`), as a moving average, or as an object's value.
struct RenameSuggestions {
  /// A key that may be a variable's, with the rule that finds it.
  struct Match {
    let key: String
    let pattern: String
    let replacement: String
  }

  /// What savers put behind a name.
  private static let endings = ["/.ATTRIBUTES/VARIABLE_VALUE", "/ExponentialMovingAverage"]

  /// A key without what savers put behind it.
  private struct Candidate {
    let entry: Checkpoint.Entry
    let parts: [Substring]
    let plain: [Substring]
    let ending: String
  }

  private var candidates: [Substring: [Candidate]] = [:]

  /// - Complexity: O(entries).
  init(_ entries: [Checkpoint.Entry]) {
    for entry in entries where entry.key != ObjectGraph.key {
      let ending = Self.endings.first { entry.key.hasSuffix($0) } ?? ""
      let parts = entry.key.dropLast(ending.count).split(separator: "/")
      let plain = parts.map(Self.withoutNumber)
      guard let last = plain.last else { continue }
      candidates[last, default: []].append(
        Candidate(entry: entry, parts: parts, plain: plain, ending: ending))
    }
  }

  /// The key that is most likely the variable's.
  func match(_ binding: VariableBinding) -> Match? {
    let parts = binding.node.split(separator: "/")
    let plain = parts.map(Self.withoutNumber)
    guard let last = plain.last else { return nil }
    var best: (score: (Int, Int, Int, Int), candidate: Candidate)?
    for candidate in candidates[last] ?? [] {
      let fits = candidate.entry.dtype == binding.dtype && binding.shape.accepts(candidate.entry.shape)
      guard fits else { continue }
      let common = Self.commonEnding(plain, candidate.plain)
      // A name of one common part says little, unless one of the two has no other.
      guard common == min(plain.count, candidate.plain.count) || common > 1 || candidate.ending != "" else {
        continue
      }
      let score = (
        common, Self.commonEnding(parts, candidate.parts), candidate.ending.isEmpty ? 1 : 0,
        -candidate.parts.count
      )
      if best.map({ $0.score < score }) ?? true { best = (score, candidate) }
    }
    return best.map { Self.rule(parts, $0.candidate) }
  }

  /// The rule that makes a key of the variable's name, as general as the two names show.
  private static func rule(_ parts: [Substring], _ candidate: Candidate) -> Match {
    let common = commonEnding(parts, candidate.parts)
    guard common > 0 else {
      return Match(
        key: candidate.entry.key, pattern: parts.joined(separator: "/"), replacement: candidate.entry.key)
    }
    func lead(_ parts: [Substring]) -> String {
      parts.dropLast(common).map { $0 + "/" }.joined()
    }
    return Match(
      key: candidate.entry.key, pattern: lead(parts) + "*",
      replacement: lead(candidate.parts) + "*" + candidate.ending)
  }

  private static func commonEnding(_ a: [Substring], _ b: [Substring]) -> Int {
    zip(a.reversed(), b.reversed()).prefix { $0 == $1 }.count
  }

  /// `dense_1` without the number that makes a name the only one.
  private static func withoutNumber(_ part: Substring) -> Substring {
    guard let underscore = part.lastIndex(of: "_"), underscore != part.startIndex else { return part }
    let digits = part[part.index(after: underscore)...]
    return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
      ? part[..<underscore] : part
  }
}
