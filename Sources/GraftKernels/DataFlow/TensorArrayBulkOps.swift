import GraftTensor

/// Many elements of an array of tensors at once: as rows or pieces of one tensor.
enum TensorArrayBulkOps {
  static let all: [OpDefinition] =
    [gather("TensorArrayPack", takesIndices: false), scatter("TensorArrayUnpack", takesIndices: false)]
    + TensorArrayOps.versions.flatMap { version in
      [
        gather("TensorArrayGather\(version)", takesIndices: true), concat("TensorArrayConcat\(version)"),
        scatter("TensorArrayScatter\(version)", takesIndices: true), split("TensorArraySplit\(version)"),
      ]
    }

  // MARK: Out of the array

  private static func gather(_ name: String, takesIndices: Bool) -> OpDefinition {
    OpDefinition(
      name, "Elements, which have one shape, as rows of a tensor.",
      types: ["dtype": .values + .commonQuantized + [.variant]], traits: [.stateful],
      shape: { context in
        guard let sizes = (try? context.node.shape("element_shape"))?.dimensions else { return [.unknown] }
        return [PartialShape([takesIndices ? context.input(1)[0] : nil] + sizes)]
      }
    ) { node in
      let (dtype, declared) = (try node.type("dtype"), try node.shape("element_shape"))
      return { context in
        let array = try context.resource(0, as: TensorArray.self)
        try array.check(dtype)
        try array.merge(elementShape: declared)
        let indices =
          takesIndices
          ? try ArrayArguments.vector(context, 1, "indices") : Array(0..<(try array.packedSize()))
        guard !indices.isEmpty else {
          guard let shape = declared.fullyDefined else { throw emptyArray(declared) }
          _ = try context.allocate(0, dtype, try Shape(validating: [0] + shape.dimensions))
          return
        }
        try stack(try array.read(indices), dtype, context)
      }
    }
  }

  private static func emptyArray(_ shape: PartialShape) -> GraftError {
    GraftError(
      .unimplemented, "No element is asked for, and what is known of the elements' shape is only \(shape).",
      remedy: "Set the element_shape of the op, so that a tensor without rows has a shape.")
  }

  private static func stack(_ elements: [Tensor], _ dtype: DataType, _ context: KernelContext) throws {
    guard let shape = elements.first?.shape else { return }
    for (index, element) in elements.enumerated() where element.shape != shape {
      throw GraftError(
        .invalidArgument,
        "The elements have different shapes: the first is \(shape), number \(index) is \(element.shape).")
    }
    let result = try context.allocate(0, dtype, try Shape(validating: [elements.count] + shape.dimensions))
    for (index, element) in elements.enumerated() {
      result.view(firstElement: index * shape.elementCount, shape: shape).initializeElements(from: element)
    }
  }

  private static func concat(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "All elements one behind the other along their first dimension, and how long each is.",
      types: ["dtype": .values + .commonQuantized], traits: [.stateful],
      shape: { context in
        let sizes = (try? context.node.shape("element_shape_except0"))?.dimensions
        return [sizes.map { PartialShape([nil] + $0) } ?? .unknown, PartialShape([nil])]
      }
    ) { node in
      let (dtype, declared) = (try node.type("dtype"), try node.shape("element_shape_except0"))
      return { context in
        let array = try context.resource(0, as: TensorArray.self)
        try array.check(dtype)
        let elements = try array.read(0..<(try array.packedSize()))
        guard let first = elements.first else {
          guard let shape = declared.fullyDefined else { throw emptyArray(declared) }
          _ = try context.allocate(0, dtype, try Shape(validating: [0] + shape.dimensions))
          try context.setOutput(1, try Tensor([Int64]()))
          return
        }
        let tail = try Shape(validating: Array(first.shape.dimensions.dropFirst()))
        try check(elements, tail, declared)
        let total = elements.reduce(0) { $0 &+ $1.shape[0] }
        let result = try context.allocate(0, dtype, try Shape(validating: [total] + tail.dimensions))
        var start = 0
        for element in elements {
          result.view(firstElement: start, shape: element.shape).initializeElements(from: element)
          start += element.elementCount
        }
        try context.setOutput(1, try Tensor(elements.map { Int64($0.shape[0]) }))
      }
    }
  }

  private static func check(_ elements: [Tensor], _ tail: Shape, _ declared: PartialShape) throws {
    for (index, element) in elements.enumerated() {
      guard element.rank > 0 else {
        throw GraftError(
          .invalidArgument, "Element \(index) is a scalar, and those that are joined have a dimension.",
          remedy: "Use stack() in place of concat().")
      }
      guard Array(element.shape.dimensions.dropFirst()) == tail.dimensions, declared.accepts(tail) else {
        throw GraftError(
          .invalidArgument,
          "Beyond the first dimension the elements have shape \(tail), element \(index) is \(element.shape), "
            + "and \(declared) is expected.")
      }
    }
  }

  // MARK: Into the array

  private static func scatter(_ name: String, takesIndices: Bool) -> OpDefinition {
    OpDefinition(
      name, "Puts the rows of a tensor into the array.", types: ["T": .arrayElements],
      traits: [.stateful, .keepsInputs], shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let array = try context.resource(0, as: TensorArray.self)
        let value = try context.input(takesIndices ? 2 : 1).persistent()
        try array.check(value.dtype)
        guard let count = value.shape.dimensions.first else {
          throw GraftError(.invalidArgument, "A scalar has no rows that could be put into a TensorArray.")
        }
        let indices: [Int]
        if takesIndices {
          indices = try ArrayArguments.vector(context, 1, "indices")
          guard indices.count == count else {
            throw GraftError(
              .invalidArgument, "\(indices.count) indices are given for the rows of \(value.shape).")
          }
        } else {
          try array.fill(count)
          indices = Array(0..<count)
        }
        try array.write(Array(zip(indices, value.rows())))
        try context.setOutput(0, try context.input(takesIndices ? 3 : 2))
      }
    }
  }

  private static func split(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Puts pieces of a tensor, of given lengths along its first dimension, into the array.",
      types: ["T": .arrayElements], traits: [.stateful, .keepsInputs], shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let array = try context.resource(0, as: TensorArray.self)
        let value = try context.input(1).persistent()
        try array.check(value.dtype)
        let lengths = try ArrayArguments.vector(context, 2, "lengths")
        let pieces = try value.pieces(lengths: lengths)
        try array.fill(lengths.count)
        try array.write(pieces.enumerated().map { ($0.offset, $0.element) })
        try context.setOutput(0, try context.input(3))
      }
    }
  }
}

extension Tensor {
  /// Views of the pieces that follow each other along the first dimension.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when the lengths are not those of this tensor's pieces.
  func pieces(lengths: [Int]) throws -> [Tensor] {
    guard let total = shape.dimensions.first, lengths.allSatisfy({ (0...total).contains($0) }),
      lengths.reduce(0, &+) == total
    else {
      throw GraftError(
        .invalidArgument,
        "Pieces of lengths \(lengths.prefix(8)) do not make up a tensor of shape \(shape).")
    }
    let tail = Array(shape.dimensions.dropFirst())
    var start = 0
    return lengths.map { length in
      let piece = view(firstElement: start, shape: Shape([length] + tail))
      start += piece.elementCount
      return piece
    }
  }
}
