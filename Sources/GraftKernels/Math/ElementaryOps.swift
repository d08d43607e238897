import CGraftVector
import Glibc
import GraftTensor

/// Exponentials, logarithms, roots and the error function.
extension MathOps {
  static let elementary: [OpDefinition] = [
    analytic("Exp", "e to the power of each element.", Exp.self, graft_c64_exp, graft_c128_exp),
    analytic(
      "Expm1", "e to the power of each element, less one; exact near zero.", Expm1.self, graft_c64_expm1,
      graft_c128_expm1),
    analytic("Log", "The natural logarithm of each element.", Log.self, graft_c64_log, graft_c128_log),
    analytic(
      "Log1p", "The natural logarithm of one plus each element; exact near zero.", Log1p.self,
      graft_c64_log1p, graft_c128_log1p),
    analytic("Sqrt", "The square root of each element.", Sqrt.self, graft_c64_sqrt, graft_c128_sqrt),
    analytic(
      "Rsqrt", "One over the square root of each element.", Rsqrt.self, graft_c64_rsqrt, graft_c128_rsqrt),
    reciprocal("Reciprocal", "One over each element."),
    reciprocal("Inv", "One over each element: the older name of Reciprocal."),
    unary("Sigmoid", "1 / (1 + exp(-x)) for each element.", types: .floats + .complexes) {
      SteppedRows.short(Sigmoid.self, $0) ?? UnaryRows.floats(Sigmoid.self, $0)
        ?? UnaryRows.complexes($0, graft_c64_sigmoid, graft_c128_sigmoid)
    },
    floatUnary("Erf", "The error function of each element.", Erf.self),
    floatUnary("Erfc", "One less the error function of each element; exact where that is small.", Erfc.self),
  ]

  private static func reciprocal(_ name: String, _ summary: String) -> OpDefinition {
    unary(name, summary, types: .floats + .complexes) {
      UnaryRows.floats(Reciprocal.self, $0) ?? ComplexQuotients.reciprocals($0)
    }
  }

  enum Exp: FloatUnary {
    static func apply(_ x: Float) -> Float { expf(x) }
    static func apply(_ x: Double) -> Double { exp(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_exp }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_exp }
  }

  enum Expm1: FloatUnary {
    static func apply(_ x: Float) -> Float { expm1f(x) }
    static func apply(_ x: Double) -> Double { expm1(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_expm1 }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_expm1 }
  }

  enum Log: FloatUnary {
    static func apply(_ x: Float) -> Float { logf(x) }
    static func apply(_ x: Double) -> Double { log(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_log }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_log }
  }

  enum Log1p: FloatUnary {
    static func apply(_ x: Float) -> Float { log1pf(x) }
    static func apply(_ x: Double) -> Double { log1p(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_log1p }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_log1p }
  }

  enum Sqrt: FloatUnary {
    static func apply(_ x: Float) -> Float { x.squareRoot() }
    static func apply(_ x: Double) -> Double { x.squareRoot() }
    static var vector: UnaryRows.FloatLoop? { graft_f32_sqrt }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_sqrt }
  }

  enum Rsqrt: FloatUnary {
    static func apply(_ x: Float) -> Float { 1 / x.squareRoot() }
    static func apply(_ x: Double) -> Double { 1 / x.squareRoot() }
    static var vector: UnaryRows.FloatLoop? { graft_f32_rsqrt }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_rsqrt }
  }

  enum Reciprocal: FloatUnary {
    static func apply(_ x: Float) -> Float { 1 / x }
    static func apply(_ x: Double) -> Double { 1 / x }
    static var vector: UnaryRows.FloatLoop? { graft_f32_reciprocal }
  }

  enum Sigmoid: FloatUnary, SteppedUnary {
    static func apply(_ x: Float) -> Float { Float(apply(Double(x))) }
    static func apply(_ x: Double) -> Double {
      let e = exp(-abs(x))
      return (x < 0 ? e : 1) / (1 + e)
    }
    static func apply<T: FloatElement>(_ x: T) -> T {
      let e = T.exponential(x)
      return e.double == .infinity ? .one : T.divide(e, T.add(.one, e))
    }
    static var stepped: SteppedRows.Loops<UnaryRows.FloatLoop> {
      .init(half: graft_f32_half_sigmoid, bfloat16: graft_f32_bfloat16_sigmoid, cost: 400)
    }
    static var vector: UnaryRows.FloatLoop? { graft_f32_sigmoid }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_sigmoid }
  }

  enum Erf: FloatUnary {
    static func apply(_ x: Float) -> Float { erff(x) }
    // Where the square is infinite, TensorFlow's polynomial of it is no number.
    static func apply(_ x: Double) -> Double { (x * x).isFinite ? erf(x) : .nan }
    static var vector: UnaryRows.FloatLoop? { graft_f32_erf }
  }

  enum Erfc: FloatUnary {
    static func apply(_ x: Float) -> Float { erfcf(x) }
    static func apply(_ x: Double) -> Double { erfc(x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_erfc }
  }
}
