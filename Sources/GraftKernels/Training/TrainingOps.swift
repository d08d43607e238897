import GraftGraph
import GraftTensor

/// Ops that train: they change variables by gradients.
package enum TrainingOps {
  package static let all: [OpDefinition] = optimizers.flatMap { optimizer in
    ["Apply", "ResourceApply", "SparseApply", "ResourceSparseApply"].compactMap { form in
      definition(form + optimizer.name, optimizer)
    }
  }

  private static let optimizers: [any Optimizer.Type] = [
    GradientDescent.self, ProximalGradientDescent.self, Momentum.self, KerasMomentum.self, Adagrad.self,
    AdagradV2.self, AdagradDualAveraging.self, ProximalAdagrad.self, Adadelta.self, RMSProp.self,
    CenteredRMSProp.self, Adam.self, AdamWithAmsgrad.self, AdaMax.self, Ftrl.self, FtrlV2.self, AddSign.self,
    PowerSign.self,
  ]

  /// Where in an op's inputs things stand.
  private struct Roles {
    var variables: [Int] = []
    var scalars: [Int] = []
    var gradient = 0
    var indices: Int?
    let names: [String]

    init(_ signature: OpSignature) {
      names = signature.inputs.map(\.name)
      for (index, input) in signature.inputs.enumerated() {
        switch input.name {
        case "grad", "delta": gradient = index
        case "indices": indices = index
        case _ where input.isReference || input.type == .fixed(ElementType(.resource)):
          variables.append(index)
        default: scalars.append(index)
        }
      }
    }
  }

  /// An op of an optimizer; nil where TensorFlow has no such op.
  private static func definition(_ name: String, _ optimizer: any Optimizer.Type) -> OpDefinition? {
    guard OpSignature.isKnown(name) else { return nil }
    let isSparse = name.contains("Sparse")
    return OpDefinition(
      name, optimizer.summary + (isSparse ? " Only the rows that the indices name are changed." : ""),
      types: [
        "T": isSparse ? optimizer.sparseTypes : optimizer.types, "Tindices": .indices,
      ],
      traits: [.stateful], shape: ShapeRules.reference
    ) { setup in
      guard let signature = OpSignature.named(name) else {
        throw setup.unimplemented("There is no op '\(name)'.")
      }
      let roles = Roles(signature)
      let rule = try optimizer.init(setup)
      let dtype = try setup.type("T")
      let signs = rule.signs(isSparse: isSparse)
      return { context in
        let scalars = try roles.scalars.map { index in
          let scalar = try context.input(index)
          guard scalar.rank == 0 else {
            throw ArrayArguments.invalid(
              "'\(roles.names[index])' must be a scalar, and its shape is \(scalar.shape).", input: index)
          }
          return scalar
        }
        for (position, sign) in signs.enumerated() {
          let value = try scalars[position].reals()
          guard value.allSatisfy(sign.accepts) else {
            let index = roles.scalars[position]
            throw ArrayArguments.invalid(
              "'\(roles.names[index])' is \(value[0]), and must be \(sign.rawValue).", input: index)
          }
        }
        let gradient = try context.input(roles.gradient)
        let variables = try roles.variables.map { try context.resource($0, as: Variable.self) }
        try Variable.update(variables) { values in
          try check(values, gradient, roles, dtype)
          let rows = try roles.indices.map {
            try numbers(of: try context.input($0), gradient, values[0].shape, input: $0, roles, context)
          }
          let places = UpdatePlaces.Untyped(
            variables: values, gradient: gradient, scalars: scalars, rows: rows, workers: context.workers)
          if gradient.elementCount > 0 { try rule.run(places, dtype) }
        }
        try context.passReferenceOn()
      }
    }
  }

  /// What the variable and its slots must have in common, with each other and with a whole gradient.
  private static func check(
    _ values: [Tensor], _ gradient: Tensor, _ roles: Roles, _ dtype: DataType
  ) throws {
    for (index, value) in zip(roles.variables, values) {
      guard value.dtype == dtype else {
        throw ArrayArguments.invalid(
          "'\(roles.names[index])' holds \(value.dtype), and \(dtype) is expected.", input: index)
      }
      guard value.shape == values[0].shape else {
        throw ArrayArguments.invalid(
          "'var' and '\(roles.names[index])' must have the same shape, and have \(values[0].shape) and "
            + "\(value.shape).", input: index)
      }
    }
    guard roles.indices != nil || gradient.shape == values[0].shape else {
      throw ArrayArguments.invalid(
        "The variable and its gradient must have the same shape, and have \(values[0].shape) and "
          + "\(gradient.shape).", input: roles.gradient)
    }
  }

  /// The rows of a variable that rows of a gradient belong to.
  private static func numbers(
    of indices: Tensor, _ gradient: Tensor, _ shape: Shape, input: Int, _ roles: Roles,
    _ context: KernelContext
  ) throws -> Tensor {
    guard indices.rank == 1 else {
      throw ArrayArguments.invalid(
        "'indices' must have one dimension, and its shape is \(indices.shape).", input: input)
    }
    guard shape.rank > 0 else {
      throw ArrayArguments.invalid("A variable with rows is expected, and this one is a scalar.", input: 0)
    }
    let expected = indices.shape.dimensions + shape.dimensions.dropFirst()
    guard gradient.shape.dimensions == expected else {
      throw ArrayArguments.invalid(
        "The gradient's shape is \(gradient.shape), and \(indices.elementCount) rows of a variable of shape "
          + "\(shape) want \(Shape(expected)).", input: roles.gradient)
    }
    guard !shape.dimensions.dropFirst().contains(0) else {
      throw ArrayArguments.invalid("The rows of a variable of shape \(shape) are empty.", input: 0)
    }
    return try RowNumbers.checked(indices, count: shape.dimensions[0], input: input, context)
  }
}
