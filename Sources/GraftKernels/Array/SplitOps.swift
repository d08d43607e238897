import GraftTensor

/// Ops that cut a tensor into pieces along a dimension.
///
/// Pieces along the outermost dimension are views of the input.
enum SplitOps {
  static let all: [OpDefinition] = [split, splitV, unpack]

  private static let types: [DataType] = .anything + .smallFloats + [.quint8, .int4, .uint4]

  /// Gives the outputs pieces of the given lengths along the axis.
  private static func cut(
    _ input: Tensor, axis: Int, lengths: [Int], dropsAxis: Bool = false, _ context: KernelContext
  ) throws {
    var sizes = input.shape.dimensions
    let inner = ArrayArguments.product(sizes[(axis + 1)...])
    let outer = ArrayArguments.product(sizes[..<axis])
    let step = sizes[axis] &* inner
    var start = 0
    var copies: [BlockCopy] = []
    for (index, length) in lengths.enumerated() {
      sizes[axis] = length
      var piece = sizes
      if dropsAxis { piece.remove(at: axis) }
      let shape = Shape(piece)
      if outer == 1 {
        try context.setView(index, of: input, from: start &* inner, shape)
      } else {
        let output = try context.allocate(index, input.dtype, shape)
        if shape.elementCount > 0 {
          let block = StridedCopy(
            rows: outer, length: length &* inner, sourceStep: step, targetStep: length &* inner)
          copies.append(
            BlockCopy(block: block, source: input, sourceStart: start &* inner, target: output))
        }
      }
      start += length
    }
    if outer == 1 { context.keepViews() } else { try context.perform(copies) }
  }

  private static func axis(_ value: Int, of input: Tensor, _ index: Int) throws -> Int {
    guard let axis = ArrayArguments.axis(value, rank: input.rank) else {
      throw ArrayArguments.invalid(
        "The dimension to split must be in the range [\(-input.rank), \(input.rank)), and is \(value).",
        input: index)
    }
    return axis
  }

  private static let split = OpDefinition(
    "Split", "The input cut into equal pieces along a dimension.", types: ["T": types],
    shape: { context in
      let count = context.node.outputTypes.count
      guard var dimensions = context.input(1).dimensions else {
        return [PartialShape](repeating: .unknown, count: count)
      }
      if let value = context.ints(0), value.count == 1,
        let axis = ArrayArguments.axis(value[0], rank: dimensions.count)
      {
        dimensions[axis] = dimensions[axis].map { $0 / max(count, 1) }
      } else {
        dimensions = [Int?](repeating: nil, count: dimensions.count)
      }
      return [PartialShape](repeating: PartialShape(dimensions), count: count)
    },
    prepare: { setup in
      let count = setup.outputTypes.count
      return { context in
        let input = try context.input(1)
        let axis = try axis(ArrayArguments.scalar(context, 0, "split_dim"), of: input, 0)
        guard count > 0, input.shape[axis] % count == 0 else {
          throw ArrayArguments.invalid(
            "Dimension \(axis) has size \(input.shape[axis]), which \(count) equal pieces do not divide.",
            input: 1)
        }
        let length = input.shape[axis] / count
        try cut(input, axis: axis, lengths: [Int](repeating: length, count: count), context)
      }
    })

  private static let splitV = OpDefinition(
    "SplitV",
    "The input cut into pieces of the given lengths along a dimension; one length may be -1: what is left.",
    types: ["T": types, "Tlen": [.int8, .int32, .int64]],
    shape: { context in
      let count = context.node.outputTypes.count
      guard let dimensions = context.input(0).dimensions else {
        return [PartialShape](repeating: .unknown, count: count)
      }
      guard let value = context.ints(2), value.count == 1,
        let axis = ArrayArguments.axis(value[0], rank: dimensions.count)
      else { return [PartialShape](repeating: .ofRank(dimensions.count), count: count) }
      let lengths = context.value(1).flatMap { try? $0.integers() }
      return (0..<count).map { index in
        var sizes = dimensions
        sizes[axis] = nil
        if let lengths, lengths.indices.contains(index) {
          if lengths[index] >= 0 {
            sizes[axis] = lengths[index]
          } else if let whole = dimensions[axis] {
            let rest = lengths.reduce(whole) { $1 > 0 ? $0 &- $1 : $0 }
            sizes[axis] = rest >= 0 ? rest : nil
          }
        }
        return PartialShape(sizes)
      }
    },
    prepare: { setup in
      let count = setup.outputTypes.count
      return { context in
        let input = try context.input(0)
        let axis = try axis(ArrayArguments.single(context, 2, "split_dim"), of: input, 2)
        let sizes = try context.input(1)
        guard sizes.rank == 1, sizes.elementCount == count else {
          throw ArrayArguments.invalid(
            "The lengths must be a vector with one for each of the \(count) outputs, and their shape is "
              + "\(sizes.shape).", input: 1)
        }
        let lengths = try lengths(try sizes.integers(), whole: input.shape[axis])
        try cut(input, axis: axis, lengths: lengths, context)
      }
    })

  private static func lengths(_ given: [Int], whole: Int) throws -> [Int] {
    // TensorFlow takes any negative length for all there is, where there is but one.
    if given.count == 1, let only = given.first, only < 0 { return [whole] }
    var lengths = given
    var sum = 0
    var open: Int?
    for (index, length) in given.enumerated() {
      if length == -1 {
        guard open == nil else { throw ArrayArguments.invalid("Only one length may be -1.", input: 1) }
        open = index
        continue
      }
      guard length >= 0 else {
        throw ArrayArguments.invalid(
          "The length at index \(index) must be 0 or more, and is \(length).", input: 1)
      }
      let (next, overflow) = sum.addingReportingOverflow(length)
      sum = overflow ? Int.max : next
    }
    guard open == nil ? sum == whole : sum <= whole else {
      throw ArrayArguments.invalid(
        "The lengths add up to \(sum), and the dimension to split has size \(whole).", input: 1,
        remedy: "They must add up to the size, or to no more than it where one is -1.")
    }
    if let open { lengths[open] = whole - sum }
    return lengths
  }

  private static let unpack = OpDefinition(
    "Unpack", "The entries of a dimension, each as a tensor without it.",
    types: ["T": .anything + .smallFloats],
    shape: { context in
      let count = context.node.outputTypes.count
      guard var dimensions = context.input(0).dimensions,
        let axis = ArrayArguments.axis(try context.node.int("axis"), rank: dimensions.count)
      else { return [PartialShape](repeating: .unknown, count: count) }
      dimensions.remove(at: axis)
      return [PartialShape](repeating: PartialShape(dimensions), count: count)
    },
    prepare: { setup in
      let value = try setup.int("axis")
      let count = setup.outputTypes.count
      return { context in
        let input = try context.input(0)
        guard let axis = ArrayArguments.axis(value, rank: input.rank) else {
          throw ArrayArguments.invalid(
            "The attribute 'axis' is \(value), not in [\(-input.rank), \(input.rank)).", input: 0)
        }
        guard input.shape[axis] == count else {
          throw ArrayArguments.invalid(
            "Dimension \(axis) must have size \(count), one for each output, and the shape is "
              + "\(input.shape).",
            input: 0)
        }
        try cut(
          input, axis: axis, lengths: [Int](repeating: 1, count: count), dropsAxis: true, context)
      }
    })
}
