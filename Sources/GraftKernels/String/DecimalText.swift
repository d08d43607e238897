import Glibc
import GraftTensor

/// The decimal digits of a number with what stands before and behind them, written from the last to the first.
struct DecimalText {
  /// More than an integer of 64 bits with its sign, a point and the digits behind it need.
  static let room = 96
  /// The most digits behind the point.
  static let longestFraction = 9

  private let room: UnsafeMutableBufferPointer<UInt8>
  private var start: Int

  /// Writes to `room` bytes.
  init(_ room: UnsafeMutableBufferPointer<UInt8>) {
    self.room = room
    start = room.count
  }

  /// What was written.
  var text: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: room[start...]) }

  @inline(__always)
  mutating func put(_ byte: UInt8) {
    start &-= 1
    room[start] = byte
  }

  /// The same byte in front until there are so many, as long as there is room for it and a sign.
  @inline(__always)
  mutating func fill(_ byte: UInt8, to count: Int) {
    while room.count - start < count && start > 1 { put(byte) }
  }

  /// An integer's digits, one at the least.
  @inline(__always)
  mutating func put(_ value: UInt64) {
    var rest = value
    repeat {
      let quotient = rest / 10
      put(UInt8(truncatingIfNeeded: rest &- quotient &* 10) | 0x30)
      rest = quotient
    } while rest > 0
  }

  /// A number of so many digits, with zeros in front.
  @inline(__always)
  mutating func put(_ value: UInt64, digits: Int) {
    var rest = value
    for _ in 0..<digits {
      let quotient = rest / 10
      put(UInt8(truncatingIfNeeded: rest &- quotient &* 10) | 0x30)
      rest = quotient
    }
  }

  /// A number that is not negative, with so many digits behind the point: the nearest that there is to the number's
  /// exact value, and of two the even one, as printf has it. False, and nothing written, where the number is too
  /// large, or has too many digits.
  @inline(__always)
  mutating func put(_ value: Double, precision: Int) -> Bool {
    guard value < 0x1p63, precision <= Self.longestFraction else { return false }
    var whole = UInt64(value)
    let fraction = value - Double(whole)
    let scale = Self.powers[precision]
    var digits: UInt64 = 0
    // Below that there are zeros only.
    if fraction >= 0x1p-40 {
      // The fraction is `significand / 2^shift`, and the product has 83 bits at the most.
      let shift = UInt128(UInt64(52 + 1023) &- (fraction.bitPattern >> 52))
      let significand = fraction.bitPattern & 0xF_FFFF_FFFF_FFFF | 0x10_0000_0000_0000
      let product = UInt128(significand) &* UInt128(scale)
      digits = UInt64(truncatingIfNeeded: product &>> shift)
      let rest = product &- (UInt128(digits) &<< shift)
      let half = UInt128(1) &<< (shift &- 1)
      let isOdd = (precision == 0 ? whole : digits) & 1 == 1
      if rest > half || rest == half && isOdd { digits &+= 1 }
      if digits == scale {
        digits = 0
        whole &+= 1
      }
    }
    if precision > 0 {
      put(digits, digits: precision)
      put(UInt8(ascii: "."))
    }
    put(whole)
    return true
  }

  private static let powers: [UInt64] = [
    1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
  ]
}
