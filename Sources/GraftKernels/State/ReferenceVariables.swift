import GraftGraph
import GraftTensor

/// Variables by reference: what TensorFlow 1 writes.
///
/// A reference travels through a plan as a handle to the variable. Where an operation takes a value, the
/// planner puts `_Dereference` before it.
enum ReferenceVariables {
  static let all: [OpDefinition] = [
    variable("VariableV2"), variable("Variable"), assign, arithmetic("AssignAdd", .add),
    arithmetic("AssignSub", .subtract), isInitialized, dereference, identity, select,
  ]

  private static func variable(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "A reference to the session's variable of that container and shared name.", traits: [.stateful],
      shape: { [try $0.node.shape("shape")] }
    ) { node in
      let (dtype, declared) = (try node.type("dtype"), try node.shape("shape"))
      // The first version wrote a scalar's shape for one that is not known.
      let shape = node.op == "Variable" && declared.rank == 0 ? .unknown : declared
      let place = try VariableName(node) ?? VariableName(container: "", name: node.name)
      return { context in
        let variable = try context.resources.variable(place, dtype: dtype, shape: shape)
        try context.setOutput(0, try Tensor(handle: variable))
      }
    }
  }

  private static let assign = OpDefinition(
    "Assign", "Gives the variable a value, and passes the reference on.", traits: [.stateful, .keepsInputs],
    shape: { [$0.input(1)] }
  ) { node in
    let validates = try node.bool("validate_shape")
    return { context in
      try context.resource(0, as: Variable.self).assign(try context.input(1), validatesShape: validates)
      try context.setOutput(0, try context.input(0))
    }
  }

  private static func arithmetic(_ name: String, _ operation: VariableArithmetic) -> OpDefinition {
    OpDefinition(
      name, "Changes the variable's value by the operand, of the same shape, and passes the reference on.",
      types: ["T": .numbers], traits: [.stateful], shape: { [$0.input(0)] }
    ) { node in
      return { context in
        _ = try operation.apply(try context.input(1), to: try context.resource(0, as: Variable.self))
        try context.setOutput(0, try context.input(0))
      }
    }
  }

  private static let isInitialized = OpDefinition(
    "IsVariableInitialized", "Whether the variable has a value.", traits: [.stateful],
    shape: ShapeRules.scalar
  ) { node in
    return { context in
      try context.setOutput(0, try Tensor(try context.resource(0, as: Variable.self).value != nil))
    }
  }

  private static let identity = OpDefinition(
    "RefIdentity", "Passes the reference on.", traits: [.passesThrough], shape: ShapeRules.sameAsInput
  ) { node in
    return { context in try context.setOutput(0, try context.input(0)) }
  }

  private static let select = OpDefinition(
    "RefSelect", "Passes on the reference whose number the first input is.", traits: [.stateful],
    shape: ShapeRules.unknown
  ) { node in
    return { context in
      let number = try ArrayArguments.scalar(context, 0, "index")
      guard number >= 0, number < context.inputCount - 1 else {
        throw ArrayArguments.invalid(
          "The index is \(number), and there are \(context.inputCount - 1) references.", input: 0)
      }
      try context.setOutput(0, try context.input(number + 1))
    }
  }

  private static let dereference = OpDefinition(
    "_Dereference", "The value of the variable that a reference stands for, at that moment.",
    traits: [.stateful], shape: ShapeRules.sameAsInput
  ) { node in
    return { context in
      let reference = try context.input(0)
      // The reference to a table, a stack and the like is itself the value: two strings.
      guard reference.dtype == .resource else { return try context.setOutput(0, reference) }
      try context.setOutput(0, try context.resource(0, as: Variable.self).read())
    }
  }
}
