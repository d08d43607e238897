import CGraftVector
import Glibc
import GraftTensor

/// What networks put behind their layers.
extension MathOps {
  static let activations: [OpDefinition] = [
    unary("Relu", "The larger of each element and zero; a NaN stays one.", types: .reals) {
      UnaryRows.floats(Relu.self, $0) ?? UnaryRows.integers(Relu.self, $0)
    },
    unary("Relu6", "Each element, but no less than zero and no more than six.", types: .reals) {
      UnaryRows.floats(Relu6.self, $0) ?? UnaryRows.integers(Relu6.self, $0)
    },
    unary("Elu", "Positive elements as they are, exp(x) - 1 for others.", types: .floats) {
      SteppedRows.short(Elu.self, $0) ?? UnaryRows.floats(Elu.self, $0)
    },
    unary(
      "Selu", "Elu, scaled so that means and variances stay: Klambauer et al., 2017.", types: .floats
    ) { SteppedRows.short(Selu.self, $0) ?? UnaryRows.floats(Selu.self, $0) },
    unary("Softplus", "log(1 + exp(x)) for each element.", types: .floats) {
      SteppedRows.short(Softplus.self, $0) ?? UnaryRows.floats(Softplus.self, $0)
    },
    unary("Softsign", "x / (1 + |x|) for each element.", types: .floats) {
      SteppedRows.short(Softsign.self, $0) ?? UnaryRows.floats(Softsign.self, $0)
    },
    leakyRelu,
  ]

  private static let leakyRelu = OpDefinition(
    "LeakyRelu", "Positive elements as they are, others times `alpha`.", types: ["T": .floats],
    traits: [.inPlace], shape: ShapeRules.sameAsInput
  ) { setup in
    let dtype = try setup.inputType(0)
    let alpha = try setup.float("alpha")
    func single(_ alpha: Float) -> UnaryRow {
      UnaryRow(
        body: { x, y, count in
          graft_f32_leaky_relu(
            x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self), count, alpha)
        }, inputSize: 4, outputSize: 4, cost: 200)
    }
    switch dtype {
    case .float32: return ElementwiseKernels.unary(single(alpha), output: dtype)
    case .float64:
      return ElementwiseKernels.unary(WideLeakyRelu(alpha: Double(alpha)).row(cost: 800), output: dtype)
    default:
      // The slope is of the elements' dtype.
      let rounded = dtype == .float16 ? Float(Float16(alpha)) : Float(BFloat16(alpha))
      guard let row = SixteenBits(dtype)?.row(single(rounded)) else {
        throw setup.unimplemented("LeakyRelu has no kernel for \(dtype).")
      }
      return ElementwiseKernels.unary(row, output: dtype)
    }
  }

  private struct WideLeakyRelu: ParameterizedUnaryFunction {
    let alpha: Double

    func apply(_ x: Double) -> Double {
      let scaled = x * alpha
      return (alpha < 1 ? x < scaled : x > scaled) ? scaled : x
    }
  }

  enum Relu: FloatUnary, IntegerUnary {
    static func apply(_ x: Float) -> Float { x <= 0 ? 0 : x }
    static func apply(_ x: Double) -> Double { x <= 0 ? 0 : x }
    static func apply<T: IntegerElement>(_ x: T) -> T { x < 0 ? 0 : x }
    static var vector: UnaryRows.FloatLoop? { graft_f32_relu }
    static var cost: Int { 200 }
  }

  enum Relu6: FloatUnary, IntegerUnary {
    static func apply(_ x: Float) -> Float { x <= 0 ? 0 : (x > 6 ? 6 : x) }
    static func apply(_ x: Double) -> Double { x <= 0 ? 0 : (x > 6 ? 6 : x) }
    static func apply<T: IntegerElement>(_ x: T) -> T { x < 0 ? 0 : (x > 6 ? 6 : x) }
    static var vector: UnaryRows.FloatLoop? { graft_f32_relu6 }
    static var cost: Int { 200 }
  }

  enum Elu: FloatUnary, SteppedUnary {
    static func apply(_ x: Float) -> Float { x < 0 ? expm1f(x) : x }
    static func apply(_ x: Double) -> Double { x < 0 ? expm1(x) : x }
    static func apply<T: FloatElement>(_ x: T) -> T {
      T.less(x, .zero) ? T.subtract(T.exponential(x), .one) : x
    }
    static var stepped: SteppedRows.Loops<UnaryRows.FloatLoop> {
      .init(half: graft_f32_half_elu, bfloat16: graft_f32_bfloat16_elu, cost: 400)
    }
    static var vector: UnaryRows.FloatLoop? { graft_f32_elu }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_elu }
  }

  enum Selu: FloatUnary, SteppedUnary {
    /// lambda, and lambda times alpha, of the paper.
    static let scale = 1.0507009873554804934193349852946
    static let scaledAlpha = 1.7580993408473768599402175208123

    static func apply(_ x: Float) -> Float { Float(apply(Double(x))) }
    static func apply(_ x: Double) -> Double { x < 0 ? scaledAlpha * expm1(x) : scale * x }
    static func apply<T: FloatElement>(_ x: T) -> T {
      T.less(x, .zero)
        ? T.multiply(T(nearest: scaledAlpha), T.subtract(T.exponential(x), .one))
        : T.multiply(T(nearest: scale), x)
    }
    static var stepped: SteppedRows.Loops<UnaryRows.FloatLoop> {
      .init(half: graft_f32_half_selu, bfloat16: graft_f32_bfloat16_selu, cost: 400)
    }
    static var vector: UnaryRows.FloatLoop? { graft_f32_selu }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_selu }
  }

  enum Softplus: FloatUnary, SteppedUnary {
    static func apply(_ x: Float) -> Float { Float(apply(Double(x))) }
    static func apply(_ x: Double) -> Double { (x > 0 ? x : 0) + log1p(exp(-abs(x))) }
    static func apply<T: FloatElement>(_ x: T) -> T {
      // Beyond the logarithm of what TensorFlow takes for the precision, plus two, one part vanishes.
      let precision = T.self == Float16.self ? 0x1p-13 : 0x1p-7
      let limit = T.add(T(nearest: log(precision)), T(nearest: 2))
      if T.less(T.subtract(.zero, limit), x) { return x }
      let e = T.exponential(x)
      return T.less(x, limit) ? e : T.logarithm1p(e)
    }
    static var stepped: SteppedRows.Loops<UnaryRows.FloatLoop> {
      .init(half: graft_f32_half_softplus, bfloat16: graft_f32_bfloat16_softplus, cost: 1300)
    }
    static var vector: UnaryRows.FloatLoop? { graft_f32_softplus }
    static var wideVector: UnaryRows.DoubleLoop? { graft_f64_softplus }
    static var cost: Int { 2_500 }
  }

  enum Softsign: FloatUnary, SteppedUnary {
    static func apply(_ x: Float) -> Float { x / (1 + x.magnitude) }
    static func apply(_ x: Double) -> Double { x / (1 + x.magnitude) }
    static func apply<T: FloatElement>(_ x: T) -> T { T.divide(x, T.add(.one, x.magnitude)) }
    static var stepped: SteppedRows.Loops<UnaryRows.FloatLoop> {
      .init(half: graft_f32_half_softsign, bfloat16: graft_f32_bfloat16_softsign)
    }
    static var vector: UnaryRows.FloatLoop? { graft_f32_softsign }
    static var cost: Int { 300 }
  }
}
