import CGraftVector
import Glibc
import GraftTensor

/// Complex numbers and their parts.
extension MathOps {
  static let complexParts: [OpDefinition] = [
    OpDefinition(
      "Complex", "Complex numbers from real and imaginary parts, with broadcasting.",
      types: ["T": [.float32, .float64], "Tout": .complexes], shape: ShapeRules.broadcast
    ) { setup in
      let target = try setup.outputType(0)
      let source = try setup.inputType(0)
      guard target == (source == .float32 ? .complex64 : .complex128) else {
        throw setup.invalid("Parts of \(source) make no numbers of \(target).")
      }
      return ElementwiseKernels.binary(
        source == .float32 ? Join<Float>.row(cost: 500) : Join<Double>.row(cost: 800), output: target)
    },
    part("Real", "The real part of each element.", RealPart<Float>.self, RealPart<Double>.self),
    part(
      "Imag", "The imaginary part of each element.", ImaginaryPart<Float>.self, ImaginaryPart<Double>.self),
    part("Angle", "The angle of each element, from -π to π.", SingleAngle.self, DoubleAngle.self),
    part("ComplexAbs", "The magnitude of each element.", SingleMagnitude.self, DoubleMagnitude.self),
    OpDefinition(
      "Conj", "Each element with the sign of its imaginary part changed.",
      types: ["T": .complexes + [.variant]],
      traits: [.inPlace], shape: ShapeRules.sameAsInput
    ) { setup in
      let dtype = try setup.inputType(0)
      switch dtype {
      case .complex64: return ElementwiseKernels.unary(Conjugate<Float>.row(cost: 500), output: dtype)
      case .complex128: return ElementwiseKernels.unary(Conjugate<Double>.row(cost: 800), output: dtype)
      default: return { try $0.setOutput(0, try $0.input(0)) }
      }
    },
  ]

  private static func part<Single: UnaryFunction, Wide: UnaryFunction>(
    _ name: String, _ summary: String, _ single: Single.Type, _ wide: Wide.Type
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": .complexes, "Tout": [.float32, .float64]], shape: ShapeRules.sameAsInput
    ) { setup in
      let source = try setup.inputType(0)
      let target = try setup.outputType(0)
      guard target == (source == .complex64 ? .float32 : .float64) else {
        throw setup.invalid("Numbers of \(source) have no parts of \(target).")
      }
      return ElementwiseKernels.unary(
        source == .complex64 ? single.row(cost: 2_000) : wide.row(cost: 3_000), output: target)
    }
  }

  private enum Join<Real: BinaryFloatingPoint & Sendable>: BinaryFunction {
    static func apply(_ a: Real, _ b: Real) -> Complex<Real> { Complex(a, b) }
  }

  private enum RealPart<Real: BinaryFloatingPoint & Sendable>: UnaryFunction {
    static func apply(_ x: Complex<Real>) -> Real { x.real }
  }

  private enum ImaginaryPart<Real: BinaryFloatingPoint & Sendable>: UnaryFunction {
    static func apply(_ x: Complex<Real>) -> Real { x.imaginary }
  }

  private enum Conjugate<Real: BinaryFloatingPoint & Sendable>: UnaryFunction {
    static func apply(_ x: Complex<Real>) -> Complex<Real> { Complex(x.real, -x.imaginary) }
  }

  private enum SingleAngle: UnaryFunction {
    static func apply(_ x: Complex64) -> Float { atan2f(x.imaginary, x.real) }
  }

  private enum DoubleAngle: UnaryFunction {
    static func apply(_ x: Complex128) -> Double { atan2(x.imaginary, x.real) }
  }

  private enum SingleMagnitude: UnaryFunction {
    /// Squares of float32 are exact in float64, and in its range. Beside infinity NaN does not count.
    static func apply(_ x: Complex64) -> Float {
      let (real, imaginary) = (Double(x.real), Double(x.imaginary))
      let magnitude = Float((real * real + imaginary * imaginary).squareRoot())
      return real.magnitude == .infinity || imaginary.magnitude == .infinity ? .infinity : magnitude
    }
  }

  private enum DoubleMagnitude: UnaryFunction {
    static func apply(_ x: Complex128) -> Double { hypot(x.real, x.imaginary) }
  }
}
