import Glibc
import Synchronization

/// TensorFlow's ops, of which each line is parsed when the op is first met.
package final class OpSignatureTable: Sendable {
  /// The only one.
  package static let shared = OpSignatureTable()

  /// The release that the list is of.
  package static let tensorFlowVersion = OpSignatureData.tensorFlowVersion
  /// The graph version of that release.
  package static let graphVersion = OpSignatureData.graphVersion

  private let parsed = Mutex<[String: OpSignature]>([:])

  private init() {}

  /// The op of a name.
  func signature(named name: String) -> OpSignature? {
    if let known = parsed.withLock({ $0[name] }) { return known }
    guard let line = Self.line(named: Array(name.utf8)), let signature = OpSignature(line: line) else {
      return nil
    }
    return parsed.withLock { table in
      if let known = table[name] { return known }
      table[name] = signature
      return signature
    }
  }

  /// Whether there is an op of a name.
  static func contains(_ name: String) -> Bool { line(named: Array(name.utf8)) != nil }

  /// The names of all ops, in ascending order.
  package static var names: [String] {
    text.split(separator: UInt8(ascii: "\n")).map { line in
      String(decoding: line.prefix { $0 != UInt8(ascii: "\t") }, as: UTF8.self)
    }
  }

  private static var text: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: OpSignatureData.text.utf8Start, count: OpSignatureData.text.utf8CodeUnitCount)
  }

  /// The line of an op, found by halves: lines are in ascending order of the name's bytes.
  private static func line(named name: [UInt8]) -> Substring? {
    let text = text
    let newline = UInt8(ascii: "\n")
    let tab = UInt8(ascii: "\t")
    var low = 0
    var high = text.count
    while low < high {
      // The line around the middle.
      var begin = (low + high) / 2
      while begin > low, text[begin - 1] != newline { begin -= 1 }
      var end = begin
      while end < high, text[end] != newline { end += 1 }
      let found = text[begin..<end].prefix { $0 != tab }
      if found.elementsEqual(name) {
        return Substring(String(decoding: text[begin..<end], as: UTF8.self))
      }
      if found.lexicographicallyPrecedes(name) { low = min(end + 1, high) } else { high = begin }
    }
    return nil
  }
}
