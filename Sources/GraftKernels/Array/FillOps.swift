import GraftTensor

/// Ops that make tensors of a few given values.
enum FillOps {
  static let all: [OpDefinition] = [fill, empty, oneHot]

  private static let empty = OpDefinition(
    "Empty", "A tensor of the given sizes, of zeros; its values mean nothing where `init` is false.",
    types: ["dtype": .anything],
    shape: { [$0.ints(0).map { PartialShape($0.map { $0 < 0 ? nil : $0 }) } ?? .unknown] },
    prepare: { setup in
      let dtype = try setup.type("dtype")
      return { context in
        let shape = try Shape(validating: ArrayArguments.vector(context, 0, "shape"))
        try context.allocate(0, dtype, shape).clear()
      }
    })

  private static let fill = OpDefinition(
    "Fill", "A tensor of the given sizes that holds one value.",
    types: ["T": .anything + .quantized + [.int4, .uint4], "index_type": .indices],
    shape: { context in
      if let sizes = context.ints(0) { return [PartialShape(sizes.map { $0 < 0 ? nil : $0 })] }
      return [context.input(0)[0].map { PartialShape.ofRank($0) } ?? .unknown]
    },
    prepare: { _ in
      { context in
        let dims = try context.input(0)
        // A scalar counts as a vector of one size, as in old graphs.
        guard dims.rank <= 1 else {
          throw ArrayArguments.invalid("'dims' must be a vector, and its shape is \(dims.shape).", input: 0)
        }
        let value = try context.input(1)
        guard value.rank == 0 || value.shape == [1] else {
          throw ArrayArguments.invalid(
            "The value must be a scalar, and its shape is \(value.shape).", input: 1)
        }
        let shape = try Shape(validating: try dims.integers())
        let output = try context.allocate(0, value.dtype, shape)
        try StridedCopy(sizes: [shape.elementCount], sourceSteps: [0], targetSteps: [1])
          .run(from: value, to: output, context.workers)
      }
    })

  private static let oneHot = OpDefinition(
    "OneHot",
    "A new dimension of `depth` places for each index: `on_value` at the index, `off_value` elsewhere and "
      + "for indices out of range.",
    types: ["T": .anything, "TI": [.uint8, .int8, .int32, .int64]],
    shape: { context in
      guard var dimensions = context.input(0).dimensions else { return [.unknown] }
      let value = try context.node.int("axis")
      guard let axis = value == -1 ? dimensions.count : ArrayArguments.axis(value, rank: dimensions.count + 1)
      else { return [.ofRank(dimensions.count + 1)] }
      let depth = context.ints(1)?.first
      dimensions.insert(depth.flatMap { $0 >= 0 ? $0 : nil }, at: axis)
      return [PartialShape(dimensions)]
    },
    prepare: { setup in
      let value = try setup.int("axis")
      return { context in
        let indices = try context.input(0)
        let depth = try ArrayArguments.scalar(context, 1, "depth")
        let on = try context.input(2)
        let off = try context.input(3)
        guard value == -1 || (0...indices.rank).contains(value) else {
          throw ArrayArguments.invalid(
            "The attribute 'axis' must be -1 or between 0 and \(indices.rank), and is \(value).")
        }
        guard depth >= 0 else {
          throw ArrayArguments.invalid("'depth' must be 0 or more, and is \(depth).", input: 1)
        }
        for (index, tensor) in [(2, on), (3, off)] where tensor.rank != 0 {
          throw ArrayArguments.invalid(
            "'\(index == 2 ? "on_value" : "off_value")' must be a scalar, and its shape is \(tensor.shape).",
            input: index)
        }
        let axis = value == -1 ? indices.rank : value
        var sizes = indices.shape.dimensions
        let inner = ArrayArguments.product(sizes[axis...])
        sizes.insert(depth, at: axis)
        let output = try context.allocate(0, on.dtype, try Shape(validating: sizes))
        try StridedCopy(sizes: [output.elementCount], sourceSteps: [0], targetSteps: [1])
          .run(from: off, to: output, context.workers)
        guard output.elementCount > 0 else { return }
        try on.dtype.withElement(
          OneHotTask(indices: try indices.integers(), on: on, output: output, depth: depth, inner: inner))
      }
    })

  private struct OneHotTask: ElementTask {
    let indices: [Int]
    let on: Tensor
    let output: Tensor
    let depth: Int
    let inner: Int

    func run<E: Sendable>(_ type: E.Type) throws {
      let target = output.element(type, 0)
      let value = on.element(type, 0).pointee
      for (position, index) in indices.enumerated() where index >= 0 && index < depth {
        target[(position / inner * depth + index) * inner + position % inner] = value
      }
    }
  }
}
