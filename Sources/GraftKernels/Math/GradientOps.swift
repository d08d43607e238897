import CGraftVector
import GraftTensor

/// What reaches the input of an elementwise function when a gradient reaches its output.
extension MathOps {
  static let gradients: [OpDefinition] = [
    ofFunction("SigmoidGrad", "dy · y · (1 - y), from what Sigmoid gave.", SigmoidGradient.self),
    ofFunction("TanhGrad", "dy · (1 - y²), from what Tanh gave.", TanhGradient.self),
    ofFunction("SqrtGrad", "dy / (2 y), from what Sqrt gave.", SqrtGradient.self),
    ofFunction("RsqrtGrad", "-dy · y³ / 2, from what Rsqrt gave.", RsqrtGradient.self),
    ofFunction("InvGrad", "-dy · y², from what Inv gave.", ReciprocalGradient.self),
    ofFunction("ReciprocalGrad", "-dy · y², from what Reciprocal gave.", ReciprocalGradient.self),
    ofActivation(
      "ReluGrad", "The gradient where the feature is positive, zero elsewhere.", types: .reals
    ) { SteppedRows.all(ReluGradient.self, $0) ?? BinaryRows.integers(ReluGradient.self, $0) },
    ofActivation(
      "Relu6Grad", "The gradient where the feature is between zero and six, zero elsewhere.", types: .reals
    ) { SteppedRows.all(Relu6Gradient.self, $0) ?? BinaryRows.integers(Relu6Gradient.self, $0) },
    ofActivation("EluGrad", "The gradient of Elu, from what Elu gave.", types: .floats) {
      SteppedRows.all(EluGradient.self, $0)
    },
    ofActivation("SeluGrad", "The gradient of Selu, from what Selu gave.", types: .floats) {
      SteppedRows.all(SeluGradient.self, $0)
    },
    ofActivation("SoftplusGrad", "gradient / (1 + exp(-feature)).", types: .floats) {
      SteppedRows.all(SoftplusGradient.self, $0)
    },
    ofActivation("SoftsignGrad", "gradient / (1 + |feature|)².", types: .floats) {
      SteppedRows.all(SoftsignGradient.self, $0)
    },
    leakyReluGradient,
  ]

  /// The two inputs have as many elements; the result has the first one's shape.
  private static func ofFunction<F: SteppedBinary & ComplexBinary>(
    _ name: String, _ summary: String, _ function: F.Type
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": .floats + .complexes], traits: [.inPlace], shape: ShapeRules.sameAsInput
    ) { setup in
      let dtype = try setup.inputType(0)
      guard let row = SteppedRows.all(function, dtype) ?? BinaryRows.complexes(function, dtype) else {
        throw setup.unimplemented("\(name) has no kernel for \(dtype).")
      }
      return { context in
        let (a, b) = (try context.input(0), try context.input(1))
        guard a.elementCount == b.elementCount else {
          throw GraftError(
            .invalidArgument,
            "Both inputs must have as many elements, and they have \(a.elementCount) and \(b.elementCount).")
        }
        let y = try context.allocate(0, dtype, a.shape)
        ElementwiseKernels.runPairs(row, a.base, b.base, y.base, a.elementCount, context.workers)
      }
    }
  }

  /// The two inputs, a gradient and a feature, have the same shape.
  private static func ofActivation(
    _ name: String, _ summary: String, types: [DataType], row: @escaping @Sendable (DataType) -> BinaryRow?
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": types], traits: [.inPlace],
      shape: { [$0.input(0).merged(with: $0.input(1)) ?? .unknown] },
      prepare: { setup in
        let dtype = try setup.inputType(0)
        guard let row = row(dtype) else { throw setup.unimplemented("\(name) has no kernel for \(dtype).") }
        return { try runActivation(row, dtype, $0) }
      })
  }

  private static func runActivation(_ row: BinaryRow, _ dtype: DataType, _ context: KernelContext) throws {
    let (gradient, feature) = (try context.input(0), try context.input(1))
    guard gradient.shape == feature.shape else {
      throw GraftError(
        .invalidArgument,
        "Both inputs must have the same shape, and have \(gradient.shape) and \(feature.shape).")
    }
    let y = try context.allocate(0, dtype, gradient.shape)
    ElementwiseKernels.runPairs(
      row, gradient.base, feature.base, y.base, gradient.elementCount, context.workers)
  }

  private static let leakyReluGradient = OpDefinition(
    "LeakyReluGrad", "The gradient where the feature is positive, times `alpha` elsewhere.",
    types: ["T": .floats], traits: [.inPlace],
    shape: { [$0.input(0).merged(with: $0.input(1)) ?? .unknown] },
    prepare: { setup in
      let dtype = try setup.inputType(0)
      let alpha = try setup.float("alpha")
      func row<T: FloatElement>(_ type: T.Type) -> BinaryRow {
        let factor = T(nearest: Double(alpha))
        let body: BinaryRow.Body = { gradients, features, y, count in
          let gradients = gradients.assumingMemoryBound(to: T.self)
          let features = features.assumingMemoryBound(to: T.self)
          let y = y.assumingMemoryBound(to: T.self)
          for i in 0..<count {
            y[i] = T.less(.zero, features[i]) ? gradients[i] : T.multiply(gradients[i], factor)
          }
        }
        return BinaryRow(
          pairs: body, left: body, right: body, inputSize: dtype.size, outputSize: dtype.size, cost: 1_000)
      }
      let loops =
        switch dtype {
        case .float32: row(Float.self)
        case .float64: row(Double.self)
        case .float16: row(Float16.self)
        default: row(BFloat16.self)
        }
      return { try runActivation(loops, dtype, $0) }
    })
}

// The steps, and so the roundings of 16-bit numbers, come in TensorFlow's order.

enum SigmoidGradient: SteppedBinary, ComplexBinary {
  static func apply<T: FloatElement>(_ y: T, _ dy: T) -> T {
    T.multiply(dy, T.multiply(y, T.subtract(.one, y)))
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_sigmoid_grad, bfloat16: graft_f32_bfloat16_sigmoid_grad)
  }
  static func apply(_ y: Complex64, _ dy: Complex64) -> Complex64 { of(y, dy) }
  static func apply(_ y: Complex128, _ dy: Complex128) -> Complex128 { of(y, dy) }
  private static func of<R: FloatElement>(_ y: Complex<R>, _ dy: Complex<R>) -> Complex<R> {
    .multiply(dy, .multiply(y, .subtract(.one, y)))
  }
}

enum TanhGradient: SteppedBinary, ComplexBinary {
  static func apply<T: FloatElement>(_ y: T, _ dy: T) -> T {
    T.multiply(dy, T.subtract(.one, T.multiply(y, y)))
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_tanh_grad, bfloat16: graft_f32_bfloat16_tanh_grad)
  }
  static func apply(_ y: Complex64, _ dy: Complex64) -> Complex64 { of(y, dy) }
  static func apply(_ y: Complex128, _ dy: Complex128) -> Complex128 { of(y, dy) }
  private static func of<R: FloatElement>(_ y: Complex<R>, _ dy: Complex<R>) -> Complex<R> {
    .multiply(dy, .subtract(.one, .multiply(y, y)))
  }
}

enum SqrtGradient: SteppedBinary, ComplexBinary {
  static func apply<T: FloatElement>(_ y: T, _ dy: T) -> T {
    dy == .zero ? .zero : T.multiply(dy, T.divide(T(nearest: 0.5), y))
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_sqrt_grad, bfloat16: graft_f32_bfloat16_sqrt_grad)
  }
  static func apply(_ y: Complex64, _ dy: Complex64) -> Complex64 {
    dy == .zero ? .zero : ComplexQuotients.grouped(.multiply(dy, .init(0.5)), y.conjugate)
  }
  static func apply(_ y: Complex128, _ dy: Complex128) -> Complex128 {
    dy == .zero ? .zero : ComplexQuotients.grouped(.multiply(dy, .init(0.5)), y.conjugate)
  }
}

enum RsqrtGradient: SteppedBinary, ComplexBinary {
  static func apply<T: FloatElement>(_ y: T, _ dy: T) -> T {
    T.multiply(T.multiply(dy, y), T.multiply(T(nearest: -0.5), T.multiply(y, y)))
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_rsqrt_grad, bfloat16: graft_f32_bfloat16_rsqrt_grad)
  }
  static func apply(_ y: Complex64, _ dy: Complex64) -> Complex64 { of(y, dy) }
  static func apply(_ y: Complex128, _ dy: Complex128) -> Complex128 { of(y, dy) }
  private static func of<R: FloatElement>(_ y: Complex<R>, _ dy: Complex<R>) -> Complex<R> {
    let y = y.conjugate
    return .multiply(.multiply(dy, .init(R(nearest: -0.5))), .multiply(y, .multiply(y, y)))
  }
}

enum ReciprocalGradient: SteppedBinary, ComplexBinary {
  static func apply<T: FloatElement>(_ y: T, _ dy: T) -> T {
    T.multiply(T.subtract(.zero, dy), T.multiply(y, y))
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_reciprocal_grad, bfloat16: graft_f32_bfloat16_reciprocal_grad)
  }
  static func apply(_ y: Complex64, _ dy: Complex64) -> Complex64 { of(y, dy) }
  static func apply(_ y: Complex128, _ dy: Complex128) -> Complex128 { of(y, dy) }
  private static func of<R: FloatElement>(_ y: Complex<R>, _ dy: Complex<R>) -> Complex<R> {
    .multiply(.subtract(.zero, dy), .multiply(y.conjugate, y.conjugate))
  }
}

extension Complex where Real: FloatElement {
  fileprivate var conjugate: Self { Self(real, -imaginary) }
}

enum ReluGradient: SteppedBinary, IntegerBinary {
  // A product, so that a gradient of NaN stays one.
  static func apply<T: FloatElement>(_ gradient: T, _ feature: T) -> T {
    T.multiply(gradient, T.less(.zero, feature) ? .one : .zero)
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_relu_grad, bfloat16: graft_f32_bfloat16_relu_grad)
  }
  static func apply<T: IntegerElement>(_ gradient: T, _ feature: T) -> T { feature > 0 ? gradient : 0 }
}

enum Relu6Gradient: SteppedBinary, IntegerBinary {
  static func apply<T: FloatElement>(_ gradient: T, _ feature: T) -> T {
    let isInside = T.less(.zero, feature) && T.less(feature, T(nearest: 6))
    return T.multiply(gradient, isInside ? .one : .zero)
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_relu6_grad, bfloat16: graft_f32_bfloat16_relu6_grad)
  }
  static func apply<T: IntegerElement>(_ gradient: T, _ feature: T) -> T {
    feature > 0 && feature < 6 ? gradient : 0
  }
}

enum EluGradient: SteppedBinary {
  static func apply<T: FloatElement>(_ gradient: T, _ output: T) -> T {
    T.less(output, .zero) ? T.multiply(T.add(output, .one), gradient) : gradient
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_elu_grad, bfloat16: graft_f32_bfloat16_elu_grad)
  }
}

enum SeluGradient: SteppedBinary {
  static func apply<T: FloatElement>(_ gradient: T, _ output: T) -> T {
    T.multiply(
      gradient,
      T.less(output, .zero)
        ? T.add(output, T(nearest: MathOps.Selu.scaledAlpha)) : T(nearest: MathOps.Selu.scale))
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_selu_grad, bfloat16: graft_f32_bfloat16_selu_grad)
  }
}

enum SoftplusGradient: SteppedBinary {
  static func apply<T: FloatElement>(_ gradient: T, _ feature: T) -> T {
    T.divide(gradient, T.add(T.exponential(T.subtract(.zero, feature)), .one))
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_softplus_grad, bfloat16: graft_f32_bfloat16_softplus_grad, cost: 500)
  }
}

enum SoftsignGradient: SteppedBinary {
  static func apply<T: FloatElement>(_ gradient: T, _ feature: T) -> T {
    let sum = T.add(.one, feature.magnitude)
    return T.divide(gradient, T.multiply(sum, sum))
  }
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> {
    .init(half: graft_f32_half_softsign_grad, bfloat16: graft_f32_bfloat16_softsign_grad)
  }
}
