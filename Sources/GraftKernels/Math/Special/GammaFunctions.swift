import Glibc

/// Functions of mathematics that no library at hand has. Everything is computed in double precision; what is
/// not defined is NaN, and poles are what TensorFlow's kernels make of them.
enum SpecialFunctions {
  /// Steps after which a series or a continued fraction is taken as it is.
  static let stepLimit = 200_000

  /// What a step must add to count.
  static let precision = 1e-16
}

// MARK: - Gamma

extension SpecialFunctions {
  /// The logarithm of the magnitude of the gamma function.
  static func logGamma(_ x: Double) -> Double {
    // The variant that writes no global.
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
  }

  /// The derivative of the logarithm of the gamma function; NaN at its poles.
  static func digamma(_ x: Double) -> Double {
    if x.isNaN || x == .infinity { return x }
    if x <= 0 {
      // From the nearest integer, where the pole is.
      let distance = x - x.rounded()
      guard distance != 0, !distance.isNaN else { return .nan }
      return digamma(1 - x) - .pi / tan(.pi * distance)
    }
    // 1/x + 1/(x + 1) and so on, as one fraction.
    var (shifted, numerator, denominator) = (x, 0.0, 1.0)
    while shifted < 10 {
      numerator = numerator * shifted + denominator
      denominator *= shifted
      shifted += 1
    }
    // Bernoulli numbers over 2k.
    let t = 1 / (shifted * shifted)
    let series =
      t * (1 / 12.0 - t * (1 / 120.0 - t * (1 / 252.0 - t * (1 / 240.0 - t * (1 / 132.0 - t * 691 / 32760)))))
    return log(shifted) - 0.5 / shifted - series - numerator / denominator
  }

  /// The derivative of the regularized lower incomplete gamma function by `a`.
  static func lowerGammaDerivative(_ a: Double, _ x: Double) -> Double {
    if x == 0 { return 0 }
    guard a > 0, x > 0 else { return .nan }
    if a == .infinity { return 0 }
    if x == .infinity { return -0.0 }
    if a > uniformLimit { return uniformLowerGammaDerivative(a, x) }
    return x > 1 && x > a ? -upperFraction(a, x).derivative : lowerSeries(a, x).derivative
  }

  /// How a sample of the gamma distribution changes with `a`: the derivative by `a` over the density.
  static func gammaSampleDerivative(_ a: Double, _ x: Double) -> Double {
    let derivative = lowerGammaDerivative(a, x)
    if derivative == 0 || derivative.isNaN { return derivative }
    return -derivative / exp((a - 1) * log(x) - x - logGamma(a))
  }

  /// Where the expansions for large `a` begin.
  static let uniformLimit = 1e6

  /// The sum of `x^n / ((a+1) ... (a+n))`, with its derivative by `a`.
  private static func lowerSeries(_ a: Double, _ x: Double) -> (value: Double, derivative: Double) {
    var (term, sum, harmonic, derivative) = (1.0, 1.0, 0.0, 0.0)
    for n in 1...stepLimit {
      let next = a + Double(n)
      term *= x / next
      harmonic += 1 / next
      sum += term
      derivative -= term * harmonic
      if term <= sum * precision, term * harmonic <= derivative.magnitude * precision { break }
    }
    let factor = exp(a * log(x) - x - logGamma(a + 1))
    return (factor * sum, factor * (sum * (log(x) - digamma(a + 1)) + derivative))
  }

  /// Legendre's continued fraction for the upper function, by Lentz's method, with its derivative by `a`.
  private static func upperFraction(_ a: Double, _ x: Double) -> (value: Double, derivative: Double) {
    let tiny = Dual(1e-300)
    let order = Dual(a, 1)
    var b = Dual(x + 1) - order
    var c = Dual(1) / tiny
    var d = Dual(1) / b
    var h = d
    for n in 1...stepLimit {
      let step = Double(n)
      let numerator = Dual(-step) * (Dual(step) - order)
      b = b + Dual(2)
      d = Dual(1) / (numerator * d + b).or(tiny)
      c = (b + numerator / c).or(tiny)
      let change = d * c
      h = h * change
      if (change.value - 1).magnitude < precision * 4, change.derivative.magnitude < precision * 4 { break }
    }
    let factor = exp(a * log(x) - x - logGamma(a))
    let slope = log(x) - digamma(a)
    return (factor * h.value, factor * (h.derivative + h.value * slope))
  }

  /// Temme's uniform expansion for large `a`: https://dlmf.nist.gov/8.12
  static func uniformUpperGamma(_ a: Double, _ x: Double) -> Double {
    let eta = uniformVariable(a, x)
    let first = -1 / 3.0 + eta * (1 / 12.0 + eta * (-2 / 135.0 + eta * (1 / 864.0 + eta / 2835)))
    let second = -1 / 540.0 + eta * (-1 / 288.0 + eta / 378)
    let weight = exp(-0.5 * a * eta * eta) / (2 * .pi * a).squareRoot()
    // Far from a the factors are infinite.
    let rest = weight == 0 ? 0 : weight * (first + second / a)
    return min(max(0.5 * erfc(eta * (a / 2).squareRoot()) + rest, 0), 1)
  }

  private static func uniformLowerGammaDerivative(_ a: Double, _ x: Double) -> Double {
    let eta = uniformVariable(a, x)
    let ratio = x / a
    // d(eta)/da, which at eta = 0 is -1/a.
    let slope = eta == 0 ? -1 / a : -(ratio - 1) / (a * eta)
    let u = eta * (a / 2).squareRoot()
    let change = slope * (a / 2).squareRoot() + eta / (2 * (2 * a).squareRoot())
    return exp(-u * u) * change / Double.pi.squareRoot()
  }

  private static func uniformVariable(_ a: Double, _ x: Double) -> Double {
    let excess = (x - a) / a
    let square = 2 * (excess - log1p(excess))
    return (excess < 0 ? -1 : 1) * max(square, 0).squareRoot()
  }

  /// A number with its derivative.
  private struct Dual {
    var value: Double
    var derivative: Double

    init(_ value: Double, _ derivative: Double = 0) {
      self.value = value
      self.derivative = derivative
    }

    static func + (a: Dual, b: Dual) -> Dual { Dual(a.value + b.value, a.derivative + b.derivative) }
    static func - (a: Dual, b: Dual) -> Dual { Dual(a.value - b.value, a.derivative - b.derivative) }
    static func * (a: Dual, b: Dual) -> Dual {
      Dual(a.value * b.value, a.derivative * b.value + a.value * b.derivative)
    }
    static func / (a: Dual, b: Dual) -> Dual {
      let quotient = a.value / b.value
      return Dual(quotient, (a.derivative - quotient * b.derivative) / b.value)
    }

    /// The number, or another where it is zero.
    func or(_ other: Dual) -> Dual { value == 0 ? other : self }
  }
}

// MARK: - Beta

extension SpecialFunctions {
  /// The regularized incomplete beta function.
  static func incompleteBeta(_ a: Double, _ b: Double, _ x: Double) -> Double {
    guard a > 0, b > 0, x >= 0, x <= 1, a.isFinite, b.isFinite else { return .nan }
    if x == 0 || x == 1 { return x }
    let factor = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x))
    return x < (a + 1) / (a + b + 2)
      ? factor * betaFraction(a, b, x) / a : 1 - factor * betaFraction(b, a, 1 - x) / b
  }

  /// The continued fraction https://dlmf.nist.gov/8.17.E22, by Lentz's method.
  private static func betaFraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
    func nonzero(_ value: Double) -> Double { value.magnitude < 1e-300 ? 1e-300 : value }
    var c = 1.0
    var d = 1 / nonzero(1 - (a + b) * x / (a + 1))
    var h = d
    for step in 1...stepLimit {
      let m = Double(step)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / nonzero(1 + even * d)
      c = nonzero(1 + even / c)
      h *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / nonzero(1 + odd * d)
      c = nonzero(1 + odd / c)
      let change = d * c
      h *= change
      if (change - 1).magnitude < precision * 4 { break }
    }
    return h
  }
}

// MARK: - Zeta

extension SpecialFunctions {
  /// The Hurwitz zeta function: the sum of `(q + k)^-s` for all k from zero on.
  static func zeta(_ s: Double, _ q: Double) -> Double {
    if s.isNaN || q.isNaN { return .nan }
    if s == 1 { return .infinity }
    if s < 1 { return .nan }
    if q > 0 { return positiveZeta(s, q) }
    let floor = q.rounded(.down)
    let isEven = s.truncatingRemainder(dividingBy: 2) == 0
    if q == floor { return isEven ? .infinity : .nan }
    guard s == s.rounded(.down) else { return .nan }
    // The terms below zero, by their magnitudes.
    let fraction = q - floor
    let negative = positiveZeta(s, 1 - fraction) - positiveZeta(s, 1 - q)
    return positiveZeta(s, fraction) + (isEven ? negative : -negative)
  }

  /// By Euler and Maclaurin's formula.
  private static func positiveZeta(_ s: Double, _ q: Double) -> Double {
    if q == .infinity { return 0 }
    if s == .infinity { return q > 1 ? 0 : (q == 1 ? 1 : .infinity) }
    var (sum, start) = (0.0, q)
    while start < 12 {
      let term = pow(start, -s)
      sum += term
      if term <= sum * precision * 0.01 { return sum }
      start += 1
    }
    let power = pow(start, -s)
    sum += power * start / (s - 1) + 0.5 * power
    var (term, order) = (power * s / start, s)
    for (index, coefficient) in bernoulliOverFactorial.enumerated() {
      sum += term * coefficient
      let step = Double(2 * index + 1)
      order = s + step
      term *= order * (order + 1) / (start * start)
      if term.magnitude <= sum.magnitude * precision { break }
    }
    return sum
  }

  /// The Bernoulli numbers B(2k) over (2k)!.
  private static let bernoulliOverFactorial: [Double] = [
    1 / 12.0, -1 / 720.0, 1 / 30240.0, -1 / 1_209_600.0, 1 / 47_900_160.0, -691 / 1_307_674_368_000.0,
    1 / 74_724_249_600.0, -3617 / 10_670_622_842_880_000.0,
  ]

  /// The derivative of order `n` of the digamma function.
  static func polygamma(_ n: Double, _ x: Double) -> Double {
    guard n >= 0, n == n.rounded(.down) else { return .nan }
    if n == 0 { return digamma(x) }
    let sign: Double = (n + 1).truncatingRemainder(dividingBy: 2) == 0 ? 1 : -1
    return sign * exp(logGamma(n + 1)) * zeta(n + 1, x)
  }
}
