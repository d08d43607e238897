import CGraftVector
import Glibc
import GraftTensor

/// Quotients and remainders in the ways that TensorFlow has of rounding them.
extension MathOps {
  static let division: [OpDefinition] = [
    binary(
      "Div", "Element by element a / b; integers are cut towards zero, and none divides by zero.",
      types: .numbers, check: checkDivisor
    ) {
      BinaryRows.floats(Divide.self, $0) ?? BinaryRows.integers(Divide.self, $0)
        ?? ComplexQuotients.row($0)
    },
    quotient("RealDiv", "Element by element a / b, with broadcasting.", Divide.self, zero: .nowhere),
    quotient(
      "DivNoNan", "Element by element a / b, but zero wherever b is zero.", DivideNoNaN.self,
      zero: .forDivisor),
    binary(
      "FloorDiv", "Element by element the largest integer that is not above a / b.", types: .reals,
      check: checkDivisor
    ) {
      SteppedRows.short(FloorDivide.self, $0) ?? BinaryRows.floats(FloorDivide.self, $0)
        ?? BinaryRows.integers(FloorDivide.self, $0)
    },
    binary(
      "TruncateDiv", "Element by element a / b without its fraction.", types: .reals, check: checkDivisor
    ) {
      SteppedRows.short(TruncateDivide.self, $0) ?? BinaryRows.floats(TruncateDivide.self, $0)
        ?? BinaryRows.integers(Divide.self, $0)
    },
    binary(
      "FloorMod", "What FloorDiv leaves: it has the sign of b.", types: .reals, check: checkDivisor
    ) { BinaryRows.floats(FloorModulo.self, $0) ?? BinaryRows.integers(FloorModulo.self, $0) },
    remainder("Mod"),
    remainder("TruncateMod"),
    quotient(
      "Xdivy", "Element by element a / b, but zero wherever a is zero.", XDivideY.self, zero: .forDividend),
  ]

  private static func quotient<F: FloatBinary>(
    _ name: String, _ summary: String, _ function: F.Type, zero: ComplexQuotients.Zero
  ) -> OpDefinition {
    binary(name, summary, types: .floats + .complexes) {
      BinaryRows.floats(function, $0) ?? ComplexQuotients.row($0, zero: zero)
    }
  }

  private static func remainder(_ name: String) -> OpDefinition {
    binary(
      name, "What TruncateDiv leaves: it has the sign of a.", types: .floats + [.int32, .int64],
      check: checkDivisor
    ) { BinaryRows.floats(Remainder.self, $0) ?? BinaryRows.integers(Remainder.self, $0) }
  }

  enum Divide: FloatBinary, IntegerBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a / b }
    static func apply(_ a: Double, _ b: Double) -> Double { a / b }
    // The divisor was looked at before; the smallest integer by -1 is itself.
    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T {
      a.dividedReportingOverflow(by: b).partialValue
    }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_div, left: graft_f32_div_left, right: graft_f32_div_right)
    }
  }

  /// Calls a C function with the parts of two complex numbers and room for those of a third.
  @inline(__always)
  static func withPair<Real: BinaryFloatingPoint & Sendable>(
    _ a: Complex<Real>, _ b: Complex<Real>,
    _ body: (UnsafePointer<Real>, UnsafePointer<Real>, UnsafeMutablePointer<Real>) -> Void
  ) -> Complex<Real> {
    withUnsafeTemporaryAllocation(of: Real.self, capacity: 6) { parts in
      guard let base = parts.baseAddress else { return a }
      base.initialize(to: a.real)
      (base + 1).initialize(to: a.imaginary)
      (base + 2).initialize(to: b.real)
      (base + 3).initialize(to: b.imaginary)
      (base + 4).initialize(repeating: 0, count: 2)
      body(base, base + 2, base + 4)
      return Complex(base[4], base[5])
    }
  }

  enum DivideNoNaN: FloatBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { b == 0 ? 0 : a / b }
    static func apply(_ a: Double, _ b: Double) -> Double { b == 0 ? 0 : a / b }
    static var cost: Int { 600 }
  }

  enum XDivideY: FloatBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a == 0 ? 0 : a / b }
    static func apply(_ a: Double, _ b: Double) -> Double { a == 0 ? 0 : a / b }
    static var cost: Int { 600 }
  }

  // A quotient is rounded to the dtype first, and to an integer then, as TensorFlow does it: between both a half's
  // quotient may become the next integer.

  enum FloorDivide: FloatBinary, SteppedBinary, IntegerBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { (a / b).rounded(.down) }
    static func apply(_ a: Double, _ b: Double) -> Double { (a / b).rounded(.down) }
    static func apply<T: FloatElement>(_ a: T, _ b: T) -> T {
      T(T.divide(a, b).compute.rounded(.down))
    }
    static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
      .init(half: graft_f32_half_floor_div, bfloat16: graft_f32_bfloat16_floor_div)
    }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_floor_div, left: graft_f32_floor_div_left, right: graft_f32_floor_div_right)
    }
    static var wideVector: BinaryRows.DoubleLoops? {
      .init(pairs: graft_f64_floor_div, left: graft_f64_floor_div_left, right: graft_f64_floor_div_right)
    }

    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T {
      let quotient = a.dividedReportingOverflow(by: b).partialValue
      let isInexact = quotient &* b != a
      return isInexact && (a < 0) != (b < 0) ? quotient &- 1 : quotient
    }
    static var integerVector: BinaryRows.IntegerLoops? {
      .init(pairs: graft_i32_floor_div, left: graft_i32_floor_div_left, right: graft_i32_floor_div_right)
    }
  }

  enum TruncateDivide: FloatBinary, SteppedBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { (a / b).rounded(.towardZero) }
    static func apply(_ a: Double, _ b: Double) -> Double { (a / b).rounded(.towardZero) }
    static func apply<T: FloatElement>(_ a: T, _ b: T) -> T {
      T(T.divide(a, b).compute.rounded(.towardZero))
    }
    static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
      .init(half: graft_f32_half_truncate_div, bfloat16: graft_f32_bfloat16_truncate_div)
    }
  }

  enum Remainder: FloatBinary, IntegerBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { fmodf(a, b) }
    static func apply(_ a: Double, _ b: Double) -> Double { fmod(a, b) }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_mod, left: graft_f32_mod_left, right: graft_f32_mod_right)
    }
    static var cost: Int { 2_000 }
    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T {
      a.remainderReportingOverflow(dividingBy: b).partialValue
    }
  }

  enum FloorModulo: FloatBinary, IntegerBinary {
    static func apply(_ a: Float, _ b: Float) -> Float {
      let rest = fmodf(a, b)
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
    }

    static func apply(_ a: Double, _ b: Double) -> Double {
      let rest = fmod(a, b)
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
    }

    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T {
      let rest = a.remainderReportingOverflow(dividingBy: b).partialValue
      return rest != 0 && (rest < 0) != (b < 0) ? rest &+ b : rest
    }

    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_floor_mod, left: graft_f32_floor_mod_left, right: graft_f32_floor_mod_right)
    }
    static var integerVector: BinaryRows.IntegerLoops? {
      .init(pairs: graft_i32_floor_mod, left: graft_i32_floor_mod_left, right: graft_i32_floor_mod_right)
    }
    static var cost: Int { 2_000 }
  }
}
