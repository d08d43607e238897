import GraftTensor

/// Making arrays of tensors, and their single elements. The three versions differ in the kind of handle:
/// a reference, two strings, a resource.
enum TensorArrayOps {
  static let all: [OpDefinition] =
    [
      array("TensorArray"), array("TensorArrayV2"), array("TensorArrayV3"),
      gradient("TensorArrayGrad"), gradient("TensorArrayGradV2"), gradient("TensorArrayGradV3"),
      gradient("TensorArrayGradWithShape"),
    ]
    + versions.flatMap { version in
      [
        write("TensorArrayWrite\(version)"), read("TensorArrayRead\(version)"),
        size("TensorArraySize\(version)"), close("TensorArrayClose\(version)"),
      ]
    }

  /// What the versions' names end in.
  static let versions = ["", "V2", "V3"]

  private static func array(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "An array of as many tensors as the input says, with nothing in it. It ends with the run.",
      traits: [.stateful], shape: handleShapes
    ) { node in
      var options = TensorArray.Options(dtype: try node.type("dtype"), elementShape: .unknown)
      options.elementShape = try node.shape("element_shape")
      options.isDynamic = try node.bool("dynamic_size")
      options.clearsAfterRead = try node.bool("clear_after_read")
      if node.has("identical_element_shapes") {
        options.hasIdenticalShapes = try node.bool("identical_element_shapes")
      }
      let given = try node.string("tensor_array_name")
      let (name, made) = (given.isEmpty ? node.name : given, options)
      return { context in
        let array = try TensorArray(
          name: name, size: try ArrayArguments.scalar(context, 0, "size"), options: made)
        try setOutputs(array, node, context)
      }
    }
  }

  private static func gradient(_ name: String) -> OpDefinition {
    let hasShape = name.hasSuffix("WithShape")
    return OpDefinition(
      name, "The array in which a source's gradients of the array's elements add up.", traits: [.stateful],
      shape: handleShapes
    ) { node in
      let source = try node.string("source")
      return { context in
        let array = try context.resource(0, as: TensorArray.self)
        let prefix = hasShape ? try ArrayArguments.vector(context, 2, "shape_to_prepend") : []
        try setOutputs(try array.gradient(source: source, prepending: prefix), node, context)
      }
    }
  }

  private static let handleShapes: ShapeRule = { context in
    let handle: PartialShape = context.node.outputTypes.first == .resource ? .scalar : PartialShape([2])
    return context.node.outputTypes.count > 1 ? [handle, .scalar] : [handle]
  }

  private static func setOutputs(_ array: TensorArray, _ node: NodeSetup, _ context: KernelContext) throws {
    let isResource = try node.outputType(0) == .resource
    try context.setOutput(
      0,
      isResource
        ? try Tensor(handle: array)
        : try Tensor(reference: array, container: "_tensor_arrays", name: array.name))
    if context.outputCount > 1 { try context.setOutput(1, try Tensor(Float(0))) }
  }

  private static func write(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Puts a tensor at an index, which may be done once.", types: ["T": .arrayElements],
      traits: [.stateful], shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let index = try ArrayArguments.scalar(context, 1, "index")
        // A copy of what lies in the run's arena, so that what makes it can be bound to its place there.
        try context.resource(0, as: TensorArray.self).write(index, try context.input(2))
        try context.setOutput(0, try context.input(3))
      }
    }
  }

  private static func read(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The tensor at an index; zeros where none was put and its shape is known.",
      types: ["dtype": .arrayElements], traits: [.stateful], shape: ShapeRules.unknown
    ) { node in
      let dtype = try node.type("dtype")
      return { context in
        let array = try context.resource(0, as: TensorArray.self)
        try array.check(dtype)
        try context.setOutput(0, copyingSmall: try array.read(try ArrayArguments.scalar(context, 1, "index")))
      }
    }
  }

  private static func size(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "How many elements the array has.", traits: [.stateful], shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let size = try context.resource(0, as: TensorArray.self).size()
        try context.setOutput(0, try Tensor(Int32(clamping: size)))
      }
    }
  }

  private static func close(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Forgets the array's elements. Nothing may use it afterwards.", traits: [.stateful],
      shape: { _ in [] }
    ) { _ in
      return { context in try context.resource(0, as: TensorArray.self).close() }
    }
  }
}

extension TensorArray {
  /// - Throws: `GraftError` (`invalidArgument`) when the elements are of another dtype.
  func check(_ dtype: DataType) throws {
    guard dtype == self.dtype else {
      throw GraftError(
        .invalidArgument, "The TensorArray '\(name)' holds \(self.dtype), and \(dtype) is asked of it.")
    }
  }
}

extension [DataType] {
  /// What single elements of an array may be.
  static let arrayElements: [DataType] = .anything
}
