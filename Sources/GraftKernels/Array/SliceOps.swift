import GraftTensor

/// Slices of the given beginnings and sizes.
enum SliceOps {
  static let all: [OpDefinition] = [slice]

  private static let slice = OpDefinition(
    "Slice", "The part of the input that begins at `begin` and has `size`, where -1 is all that is left.",
    types: ["T": .values + .smallFloats + .commonQuantized, "Index": .indices],
    shape: { context in
      let rank = context.input(0).rank ?? context.input(1)[0] ?? context.input(2)[0]
      guard let rank else { return [.unknown] }
      guard let sizes = context.ints(2), sizes.count == rank else { return [.ofRank(rank)] }
      let begin = context.ints(1)
      return [
        PartialShape(
          sizes.indices.map { axis -> Int? in
            if sizes[axis] >= 0 { return sizes[axis] }
            guard let begin, begin.count == rank, let whole = context.input(0)[axis] else { return nil }
            return whole >= begin[axis] && begin[axis] >= 0 ? whole - begin[axis] : nil
          })
      ]
    },
    prepare: { _ in
      { context in
        let input = try context.input(0)
        let beginTensor = try context.input(1)
        let sizeTensor = try context.input(2)
        guard beginTensor.rank == 1, sizeTensor.rank == 1, beginTensor.elementCount == input.rank,
          sizeTensor.elementCount == input.rank
        else {
          throw ArrayArguments.invalid(
            "'begin' and 'size' must be vectors of \(input.rank) elements, and their shapes are "
              + "\(beginTensor.shape) and \(sizeTensor.shape).")
        }
        let begin = try beginTensor.integers()
        var sizes = try sizeTensor.integers()
        for axis in 0..<input.rank {
          let whole = input.shape[axis]
          guard begin[axis] >= 0, begin[axis] <= whole else {
            throw ArrayArguments.invalid(
              "'begin' must be in [0, \(whole)] for dimension \(axis), and is \(begin[axis]).", input: 1)
          }
          if sizes[axis] == -1 { sizes[axis] = whole - begin[axis] }
          guard sizes[axis] >= 0, sizes[axis] <= whole - begin[axis] else {
            throw ArrayArguments.invalid(
              "'size' must be in [0, \(whole - begin[axis])] for dimension \(axis), and is \(sizes[axis]).",
              input: 2)
          }
        }
        let shape = Shape(sizes)
        let strides = input.shape.strides
        var start = 0
        for axis in 0..<input.rank { start += begin[axis] * strides[axis] }
        let copy = StridedCopy(sizes: sizes, sourceSteps: strides, targetSteps: shape.strides)
        guard shape.elementCount > 0 else { return try context.setView(0, of: input, shape) }
        let isConstant = context.isConstant(1) && context.isConstant(2)
        if copy.isContiguous {
          return try context.setPart(0, of: input, from: start, shape, isConstant: isConstant)
        }
        let output = try context.allocate(0, input.dtype, shape)
        try context.perform(
          [BlockCopy(block: copy, source: input, sourceStart: start, target: output)], binds: isConstant)
      }
    })
}
