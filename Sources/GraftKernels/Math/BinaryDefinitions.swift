import GraftTensor

extension MathOps {
  /// An op that computes each element from two, all of the same dtype, with broadcasting.
  static func binary(
    _ name: String, _ summary: String, types: [DataType],
    check: (@Sendable (Tensor, Tensor) throws -> Void)? = nil,
    row: @escaping @Sendable (DataType) -> BinaryRow?
  ) -> OpDefinition {
    OpDefinition(name, summary, types: ["T": types], traits: [.inPlace], shape: ShapeRules.broadcast) {
      setup in
      let dtype = try setup.inputType(0)
      guard let row = row(dtype) else { throw setup.unimplemented("\(name) has no kernel for \(dtype).") }
      return ElementwiseKernels.binary(row, output: dtype, check: dtype.isInteger ? check : nil)
    }.elementwise { dtype in
      // What may be refused for its values is a step of its own.
      check != nil && dtype.isInteger ? nil : row(dtype).map { .binary($0) }
    }
  }

  /// A function of two real numbers.
  static func floatBinary<F: FloatBinary>(_ name: String, _ summary: String, _ function: F.Type)
    -> OpDefinition
  {
    binary(name, summary, types: .floats) { BinaryRows.floats(function, $0) }
  }

  /// A function of two real or complex numbers.
  static func floatBinary<F: FloatBinary & ComplexBinary>(
    complex name: String, _ summary: String, _ function: F.Type
  ) -> OpDefinition {
    binary(name, summary, types: .floats + .complexes) {
      BinaryRows.floats(function, $0) ?? BinaryRows.complexes(function, $0)
    }
  }

  /// Refuses integer divisors of zero.
  @Sendable
  static func checkDivisor(_ a: Tensor, _ b: Tensor) throws {
    func holdsZero<T: IntegerElement>(_ type: T.Type) -> Bool {
      // Nearly always there is none, and all are looked at without a branch for each.
      var found = false
      for value in b.buffer(as: T.self) where value == 0 { found = true }
      return found
    }
    let found =
      switch b.dtype.size {
      case 1: holdsZero(Int8.self)
      case 2: holdsZero(Int16.self)
      case 4: holdsZero(Int32.self)
      default: holdsZero(Int64.self)
      }
    guard !found else {
      throw GraftError(
        .invalidArgument, "Integer division by zero.", at: .init(input: 1),
        remedy: "Integers have no value for it; cast to floats, or keep zeros out of the divisor.")
    }
  }

  /// Refuses negative integer exponents.
  @Sendable
  static func checkExponent(_ a: Tensor, _ b: Tensor) throws {
    func holdsNegative<T: IntegerElement>(_ type: T.Type) -> Bool { b.buffer(as: T.self).contains { $0 < 0 } }
    let found =
      switch b.dtype {
      case .int8: holdsNegative(Int8.self)
      case .int16: holdsNegative(Int16.self)
      case .int32: holdsNegative(Int32.self)
      case .int64: holdsNegative(Int64.self)
      default: false
      }
    guard !found else {
      throw GraftError(
        .invalidArgument, "Integers to negative integer powers are not allowed.", at: .init(input: 1),
        remedy: "Cast both to floats first.")
    }
  }
}
