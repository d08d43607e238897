import GraftTensor

/// Reads protocol-buffer fields one after the other, straight from memory.
///
/// It copies nothing and counts lengths in 64 bits, so files beyond the 2 GB of other readers are read.
/// Everything that bytes can get wrong is a thrown ``WireError``.
package struct WireReader {
  /// The beginning of the document, which offsets are counted from.
  let start: UnsafeRawPointer
  /// The next byte to be read.
  package var position: Int
  /// The first byte beyond the message.
  package let end: Int

  /// A reader of the message in `position..<end`.
  @inline(__always)
  init(start: UnsafeRawPointer, position: Int, end: Int) {
    self.start = start
    self.position = position
    self.end = end
  }

  /// Whether the message is over.
  @inline(__always)
  package var isAtEnd: Bool { position >= end }

  /// Reads a number of 1 to 10 bytes.
  @inline(__always)
  package mutating func varint() throws(WireError) -> UInt64 {
    if position < end {
      let byte = (start + position).load(as: UInt8.self)
      if byte < 0x80 {
        position += 1
        return UInt64(byte)
      }
    }
    return try longVarint()
  }

  private mutating func longVarint() throws(WireError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    let begin = position
    while true {
      guard position < end else { throw WireError(.truncated, at: begin) }
      guard shift < 70 else { throw WireError(.longVarint, at: begin) }
      let byte = (start + position).load(as: UInt8.self)
      position += 1
      // Of the tenth byte one bit counts; others are lost, as in other readers.
      value |= UInt64(byte & 0x7F) << shift
      shift += 7
      if byte < 0x80 { return value }
    }
  }

  /// Reads a tag: which field comes, and how it is encoded.
  @inline(__always)
  package mutating func tag() throws(WireError) -> WireTag {
    let begin = position
    let raw = try varint()
    guard raw >> 3 > 0, raw <= 0xFFFF_FFFF else { throw WireError(.badTag(raw), at: begin) }
    return WireTag(raw: UInt32(truncatingIfNeeded: raw))
  }

  /// Reads a length and goes beyond the bytes that it counts.
  @inline(__always)
  package mutating func block() throws(WireError) -> ByteRange {
    let begin = position
    let length = try varint()
    guard length <= UInt64(end - position) else { throw WireError(.beyondEnd(length), at: begin) }
    let range = ByteRange(offset: position, count: Int(length))
    position += range.count
    return range
  }

  /// Reads 4 bytes.
  package mutating func fixed32() throws(WireError) -> UInt32 {
    guard end - position >= 4 else { throw WireError(.truncated, at: position) }
    defer { position += 4 }
    return UInt32(littleEndian: (start + position).loadUnaligned(as: UInt32.self))
  }

  /// Reads 8 bytes.
  package mutating func fixed64() throws(WireError) -> UInt64 {
    guard end - position >= 8 else { throw WireError(.truncated, at: position) }
    defer { position += 8 }
    return UInt64(littleEndian: (start + position).loadUnaligned(as: UInt64.self))
  }

  /// Goes beyond a field that means nothing here.
  package mutating func skip(_ tag: WireTag, depth: Int = 0) throws(WireError) {
    switch tag.type {
    case WireTag.varint: _ = try varint()
    case WireTag.fixed64: _ = try fixed64()
    case WireTag.block: _ = try block()
    case WireTag.fixed32: _ = try fixed32()
    case WireTag.startGroup:
      guard depth < WireReader.maximumDepth else { throw WireError(.tooDeep, at: position) }
      while true {
        let inner = try self.tag()
        if inner.type == WireTag.endGroup {
          guard inner.number == tag.number else { throw WireError(.badTag(UInt64(inner.raw)), at: position) }
          return
        }
        try skip(inner, depth: depth + 1)
      }
    default: throw WireError(.badTag(UInt64(tag.raw)), at: position)
    }
  }

  /// How many messages may lie inside of one another, as in protocol-buffer libraries.
  package static let maximumDepth = 100
}

/// What stands before every field: its number and how it is encoded.
package struct WireTag {
  package let raw: UInt32

  /// The field's number.
  @inline(__always)
  package var number: UInt32 { raw >> 3 }
  /// How it is encoded.
  @inline(__always)
  package var type: UInt32 { raw & 7 }

  package static let varint: UInt32 = 0
  package static let fixed64: UInt32 = 1
  package static let block: UInt32 = 2
  package static let startGroup: UInt32 = 3
  package static let endGroup: UInt32 = 4
  package static let fixed32: UInt32 = 5

  /// The tag of a field, to compare with.
  @inline(__always)
  package static func field(_ number: UInt32, _ type: UInt32) -> UInt32 { number << 3 | type }
}

/// What is wrong with bytes that are read as a message.
package struct WireError: Error {
  /// What is wrong.
  enum Reason {
    /// The message ends inside of a field.
    case truncated
    /// A length counts more bytes than the message has.
    case beyondEnd(UInt64)
    /// A number of more than 10 bytes.
    case longVarint
    /// No field has such a tag.
    case badTag(UInt64)
    /// Messages lie too deep inside of one another.
    case tooDeep
    /// Text that is not UTF-8.
    case notUTF8
    /// The bytes are a message, with a value that means nothing.
    case value(String)
    /// More than a limit allows, and the option that raises it.
    case limit(String, option: String)
  }

  let reason: Reason
  /// Where, counted from the beginning of the document.
  package let offset: Int

  init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  /// What was found, as a sentence.
  package var message: String {
    switch reason {
    case .truncated: "the bytes end inside of a field"
    case .beyondEnd(let length): "a field claims to have \(length) bytes, more than are left"
    case .longVarint: "a number has more than 10 bytes"
    case .badTag(let tag):
      "the tag \(tag) (field \(tag >> 3), wire type \(tag & 7)) is none that a message has"
    case .tooDeep: "more than \(WireReader.maximumDepth) messages lie inside of one another"
    case .notUTF8: "a text is not UTF-8"
    case .value(let text), .limit(let text, _): text
    }
  }
}
