import Glibc

/// Numbers with an exponent, as C's printf has them for `%e` and `%g`.
extension DecimalText {
  /// The most significant digits.
  private static let mostDigits = 17

  /// A number that is not negative, with one digit before the point and so many behind it. False, and nothing written,
  /// where that is beyond exact integers.
  mutating func put(scientific value: Double, precision: Int) -> Bool {
    guard let (digits, exponent) = Self.significant(value, count: precision + 1) else { return false }
    put(digits, count: precision + 1, exponent: exponent)
    return true
  }

  /// A number that is not negative, with so many significant digits, of which zeros at the end are left out; with an
  /// exponent only where there are not enough digits, or there were too many zeros in front.
  mutating func put(general value: Double, precision: Int) -> Bool {
    var count = max(precision, 1)
    guard let (exact, exponent) = Self.significant(value, count: count) else { return false }
    var digits = exact
    let hasExponent = exponent < -4 || exponent >= count
    while count > 1, digits % 10 == 0 {
      digits /= 10
      count -= 1
    }
    if hasExponent {
      put(digits, count: count, exponent: exponent)
    } else if exponent < 0 {
      put(digits, digits: count)
      put(0, digits: -exponent - 1)
      put(UInt8(ascii: "."))
      put(UInt8(ascii: "0"))
    } else if count <= exponent + 1 {
      put(0, digits: exponent + 1 - count)
      put(digits)
    } else {
      let power = UInt64(Self.tens[count - exponent - 1])
      put(digits % power, digits: count - exponent - 1)
      put(UInt8(ascii: "."))
      put(digits / power)
    }
    return true
  }

  private mutating func put(_ digits: UInt64, count: Int, exponent: Int) {
    let magnitude = exponent.magnitude
    put(UInt64(magnitude), digits: magnitude < 100 ? 2 : 3)
    put(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
    put(UInt8(ascii: "e"))
    let power = UInt64(Self.tens[count - 1])
    if count > 1 {
      put(digits % power, digits: count - 1)
      put(UInt8(ascii: "."))
    }
    put(digits / power)
  }

  /// The nearest number of so many digits, of two the even one, and the exponent of its first digit; nil where that is
  /// beyond integers of 128 bits.
  private static func significant(_ value: Double, count: Int) -> (digits: UInt64, exponent: Int)? {
    guard count <= mostDigits, value.isFinite else { return nil }
    if value == 0 { return (0, 0) }
    guard value >= 1e-30, value <= 1e30 else { return nil }
    var exponent = Int(log10(value).rounded(.down))
    while true {
      guard let digits = rounded(value, power: count - 1 - exponent) else { return nil }
      // The logarithm is not exact.
      if digits < tens[count - 1] {
        exponent -= 1
      } else if digits > tens[count] {
        exponent += 1
      } else if digits == tens[count] {
        return (UInt64(tens[count - 1]), exponent + 1)
      } else if digits == tens[count - 1] {
        // What was rounded up to a power of ten may have a digit more.
        guard let longer = rounded(value, power: count - exponent) else { return nil }
        return longer < tens[count] ? (UInt64(longer), exponent - 1) : (UInt64(digits), exponent)
      } else {
        return (UInt64(digits), exponent)
      }
    }
  }

  /// A number times a power of ten, rounded.
  private static func rounded(_ value: Double, power: Int) -> UInt128? {
    guard power.magnitude < tens.count else { return nil }
    let scale = tens[Int(power.magnitude)]
    // value = significand * 2^shift
    let significand = UInt128(value.significandBitPattern | 1 << 52)
    let shift = Int(value.exponent) - 52
    var (numerator, denominator) = (significand, UInt128(1))
    if power >= 0 {
      let (product, overflow) = numerator.multipliedReportingOverflow(by: scale)
      guard !overflow else { return nil }
      numerator = product
    } else {
      denominator = scale
    }
    if shift >= 0 {
      guard shift < numerator.leadingZeroBitCount else { return nil }
      numerator <<= UInt128(shift)
    } else {
      guard -shift < denominator.leadingZeroBitCount - 1 else { return nil }
      denominator <<= UInt128(-shift)
    }
    let (quotient, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
    let twice = rest << 1
    let isAbove = twice > denominator || twice == denominator && quotient & 1 == 1
    return isAbove ? quotient + 1 : quotient
  }

  /// Powers of ten as far as significands may be multiplied by them.
  private static let tens: [UInt128] = {
    var tens: [UInt128] = [1]
    for _ in 0..<22 { tens.append((tens.last ?? 1) * 10) }
    return tens
  }()
}
