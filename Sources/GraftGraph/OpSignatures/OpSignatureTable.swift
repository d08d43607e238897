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
  private static func line(named name: [UInt8]) -> UnsafeBufferPointer<UInt8>? {
    let text = text
    // Where it may begin.
    var (low, high) = (0, text.count)
    while low < high {
      let middle = low + (high - low) / 2
      // The first line that begins there or after it.
      let begin = middle == 0 ? 0 : text.end(with: "\n", from: middle - 1) + 1
      guard begin < high else {
        high = middle
        continue
      }
      let found = text[begin..<text.end(with: "\t", from: begin)]
      if found.elementsEqual(name) {
        return UnsafeBufferPointer(rebasing: text[begin..<text.end(with: "\n", from: begin)])
      }
      if found.lexicographicallyPrecedes(name) { low = begin + 1 } else { high = middle }
    }
    return nil
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Where what begins at a place ends with a separator, or with the text.
  fileprivate func end(with separator: UnicodeScalar, from place: Int) -> Int {
    guard place < count, let start = baseAddress,
      let found = memchr(start + place, Int32(separator.value), count - place)
    else { return count }
    return UnsafeRawPointer(found) - UnsafeRawPointer(start)
  }
}
