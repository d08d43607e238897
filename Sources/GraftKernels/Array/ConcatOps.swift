import GraftTensor

/// Ops that put tensors one behind the other.
enum ConcatOps {
  static let all: [OpDefinition] = [
    concat("Concat", axisFirst: true), concat("ConcatV2", axisFirst: false), concatOffset, pack,
    parallelConcat,
  ]

  // MARK: Concat

  private static func concat(_ name: String, axisFirst: Bool) -> OpDefinition {
    var types: [String: [DataType]] = ["T": .values + .smallFloats + .quantized]
    if !axisFirst { types["Tidx"] = .indices }
    return OpDefinition(
      name, "The inputs one behind the other along a dimension, in which alone their sizes may differ.",
      types: types,
      shape: { context in
        guard context.inputs.count > 1 else { return [.unknown] }
        let last = context.inputs.count - 1
        let parts = axisFirst ? context.inputs[1...] : context.inputs[..<last]
        return [joined(Array(parts), axis: context.ints(axisFirst ? 0 : last))]
      },
      prepare: { setup in
        let dtype = try setup.outputType(0)
        return { context in
          let last = context.inputCount - 1
          let parts = try (axisFirst ? 1..<last + 1 : 0..<last).map { try context.input($0) }
          let axis = try ArrayArguments.single(context, axisFirst ? 0 : last, "axis")
          try join(parts, axis: axis, dtype, context)
        }
      })
  }

  private static func join(_ parts: [Tensor], axis value: Int, _ dtype: DataType, _ context: KernelContext)
    throws
  {
    guard let first = parts.first else { throw ArrayArguments.invalid("There is nothing to concatenate.") }
    guard first.rank > 0 || parts.contains(where: { $0.rank > 0 }) else {
      throw ArrayArguments.invalid(
        "Scalars cannot be concatenated.", input: 0, remedy: "Stack them (the op is Pack).")
    }
    guard let axis = ArrayArguments.axis(value, rank: first.rank) else {
      throw ArrayArguments.invalid(
        "The dimension to concatenate along must be in the range [\(-first.rank), \(first.rank)), and is "
          + "\(value)."
      )
    }
    var sizes = first.shape.dimensions
    var total = 0
    for (index, part) in parts.enumerated() {
      guard part.rank == first.rank else {
        throw ArrayArguments.invalid(
          "The ranks of all inputs must match: shape[0] = \(first.shape), shape[\(index)] = \(part.shape).")
      }
      for other in 0..<first.rank where other != axis && part.shape[other] != first.shape[other] {
        throw ArrayArguments.invalid(
          "Dimension \(other) must be equal in all inputs: shape[0] = \(first.shape), shape[\(index)] = "
            + "\(part.shape).")
      }
      let (sum, overflow) = total.addingReportingOverflow(part.shape[axis])
      total = overflow ? Int.max : sum
    }
    sizes[axis] = total
    let shape = try Shape(validating: sizes)
    let output = try context.allocate(0, dtype, shape)
    let inner = ArrayArguments.product(sizes[(axis + 1)...])
    let outer = ArrayArguments.product(sizes[..<axis])
    var start = 0
    var copies: [BlockCopy] = []
    for part in parts {
      let length = part.shape[axis] &* inner
      if part.elementCount > 0 {
        let block = StridedCopy(rows: outer, length: length, sourceStep: length, targetStep: total &* inner)
        copies.append(BlockCopy(block: block, source: part, target: output, targetStart: start))
      }
      start = start &+ length
    }
    try context.perform(copies)
  }

  private static func joined(_ parts: [PartialShape], axis: [Int]?) -> PartialShape {
    guard let rank = parts.compactMap(\.rank).first else { return .unknown }
    guard let axis, axis.count == 1, let axis = ArrayArguments.axis(axis[0], rank: rank) else {
      return .ofRank(rank)
    }
    var sizes = [Int?](repeating: nil, count: rank)
    var total: Int? = 0
    for part in parts {
      guard let dimensions = part.dimensions, dimensions.count == rank else {
        total = nil
        continue
      }
      for index in 0..<rank where index != axis { sizes[index] = sizes[index] ?? dimensions[index] }
      if let sum = total, let size = dimensions[axis] { total = sum &+ size } else { total = nil }
    }
    sizes[axis] = total
    return PartialShape(sizes)
  }

  private static let concatOffset = OpDefinition(
    "ConcatOffset", "Where each of the shapes begins when tensors of those shapes are concatenated.",
    types: ["shape_type": .indices],
    shape: { context in context.inputs.dropFirst().map { $0 } },
    prepare: { setup in
      let dtype = try setup.outputType(0)
      return { context in
        let value = try ArrayArguments.scalar(context, 0, "concat_dim")
        let shapes = try (1..<context.inputCount).map { try ArrayArguments.vector(context, $0, "shape") }
        let rank = shapes.first?.count ?? 0
        guard let axis = ArrayArguments.axis(value, rank: rank) else {
          throw ArrayArguments.invalid(
            "The dimension \(value) is out of range for shapes of \(rank) sizes.", input: 0)
        }
        var start = 0
        for (index, shape) in shapes.enumerated() {
          guard shape.count == rank else {
            throw ArrayArguments.invalid(
              "Shape \(index) has \(shape.count) sizes, and shape 0 has \(rank).", input: index + 1)
          }
          for other in 0..<rank where other != axis && shape[other] != shapes[0][other] {
            throw ArrayArguments.invalid(
              "All dimensions except \(axis) must match: shape \(index) is \(shape), shape 0 is "
                + "\(shapes[0]).",
              input: index + 1)
          }
          var offset = [Int](repeating: 0, count: rank)
          offset[axis] = start
          try context.setIntegers(index, dtype, Shape([rank]), offset)
          start = start &+ shape[axis]
        }
      }
    })

  // MARK: Pack

  private static let pack = OpDefinition(
    "Pack", "The inputs, all of one shape, as the entries of a new dimension.",
    types: ["T": .anything + .smallFloats + .quantized],
    shape: { context in
      var known = PartialShape.unknown
      for input in context.inputs { known = known.merged(with: input) ?? known }
      guard var dimensions = known.dimensions,
        let axis = ArrayArguments.axis(try context.node.int("axis"), rank: dimensions.count + 1)
      else { return [.unknown] }
      dimensions.insert(context.inputs.count, at: axis)
      return [PartialShape(dimensions)]
    },
    prepare: { setup in
      let value = try setup.int("axis")
      return { context in
        let inputs = try context.inputs()
        guard let first = inputs.first else { throw ArrayArguments.invalid("There is nothing to stack.") }
        guard let axis = ArrayArguments.axis(value, rank: first.rank + 1) else {
          throw ArrayArguments.invalid(
            "The attribute 'axis' is \(value), not in [\(-first.rank - 1), \(first.rank + 1)).")
        }
        for (index, input) in inputs.enumerated() where input.shape != first.shape {
          throw ArrayArguments.invalid(
            "The shapes of all inputs must match: the first is \(first.shape), and this one is "
              + "\(input.shape).",
            input: index)
        }
        var sizes = first.shape.dimensions
        let inner = ArrayArguments.product(sizes[axis...])
        let outer = ArrayArguments.product(sizes[..<axis])
        sizes.insert(inputs.count, at: axis)
        let shape = try Shape(validating: sizes)
        if inputs.count == 1 { return try context.setView(0, of: first, shape) }
        let output = try context.allocate(0, first.dtype, shape)
        let copy = StridedCopy(
          rows: outer, length: inner, sourceStep: inner, targetStep: inner &* inputs.count)
        try context.perform(
          inputs.enumerated().map { index, input in
            BlockCopy(block: copy, source: input, target: output, targetStart: index &* inner)
          })
      }
    })

  private static let parallelConcat = OpDefinition(
    "ParallelConcat", "The inputs, each with one row, as the rows of one tensor.",
    types: ["T": .values + [.resource, .variant]],
    shape: { [try $0.node.shape("shape")] },
    prepare: { setup in
      let dtype = try setup.outputType(0)
      let declared = try setup.shape("shape")
      return { context in
        let inputs = try context.inputs()
        for (index, input) in inputs.enumerated() where input.rank == 0 || input.shape[0] != 1 {
          throw ArrayArguments.invalid(
            "Each input must have one row, and the shape of this one is \(input.shape).", input: index)
        }
        try join(inputs, axis: 0, dtype, context)
        if let first = inputs.first {
          let result = Shape([inputs.count] + first.shape.dimensions.dropFirst())
          guard declared.accepts(result) else {
            throw ArrayArguments.invalid(
              "The result's shape is \(result), and the attribute says \(declared).")
          }
        }
      }
    })
}
