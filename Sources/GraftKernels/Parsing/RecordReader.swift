/// Reads the fields of a record, as `Example` is one, straight from its bytes.
///
/// It forgives what TensorFlow's reader of such records forgives: a message that claims to be longer than
/// what it lies in ends there, and numbers lose the bits that they have no room for.
struct RecordReader {
  /// The record.
  let bytes: UnsafeRawBufferPointer
  /// The next byte to be read.
  private(set) var position: Int
  /// The first byte beyond the message that is read.
  private(set) var end: Int
  /// Whether a message that goes beyond what it lies in is refused instead.
  private let isStrict: Bool

  /// A reader of a part of a record, which lies within it.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, isStrict: Bool = false) {
    self.bytes = bytes
    self.isStrict = isStrict
    position = range.lowerBound
    end = range.upperBound
  }

  /// A reader of a whole record.
  init(_ bytes: UnsafeRawBufferPointer, isStrict: Bool = false) {
    self.init(bytes, 0..<bytes.count, isStrict: isStrict)
  }

  /// Whether the message is over.
  @inline(__always)
  var isAtEnd: Bool { position >= end }

  /// The next byte; nil at the end.
  @inline(__always)
  var next: UInt8? { position < end ? bytes[position] : nil }

  /// Goes beyond a tag of one byte, where it comes next.
  @inline(__always)
  mutating func take(_ tag: UInt8) -> Bool {
    guard position < end, bytes[position] == tag else { return false }
    position += 1
    return true
  }

  /// Reads a number of 1 to 10 bytes; nil where there is none.
  @inline(__always)
  mutating func varint() -> UInt64? {
    guard position < end else { return nil }
    let byte = bytes[position]
    guard byte >= 0x80 else {
      position += 1
      return UInt64(byte)
    }
    return longVarint()
  }

  private mutating func longVarint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < end else { return nil }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  /// Reads a length, which has 32 bits.
  @inline(__always)
  mutating func length() -> Int? { varint().map { Int(UInt32(truncatingIfNeeded: $0)) } }

  /// Reads a message's length and makes the message all that is read; the result is where the one around it
  /// ends, for ``close(_:)``.
  @inline(__always)
  mutating func open() -> Int? {
    guard let length = length(), !isStrict || length <= end - position else { return nil }
    let outer = end
    end = min(end, position + length)
    return outer
  }

  /// Goes on with the message around an opened one, from where the reader stands.
  @inline(__always)
  mutating func close(_ outer: Int) { end = outer }

  /// Reads a length and goes beyond the bytes that it counts; nil where there are not as many.
  @inline(__always)
  mutating func block() -> Range<Int>? {
    guard let length = length(), length <= end - position else { return nil }
    defer { position += length }
    return position..<position + length
  }

  /// Goes beyond a number of bytes; false where there are not as many.
  @inline(__always)
  mutating func skip(_ count: Int) -> Bool {
    guard count <= end - position else { return false }
    position += count
    return true
  }

  /// Goes beyond a field that means nothing here; false where it is none.
  mutating func skipField() -> Bool {
    guard let tag = varint() else { return false }
    switch tag & 7 {
    case 0: return varint() != nil
    case 1: return skip(8)
    case 2:
      guard let length = length() else { return false }
      position = min(end, position + length)
      return true
    case 5: return skip(4)
    default: return false
    }
  }
}
