import GraftGraph
import GraftTensor

/// What is equal, and what comes before what.
extension MathOps {
  static let comparisons: [OpDefinition] = [
    equality(
      "Equal", "Element by element whether both are equal, with broadcasting. NaN equals nothing.", Equal.self
    ),
    equality(
      "NotEqual", "Element by element whether both differ, with broadcasting. NaN differs from all.",
      NotEqual.self),
    order("Less", "Element by element whether a < b, with broadcasting.", Less.self),
    order("LessEqual", "Element by element whether a ≤ b, with broadcasting.", LessEqual.self),
    order("Greater", "Element by element whether a > b, with broadcasting.", Greater.self),
    order("GreaterEqual", "Element by element whether a ≥ b, with broadcasting.", GreaterEqual.self),
    approximateEqual,
  ]

  private static func order<F: Comparison>(_ name: String, _ summary: String, _ function: F.Type)
    -> OpDefinition
  {
    OpDefinition(name, summary, types: ["T": .reals], shape: ShapeRules.broadcast) { setup in
      let dtype = try setup.inputType(0)
      guard let row = BinaryRows.comparison(function, dtype) else {
        throw setup.unimplemented("\(name) has no kernel for \(dtype).")
      }
      return ElementwiseKernels.binary(row, output: .bool)
    }.elementwise { BinaryRows.comparison(function, $0).map { .binary($0) } }
  }

  private static func equality<F: Comparison>(
    _ name: String, _ summary: String, _ function: F.Type
  ) -> OpDefinition {
    OpDefinition(
      name, summary + " Shapes that do not broadcast differ, where `incompatible_shape_error` is false.",
      types: ["T": .numbers + [.bool, .string, .qint8, .quint8, .qint16, .quint16, .qint32]],
      shape: { context in
        let (a, b) = (context.input(0), context.input(1))
        if case .bool(false)? = context.node.attributes["incompatible_shape_error"] {
          // Only shapes that are known to broadcast tell what comes out.
          guard let a = a.fullyDefined, let b = b.fullyDefined else { return [.unknown] }
          return [Broadcast.dimensions([a, b]).map { PartialShape($0) } ?? .scalar]
        }
        return [ShapeRules.broadcast(a, b)]
      },
      prepare: { setup in
        let dtype = try setup.inputType(0)
        let refuses =
          setup.has("incompatible_shape_error") ? try setup.bool("incompatible_shape_error") : true
        guard let row = equalityRow(function, dtype) else {
          throw setup.unimplemented("\(name) has no kernel for \(dtype).")
        }
        let kernel = ElementwiseKernels.binary(row, output: .bool)
        if refuses { return kernel }
        return { context in
          let shapes = [try context.input(0).shape, try context.input(1).shape]
          if Broadcast.dimensions(shapes) != nil { return try kernel(context) }
          let y = try context.allocate(0, .bool, .scalar)
          y.mutableBuffer(as: Bool.self).update(repeating: F.apply(1, 0))
        }
      }
    ).elementwise { equalityRow(function, $0).map { .binary($0) } }
  }

  private static func equalityRow<F: Comparison>(_ function: F.Type, _ dtype: DataType) -> BinaryRow? {
    switch dtype {
    case .complex64: EqualParts<F, Float>.row(cost: 800)
    case .complex128: EqualParts<F, Double>.row(cost: 1_200)
    case .bool: BinaryRows.comparison(function, .uint8)
    // Equality does not depend on the sign: fewer loops.
    case .uint8, .quint8: BinaryRows.comparison(function, .int8)
    case .uint16, .quint16: BinaryRows.comparison(function, .int16)
    case .uint32: BinaryRows.comparison(function, .int32)
    case .uint64: BinaryRows.comparison(function, .int64)
    default: BinaryRows.comparison(function, dtype)
    }
  }

  private enum EqualParts<F: Comparison, Real: BinaryFloatingPoint & Sendable>: BinaryFunction {
    static func apply(_ a: Complex<Real>, _ b: Complex<Real>) -> Bool { F.apply(a == b ? 0 : 1, 0) }
  }

  enum Equal: Comparison {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a == b }
  }

  enum NotEqual: Comparison {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a != b }
  }

  enum Less: Comparison {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a < b }
  }

  enum LessEqual: Comparison {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a <= b }
  }

  enum Greater: Comparison {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a > b }
  }

  enum GreaterEqual: Comparison {
    static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool { a >= b }
  }

  private static let approximateEqual = OpDefinition(
    "ApproximateEqual", "Whether |a - b| is below `tolerance`; both have the same shape.",
    types: ["T": [.float32, .float64]], shape: ShapeRules.sameAsInput
  ) { setup in
    let dtype = try setup.inputType(0)
    let tolerance = try setup.float("tolerance")
    return { context in
      let (a, b) = (try context.input(0), try context.input(1))
      guard a.shape == b.shape else {
        throw GraftError(
          .invalidArgument, "Both inputs must have the same shape, and have \(a.shape) and \(b.shape).",
          remedy: "This op does not broadcast.")
      }
      let y = try context.allocate(0, .bool, a.shape).mutableBuffer(as: Bool.self)
      func run<T: BinaryFloatingPoint>(_ type: T.Type) {
        let (a, b) = (a.buffer(as: T.self), b.buffer(as: T.self))
        for i in a.indices { y[i] = (a[i] - b[i]).magnitude < T(tolerance) }
      }
      if dtype == .float32 { run(Float.self) } else { run(Double.self) }
    }
  }
}
