import GraftTensor

/// Ops that cut sparse tensors and put them one behind the other.
enum SparseSliceOps {
  static let all: [OpDefinition] = [concat, split, slice, sliceGradient]

  // MARK: SparseConcat

  private static let concat = OpDefinition(
    "SparseConcat",
    "Sparse tensors one behind the other along a dimension, in ascending order of the indices.",
    types: ["T": .anything],
    shape: { context in
      let rank = context.inputs.first?[1]
      return [PartialShape([nil, rank]), .ofRank(1), PartialShape([rank])]
    },
    prepare: { setup in
      let value = try setup.int("concat_dim")
      let dtype = try setup.outputType(1)
      return { context in
        let count = context.inputCount / 3
        let parts = try (0..<count).map {
          try SparseInput(context, indices: $0, values: $0 + count, shape: $0 + 2 * count)
        }
        guard let first = parts.first else {
          throw ArrayArguments.invalid(
            "There is nothing to "
              + "concatenate.")
        }
        guard let axis = ArrayArguments.axis(value, rank: first.rank) else {
          throw ArrayArguments.invalid(
            "The attribute 'concat_dim' must be in the range [\(-first.rank), \(first.rank)), and is "
              + "\(value).")
        }
        var shape = first.shape
        shape[axis] = 0
        var indices: [Int] = []
        for (number, part) in parts.enumerated() {
          guard part.rank == first.rank else {
            throw ArrayArguments.invalid(
              "The ranks of all inputs must match: \(first.rank) and "
                + "\(part.rank).", input: number)
          }
          for other in 0..<part.rank where other != axis && part.shape[other] != first.shape[other] {
            throw ArrayArguments.invalid(
              "Dimension \(other) must be equal in all inputs: \(first.shape[other]) and "
                + "\(part.shape[other]).",
              input: number)
          }
          for place in 0..<part.count {
            indices += part.row(place)
            indices[indices.count - part.rank + axis] &+= shape[axis]
          }
          shape[axis] = shape[axis] &+ part.shape[axis]
        }
        let joined = try Tensor(uninitialized: dtype, shape: Shape([parts.reduce(0) { $0 + $1.count }]))
        var start = 0
        for part in parts {
          try StridedCopy(sizes: [part.count], sourceSteps: [1], targetSteps: [1])
            .run(from: part.values, to: joined, startingAt: start, context.workers)
          start += part.count
        }
        let whole = SparseInput(indices: indices, values: joined, shape: shape)
        let order = whole.sortedPlaces()
        try context.setSparse(
          0, indices: order.flatMap { whole.row($0) }, valuesOf: joined, at: order, shape: shape)
      }
    })

  // MARK: SparseSplit

  private static let split = OpDefinition(
    "SparseSplit",
    "A sparse tensor cut into pieces along a dimension; the first ones are longer by one where need be.",
    types: ["T": .anything],
    shape: { context in
      let count = context.node.outputTypes.count / 3
      let rank = context.input(3)[0]
      return [PartialShape](repeating: PartialShape([nil, rank]), count: count)
        + [PartialShape](repeating: .ofRank(1), count: count)
        + [PartialShape](repeating: PartialShape([rank]), count: count)
    },
    prepare: { setup in
      let count = setup.outputTypes.count / 3
      return { context in
        let value = try ArrayArguments.scalar(context, 0, "split_dim")
        let input = try SparseInput(context, indices: 1, values: 2, shape: 3)
        guard let axis = ArrayArguments.axis(value, rank: input.rank) else {
          throw ArrayArguments.invalid(
            "The dimension to split must be in the range [\(-input.rank), \(input.rank)), and is "
              + "\(value).", input: 0)
        }
        let size = input.shape[axis]
        guard count >= 1, count <= size else {
          throw ArrayArguments.invalid(
            "Dimension \(axis) of size \(size) cannot be cut into \(count) "
              + "pieces.", input: 3)
        }
        _ = try input.flatPlaces(input: 1)
        let length = size / count
        let longer = size % count
        var indices = [[Int]](repeating: [], count: count)
        var places = [[Int]](repeating: [], count: count)
        for place in 0..<input.count {
          var row = Array(input.row(place))
          let index = row[axis]
          let isEarly = index < longer * (length + 1)
          let piece = isEarly ? index / (length + 1) : (index - longer) / length
          row[axis] = isEarly ? index % (length + 1) : (index - longer) % length
          indices[piece] += row
          places[piece].append(place)
        }
        for piece in 0..<count {
          var shape = input.shape
          shape[axis] = length + (piece < longer ? 1 : 0)
          try context.setIntegers(
            piece, .int64, Shape([places[piece].count, input.rank]), indices[piece])
          try context.setElements(count + piece, of: input.values, at: places[piece])
          try context.setIntegers(2 * count + piece, .int64, Shape([input.rank]), shape)
        }
      }
    })

  // MARK: SparseSlice

  private static let slice = OpDefinition(
    "SparseSlice", "The part of a sparse tensor that begins at `start` and has at most `size`.",
    types: ["T": .anything],
    shape: { context in
      let rank = context.input(2)[0]
      return [PartialShape([nil, rank]), .ofRank(1), PartialShape([rank])]
    },
    prepare: { _ in
      { context in
        let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
        let start = try ArrayArguments.vector(context, 3, "start")
        let size = try ArrayArguments.vector(context, 4, "size")
        guard start.count == input.rank, size.count == input.rank else {
          throw ArrayArguments.invalid(
            "'start' and 'size' must have \(input.rank) elements, and have \(start.count) and \(size.count).")
        }
        var shape: [Int] = []
        for axis in 0..<input.rank {
          guard size[axis] >= 0 else {
            throw ArrayArguments.invalid("'size' must be 0 or more, and is \(size[axis]).", input: 4)
          }
          let (rest, overflow) = input.shape[axis].subtractingReportingOverflow(start[axis])
          guard !overflow else {
            throw ArrayArguments.invalid("'start' is out of range: \(start[axis]).", input: 3)
          }
          shape.append(max(min(size[axis], rest), 0))
        }
        var indices: [Int] = []
        var places: [Int] = []
        for place in 0..<input.count {
          let row = input.row(place).enumerated().map { $0.element &- start[$0.offset] }
          guard zip(row, shape).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
          indices += row
          places.append(place)
        }
        try context.setSparse(0, indices: indices, valuesOf: input.values, at: places, shape: shape)
      }
    })

  private static let sliceGradient = OpDefinition(
    "SparseSliceGrad", "For each value of a sparse tensor the gradient of what a slice took of it, or zero.",
    types: ["T": .numbers],
    shape: { [PartialShape([$0.input(1)[0]])] },
    prepare: { _ in
      { context in
        let gradient = try context.input(0)
        let input = try context.input(1)
        let start = try ArrayArguments.vector(context, 2, "input_start")
        let output = try context.input(3)
        guard input.rank == 2, output.rank == 2, input.shape[1] == start.count,
          output.shape[1] == start.count,
          gradient.shape == Shape([output.shape[0]])
        else {
          throw ArrayArguments.invalid(
            "Indices of shapes \(input.shape) and \(output.shape), a start of \(start.count) elements and "
              + "gradients of shape \(gradient.shape) do not fit each other.")
        }
        let rank = start.count
        let before = try input.integers()
        let after = try output.integers()
        let result = try context.allocate(0, gradient.dtype, Shape([input.shape[0]]))
        result.clear()
        // Both lists are in the same order, and the second one lacks what the slice left out.
        var next = 0
        for place in 0..<input.shape[0] where next < output.shape[0] {
          let isTaken = (0..<rank).allSatisfy {
            before[place * rank + $0] == after[next * rank + $0] &+ start[$0]
          }
          guard isTaken else { continue }
          try StridedCopy(sizes: [], sourceSteps: [], targetSteps: [])
            .run(from: gradient, at: next, to: result, startingAt: place, context.workers)
          next += 1
        }
        guard next == output.shape[0] else {
          throw ArrayArguments.invalid(
            "The slice has indices that the input has not in that "
              + "order.", input: 3)
        }
      }
    })
}
