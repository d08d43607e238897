import CGraftVector
import GraftTensor

/// What is applied to a product or convolution while it is written: the ops that a planner fuses into it.
package struct Finish: Sendable {
  /// One element for each column or channel.
  var bias: Tensor?
  /// As many elements as the result.
  var addend: Tensor?
  var activation = Activation.none
  /// The slopes of `PRelu` below zero, one for each column or channel; nil for other activations.
  var slopes: Tensor?

  /// Nothing is applied.
  static let none = Finish()

  /// Whether there is anything to apply.
  var isEmpty: Bool { bias == nil && addend == nil && activation == .none }

  /// The same for a result that is computed in float32 and rounded to half or bfloat16 then.
  func widened(_ context: KernelContext) throws -> Finish {
    Finish(
      bias: try bias.map { try FloatConversion.widen($0, context) },
      addend: try addend.map { try FloatConversion.widen($0, context) }, activation: activation,
      slopes: try slopes.map { try FloatConversion.widen($0, context) })
  }

  /// The same for C, for a result of the given width whose addend has as many columns.
  ///
  /// Addresses hold as long as the tensors do; inside of a kernel the run holds them.
  func vector(columns: Int) -> graft_finish {
    graft_finish(
      bias: bias.map { UnsafeRawPointer($0.base) }, addend: addend.map { UnsafeRawPointer($0.base) },
      addend_row: columns, activation: activation.kind, alpha: Double(activation.alpha),
      slopes: slopes.map { UnsafeRawPointer($0.base) })
  }
}

extension graft_finish {
  /// The same for the part of the result that begins at a row and a column.
  func from<T>(row: Int, column: Int, of type: T.Type) -> graft_finish {
    var part = self
    let size = MemoryLayout<T>.stride
    part.bias = bias.map { $0 + column * size }
    part.slopes = slopes.map { $0 + column * size }
    part.addend = addend.map { $0 + (row * addend_row + column) * size }
    return part
  }
}

/// An activation function that a product or convolution can end with.
package struct Activation: Sendable, Equatable {
  let kind: graft_activation
  /// The slope of `LeakyRelu` below zero.
  let alpha: Float

  static let none = Activation(kind: GRAFT_ACTIVATION_NONE, alpha: 0)

  private static let kinds: [String: graft_activation] = [
    "Relu": GRAFT_ACTIVATION_RELU, "Relu6": GRAFT_ACTIVATION_RELU6, "Elu": GRAFT_ACTIVATION_ELU,
    "LeakyRelu": GRAFT_ACTIVATION_LEAKY_RELU, "PRelu": GRAFT_ACTIVATION_PRELU, "Tanh": GRAFT_ACTIVATION_TANH,
    "Sigmoid": GRAFT_ACTIVATION_SIGMOID, "Swish": GRAFT_ACTIVATION_SWISH,
    "HardSwish": GRAFT_ACTIVATION_HARD_SWISH, "Mish": GRAFT_ACTIVATION_MISH,
    "GeluExact": GRAFT_ACTIVATION_GELU, "GeluApproximate": GRAFT_ACTIVATION_GELU_TANH,
  ]

  /// The names in `fused_ops` that are activations.
  package static let names: Set<String> = Set(kinds.keys)

  private init(kind: graft_activation, alpha: Float) {
    self.kind = kind
    self.alpha = alpha
  }

  /// Whether it reads a slope for each column or channel.
  var hasSlopes: Bool { kind == GRAFT_ACTIVATION_PRELU }

  /// The function of the given name, as in `fused_ops`; nil for one that cannot be fused.
  init?(named name: String, alpha: Float) {
    guard let kind = Self.kinds[name] else { return nil }
    self.init(kind: kind, alpha: alpha)
  }
}

/// The ops fused into a product or convolution, as its attributes name them: `Scale`, `BiasAdd`, `Add`, then
/// one activation, each where it is used, in this order. All but activations other than `PRelu` read an input.
package struct FusedOps: Sendable {
  /// Whether the filter's output channels are multiplied by a vector first.
  let hasScale: Bool
  let hasBias: Bool
  let hasAddend: Bool
  let activation: Activation
  /// The `epsilon` of a `FusedBatchNorm` that stands in place of bias and addend; nil where there is none.
  let normalization: Double?

  /// Nothing is fused.
  static let none = FusedOps(
    hasScale: false, hasBias: false, hasAddend: false, activation: .none, normalization: nil)

  private init(
    hasScale: Bool, hasBias: Bool, hasAddend: Bool, activation: Activation, normalization: Double?
  ) {
    self.hasScale = hasScale
    self.hasBias = hasBias
    self.hasAddend = hasAddend
    self.activation = activation
    self.normalization = normalization
  }

  /// Reads `fused_ops` and `leakyrelu_alpha`.
  ///
  /// - Parameters:
  ///   - normalizes: whether the op can be followed by a `FusedBatchNorm`.
  ///   - prefix: what the attributes' names begin with, where a node is made of several.
  init(_ node: NodeSetup, normalizes: Bool = false, prefix: String = "") throws {
    let given = try node.strings(prefix + "fused_ops").map(\.string)
    var names = given[...]
    let alpha =
      node.has(prefix + "leakyrelu_alpha") ? try node.float(prefix + "leakyrelu_alpha") : 0.2
    func take(_ name: String) -> Bool {
      guard names.first == name else { return false }
      names.removeFirst()
      return true
    }
    let normalization = normalizes && take("FusedBatchNorm") ? Double(try node.float("epsilon")) : nil
    let hasScale = normalization == nil && take("Scale")
    let hasBias = normalization == nil && take("BiasAdd")
    let hasAddend = normalization == nil && take("Add")
    var activation = Activation.none
    if let name = names.first, let found = Activation(named: name, alpha: alpha),
      !(found.hasSlopes && normalization != nil)
    {
      activation = found
      names.removeFirst()
    }
    guard names.isEmpty else {
      throw node.unimplemented(
        "The ops \(given) cannot be fused in this order.")
    }
    self.init(
      hasScale: hasScale, hasBias: hasBias, hasAddend: hasAddend, activation: activation,
      normalization: normalization)
  }

  /// The same, for an op that has no scale.
  func withoutScale(_ node: NodeSetup) throws -> FusedOps {
    guard !hasScale else { throw node.unimplemented("\(node.op) has no kernel that scales its weights.") }
    return self
  }

  /// How many inputs follow the two of the op itself.
  var inputCount: Int {
    normalization != nil ? 4 : [hasScale, hasBias, hasAddend, activation.hasSlopes].count { $0 }
  }

  /// What to apply to a result of the given shape, with the inputs that follow the op's own two.
  ///
  /// - Throws: `GraftError` when bias or addend do not fit.
  func finish(_ context: KernelContext, shape: Shape, channels: Int, dtype: DataType) throws -> Finish {
    try context.requireInputs(2 + inputCount)
    return try finish(context, from: 2, shape: shape, channels: channels, dtype: dtype)
  }

  /// The same with the inputs from a position on.
  func finish(
    _ context: KernelContext, from first: Int, shape: Shape, channels: Int, dtype: DataType
  ) throws -> Finish {
    var finish = Finish(activation: activation)
    // What is added to no halves may have any shape.
    let isChecked = dtype == .float32 || dtype == .float64 || shape.elementCount > 0
    guard normalization == nil, isChecked else { return finish }
    var next = hasScale ? first + 1 : first
    if hasBias {
      finish.bias = try Self.vector(context, next, "bias", channels, dtype)
      next += 1
    }
    if hasAddend {
      let addend = try context.input(next)
      guard addend.shape == shape, addend.dtype == dtype else {
        throw GraftError(
          .invalidArgument, "An addend of shape \(addend.shape) was found where \(shape) is expected.",
          at: .init(input: next))
      }
      finish.addend = addend
      next += 1
    }
    if activation.hasSlopes {
      finish.slopes = try Self.vector(context, next, "slope", channels, dtype)
    }
    return finish
  }

  /// What the filter's output channels are multiplied by; nil where they stay.
  func scale(
    _ context: KernelContext, from first: Int = 2, channels: Int, dtype: DataType
  ) throws -> Tensor? {
    hasScale ? try Self.vector(context, first, "scale", channels, dtype) : nil
  }

  private static func vector(
    _ context: KernelContext, _ index: Int, _ name: String, _ channels: Int, _ dtype: DataType
  ) throws -> Tensor {
    let vector = try context.input(index)
    guard vector.rank == 1, vector.elementCount == channels, vector.dtype == dtype else {
      throw GraftError(
        .invalidArgument, "A \(name) of shape \(vector.shape) was found where [\(channels)] is expected.",
        at: .init(input: index))
    }
    return vector
  }
}
