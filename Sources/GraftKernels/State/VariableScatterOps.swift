import GraftTensor

/// Ops that change rows and slices of variables where indices say.
///
/// Indices are checked before anything is written, so that a bad one leaves the variable as it was.
enum VariableScatterOps {
  static let all: [OpDefinition] =
    rows("Update", "replaced by", .anything, .update)
    + rows("Add", "increased by", .numbers, .add) + rows("Sub", "reduced by", .numbers, .subtract)
    + rows("Mul", "multiplied by", .numbers, .multiply) + rows("Div", "divided by", .numbers, .divide)
    + rows("Min", "that are no more than", .reals, .minimum)
    + rows("Max", "that are no less than", .reals, .maximum)
    + slices("Update", "replaced by", .values, .update)
    + slices("Add", "increased by", .plainValues, .add)
    + slices("Sub", "reduced by", .plainValues, .subtract)
    + slices("Min", "that are no more than", .reals, .minimum)
    + slices("Max", "that are no less than", .reals, .maximum)

  /// `Scatter…` for references and `ResourceScatter…` for handles.
  private static func rows(
    _ name: String, _ what: String, _ types: [DataType], _ operation: ScatterOperation
  ) -> [OpDefinition] {
    [("Scatter", "T"), ("ResourceScatter", "dtype")].map { prefix, attribute in
      OpDefinition(
        prefix + name, "The variable gets the rows that the indices name \(what) the updates.",
        types: [attribute: types, "Tindices": .indices], traits: [.stateful, .keepsInputs],
        shape: ShapeRules.reference,
        prepare: { _ in { try scatterRows($0, operation, ofReference: prefix == "Scatter") } })
    }
  }

  private static func scatterRows(
    _ context: KernelContext, _ operation: ScatterOperation, ofReference isReference: Bool
  ) throws {
    let indices = try context.input(1)
    let updates = try context.input(2)
    try context.change { variable in
      guard updates.dtype == variable.dtype else {
        throw ArrayArguments.invalid(
          "The variable holds \(variable.dtype), and the updates are \(updates.dtype).", input: 2)
      }
      guard variable.rank > 0 else {
        throw ArrayArguments.invalid("A variable with rows is expected, and this one is a scalar.", input: 0)
      }
      guard isReference || indices.elementCount > 0 else { return }
      let row = Shape(Array(variable.shape.dimensions.dropFirst()))
      let expected = indices.shape.dimensions + row.dimensions
      guard updates.rank == 0 || updates.shape.dimensions == expected else {
        throw ArrayArguments.invalid(
          "The updates' shape is \(updates.shape), and indices of shape \(indices.shape) into a variable of "
            + "shape \(variable.shape) want \(Shape(expected)) or a scalar.", input: 2)
      }
      guard indices.elementCount > 0 else { return }
      let numbers = try RowNumbers.checked(indices, count: variable.shape[0], input: 1, context)
      // Real numbers of a reference may be divided by zero.
      if operation == .divide, !isReference || ![DataType].floats.contains(updates.dtype) {
        try checkDivisor(updates)
      }
      guard row.elementCount > 0 else { return }
      var source = updates
      if updates.rank == 0, row.elementCount > 1 {
        source = try context.scratch(updates.dtype, row)
        try StridedCopy(
          sizes: [row.elementCount], sourceSteps: [0], targetSteps: [1]
        ).run(from: updates, to: source, startingAt: 0, context.workers)
      }
      try RowScatter.apply(operation, source, rows: numbers, to: variable, length: row.elementCount)
    }
  }

  /// No zero may be among the updates, of which there are two kinds for floats.
  private static func checkDivisor(_ updates: Tensor) throws {
    let size = updates.dtype.size
    let isFloat = [DataType].floats.contains(updates.dtype)
    let bytes = updates.reinterpreted(as: .uint8).base.assumingMemoryBound(to: UInt8.self)
    for element in 0..<updates.elementCount {
      let isOther = (0..<size).contains { place in
        let byte = bytes[element * size + place]
        return (isFloat && place == size - 1 ? byte & 0x7F : byte) != 0
      }
      guard isOther else {
        throw ArrayArguments.invalid("The updates contain 0, and the variable is divided by them.", input: 2)
      }
    }
  }

  /// `ScatterNd…` for references and `ResourceScatterNd…` for handles.
  private static func slices(
    _ name: String, _ what: String, _ types: [DataType], _ operation: ScatterOperation
  ) -> [OpDefinition] {
    ["ScatterNd", "ResourceScatterNd"].map { prefix in
      OpDefinition(
        prefix + name, "The variable gets the slices that the indices name \(what) the updates.",
        types: ["T": types, "Tindices": .indices], traits: [.stateful, .keepsInputs],
        shape: ShapeRules.reference,
        prepare: { setup in
          let ignoresBad = try IndexPolicy.ignoresBad(setup)
          return { context in
            let indices = try context.input(1)
            let updates = try context.input(2)
            try context.change { variable in
              guard updates.dtype == variable.dtype else {
                throw ArrayArguments.invalid(
                  "The variable holds \(variable.dtype), and the updates are \(updates.dtype).", input: 2)
              }
              let plan = try ScatterPlan(
                indices: indices, updates: updates, shape: variable.shape, inputs: (1, 2),
                ignoresBad: ignoresBad, context)
              guard updates.elementCount > 0 else { return }
              try RowScatter.apply(operation, updates, rows: plan.rows, to: variable, length: plan.length)
            }
          }
        })
    }
  }
}

extension KernelContext {
  /// Changes the value of the variable that the first input refers to, and passes a reference on.
  func change(_ body: (Tensor) throws -> Void) throws {
    try resource(0, as: Variable.self).update { try body($0) }
    try passReferenceOn()
  }

  /// Gives the first input as the output, where the op is one on references and has an output.
  func passReferenceOn() throws {
    if outputCount > 0 { try setOutput(0, try input(0)) }
  }
}

extension ShapeRules {
  /// The first input's shape where there is an output: ops on references have one, those on handles none.
  package static let reference: ShapeRule = { context in
    context.node.outputTypes.isEmpty ? [] : [context.input(0)]
  }
}
