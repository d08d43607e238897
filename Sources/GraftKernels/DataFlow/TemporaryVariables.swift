import GraftTensor

/// Variables that live in one run only.
enum TemporaryVariables {
  static let all: [OpDefinition] = [temporary, destroy]

  private static let temporary = OpDefinition(
    "TemporaryVariable", "A reference to a new variable, which has no value yet and ends with the run.",
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
    "DestroyTemporaryVariable", "The variable's last value; the variable is gone afterwards.",
    traits: [.stateful], shape: ShapeRules.sameAsInput
  ) { node in
    let name = try node.string("var_name")
    return { context in
      let variable = try context.resource(0, as: Variable.self)
      guard variable.name == name else {
        throw GraftError(
          .notFound, "The temporary variable is '\(variable.name)', and '\(name)' is to be destroyed.")
      }
      try context.setOutput(0, try variable.read())
      variable.reset()
    }
  }
}
