import CGraftVector
import Glibc
import GraftTensor

/// Powers, products with logarithms, and angles.
extension MathOps {
  static let powers: [OpDefinition] = [
    binary(
      "Pow", "Element by element a to the power of b; integers wrap around and have no negative exponents.",
      types: .floats + .signedIntegers + .complexes, check: checkExponent
    ) {
      BinaryRows.floats(Power.self, $0) ?? BinaryRows.integers(Power.self, $0)
        ?? BinaryRows.complexes(Power.self, $0)
    },
    floatBinary("Atan2", "The angle of the point (x, y), from -π to π.", AngleOf.self),
    binary(
      "Xlogy", "Element by element a · log b, but zero wherever a is zero.", types: .floats + .complexes
    ) {
      SteppedRows.short(XLogY.self, $0) ?? BinaryRows.floats(XLogY.self, $0)
        ?? BinaryRows.complexes(XLogY.self, $0)
    },
    binary(
      "Xlog1py", "Element by element a · log(1 + b), but zero wherever a is zero.",
      types: .floats + .complexes
    ) {
      SteppedRows.short(XLog1pY.self, $0) ?? BinaryRows.floats(XLog1pY.self, $0)
        ?? BinaryRows.complexes(XLog1pY.self, $0)
    },
  ]

  enum Power: FloatBinary, IntegerBinary, ComplexBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { powf(a, b) }
    static func apply(_ a: Double, _ b: Double) -> Double { pow(a, b) }

    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T {
      var (result, factor, rest): (T, T, T) = (1, a, b)
      while rest > 0 {
        if rest & 1 == 1 { result = result &* factor }
        factor = factor &* factor
        rest >>= 1
      }
      return result
    }

    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 {
      withPair(a, b) { graft_c64_power($0, $1, $2) }
    }
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 {
      withPair(a, b) { graft_c128_power($0, $1, $2) }
    }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_pow, left: graft_f32_pow_left, right: powerOfOneExponent)
    }
    static var cost: Int { 3_000 }
  }

  /// The exponents that networks mostly have are products and roots.
  private static let powerOfOneExponent: BinaryRows.FloatLoop = { a, b, y, count in
    switch b[0] {
    case 1: y.update(from: a, count: count)
    case 2: graft_f32_square(a, y, count)
    case 3: graft_f32_cube(a, y, count)
    case -1: graft_f32_reciprocal(a, y, count)
    default: graft_f32_pow_right(a, b, y, count)
    }
  }

  enum AngleOf: FloatBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { atan2f(a, b) }
    static func apply(_ a: Double, _ b: Double) -> Double { atan2(a, b) }
    static var cost: Int { 20_000 }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_atan2, left: graft_f32_atan2_left, right: graft_f32_atan2_right)
    }
  }

  enum XLogY: FloatBinary, SteppedBinary, ComplexBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a == 0 ? 0 : a * logf(b) }
    static func apply(_ a: Double, _ b: Double) -> Double { a == 0 ? 0 : a * log(b) }
    static func apply<T: FloatElement>(_ a: T, _ b: T) -> T {
      a == .zero ? .zero : T.multiply(a, T.logarithm(b))
    }
    static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
      .init(half: graft_f32_half_xlogy, bfloat16: graft_f32_bfloat16_xlogy, cost: 600)
    }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_xlogy, left: graft_f32_xlogy_left, right: graft_f32_xlogy_right)
    }
    static var cost: Int { 1_200 }
    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 {
      a == .zero ? .zero : .multiply(a, withPair(b, b) { x, _, y in graft_c64_log(x, y, 1) })
    }
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 {
      a == .zero ? .zero : .multiply(a, withPair(b, b) { x, _, y in graft_c128_log(x, y, 1) })
    }
  }

  enum XLog1pY: FloatBinary, SteppedBinary, ComplexBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a == 0 ? 0 : a * log1pf(b) }
    static func apply(_ a: Double, _ b: Double) -> Double { a == 0 ? 0 : a * log1p(b) }
    static func apply<T: FloatElement>(_ a: T, _ b: T) -> T {
      a == .zero ? .zero : T.multiply(a, T.logarithm1p(b))
    }
    static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
      .init(half: graft_f32_half_xlog1py, bfloat16: graft_f32_bfloat16_xlog1py, cost: 1200)
    }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_xlog1py, left: graft_f32_xlog1py_left, right: graft_f32_xlog1py_right)
    }
    static var cost: Int { 1_600 }
    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 {
      a == .zero ? .zero : .multiply(a, withPair(b, b) { x, _, y in graft_c64_log1p(x, y, 1) })
    }
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 {
      a == .zero ? .zero : .multiply(a, withPair(b, b) { x, _, y in graft_c128_log1p(x, y, 1) })
    }
  }
}
