import CGraftVector
import GraftTensor

/// Sums, differences, products, and what is larger or smaller.
extension MathOps {
  static let arithmetic: [OpDefinition] = [
    addition("Add", "Element by element a + b, with broadcasting; strings are joined.", .numbers + [.string]),
    addition("AddV2", "Element by element a + b, with broadcasting.", .numbers),
    binary("Sub", "Element by element a - b, with broadcasting.", types: .numbers) {
      BinaryRows.floats(Subtract.self, $0) ?? BinaryRows.integers(Subtract.self, $0)
        ?? BinaryRows.complexes(Subtract.self, $0)
    },
    binary("Mul", "Element by element a · b, with broadcasting.", types: .numbers) {
      BinaryRows.floats(Multiply.self, $0) ?? BinaryRows.integers(Multiply.self, $0)
        ?? BinaryRows.complexes(Multiply.self, $0)
    },
    floatBinary(
      complex: "MulNoNan", "Element by element a · b, but zero wherever b is zero.", MultiplyNoNaN.self),
    binary("Maximum", "The larger of both, NaN where either is one.", types: .reals) {
      BinaryRows.floats(Maximum.self, $0) ?? BinaryRows.integers(Maximum.self, $0)
    },
    binary("Minimum", "The smaller of both, NaN where either is one.", types: .reals) {
      BinaryRows.floats(Minimum.self, $0) ?? BinaryRows.integers(Minimum.self, $0)
    },
    binary(
      "SquaredDifference", "Element by element (a - b)²; for complex numbers the square of the magnitude.",
      types: .floats + [.int32, .int64] + .complexes
    ) {
      SteppedRows.short(SquaredDifference.self, $0) ?? BinaryRows.floats(SquaredDifference.self, $0)
        ?? BinaryRows.integers(SquaredDifference.self, $0)
        ?? BinaryRows.complexes(SquaredDifference.self, $0)
    },
  ]

  private static func addition(_ name: String, _ summary: String, _ types: [DataType]) -> OpDefinition {
    binary(name, summary, types: types) { dtype in
      dtype == .string ? Join.row(cost: 60_000) : sum(of: dtype)
    }
  }

  /// The sums of numbers; nil for what is none.
  static func sum(of dtype: DataType) -> BinaryRow? {
    BinaryRows.floats(Add.self, dtype) ?? BinaryRows.integers(Add.self, dtype)
      ?? BinaryRows.complexes(Add.self, dtype)
  }

  enum Add: FloatBinary, IntegerBinary, ComplexBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a + b }
    static func apply(_ a: Double, _ b: Double) -> Double { a + b }
    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T { a &+ b }
    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 { .add(a, b) }
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 { .add(a, b) }
    static var ignoresSign: Bool { true }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_add, left: graft_f32_add_left, right: graft_f32_add_right)
    }
  }

  private enum Join: BinaryFunction {
    static func apply(_ a: Bytes, _ b: Bytes) -> Bytes { Bytes(a.bytes + b.bytes) }
  }

  enum Subtract: FloatBinary, IntegerBinary, ComplexBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a - b }
    static func apply(_ a: Double, _ b: Double) -> Double { a - b }
    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T { a &- b }
    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 { .subtract(a, b) }
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 { .subtract(a, b) }
    static var ignoresSign: Bool { true }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_sub, left: graft_f32_sub_left, right: graft_f32_sub_right)
    }
  }

  enum Multiply: FloatBinary, IntegerBinary, ComplexBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a * b }
    static func apply(_ a: Double, _ b: Double) -> Double { a * b }
    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T { a &* b }
    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 { .multiply(a, b) }
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 { .multiply(a, b) }
    static var ignoresSign: Bool { true }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_mul, left: graft_f32_mul_left, right: graft_f32_mul_right)
    }
  }

  enum MultiplyNoNaN: FloatBinary, ComplexBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { b == 0 ? 0 : a * b }
    static func apply(_ a: Double, _ b: Double) -> Double { b == 0 ? 0 : a * b }
    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 { b == .zero ? .zero : .multiply(a, b) }
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 {
      b == .zero ? .zero : .multiply(a, b)
    }
    static var cost: Int { 600 }
  }

  enum Maximum: FloatBinary, IntegerBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a > b || a.isNaN ? a : b }
    static func apply(_ a: Double, _ b: Double) -> Double { a > b || a.isNaN ? a : b }
    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T { a > b ? a : b }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_max, left: graft_f32_max_left, right: graft_f32_max_right)
    }
    static var wideVector: BinaryRows.DoubleLoops? {
      .init(pairs: graft_f64_max, left: graft_f64_max_left, right: graft_f64_max_right)
    }
  }

  enum Minimum: FloatBinary, IntegerBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { a < b || a.isNaN ? a : b }
    static func apply(_ a: Double, _ b: Double) -> Double { a < b || a.isNaN ? a : b }
    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T { a < b ? a : b }
    static var vector: BinaryRows.FloatLoops? {
      .init(pairs: graft_f32_min, left: graft_f32_min_left, right: graft_f32_min_right)
    }
    static var wideVector: BinaryRows.DoubleLoops? {
      .init(pairs: graft_f64_min, left: graft_f64_min_left, right: graft_f64_min_right)
    }
  }

  enum SquaredDifference: FloatBinary, SteppedBinary, IntegerBinary, ComplexBinary {
    static func apply(_ a: Float, _ b: Float) -> Float { (a - b) * (a - b) }
    static func apply(_ a: Double, _ b: Double) -> Double { (a - b) * (a - b) }
    static func apply<T: FloatElement>(_ a: T, _ b: T) -> T {
      let difference = T.subtract(a, b)
      return T.multiply(difference, difference)
    }
    static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
      .init(half: graft_f32_half_squared_difference, bfloat16: graft_f32_bfloat16_squared_difference)
    }
    static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T { (a &- b) &* (a &- b) }
    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 {
      let difference = Complex64.subtract(a, b)
      return .multiply(difference, Complex64(difference.real, -difference.imaginary))
    }
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 {
      let difference = Complex128.subtract(a, b)
      return .multiply(difference, Complex128(difference.real, -difference.imaginary))
    }
    static var ignoresSign: Bool { true }
    static var vector: BinaryRows.FloatLoops? {
      .init(
        pairs: graft_f32_squared_difference, left: graft_f32_squared_difference_left,
        right: graft_f32_squared_difference_right)
    }
  }
}
