import CGraftVector
import Glibc
import GraftTensor

/// Functions of mathematics beyond the elementary ones.
extension MathOps {
  static let special: [OpDefinition] = [
    special("Lgamma", "The logarithm of the magnitude of the gamma function.", Lgamma.self, half: true),
    special("Digamma", "The derivative of Lgamma; NaN at its poles.", Digamma.self, half: true),
    special("Ndtri", "The inverse of the normal distribution's cumulative function.", Ndtri.self),
    special("Erfinv", "The inverse of the error function.", Erfinv.self),
    special("Dawsn", "Dawson's integral.", Dawsn.self),
    special("Expint", "The exponential integral Ei.", Expint.self),
    special("FresnelCos", "Fresnel's integral of cos(π t² / 2).", FresnelCos.self),
    special("FresnelSin", "Fresnel's integral of sin(π t² / 2).", FresnelSin.self),
    special("Spence", "Spence's function, the dilogarithm of 1 - x.", Spence.self),
    special(
      "BesselI0", "The modified Bessel function of the first kind, order 0.", BesselI0.self, half: true),
    special(
      "BesselI1", "The modified Bessel function of the first kind, order 1.", BesselI1.self, half: true),
    special("BesselI0e", "BesselI0 times exp(-|x|).", BesselI0e.self, half: true),
    special("BesselI1e", "BesselI1 times exp(-|x|).", BesselI1e.self, half: true),
    special("BesselJ0", "The Bessel function of the first kind, order 0.", BesselJ0.self, half: true),
    special("BesselJ1", "The Bessel function of the first kind, order 1.", BesselJ1.self, half: true),
    special(
      "BesselK0", "The modified Bessel function of the second kind, order 0.", BesselK0.self, half: true),
    special(
      "BesselK1", "The modified Bessel function of the second kind, order 1.", BesselK1.self, half: true),
    special("BesselK0e", "BesselK0 times exp(x).", BesselK0e.self, half: true),
    special("BesselK1e", "BesselK1 times exp(x).", BesselK1e.self, half: true),
    special("BesselY0", "The Bessel function of the second kind, order 0.", BesselY0.self, half: true),
    special("BesselY1", "The Bessel function of the second kind, order 1.", BesselY1.self, half: true),
    special("Igamma", "The regularized lower incomplete gamma function P(a, x).", Igamma.self),
    special("Igammac", "The regularized upper incomplete gamma function Q(a, x).", Igammac.self),
    special("IgammaGradA", "The derivative of Igamma by a.", IgammaGradA.self),
    special(
      "RandomGammaGrad", "How a sample of the gamma distribution changes with its parameter alpha.",
      RandomGammaGrad.self),
    special("Zeta", "The Hurwitz zeta function of x and q.", Zeta.self),
    special("Polygamma", "The derivative of order a of Digamma at x.", Polygamma.self),
    special("NextAfter", "The number next to x1 in the direction of x2.", NextAfter.self),
    betainc,
  ]

  private static func special<F: FloatUnary>(
    _ name: String, _ summary: String, _ function: F.Type, half: Bool = false
  ) -> OpDefinition {
    unary(name, summary, types: (half ? [.float16] : []) + [.float32, .float64]) {
      UnaryRows.floats(function, $0)
    }
  }

  private static func special<F: FloatBinary>(
    _ name: String, _ summary: String, _ function: F.Type
  ) -> OpDefinition {
    binary(name, summary, types: [.float32, .float64]) {
      BinaryRows.floats(function, $0)
    }
  }

  private static let betainc = OpDefinition(
    "Betainc",
    "The regularized incomplete beta function of a, b and x, which have the same shape or are scalars.",
    types: ["T": [.float32, .float64]],
    shape: { context in
      var shape = PartialShape.scalar
      for input in context.inputs where input.rank != 0 {
        guard shape.rank != 0 else {
          shape = input
          continue
        }
        shape = shape.merged(with: input) ?? .unknown
      }
      return [shape]
    },
    prepare: { setup in
      let dtype = try setup.inputType(0)
      return { context in
        let inputs = try context.inputs()
        let shape = inputs.first { $0.rank > 0 }?.shape ?? .scalar
        for (index, input) in inputs.enumerated() where input.rank > 0 && input.shape != shape {
          throw GraftError(
            .invalidArgument, "The inputs' shapes are inconsistent: \(shape) and \(input.shape).",
            at: .init(input: index), remedy: "Give tensors of one shape, or scalars.")
        }
        let y = try context.allocate(0, dtype, shape)
        func run<T: BinaryFloatingPoint>(_ type: T.Type, _ narrow: (Double) -> T, _ wide: (T) -> Double) {
          let (a, b, x) = (
            inputs[0].buffer(as: T.self), inputs[1].buffer(as: T.self), inputs[2].buffer(as: T.self)
          )
          func element(_ buffer: UnsafeBufferPointer<T>, _ tensor: Tensor, _ index: Int) -> Double {
            wide(buffer[tensor.rank == 0 ? 0 : index])
          }
          let target = y.mutableBuffer(as: T.self)
          for i in target.indices {
            target[i] = narrow(
              SpecialFunctions.incompleteBeta(
                element(a, inputs[0], i), element(b, inputs[1], i), element(x, inputs[2], i)))
          }
        }
        if dtype == .float32 {
          run(Float.self, { Float($0) }, { Double($0) })
        } else {
          run(Double.self, { $0 }, { $0 })
        }
      }
    })
}

/// A function that is computed in double precision.
private protocol WideUnary: FloatUnary {}

extension WideUnary {
  static func apply(_ x: Float) -> Float { Float(apply(Double(x))) }
  static var cost: Int { 100_000 }
}

/// A function of two numbers that is computed in double precision.
private protocol WideBinary: FloatBinary {}

extension WideBinary {
  static func apply(_ a: Float, _ b: Float) -> Float { Float(apply(Double(a), Double(b))) }
  static var cost: Int { 200_000 }
}

private enum Lgamma: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.logGamma(x) }
  static var vector: UnaryRows.FloatLoop? { graft_f32_lgamma }
  static var cost: Int { 10_000 }
}

private enum Digamma: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.digamma(x) }
  static var vector: UnaryRows.FloatLoop? { graft_f32_digamma }
  static var cost: Int { 6_000 }
}

private enum Ndtri: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.normalQuantile(x) }
  static var vector: UnaryRows.FloatLoop? { graft_f32_ndtri }
  static var cost: Int { 4_000 }
}

private enum Erfinv: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.inverseErrorFunction(x) }
  static var vector: UnaryRows.FloatLoop? { graft_f32_erfinv }
  static var cost: Int { 3_000 }
}

private enum Dawsn: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.dawson(x) }
}

private enum Expint: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.exponentialIntegral(x) }
}

private enum FresnelCos: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.fresnel(x).cosine }
}

private enum FresnelSin: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.fresnel(x).sine }
}

private enum Spence: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.spence(x) }
}

private enum BesselI0: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.besselI(0, x) }
}

private enum BesselI1: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.besselI(1, x) }
}

private enum BesselI0e: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.scaledBesselI(0, x) }
}

private enum BesselI1e: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.scaledBesselI(1, x) }
}

private enum BesselJ0: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.besselJ(0, x) }
}

private enum BesselJ1: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.besselJ(1, x) }
}

private enum BesselK0: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.besselK(0, x) }
}

private enum BesselK1: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.besselK(1, x) }
}

private enum BesselK0e: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.scaledBesselK(0, x) }
}

private enum BesselK1e: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.scaledBesselK(1, x) }
}

private enum BesselY0: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.besselY(0, x) }
}

private enum BesselY1: WideUnary {
  static func apply(_ x: Double) -> Double { SpecialFunctions.besselY(1, x) }
  // At zero TensorFlow subtracts infinities in single precision.
  static func apply(_ x: Float) -> Float { x == 0 ? .nan : Float(apply(Double(x))) }
}

private enum Igamma: WideBinary {
  static func apply(_ a: Double, _ b: Double) -> Double { SpecialFunctions.lowerGamma(a, b) }
  static var vector: BinaryRows.FloatLoops? { IncompleteGammaRows.lower }
  static var cost: Int { 40_000 }
}

private enum Igammac: WideBinary {
  static func apply(_ a: Double, _ b: Double) -> Double { SpecialFunctions.upperGamma(a, b) }
  static func apply(_ a: Float, _ b: Float) -> Float { IncompleteGammaRows.upper(a, b) }
}

private enum IgammaGradA: WideBinary {
  static func apply(_ a: Double, _ b: Double) -> Double { SpecialFunctions.lowerGammaDerivative(a, b) }
}

private enum RandomGammaGrad: WideBinary {
  static func apply(_ a: Double, _ b: Double) -> Double { SpecialFunctions.gammaSampleDerivative(a, b) }
}

private enum Zeta: WideBinary {
  static func apply(_ a: Double, _ b: Double) -> Double { SpecialFunctions.zeta(a, b) }
}

private enum Polygamma: WideBinary {
  static func apply(_ a: Double, _ b: Double) -> Double { SpecialFunctions.polygamma(a, b) }
}

private enum NextAfter: FloatBinary {
  static func apply(_ a: Float, _ b: Float) -> Float { nextafterf(a, b) }
  static func apply(_ a: Double, _ b: Double) -> Double { nextafter(a, b) }
}
