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
  private static func line(named name: [UInt8]) -> UnsafeBufferPointer<UInt8>? {
    let newline = UInt8(ascii: "\n")
    let tab = UInt8(ascii: "\t")
    var lines = text
    while !lines.isEmpty {
      // The line around the middle.
      let middle = lines.count / 2
      let begin = lines[..<middle].lastIndex(of: newline).map { $0 + 1 } ?? 0
      let end = lines[middle...].firstIndex(of: newline) ?? lines.count
      let found = lines[begin..<end].prefix { $0 != tab }
      if found.elementsEqual(name) { return UnsafeBufferPointer(rebasing: lines[begin..<end]) }
      lines = UnsafeBufferPointer(
        rebasing: found.lexicographicallyPrecedes(name)
          ? lines[min(end + 1, lines.count)...] : lines[..<begin])
    }
    return nil
  }
}
