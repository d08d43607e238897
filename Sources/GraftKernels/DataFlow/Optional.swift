import GraftTensor

/// The value of a variant tensor that the Optional ops make: some tensors, or none.
final class OptionalTensors: VariantValue {
  let components: [Tensor]?

  init(_ components: [Tensor]?) {
    self.components = components
  }

  var summary: String {
    guard let components else {
      return "Variant<type: tensorflow::data::Optional value: OptionalVariant<None>>"
    }
    let list = components.map { tensor in
      let sizes = tensor.shape.dimensions.map(String.init).joined(separator: ",")
      let values = TensorSummary.text(tensor, limit: 3)
      return "Tensor<type: \(tensor.dtype.opDefName) shape: [\(sizes)] values: \(values)>"
    }.joined(separator: ", ")
    return "Variant<type: tensorflow::data::Optional value: OptionalVariant<values: (\(list))>>"
  }

  func zerosLike(_ walk: VariantWalk) throws -> any VariantValue {
    OptionalTensors(try components?.map { try $0.zerosLike(walk) })
  }

  func adding(_ other: any VariantValue, _ walk: VariantWalk) throws -> any VariantValue {
    guard let other = other as? OptionalTensors, (components == nil) == (other.components == nil),
      components?.count == other.components?.count
    else {
      throw GraftError(
        .invalidArgument, "Optionals that are added both have values, as many, or have none.")
    }
    guard let components, let others = other.components else { return self }
    return OptionalTensors(try zip(components, others).map { try $0.summed(with: $1, walk) })
  }
}

enum OptionalOps {
  static let all: [OpDefinition] = [none, fromValue, hasValue, getValue]

  private static func optional(_ context: KernelContext) throws -> OptionalTensors {
    let input = try context.input(0)
    guard let optional = input.variantValue as? OptionalTensors else {
      throw GraftError(
        .invalidArgument, "An optional is expected, and \(input.dtype)\(input.shape) was found.",
        at: .init(input: 0))
    }
    return optional
  }

  private static let none = OpDefinition(
    "OptionalNone", "An optional without a value.", shape: ShapeRules.scalar
  ) { _ in
    return { context in try context.setOutput(0, try Tensor(variant: OptionalTensors(nil))) }
  }

  private static let fromValue = OpDefinition(
    "OptionalFromValue", "An optional that has the inputs for its value.", traits: [.keepsInputs],
    shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let components = try context.inputs().map { try $0.persistent() }
      try context.setOutput(0, try Tensor(variant: OptionalTensors(components)))
    }
  }

  private static let hasValue = OpDefinition(
    "OptionalHasValue", "Whether the optional has a value.", shape: ShapeRules.scalar
  ) { _ in
    return { context in try context.setOutput(0, try Tensor(try optional(context).components != nil)) }
  }

  private static let getValue = OpDefinition(
    "OptionalGetValue", "The optional's value; one without is an error.",
    shape: { try $0.node.shapes("output_shapes") }
  ) { node in
    let (types, shapes) = (try node.types("output_types"), try node.shapes("output_shapes"))
    guard types.count == shapes.count else {
      throw node.invalid("\(types.count) types and \(shapes.count) shapes are given.")
    }
    return { context in
      guard let components = try optional(context).components else {
        throw GraftError(.invalidArgument, "The optional has no value.")
      }
      guard components.map(\.dtype) == types,
        zip(shapes, components).allSatisfy({ $0.accepts($1.shape) })
      else {
        let found = components.map { "\($0.dtype)\($0.shape)" }
        throw GraftError(
          .invalidArgument, "The optional holds \(found), and \(types) of shapes \(shapes) are expected.")
      }
      for (index, component) in components.enumerated() { try context.setOutput(index, component) }
    }
  }
}
