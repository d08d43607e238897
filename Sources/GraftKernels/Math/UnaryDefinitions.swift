import GraftTensor

extension MathOps {
  /// An op that computes each element from one, of the same dtype.
  static func unary(
    _ name: String, _ summary: String, types: [DataType], attribute: String = "T",
    row: @escaping @Sendable (DataType) -> UnaryRow?
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: [attribute: types], traits: [.inPlace], shape: ShapeRules.sameAsInput
    ) { setup in
      let dtype = try setup.inputType(0)
      guard let row = row(dtype) else { throw setup.unimplemented("\(name) has no kernel for \(dtype).") }
      return ElementwiseKernels.unary(row, output: dtype)
    }.elementwise { row($0).map { .unary($0) } }
  }

  /// A function of real numbers.
  static func floatUnary<F: FloatUnary>(_ name: String, _ summary: String, _ function: F.Type) -> OpDefinition
  {
    unary(name, summary, types: .floats) { UnaryRows.floats(function, $0) }
  }

  /// A function of real and of complex numbers.
  static func analytic<F: FloatUnary>(
    _ name: String, _ summary: String, _ function: F.Type, _ single: @escaping UnaryRows.FloatLoop,
    _ wide: @escaping UnaryRows.DoubleLoop
  ) -> OpDefinition {
    unary(name, summary, types: .floats + .complexes) {
      UnaryRows.floats(function, $0) ?? UnaryRows.complexes($0, single, wide)
    }
  }

  /// A function of one tensor that is true or false for each element.
  static func predicate<F: FloatPredicate>(
    _ name: String, _ summary: String, _ function: F.Type
  ) -> OpDefinition {
    OpDefinition(name, summary, types: ["T": .floats], shape: ShapeRules.sameAsInput) { setup in
      let dtype = try setup.inputType(0)
      guard let row = UnaryRows.predicate(function, dtype) else {
        throw setup.unimplemented("\(name) has no kernel for \(dtype).")
      }
      return ElementwiseKernels.unary(row, output: .bool)
    }
  }
}
