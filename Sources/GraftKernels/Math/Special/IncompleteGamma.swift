import Glibc

/// The regularized incomplete gamma functions.
extension SpecialFunctions {
  /// What a step must add to count where the result is a float.
  static let singlePrecision = 1e-10

  /// The lower function; what a step must add to count is a part `precision` of the sum.
  static func lowerGamma(_ a: Double, _ x: Double, precision: Double = precision) -> Double {
    if x == 0 { return 0 }
    guard a > 0, x > 0 else { return .nan }
    if a == .infinity { return 0 }
    if x == .infinity { return 1 }
    if a > uniformLimit { return 1 - uniformUpperGamma(a, x) }
    return x > 1 && x > a + 2 ? 1 - upperFraction(a, x, precision) : lowerSeries(a, x, precision)
  }

  /// The upper function, as ``lowerGamma(_:_:precision:)``; but what is subtracted from one has all digits.
  static func upperGamma(_ a: Double, _ x: Double, precision: Double = precision) -> Double {
    guard a > 0, x >= 0 else { return .nan }
    if x == .infinity { return 0 }
    if a == .infinity || x == 0 { return 1 }
    if a > uniformLimit { return uniformUpperGamma(a, x) }
    return x < 1 || x < a ? 1 - lowerSeries(a, x, Self.precision) : upperFraction(a, x, precision)
  }

  /// The sum of `x^n / ((a+1) ... (a+n))`.
  private static func lowerSeries(_ a: Double, _ x: Double, _ precision: Double) -> Double {
    var (term, sum, next) = (1.0, 1.0, a)
    for _ in 1...stepLimit {
      next += 1
      term *= x / next
      sum += term
      if term <= sum * precision { break }
    }
    return sum * density(a + 1, x, exponent: a)
  }

  /// Legendre's continued fraction, by the recurrences of its numerators and denominators, where no step waits for
  /// another's division.
  private static func upperFraction(_ a: Double, _ x: Double, _ precision: Double) -> Double {
    var b = x + 1 - a
    var (numerator, lastNumerator) = (1.0, 0.0)
    var (denominator, lastDenominator) = (b, 1.0)
    var value = 1 / b
    for n in 1...stepLimit {
      let step = Double(n)
      let factor = step * (a - step)
      b += 2
      (numerator, lastNumerator) = (b * numerator + factor * lastNumerator, numerator)
      (denominator, lastDenominator) = (b * denominator + factor * lastDenominator, denominator)
      if denominator.magnitude > 0x1p500 {
        numerator *= 0x1p-500
        lastNumerator *= 0x1p-500
        denominator *= 0x1p-500
        lastDenominator *= 0x1p-500
      }
      let next = numerator / denominator
      let change = next - value
      value = next
      if change.magnitude <= next.magnitude * precision { break }
    }
    return value * density(a, x, exponent: a)
  }

  /// `x^exponent exp(-x) / gamma(c)`.
  @inline(__always)
  private static func density(_ c: Double, _ x: Double, exponent: Double) -> Double {
    // By Stirling's series, from eight further on where `c` is small: `gamma(c + 8)` over eight factors.
    var (shifted, product) = (c, 1.0)
    if c < 8 {
      let u = c * (c + 7)
      shifted = c + 8
      product = (u * (u + 6)) * ((u + 10) * (u + 12))
    }
    let r = 1 / shifted
    let t = r * r
    let first = 1 / 12.0 - t * (1 / 360.0 - t * (1 / 1260.0 - t / 1680))
    let second = 1 / 1188.0 - t * (691 / 360360.0 - t * (1 / 156.0 - t * (3617 / 122400.0)))
    let series = r * (first + t * t * t * t * second)
    // log(2 pi) / 2
    let logarithm = (shifted - 0.5) * log(shifted) - shifted + 0.91893853320467274 + series
    return product * exp(exponent * log(x) - x - logarithm)
  }
}
