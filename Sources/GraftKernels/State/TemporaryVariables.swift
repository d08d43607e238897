import GraftTensor

/// Variables of one run: each run of `TemporaryVariable` makes a new one.
enum TemporaryVariables {
  static let all: [OpDefinition] = [make, destroy]

  private static let make = OpDefinition(
    "TemporaryVariable", "A reference to a new variable, which lasts until `DestroyTemporaryVariable`.",
    traits: [.stateful], shape: { [try $0.node.shape("shape")] }
  ) { node in
    let (dtype, shape) = (try node.type("dtype"), try node.shape("shape"))
    let given = try node.string("var_name")
    let name = given.isEmpty ? node.name : given
    return { context in
      try context.setOutput(0, try Tensor(handle: Variable(name: name, dtype: dtype, shape: shape)))
    }
  }

  private static let destroy = OpDefinition(
    "DestroyTemporaryVariable", "The variable's last value; the variable is gone then.", traits: [.stateful],
    shape: ShapeRules.sameAsInput
  ) { node in
    let name = try node.string("var_name")
    return { context in
      let variable = try context.resource(0, as: Variable.self)
      guard variable.name == name else {
        throw GraftError(
          .notFound, "The variable '\(name)' is to be destroyed, and the reference is to '\(variable.name)'.",
          at: .init(input: 0))
      }
      let value = try variable.read()
      variable.reset()
      try context.setOutput(0, value)
    }
  }
}
