import GraftTensor

/// Ops that cut tensors into a grid of equal blocks, and put them together again.
enum GridOps {
  static let all: [OpDefinition] = [
    split("XlaSplitND", "The input") { context, _ in try context.input(0) },
    split("ReadVariableXlaSplitND", "The variable's value") { context, dtype in
      try context.variableValue(0, of: dtype)
    },
    OpDefinition(
      "XlaConcatND",
      "The blocks of a grid as one tensor; `paddings` elements at the end of each dimension are left out.",
      shape: ShapeRules.unknown,
      prepare: { setup in
        let grid = try Grid(setup, counts: "num_concats")
        return { context in
          let output = try grid.join(try context.inputs(), firstInput: 0)
          try context.setOutput(0, output)
        }
      }),
    OpDefinition(
      "AssignVariableXlaConcatND", "Gives the variable what XlaConcatND makes of the blocks.",
      traits: [.stateful, .keepsInputs], shape: { _ in [] },
      prepare: { setup in
        let grid = try Grid(setup, counts: "num_concats")
        return { context in
          let blocks = Array(try context.inputs().dropFirst())
          try context.resource(0, as: Variable.self).assign(try grid.join(blocks, firstInput: 1))
        }
      }),
  ]

  private static func split(
    _ name: String, _ what: String, _ value: @escaping @Sendable (KernelContext, DataType) throws -> Tensor
  ) -> OpDefinition {
    OpDefinition(
      name, "\(what) cut into a grid of equal blocks, with `paddings` zeros at the end of each dimension.",
      traits: name.hasPrefix("Read") ? [.stateful] : [], shape: ShapeRules.unknown,
      prepare: { setup in
        let grid = try Grid(setup, counts: "num_splits")
        let dtype = try setup.type("T")
        return { context in try grid.cut(try value(context, dtype), context) }
      })
  }

  /// How many blocks there are along each dimension, and how much is added at its end.
  private struct Grid: Sendable {
    let counts: [Int]
    let paddings: [Int]

    init(_ setup: NodeSetup, counts name: String) throws {
      counts = try setup.ints(name)
      let paddings = try setup.ints("paddings")
      let total = try setup.int("N")
      self.paddings = paddings.isEmpty ? [Int](repeating: 0, count: counts.count) : paddings
      guard !counts.isEmpty, counts.allSatisfy({ $0 > 0 }),
        counts.reduce(1, ArrayArguments.saturatingProduct) == total
      else {
        throw setup.invalid("The attribute '\(name)' is \(counts), and does not make \(total) blocks.")
      }
      guard self.paddings.count == counts.count, self.paddings.allSatisfy({ $0 >= 0 && $0 < 1 << 40 }) else {
        throw setup.invalid(
          "The attribute 'paddings' is \(paddings), and does not fit \(counts.count) dimensions.")
      }
    }

    /// Calls the closure for each block that is not all padding, with its position in the whole.
    private func forEach(_ block: [Int], _ whole: [Int], _ body: (Int, [Int], [Int]) throws -> Void) rethrows
    {
      for number in 0..<counts.reduce(1, *) {
        var rest = number
        var start = [Int](repeating: 0, count: counts.count)
        for axis in counts.indices.reversed() {
          start[axis] = rest % counts[axis] * block[axis]
          rest /= counts[axis]
        }
        try body(number, start, counts.indices.map { max(min(block[$0], whole[$0] - start[$0]), 0) })
      }
    }

    func cut(_ input: Tensor, _ context: KernelContext) throws {
      guard input.rank == counts.count else {
        throw ArrayArguments.invalid(
          "A tensor of shape \(input.shape) is not cut along \(counts.count) dimensions.", input: 0)
      }
      let padded = zip(input.shape.dimensions, paddings).map { $0 + $1 }
      guard zip(padded, counts).allSatisfy({ $0 % $1 == 0 }) else {
        throw ArrayArguments.invalid(
          "Shape \(input.shape) with paddings \(paddings) is not divided evenly by \(counts).", input: 0)
      }
      let block = zip(padded, counts).map { $0 / $1 }
      let shape = try Shape(validating: block)
      let strides = input.shape.strides
      try forEach(block, input.shape.dimensions) { number, start, sizes in
        let output = try context.allocate(number, input.dtype, shape)
        if sizes != block { output.clear() }
        guard !sizes.contains(0) else { return }
        let first = zip(start, strides).reduce(0) { $0 + $1.0 * $1.1 }
        try StridedCopy(sizes: sizes, sourceSteps: strides, targetSteps: shape.strides)
          .run(from: input, at: first, to: output, context.workers)
      }
    }

    func join(_ blocks: [Tensor], firstInput: Int) throws -> Tensor {
      guard let first = blocks.first, first.rank == counts.count, blocks.count == counts.reduce(1, *) else {
        throw ArrayArguments.invalid(
          "Blocks of \(counts.count) dimensions are expected.", input: firstInput)
      }
      for (index, block) in blocks.enumerated() where block.shape != first.shape || block.dtype != first.dtype
      {
        throw ArrayArguments.invalid(
          "Blocks must be alike, and have the shapes \(first.shape) and \(block.shape).",
          input: firstInput + index)
      }
      let sizes = counts.indices.map {
        ArrayArguments.saturatingProduct(first.shape[$0], counts[$0]) - paddings[$0]
      }
      let shape = try Shape(validating: sizes)
      let output = try Tensor(uninitialized: first.dtype, shape: shape)
      let strides = shape.strides
      try forEach(first.shape.dimensions, sizes) { number, start, part in
        guard !part.contains(0) else { return }
        try StridedCopy(sizes: part, sourceSteps: first.shape.strides, targetSteps: strides)
          .run(
            from: blocks[number], to: output, startingAt: zip(start, strides).reduce(0) { $0 + $1.0 * $1.1 },
            WorkerPool(threads: 1))
      }
      return output
    }
  }
}
