import GraftTensor

/// Operators, for formulas that are written for real and complex numbers at once.
extension Complex where Real: FloatElement {
  static func + (a: Self, b: Self) -> Self { add(a, b) }
  static func - (a: Self, b: Self) -> Self { subtract(a, b) }
  static func * (a: Self, b: Self) -> Self { multiply(a, b) }
  static func / (a: Self, b: Self) -> Self { divide(a, b) }
  static prefix func - (a: Self) -> Self { Self(-a.real, -a.imaginary) }

  /// The root whose real part is not negative.
  func squareRoot() -> Self {
    guard self != .zero else { return .zero }
    let (larger, smaller) =
      real.magnitude >= imaginary.magnitude
      ? (real.magnitude, imaginary.magnitude) : (imaginary.magnitude, real.magnitude)
    let ratio = smaller / larger
    let magnitude = larger * (1 + ratio * ratio).squareRoot()
    let root = ((magnitude + real.magnitude) / 2).squareRoot()
    let other = imaginary / (2 * root)
    return real >= 0 ? Self(root, other) : Self(other.magnitude, imaginary < 0 ? -root : root)
  }
}
