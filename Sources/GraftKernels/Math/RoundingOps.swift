import CGraftVector
import GraftTensor

/// Signs, magnitudes, rounding, squares, and what is finite.
extension MathOps {
  static let rounding: [OpDefinition] = [
    unary(
      "Abs", "The magnitude of each element; the smallest integer stays what it is.",
      types: .floats + .signedIntegers
    ) { UnaryRows.floats(Abs.self, $0) ?? UnaryRows.integers(Abs.self, $0) },
    unary(
      "Neg", "Each element with its sign changed; integers wrap around.",
      types: .floats + .signedIntegers + .complexes
    ) { dtype in
      UnaryRows.floats(Neg.self, dtype) ?? UnaryRows.integers(Neg.self, dtype)
        ?? UnaryRows.ofParts(
          dtype, UnaryRows.floats(Neg.self, .float32), UnaryRows.floats(Neg.self, .float64))
    },
    unary(
      "Square", "Each element times itself; integers wrap around.", types: .numbers
    ) {
      UnaryRows.floats(Square.self, $0) ?? UnaryRows.integers(Square.self, $0) ?? complexSquare($0)
    },
    unary(
      "Sign", "1, 0 or -1 as the sign of each element; a complex number over its magnitude.",
      types: .floats + .signedIntegers + .complexes
    ) {
      UnaryRows.floats(Sign.self, $0) ?? UnaryRows.integers(Sign.self, $0)
        ?? UnaryRows.complexes($0, graft_c64_sign, graft_c128_sign)
    },
    floatUnary("Floor", "The largest integer that is not above each element.", Floor.self),
    floatUnary("Ceil", "The smallest integer that is not below each element.", Ceil.self),
    unary(
      "Round",
      "The nearest integer, of two the even one. Integers become zero, as TensorFlow's kernel has it.",
      types: .floats + [.int32, .int64]
    ) { UnaryRows.floats(Round.self, $0) ?? UnaryRows.integers(Zero.self, $0) },
    unary("Rint", "The nearest integer, of two the even one.", types: [.float32, .float64]) {
      UnaryRows.floats(Round.self, $0)
    },
    predicate("IsFinite", "Whether each element is neither infinite nor NaN.", IsFinite.self),
    predicate("IsInf", "Whether each element is infinite.", IsInfinite.self),
    predicate("IsNan", "Whether each element is NaN.", IsNaN.self),
  ]

  private static func complexSquare(_ dtype: DataType) -> UnaryRow? {
    switch dtype {
    case .complex64: ComplexSquare<Float>.row(cost: 600)
    case .complex128: ComplexSquare<Double>.row(cost: 1_000)
    default: nil
    }
  }

  enum Abs: FloatUnary, IntegerUnary {
    static func apply(_ x: Float) -> Float { x.magnitude }
    static func apply(_ x: Double) -> Double { x.magnitude }
    static func apply<T: IntegerElement>(_ x: T) -> T { x < 0 ? 0 &- x : x }
    static var vector: UnaryRows.FloatLoop? { graft_f32_abs }
    static var cost: Int { 200 }
  }

  enum Neg: FloatUnary, IntegerUnary {
    static func apply(_ x: Float) -> Float { -x }
    static func apply(_ x: Double) -> Double { -x }
    static func apply<T: IntegerElement>(_ x: T) -> T { 0 &- x }
    static var vector: UnaryRows.FloatLoop? { graft_f32_neg }
    static var cost: Int { 200 }
  }

  enum Square: FloatUnary, IntegerUnary {
    static func apply(_ x: Float) -> Float { x * x }
    static func apply(_ x: Double) -> Double { x * x }
    static func apply<T: IntegerElement>(_ x: T) -> T { x &* x }
    static var vector: UnaryRows.FloatLoop? { graft_f32_square }
    static var cost: Int { 200 }
  }

  private enum ComplexSquare<Real: FloatElement & BinaryFloatingPoint>: UnaryFunction {
    static func apply(_ x: Complex<Real>) -> Complex<Real> { Complex<Real>.multiply(x, x) }
  }

  enum Sign: FloatUnary, IntegerUnary {
    static func apply(_ x: Float) -> Float { x > 0 ? 1 : (x < 0 ? -1 : (x == 0 ? 0 : x)) }
    static func apply(_ x: Double) -> Double { x > 0 ? 1 : (x < 0 ? -1 : (x == 0 ? 0 : x)) }
    static func apply<T: IntegerElement>(_ x: T) -> T { x > 0 ? 1 : (x < 0 ? 0 &- 1 : 0) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_sign }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_sign }
  }

  enum Floor: FloatUnary {
    static func apply(_ x: Float) -> Float { x.rounded(.down) }
    static func apply(_ x: Double) -> Double { x.rounded(.down) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_floor }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_floor }
  }

  enum Ceil: FloatUnary {
    static func apply(_ x: Float) -> Float { x.rounded(.up) }
    static func apply(_ x: Double) -> Double { x.rounded(.up) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_ceil }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_ceil }
  }

  enum Round: FloatUnary {
    static func apply(_ x: Float) -> Float { x.rounded(.toNearestOrEven) }
    static func apply(_ x: Double) -> Double { x.rounded(.toNearestOrEven) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_round }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_round }
  }

  private enum Zero: IntegerUnary {
    static func apply<T: IntegerElement>(_ x: T) -> T { 0 }
  }

  enum IsFinite: FloatPredicate {
    static func apply<T: BinaryFloatingPoint>(_ x: T) -> Bool { x.isFinite }
  }

  enum IsInfinite: FloatPredicate {
    static func apply<T: BinaryFloatingPoint>(_ x: T) -> Bool { x.isInfinite }
  }

  enum IsNaN: FloatPredicate {
    static func apply<T: BinaryFloatingPoint>(_ x: T) -> Bool { x.isNaN }
  }
}
