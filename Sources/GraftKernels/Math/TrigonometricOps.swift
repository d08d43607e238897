import CGraftVector
import Glibc
import GraftTensor

/// Circular and hyperbolic functions and their inverses.
extension MathOps {
  static let trigonometric: [OpDefinition] = [
    analytic("Sin", "The sine of each element.", Sin.self, graft_c64_sin, graft_c128_sin),
    analytic("Cos", "The cosine of each element.", Cos.self, graft_c64_cos, graft_c128_cos),
    analytic("Tan", "The tangent of each element.", Tan.self, graft_c64_tan, graft_c128_tan),
    analytic("Asin", "The angle whose sine is each element.", Asin.self, graft_c64_asin, graft_c128_asin),
    analytic("Acos", "The angle whose cosine is each element.", Acos.self, graft_c64_acos, graft_c128_acos),
    analytic("Atan", "The angle whose tangent is each element.", Atan.self, graft_c64_atan, graft_c128_atan),
    analytic("Sinh", "The hyperbolic sine of each element.", Sinh.self, graft_c64_sinh, graft_c128_sinh),
    analytic("Cosh", "The hyperbolic cosine of each element.", Cosh.self, graft_c64_cosh, graft_c128_cosh),
    analytic("Tanh", "The hyperbolic tangent of each element.", Tanh.self, graft_c64_tanh, graft_c128_tanh),
    analytic(
      "Asinh", "The number whose hyperbolic sine is each element.", Asinh.self, graft_c64_asinh,
      graft_c128_asinh),
    analytic(
      "Acosh", "The number whose hyperbolic cosine is each element.", Acosh.self, graft_c64_acosh,
      graft_c128_acosh),
    analytic(
      "Atanh", "The number whose hyperbolic tangent is each element.", Atanh.self, graft_c64_atanh,
      graft_c128_atanh),
  ]

  enum Sin: FloatUnary {
    static func apply(_ x: Float) -> Float { sinf(x) }
    static func apply(_ x: Double) -> Double { sin(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_sin }
  }

  enum Cos: FloatUnary {
    static func apply(_ x: Float) -> Float { cosf(x) }
    static func apply(_ x: Double) -> Double { cos(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_cos }
  }

  enum Tan: FloatUnary {
    static func apply(_ x: Float) -> Float { tanf(x) }
    static func apply(_ x: Double) -> Double { tan(x) }
  }

  enum Asin: FloatUnary {
    static func apply(_ x: Float) -> Float { asinf(x) }
    static func apply(_ x: Double) -> Double { asin(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_asin }
  }

  enum Acos: FloatUnary {
    static func apply(_ x: Float) -> Float { acosf(x) }
    static func apply(_ x: Double) -> Double { acos(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_acos }
  }

  enum Atan: FloatUnary {
    static func apply(_ x: Float) -> Float { atanf(x) }
    static func apply(_ x: Double) -> Double { atan(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_atan }
  }

  enum Sinh: FloatUnary {
    static func apply(_ x: Float) -> Float { sinhf(x) }
    static func apply(_ x: Double) -> Double { sinh(x) }
  }

  enum Cosh: FloatUnary {
    static func apply(_ x: Float) -> Float { coshf(x) }
    static func apply(_ x: Double) -> Double { cosh(x) }
  }

  enum Tanh: FloatUnary {
    static func apply(_ x: Float) -> Float { tanhf(x) }
    static func apply(_ x: Double) -> Double { tanh(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_tanh }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_tanh }
  }

  enum Asinh: FloatUnary {
    static func apply(_ x: Float) -> Float { asinhf(x) }
    static func apply(_ x: Double) -> Double { asinh(x) }
  }

  enum Acosh: FloatUnary {
    static func apply(_ x: Float) -> Float { acoshf(x) }
    static func apply(_ x: Double) -> Double { acosh(x) }
  }

  enum Atanh: FloatUnary {
    static func apply(_ x: Float) -> Float { atanhf(x) }
    static func apply(_ x: Double) -> Double { atanh(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_atanh }
  }
}
