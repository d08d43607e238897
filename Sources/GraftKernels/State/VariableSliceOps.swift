import GraftTensor

/// Ops that read and write parts of variables, and count with them.
enum VariableSliceOps {
  static let all: [OpDefinition] =
    [gather, gatherNd] + ["StridedSliceAssign", "ResourceStridedSliceAssign"].map(assign)
    + ["CountUpTo", "ResourceCountUpTo"].map(countUpTo)

  private static let gather = OpDefinition(
    "ResourceGather",
    "The variable's entries along dimension `batch_dims` that the indices name; the dimensions before it are "
      + "walked together.",
    types: ["dtype": .anything + .commonQuantized, "Tindices": .indices], traits: [.stateful],
    shape: ShapeRules.unknown,
    prepare: { setup in
      let batch = try setup.int("batch_dims")
      let dtype = try setup.type("dtype")
      guard batch >= 0 else { throw setup.invalid("The attribute 'batch_dims' is negative: \(batch).") }
      return { context in
        let value = try context.variableValue(0, of: dtype)
        try GatherOps.pick(context, from: value, axis: batch, batchDimensions: batch)
      }
    })

  private static let gatherNd = OpDefinition(
    "ResourceGatherNd", "The slices of the variable that the last dimension of the indices names.",
    types: ["dtype": .anything, "Tindices": .indices], traits: [.stateful], shape: ShapeRules.unknown,
    prepare: { setup in
      let dtype = try setup.type("dtype")
      return { context in
        let value = try context.variableValue(0, of: dtype)
        try GatherOps.pickSlices(context, from: value, ignoresBad: false)
      }
    })

  private static func assign(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The variable gets `value`, broadcast, in place of the elements that StridedSlice would pick.",
      types: ["T": StridedSliceOps.types], traits: [.stateful, .keepsInputs], shape: ShapeRules.reference,
      prepare: { setup in
        let masks = try StridedSliceSpec.Masks(setup)
        return { context in
          let value = try context.input(4)
          try context.change { variable in
            guard value.dtype == variable.dtype else {
              throw ArrayArguments.invalid(
                "The variable holds \(variable.dtype), and \(value.dtype) is assigned.", input: 4)
            }
            let spec = try StridedSliceSpec(context, input: variable.shape, first: 1, masks: masks)
            try StridedSliceOps.assign(value, to: variable, spec, context.workers)
          }
        }
      })
  }

  private static func countUpTo(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The variable's value, which then becomes one more. An error once it has reached `limit`.",
      types: ["T": .indices], traits: [.stateful], shape: ShapeRules.scalar,
      prepare: { setup in
        let limit = try setup.int("limit")
        let dtype = try setup.type("T")
        return { context in
          var count = 0
          try context.resource(0, as: Variable.self).update { value in
            guard value.rank == 0, value.dtype == dtype else {
              throw ArrayArguments.invalid(
                "A scalar of \(dtype) can be counted up, and the variable is \(value.dtype)\(value.shape).",
                input: 0)
            }
            count = try value.integer()
            guard count < limit else {
              throw GraftError(.outOfRange, "The variable has reached the limit of \(limit).")
            }
            if dtype == .int32 {
              value.mutableBuffer(as: Int32.self)[0] &+= 1
            } else {
              value.mutableBuffer(as: Int64.self)[0] &+= 1
            }
          }
          try context.setIntegers(0, dtype, .scalar, [count])
        }
      })
  }
}

extension KernelContext {
  /// The value of the variable that an input refers to.
  ///
  /// - Throws: `GraftError`: `uninitialized`, or `invalidArgument` where it has another dtype.
  func variableValue(_ index: Int, of dtype: DataType) throws -> Tensor {
    let value = try resource(index, as: Variable.self).read()
    guard value.dtype == dtype else {
      throw ArrayArguments.invalid(
        "The variable holds \(value.dtype), and \(dtype) is read from it.", input: index)
    }
    return value
  }
}
