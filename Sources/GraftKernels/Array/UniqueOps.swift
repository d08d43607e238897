import GraftTensor

/// Ops that look for equal elements.
enum UniqueOps {
  static let all: [OpDefinition] = [
    unique("Unique", hasAxis: false, hasCounts: false), unique("UniqueV2", hasAxis: true, hasCounts: false),
    unique("UniqueWithCounts", hasAxis: false, hasCounts: true),
    unique("UniqueWithCountsV2", hasAxis: true, hasCounts: true), listDifference,
  ]

  private static func unique(_ name: String, hasAxis: Bool, hasCounts: Bool) -> OpDefinition {
    var types: [String: [DataType]] = ["T": .reals + [.bool, .string], "out_idx": .indices]
    if hasAxis { types["Taxis"] = .indices }
    return OpDefinition(
      name,
      (hasAxis ? "The distinct entries of a dimension" : "The distinct elements of a vector")
        + " in the order in which they come up, and for each entry which of them it is"
        + (hasCounts ? ", and how often each comes up." : "."),
      types: types,
      shape: { context in
        let input = context.input(0)
        var distinct = PartialShape([nil])
        var positions = PartialShape([input.rank == 1 ? input[0] : nil])
        if hasAxis {
          let axes = context.ints(1)
          if axes?.isEmpty != true {
            distinct = input.rank.map { PartialShape.ofRank($0) } ?? .unknown
            positions = .ofRank(1)
            if let sizes = input.dimensions, let axes, axes.count == 1,
              let axis = ArrayArguments.axis(axes[0], rank: sizes.count)
            {
              var open = sizes
              open[axis] = nil
              distinct = PartialShape(open)
              positions = PartialShape([sizes[axis]])
            }
          }
        }
        return [distinct, positions] + (hasCounts ? [.ofRank(1)] : [])
      },
      prepare: { setup in
        let indexType = try setup.outputType(1)
        return { context in
          let input = try context.input(0)
          let axis = try hasAxis ? axis(context, input) : nil
          guard axis != nil || input.rank == 1 else {
            throw ArrayArguments.invalid(
              "The input must be a vector, and its shape is \(input.shape).", input: 0)
          }
          try write(context, input, axis: axis ?? 0, indexType, hasCounts: hasCounts)
        }
      })
  }

  /// The dimension that the second input names; nil where it names none.
  private static func axis(_ context: KernelContext, _ input: Tensor) throws -> Int? {
    let axes = try ArrayArguments.vector(context, 1, "axis")
    guard let value = axes.first else { return nil }
    guard axes.count == 1 else {
      throw ArrayArguments.invalid("'axis' may have one element at most, and has \(axes.count).", input: 1)
    }
    guard let axis = ArrayArguments.axis(value, rank: input.rank) else {
      throw ArrayArguments.invalid("'axis' must be in [0, \(input.rank)), and is \(value).", input: 1)
    }
    return axis
  }

  private static func write(
    _ context: KernelContext, _ input: Tensor, axis: Int, _ indexType: DataType, hasCounts: Bool
  ) throws {
    try MemoryAccount.requireRoom(for: input.shape[axis], bytesEach: 2 * MemoryLayout<Int>.stride)
    let found =
      input.rank == 1
      ? DistinctKeys.groups(ofElements: input) : DistinctKeys.groups(of: input, alongAxis: axis)
    var sizes = input.shape.dimensions
    let entries = sizes[axis]
    let inner = ArrayArguments.product(sizes[(axis + 1)...])
    let outer = ArrayArguments.product(sizes[..<axis])
    sizes[axis] = found.first.count
    let output = try context.allocate(0, input.dtype, Shape(sizes))
    for (place, entry) in found.first.enumerated() where output.elementCount > 0 {
      try StridedCopy(
        rows: outer, length: inner, sourceStep: entries &* inner, targetStep: found.first.count &* inner
      ).run(from: input, at: entry * inner, to: output, startingAt: place * inner, context.workers)
    }
    try context.setIntegers(1, indexType, Shape([entries]), found.group)
    if hasCounts {
      var counts = [Int](repeating: 0, count: found.first.count)
      for group in found.group { counts[group] += 1 }
      try context.setIntegers(2, indexType, Shape([counts.count]), counts)
    }
  }

  private static let listDifference = OpDefinition(
    "ListDiff", "The elements of the first vector that are not in the second one, and where they stand.",
    types: ["T": .reals + [.string], "out_idx": .indices],
    shape: { _ in [.ofRank(1), .ofRank(1)] },
    prepare: { setup in
      let indexType = try setup.outputType(1)
      return { context in
        let x = try context.input(0)
        let y = try context.input(1)
        for (index, tensor) in [x, y].enumerated() where tensor.rank != 1 {
          throw ArrayArguments.invalid(
            "Both inputs must be vectors, and the shape of one is \(tensor.shape).", input: index)
        }
        let places: [Int]
        if x.dtype == .string {
          let known = Set(y.buffer(as: Bytes.self))
          let elements = x.buffer(as: Bytes.self)
          places = elements.indices.filter { !known.contains(elements[$0]) }
        } else {
          let known = Set(DistinctKeys.plain(y).compactMap { $0 })
          let keys = DistinctKeys.plain(x)
          places = keys.indices.filter { keys[$0].map { !known.contains($0) } ?? true }
        }
        let output = try context.allocate(0, x.dtype, Shape([places.count]))
        for (target, place) in places.enumerated() {
          try StridedCopy(sizes: [], sourceSteps: [], targetSteps: [])
            .run(from: x, at: place, to: output, startingAt: target, context.workers)
        }
        try context.setIntegers(1, indexType, Shape([places.count]), places)
      }
    })
}
