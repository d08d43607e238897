import Glibc
import GraftTensor

extension Bytes {
  /// A copy of bytes that lie elsewhere.
  @inline(__always)
  init(copying source: UnsafeBufferPointer<UInt8>) {
    // Of all ways to make an array this one takes the least time by far.
    self.init(source.isEmpty ? [] : Array(source))
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// A part, of which the caller knows that it lies within.
  @inline(__always)
  func part(_ start: Int, _ end: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: self[start..<end])
  }
}

/// Short texts that an op made lately. Words, their parts and what is made of them come again and again, and to share
/// one takes a fraction of the time that to make it does.
struct RecentTexts {
  private static let slots = 1 << 9
  /// Longer texts seldom come again.
  private static let longest = 64
  /// After so many texts without a share of known ones worth the search, no more are looked for.
  private static let trial = 1 << 11

  private var texts = [Bytes](repeating: Bytes(), count: slots)
  private var made = 0
  private var shared = 0
  private var isUseful = true

  /// The bytes as an element of a string tensor.
  @inline(__always)
  mutating func text(_ source: UnsafeBufferPointer<UInt8>) -> Bytes {
    guard isUseful, source.count <= Self.longest, let base = source.baseAddress, !source.isEmpty else {
      return Bytes(copying: source)
    }
    return search(UnsafeRawPointer(base), source)
  }

  private mutating func search(_ base: UnsafeRawPointer, _ source: UnsafeBufferPointer<UInt8>) -> Bytes {
    let slot = Self.slot(base, source.count)
    let known = texts[slot]
    let isKnown = known.bytes.withUnsafeBytes {
      $0.count == source.count && memcmp($0.baseAddress ?? base, base, source.count) == 0
    }
    if isKnown {
      shared &+= 1
      return known
    }
    made &+= 1
    if made & (Self.trial - 1) == 0 {
      isUseful = shared >= Self.trial / 4
      shared = 0
    }
    let text = Bytes(copying: source)
    texts[slot] = text
    return text
  }

  /// A place that depends on the length and on the bytes at both ends.
  @inline(__always)
  private static func slot(_ base: UnsafeRawPointer, _ count: Int) -> Int {
    var first: UInt64 = 0
    var last: UInt64 = 0
    if count >= 8 {
      first = base.loadUnaligned(as: UInt64.self)
      last = base.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
    } else if count >= 4 {
      first = UInt64(base.loadUnaligned(as: UInt32.self))
      last = UInt64(base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
    } else {
      first = UInt64(base.load(as: UInt8.self))
      last = UInt64(base.loadUnaligned(fromByteOffset: count - 1, as: UInt8.self)) << 8
      last |= UInt64(base.loadUnaligned(fromByteOffset: count / 2, as: UInt8.self))
    }
    let mixed =
      (first ^ (last &* 0x9E37_79B9_7F4A_7C15) ^ UInt64(truncatingIfNeeded: count)) &* 0xD6E8_FEB8_6659_FD93
    return Int(truncatingIfNeeded: mixed >> 55)
  }
}
