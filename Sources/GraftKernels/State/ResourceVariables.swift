import GraftGraph
import GraftTensor

/// Variables behind handles: what TensorFlow 2 writes, and TensorFlow 1 with `use_resource`.
enum ResourceVariables {
  static let all: [OpDefinition] =
    [varHandle, read, assign, isInitialized, variableShape, destroy]
    + [arithmetic("AssignAddVariableOp", .add), arithmetic("AssignSubVariableOp", .subtract)]

  private static let varHandle = OpDefinition(
    "VarHandleOp", "A handle to the session's variable of that container and shared name.",
    traits: [.stateful], shape: ShapeRules.scalar
  ) { node in
    let (dtype, shape) = (try node.type("dtype"), try node.shape("shape"))
    let place = try VariableName(node)
    return { context in
      let variable =
        try place.map { try context.resources.variable($0, dtype: dtype, shape: shape) }
        ?? Variable(name: node.name, dtype: dtype, shape: shape)
      guard variable.dtype == dtype else {
        throw GraftError(
          .invalidArgument,
          "The variable '\(variable.name)' was made with \(variable.dtype), and is used with \(dtype).")
      }
      try context.setOutput(0, try Tensor(handle: variable))
    }
  }

  private static let read = OpDefinition(
    "ReadVariableOp", "The variable's value.", traits: [.stateful], shape: ShapeRules.unknown
  ) { node in
    let dtype = try node.type("dtype")
    return { context in try context.setOutput(0, try context.variableValue(0, dtype)) }
  }

  private static let assign = OpDefinition(
    "AssignVariableOp",
    "Gives the variable a value; with `validate_shape` one of the shape of the value that it has, if any.",
    traits: [.stateful, .keepsInputs], shape: { _ in [] }
  ) { node in
    let validates = try node.bool("validate_shape")
    return { context in
      let (variable, value) = (try context.resource(0, as: Variable.self), try context.input(1))
      if validates, let current = variable.value, current.shape != value.shape {
        throw GraftError(
          .invalidArgument,
          "The variable '\(variable.name)' has a value of shape \(current.shape), and \(value.shape) is assigned "
            + "to it.", at: .init(input: 1))
      }
      try variable.assign(value, validatesShape: false)
    }
  }

  private static let isInitialized = OpDefinition(
    "VarIsInitializedOp", "Whether the variable has a value.", traits: [.stateful], shape: ShapeRules.scalar
  ) { node in
    return { context in
      let variable = try context.input(0).handled(as: Variable.self)
      try context.setOutput(0, try Tensor(variable?.value != nil))
    }
  }

  private static let variableShape = OpDefinition(
    "VariableShape", "The shape of the variable's value.", traits: [.stateful],
    shape: { _ in [PartialShape([nil])] }
  ) { node in
    let type = try node.outputType(0)
    return { context in
      let shape = try context.resource(0, as: Variable.self).read().shape
      try context.setOutput(0, try .shape(shape, as: type))
    }
  }

  private static let destroy = OpDefinition(
    "DestroyResourceOp", "Takes a resource out of the session.", traits: [.stateful], shape: { _ in [] }
  ) { node in
    let ignoresMissing = try node.bool("ignore_lookup_error")
    return { context in
      guard let resource = try context.input(0).handled(as: AnyObject.self) as? any SessionResource else {
        if ignoresMissing { return }
        throw GraftError(.notFound, "The handle refers to nothing that could be destroyed.")
      }
      if let variable = resource as? Variable { variable.reset() }
      context.resources.remove(resource)
    }
  }

  private static func arithmetic(_ name: String, _ operation: VariableArithmetic) -> OpDefinition {
    OpDefinition(
      name, "Changes the variable's value by the operand, of the same shape.",
      types: ["dtype": .numbers], traits: [.stateful], shape: { _ in [] }
    ) { node in
      return { context in
        _ = try operation.apply(try context.input(1), to: try context.resource(0, as: Variable.self))
      }
    }
  }
}

extension KernelContext {
  /// The value of the variable that an input is a handle to.
  package func variableValue(_ index: Int, _ dtype: DataType) throws -> Tensor {
    let value = try resource(index, as: Variable.self).read()
    guard value.dtype == dtype else {
      throw GraftError(.invalidArgument, "The variable holds \(value.dtype), and \(dtype) is read from it.")
    }
    return value
  }
}

extension Tensor {
  /// A shape's sizes as a vector of int32 or int64.
  package static func shape(_ shape: Shape, as type: DataType) throws -> Tensor {
    guard type == .int64 else {
      let sizes = try shape.dimensions.map { size in
        guard let narrow = Int32(exactly: size) else {
          throw GraftError(
            .invalidArgument, "A size of shape \(shape) does not fit int32.",
            remedy: "Export the graph with out_type=int64.")
        }
        return narrow
      }
      return try Tensor(sizes)
    }
    return try Tensor(shape.dimensions.map { Int64($0) })
  }
}
