import GraftTensor

/// Ops that turn dimensions around.
enum ReverseOps {
  static let all: [OpDefinition] = [reverseV2, reverse, reverseSequence, roll]

  /// Gives the output the input with some dimensions backwards.
  private static func turn(_ input: Tensor, _ axes: [Bool], _ context: KernelContext) throws {
    let strides = input.shape.strides
    var steps = strides
    var start = 0
    for axis in axes.indices where axes[axis] && input.shape[axis] > 1 {
      steps[axis] = -strides[axis]
      start += (input.shape[axis] - 1) * strides[axis]
    }
    if start == 0 || input.elementCount == 0 { return try context.setOutput(0, input) }
    let output = try context.allocate(0, input.dtype, input.shape)
    try StridedCopy(sizes: input.shape.dimensions, sourceSteps: steps, targetSteps: strides)
      .run(from: input, at: start, to: output, context.workers)
  }

  private static let reverseV2 = OpDefinition(
    "ReverseV2", "The input with the given dimensions backwards.",
    types: ["T": .values, "Tidx": .indices], shape: ShapeRules.sameAsInput,
    prepare: { _ in
      { context in
        let input = try context.input(0)
        var turned = [Bool](repeating: false, count: input.rank)
        let axes = try ArrayArguments.vector(context, 1, "axis")
        // A scalar has nothing to turn, whatever is asked for.
        for (index, value) in axes.enumerated() where input.rank > 0 {
          guard let axis = ArrayArguments.axis(value, rank: input.rank) else {
            throw ArrayArguments.invalid(
              "axis[\(index)] is \(value), outside of the \(input.rank) dimensions of the input.", input: 1)
          }
          guard !turned[axis] else {
            throw ArrayArguments.invalid("Dimension \(axis) is given more than once.", input: 1)
          }
          turned[axis] = true
        }
        try turn(input, turned, context)
      }
    })

  private static let reverse = OpDefinition(
    "Reverse", "The input with the dimensions backwards for which the vector of bools says so.",
    types: ["T": .values], shape: ShapeRules.sameAsInput,
    prepare: { _ in
      { context in
        let input = try context.input(0)
        let dims = try context.input(1)
        guard dims.rank == 1, dims.elementCount == input.rank || input.rank == 0 else {
          throw ArrayArguments.invalid(
            "'dims' must be a vector with one bool for each of the \(input.rank) dimensions, and its shape "
              + "is \(dims.shape).", input: 1)
        }
        guard input.rank == 0 || input.shape[0] > 0 else {
          throw ArrayArguments.invalid(
            "The first dimension must not be empty, and the shape is \(input.shape).", input: 0)
        }
        let flags = Array(dims.buffer(as: Bool.self))
        try turn(input, input.rank == 0 ? [] : flags, context)
      }
    })

  private static let reverseSequence = OpDefinition(
    "ReverseSequence",
    "The input with, for each entry of `batch_dim`, the first places of `seq_dim` backwards, as many as its "
      + "length says.",
    types: ["T": .values, "Tlen": .indices], shape: ShapeRules.sameAsInput,
    prepare: { setup in
      let batchAxis = try setup.int("batch_dim")
      let sequenceAxis = try setup.int("seq_dim")
      return { context in
        let input = try context.input(0)
        let lengths = try ArrayArguments.vector(context, 1, "seq_lengths")
        for (name, axis) in [("batch_dim", batchAxis), ("seq_dim", sequenceAxis)] {
          guard axis >= 0, axis < input.rank else {
            throw ArrayArguments.invalid(
              "The attribute '\(name)' is \(axis), and the input has \(input.rank) dimensions.", input: 0)
          }
        }
        guard batchAxis != sequenceAxis else {
          throw ArrayArguments.invalid("The attributes 'batch_dim' and 'seq_dim' are both \(batchAxis).")
        }
        let sizes = input.shape.dimensions
        guard lengths.count == sizes[batchAxis] else {
          throw ArrayArguments.invalid(
            "There are \(lengths.count) lengths for the \(sizes[batchAxis]) entries of dimension "
              + "\(batchAxis).",
            input: 1)
        }
        for (index, length) in lengths.enumerated() {
          guard length >= 0, length <= sizes[sequenceAxis] else {
            throw ArrayArguments.invalid(
              "seq_lengths[\(index)] is \(length), and dimension \(sequenceAxis) has \(sizes[sequenceAxis]) "
                + "places.",
              input: 1)
          }
        }
        let output = try context.allocate(0, input.dtype, input.shape)
        let strides = input.shape.strides
        for (index, length) in lengths.enumerated() {
          let start = index * strides[batchAxis]
          var part = sizes
          part[batchAxis] = 1
          if length > 0 {
            part[sequenceAxis] = length
            var steps = strides
            steps[sequenceAxis] = -strides[sequenceAxis]
            try StridedCopy(sizes: part, sourceSteps: steps, targetSteps: strides).run(
              from: input, at: start + (length - 1) * strides[sequenceAxis], to: output, startingAt: start,
              context.workers)
          }
          part[sequenceAxis] = sizes[sequenceAxis] - length
          let rest = start + length * strides[sequenceAxis]
          try StridedCopy(sizes: part, sourceSteps: strides, targetSteps: strides)
            .run(from: input, at: rest, to: output, startingAt: rest, context.workers)
        }
      }
    })

  private static let roll = OpDefinition(
    "Roll", "The input with the places of the given dimensions moved on, those at the end to the beginning.",
    types: ["T": .anything, "Tshift": .indices, "Taxis": .indices], shape: ShapeRules.sameAsInput,
    prepare: { _ in
      { context in
        let input = try context.input(0)
        let shiftTensor = try context.input(1)
        let axisTensor = try context.input(2)
        guard input.rank >= 1 else { throw ArrayArguments.invalid("A scalar cannot be rolled.", input: 0) }
        for (index, tensor) in [shiftTensor, axisTensor].enumerated() where tensor.rank > 1 {
          throw ArrayArguments.invalid(
            "'shift' and 'axis' must be scalars or vectors, and one has shape \(tensor.shape).",
            input: index + 1)
        }
        guard shiftTensor.shape == axisTensor.shape else {
          throw ArrayArguments.invalid(
            "'shift' and 'axis' must have the same size, and their shapes are \(shiftTensor.shape) and "
              + "\(axisTensor.shape).")
        }
        var shifts = [Int](repeating: 0, count: input.rank)
        for (shift, value) in zip(try shiftTensor.integers(), try axisTensor.integers()) {
          guard let axis = ArrayArguments.axis(value, rank: input.rank) else {
            throw ArrayArguments.invalid(
              "Dimension \(value) is out of range for an input of \(input.rank) dimensions.", input: 2)
          }
          let size = max(input.shape[axis], 1)
          // Of several shifts of one dimension the sum counts; all stay below the size.
          shifts[axis] = ((shifts[axis] + shift % size) % size + size) % size
        }
        if shifts.allSatisfy({ $0 == 0 }) { return try context.setOutput(0, input) }
        let output = try context.allocate(0, input.dtype, input.shape)
        let axes = shifts.indices.map { axis in
          let size = input.shape[axis]
          return [
            BlockAssembly.Run(source: size - shifts[axis], count: shifts[axis]),
            BlockAssembly.Run(source: 0, count: size - shifts[axis]),
          ]
        }
        try BlockAssembly(axes: axes).run(from: input, padding: nil, to: output, context.workers)
      }
    })
}
