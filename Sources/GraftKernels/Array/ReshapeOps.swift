import GraftTensor

/// Ops that give the same elements another shape. None copies.
enum ReshapeOps {
  static let all: [OpDefinition] = [reshape, expandDims, squeeze, bitcast]

  // MARK: Reshape

  private static let reshape = OpDefinition(
    "Reshape",
    "The same elements in the shape of the second input, of which one size may be -1: what is left.",
    types: ["Tshape": .indices],
    shape: { context in
      guard let sizes = context.ints(1) else {
        // The rank follows from how many sizes there are.
        return [context.input(1)[0].map { PartialShape.ofRank($0) } ?? .unknown]
      }
      return [reshaped(context.input(0), to: sizes)]
    },
    prepare: { _ in
      { context in
        let input = try context.input(0)
        let sizes = try context.input(1)
        guard sizes.rank <= 1 else {
          throw ArrayArguments.invalid(
            "The sizes must be a vector, and their shape is \(sizes.shape).", input: 1)
        }
        try context.setView(0, of: input, target(try sizes.integers(), for: input.shape))
        context.keepViews()
      }
    })

  /// The shape with the given sizes, -1 replaced by what is left.
  static func target(_ sizes: [Int], for shape: Shape) throws -> Shape {
    var sizes = sizes
    var open: Int?
    for (axis, size) in sizes.enumerated() where size < 0 {
      guard size == -1 else {
        throw ArrayArguments.invalid(
          "Size \(axis) must be non-negative, and is \(size).", input: 1,
          remedy: "Only -1 says 'what is left'.")
      }
      if let open {
        throw ArrayArguments.invalid("Only one size may be -1, not both \(open) and \(axis).", input: 1)
      }
      open = axis
      sizes[axis] = 1
    }
    let wanted = try Shape(validating: sizes)
    let count = shape.elementCount
    guard let open else {
      guard wanted.elementCount == count else {
        throw ArrayArguments.invalid(
          "A tensor of shape \(shape) has \(count) elements, and the shape \(wanted) has "
            + "\(wanted.elementCount).", input: 1)
      }
      return wanted
    }
    if count == 0, wanted.elementCount == 0 {
      sizes[open] = openSize(sizes, open: open, shape: shape)
      return try Shape(validating: sizes)
    }
    guard wanted.elementCount > 0, count % wanted.elementCount == 0 else {
      throw ArrayArguments.invalid(
        "A tensor of shape \(shape) has \(count) elements, and the requested shape needs a multiple of "
          + "\(wanted.elementCount).", input: 1)
    }
    sizes[open] = count / wanted.elementCount
    return try Shape(validating: sizes)
  }

  /// What -1 means where both shapes hold a zero: how often the other sizes asked for go into the sizes
  /// there are, zeros left out on both sides.
  private static func openSize(_ sizes: [Int], open: Int, shape: Shape) -> Int {
    var asked = 1
    for (axis, size) in sizes.enumerated() where axis != open && size != 0 { asked = asked &* size }
    var given = 1
    for size in shape.dimensions where size != 0 { given = given &* size }
    return asked > 0 && given > 0 ? given / asked : 0
  }

  private static func reshaped(_ input: PartialShape, to sizes: [Int]) -> PartialShape {
    if let shape = input.fullyDefined {
      return (try? target(sizes, for: shape)).map { PartialShape($0) } ?? .ofRank(sizes.count)
    }
    return PartialShape(sizes.map { $0 < 0 ? nil : $0 })
  }

  // MARK: ExpandDims and Squeeze

  private static let expandDims = OpDefinition(
    "ExpandDims", "The same elements with a dimension of size 1 more, at the given place.",
    types: ["Tdim": .indices],
    shape: { context in
      guard let dimensions = context.input(0).dimensions else { return [.unknown] }
      guard let values = context.ints(1), values.count == 1,
        let axis = ArrayArguments.axis(values[0], rank: dimensions.count + 1)
      else { return [.ofRank(dimensions.count + 1)] }
      var result = dimensions
      result.insert(1, at: axis)
      return [PartialShape(result)]
    },
    prepare: { _ in
      { context in
        let input = try context.input(0)
        let value = try ArrayArguments.single(context, 1, "dim")
        guard let axis = ArrayArguments.axis(value, rank: input.rank + 1) else {
          throw ArrayArguments.invalid(
            "Dimension \(value) was asked for in a tensor of \(input.rank) dimensions.", input: 1,
            remedy: "Give a place from \(-input.rank - 1) to \(input.rank).")
        }
        var sizes = input.shape.dimensions
        sizes.insert(1, at: axis)
        try context.setView(0, of: input, Shape(sizes))
        context.keepViews()
      }
    })

  private static let squeeze = OpDefinition(
    "Squeeze", "The same elements without the dimensions of size 1: all of them, or those of `squeeze_dims`.",
    shape: { context in
      guard let dimensions = context.input(0).dimensions else { return [.unknown] }
      let axes = try context.node.ints("squeeze_dims")
      if axes.isEmpty {
        return [dimensions.contains(nil) ? .unknown : PartialShape(dimensions.filter { $0 != 1 })]
      }
      let dropped = Set(axes.compactMap { ArrayArguments.axis($0, rank: dimensions.count) })
      return [PartialShape(dimensions.indices.filter { !dropped.contains($0) }.map { dimensions[$0] })]
    },
    prepare: { setup in
      let axes = try setup.ints("squeeze_dims")
      return { context in
        let input = try context.input(0)
        guard !axes.isEmpty else {
          return try context.setView(0, of: input, Shape(input.shape.dimensions.filter { $0 != 1 }))
        }
        var dropped: Set<Int> = []
        for value in axes {
          guard let axis = ArrayArguments.axis(value, rank: input.rank) else {
            throw ArrayArguments.invalid(
              "Dimension \(value) was asked to be left out of a tensor of \(input.rank) dimensions.", input: 0
            )
          }
          guard input.shape[axis] == 1 else {
            throw ArrayArguments.invalid(
              "Dimension \(value) cannot be left out: its size is \(input.shape[axis]), and not 1.", input: 0)
          }
          dropped.insert(axis)
        }
        let sizes = input.shape.dimensions
        try context.setView(
          0, of: input, Shape(sizes.indices.filter { !dropped.contains($0) }.map { sizes[$0] }))
        context.keepViews()
      }
    })

  // MARK: Bitcast

  private static let bitcastTypes: [DataType] = .numbers + .quantized

  private static let bitcast = OpDefinition(
    "Bitcast",
    "The same bytes read as another type. A type of fewer bytes adds a dimension; one of more takes the "
      + "last away.",
    types: ["T": bitcastTypes, "type": bitcastTypes],
    shape: { context in
      let from = try context.node.inputType(0)
      let to = try context.node.outputType(0)
      guard var dimensions = context.input(0).dimensions else { return [.unknown] }
      if from.size > to.size { dimensions.append(from.size / to.size) }
      if from.size < to.size, !dimensions.isEmpty { dimensions.removeLast() }
      return [PartialShape(dimensions)]
    },
    prepare: { setup in
      let from = try setup.inputType(0)
      let to = try setup.outputType(0)
      return { context in
        let input = try context.input(0)
        var sizes = input.shape.dimensions
        if from.size > to.size {
          sizes.append(from.size / to.size)
        } else if from.size < to.size {
          guard sizes.last == to.size / from.size else {
            throw ArrayArguments.invalid(
              "\(from) of shape \(input.shape) cannot be read as \(to): the last dimension must have "
                + "\(to.size / from.size) elements, which make up one.", input: 0)
          }
          sizes.removeLast()
        }
        let shape = try Shape(validating: sizes)
        // Elements of a mapped file may lie where the larger type may not.
        let source = UInt(bitPattern: input.base) % UInt(min(to.size, 8)) == 0 ? input : try input.copied()
        try context.setOutput(
          0,
          Tensor(dtype: to, shape: shape, storage: source.storage, byteOffset: source.byteOffset))
      }
    })
}
