import GraftTensor

/// Ops that put slices where indices say.
enum ScatterOps {
  static let all: [OpDefinition] = [
    scatterNd,
    tensorScatter(
      "TensorScatterUpdate", "The first input with slices replaced by the updates.", .values, .update),
    tensorScatter("TensorScatterAdd", "The first input with the updates added to slices.", .numbers, .add),
    tensorScatter(
      "TensorScatterSub", "The first input with the updates subtracted from slices.", .numbers, .subtract),
    tensorScatter(
      "TensorScatterMin", "The first input with slices that are no more than the updates.", .reals, .minimum),
    tensorScatter(
      "TensorScatterMax", "The first input with slices that are no less than the updates.", .reals, .maximum),
    tensorScatter(
      "ScatterNdNonAliasingAdd", "The first input with the updates added to slices.", .plainValues, .add),
  ]

  private static let scatterNd = OpDefinition(
    "ScatterNd", "Zeros of the given shape with the updates added to the slices that the indices name.",
    types: ["T": .values, "Tindices": .indices],
    shape: { context in
      if let sizes = context.ints(2) { return [PartialShape(sizes.map { $0 < 0 ? nil : $0 })] }
      return [context.input(2)[0].map { PartialShape.ofRank($0) } ?? .unknown]
    },
    prepare: { setup in
      let ignoresBad = try IndexPolicy.ignoresBad(setup)
      return { context in
        let indices = try context.input(0)
        let updates = try context.input(1)
        let shape = try Shape(validating: ArrayArguments.vector(context, 2, "shape"))
        try checkRanks(indices, updates, shape, input: 1)
        let plan = try ScatterPlan(
          indices: indices, updates: updates, shape: shape, inputs: (0, 1), ignoresBad: ignoresBad, context)
        let output = try context.allocate(0, updates.dtype, shape)
        output.clear()
        try RowScatter.apply(.add, updates, rows: plan.rows, to: output, length: plan.length)
      }
    })

  /// A vector of indices is one index here, though it counts as a column after that: TensorFlow takes what is both.
  private static func checkRanks(_ indices: Tensor, _ updates: Tensor, _ shape: Shape, input: Int) throws {
    guard indices.rank == 1, updates.rank != shape.rank - indices.elementCount else { return }
    throw ArrayArguments.invalid(
      "Indices of shape \(indices.shape) name one slice of a tensor of shape \(shape), and the updates' shape "
        + "is \(updates.shape).", input: input)
  }

  private static func tensorScatter(
    _ name: String, _ summary: String, _ types: [DataType], _ operation: ScatterOperation
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": types, "Tindices": .indices], shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let ignoresBad = try IndexPolicy.ignoresBad(setup)
        return { context in
          let input = try context.input(0)
          let indices = try context.input(1)
          let updates = try context.input(2)
          try checkRanks(indices, updates, input.shape, input: 2)
          let plan = try ScatterPlan(
            indices: indices, updates: updates, shape: input.shape, inputs: (1, 2), ignoresBad: ignoresBad,
            context)
          let output = try context.allocate(0, input.dtype, input.shape)
          output.initializeElements(from: input)
          try RowScatter.apply(operation, updates, rows: plan.rows, to: output, length: plan.length)
        }
      })
  }
}
