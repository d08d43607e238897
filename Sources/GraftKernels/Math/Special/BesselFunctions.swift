import Glibc

/// Bessel functions of the orders zero and one.
extension SpecialFunctions {
  /// The modified function of the first kind times exp(-|x|).
  static func scaledBesselI(_ order: Int, _ x: Double) -> Double {
    let a = x.magnitude
    let value = a <= 20 ? besselISeries(order, a) * exp(-a) : besselIExpansion(order, a)
    return order == 1 && x.sign == .minus ? -value : value
  }

  /// The modified function of the first kind.
  static func besselI(_ order: Int, _ x: Double) -> Double {
    let a = x.magnitude
    if a == .infinity { return .nan }
    let value = a <= 20 ? besselISeries(order, a) : besselIExpansion(order, a) * exp(a)
    return order == 1 && x.sign == .minus ? -value : value
  }

  /// The power series, all of whose terms are positive.
  private static func besselISeries(_ order: Int, _ x: Double) -> Double {
    if x.isNaN { return x }
    let square = x * x / 4
    var term = order == 0 ? 1 : x / 2
    var sum = term
    for k in 1...200 {
      term *= square / Double(k * (k + order))
      sum += term
      if term <= sum * precision { break }
    }
    return sum
  }

  /// Hankel's expansion for large arguments, times exp(-x).
  private static func besselIExpansion(_ order: Int, _ x: Double) -> Double {
    if x == .infinity { return 0 }
    let four = Double(4 * order * order)
    var (term, sum) = (1.0, 1.0)
    for k in 1...60 {
      let odd = Double(2 * k - 1)
      let next = -term * (four - odd * odd) / (8 * x * Double(k))
      if next.magnitude >= term.magnitude { break }
      term = next
      sum += term
      if term.magnitude <= sum.magnitude * precision { break }
    }
    return sum / (2 * .pi * x).squareRoot()
  }

  /// The modified function of the second kind times exp(x).
  static func scaledBesselK(_ order: Int, _ x: Double) -> Double {
    if x.isNaN { return x }
    if x <= 0 { return .infinity }
    if x == .infinity { return 0 }
    // The steps of the integral below would be too short for large arguments, and its end beyond the largest
    // number for tiny ones.
    if x > 100 { return besselKExpansion(order, x) }
    if order == 1, x < 1e-150 { return 1 / x }
    // Its integral over exp(-x (cosh t - 1)) cosh(order t), which the trapezoidal rule gives to the last
    // digits when the step follows the width of the integrand.
    let step = min(0.25, 0.5 / x.squareRoot())
    var (sum, t) = (0.5, step)
    while true {
      let hyperbolic = cosh(t)
      let exponent = x * (hyperbolic - 1)
      let term = exp(-exponent) * (order == 0 ? 1 : hyperbolic)
      sum += term
      if exponent > 1, term <= sum * precision || !hyperbolic.isFinite { break }
      t += step
    }
    return sum * step
  }

  /// Hankel's expansion for large arguments, times exp(x).
  private static func besselKExpansion(_ order: Int, _ x: Double) -> Double {
    let four = Double(4 * order * order)
    var (term, sum) = (1.0, 1.0)
    for k in 1...60 {
      let odd = Double(2 * k - 1)
      term *= (four - odd * odd) / (8 * x * Double(k))
      sum += term
      if term.magnitude <= precision { break }
    }
    return sum * (Double.pi / 2).squareRoot() / x.squareRoot()
  }

  /// The modified function of the second kind.
  static func besselK(_ order: Int, _ x: Double) -> Double {
    if x == .infinity { return 0 }
    return x <= 0 ? .infinity : scaledBesselK(order, x) * exp(-x)
  }

  /// The function of the first kind.
  static func besselJ(_ order: Int, _ x: Double) -> Double {
    if x.isInfinite { return .nan }
    return order == 0 ? j0(x) : j1(x)
  }

  /// The function of the second kind.
  static func besselY(_ order: Int, _ x: Double) -> Double {
    if x <= 0 { return -.infinity }
    if x == .infinity { return .nan }
    return order == 0 ? y0(x) : y1(x)
  }
}
