import GraftTensor

/// Ops that put a default value into rows without one.
enum FillEmptyRowsOps {
  static let all: [OpDefinition] = [
    sparse, ragged, gradient("SparseFillEmptyRowsGrad"), gradient("RaggedFillEmptyRowsGrad"),
  ]

  /// Where the values go, row after row in their order, and where defaults stand.
  private struct Filling {
    /// The place of each value in the result.
    var places: [Int]
    /// For each place of the result the value that stands there; -1 for the default.
    var sources: [Int]
    /// For each place of the result its row.
    var rows: [Int]
    /// For each row whether it had no value.
    var isEmpty: [Bool]

    init(rows numbers: [Int], count rowCount: Int) throws {
      guard rowCount >= 0, rowCount <= Shape.maximumElementCount else {
        throw ArrayArguments.invalid("\(rowCount) is no number of rows.")
      }
      guard rowCount > 0 || numbers.isEmpty else {
        throw ArrayArguments.invalid("There are \(numbers.count) values, and no row for them.")
      }
      try MemoryAccount.requireRoom(for: rowCount, bytesEach: 5 * MemoryLayout<Int>.stride)
      var lengths = [Int](repeating: 0, count: rowCount)
      for (place, row) in numbers.enumerated() {
        guard row >= 0, row < rowCount else {
          throw ArrayArguments.invalid(
            "indices(\(place), 0) is invalid: \(row) is not in [0, \(rowCount)).", input: 0)
        }
        lengths[row] += 1
      }
      isEmpty = lengths.map { $0 == 0 }
      var next: [Int] = []
      next.reserveCapacity(rowCount)
      rows = []
      for (row, length) in lengths.enumerated() {
        next.append(rows.count)
        for _ in 0..<max(length, 1) { rows.append(row) }
      }
      sources = [Int](repeating: -1, count: rows.count)
      places = []
      places.reserveCapacity(numbers.count)
      for (value, row) in numbers.enumerated() {
        places.append(next[row])
        sources[next[row]] = value
        next[row] += 1
      }
    }
  }

  private static func write(
    _ filling: Filling, values: Tensor, fallback: Tensor, _ context: KernelContext
  ) throws {
    guard fallback.rank == 0 else {
      throw ArrayArguments.invalid(
        "The default value must be a scalar, and its shape is "
          + "\(fallback.shape).", input: 3)
    }
    let output = try context.allocate(1, values.dtype, Shape([filling.sources.count]))
    try values.dtype.withElement(
      FillTask(values: values, fallback: fallback, sources: filling.sources, output: output))
    let empty = try context.allocate(2, .bool, Shape([filling.isEmpty.count]))
    let flags = empty.mutableBuffer(as: Bool.self)
    for (row, isEmpty) in filling.isEmpty.enumerated() { flags[row] = isEmpty }
    try context.setIntegers(3, .int64, Shape([filling.places.count]), filling.places)
  }

  private struct FillTask: ElementTask {
    let values: Tensor
    let fallback: Tensor
    let sources: [Int]
    let output: Tensor

    func run<E: Sendable>(_ type: E.Type) throws {
      let from = values.element(type, 0)
      let to = output.element(type, 0)
      let other = fallback.element(type, 0)
      for (place, source) in sources.enumerated() { to[place] = source < 0 ? other.pointee : from[source] }
    }
  }

  private static let sparse = OpDefinition(
    "SparseFillEmptyRows",
    "A sparse tensor with a default value in the first column of each row that has none.",
    types: ["T": .anything],
    shape: { context in
      let rank = context.input(0)[1]
      return [
        PartialShape([nil, rank]), .ofRank(1), PartialShape([context.ints(2)?.first]),
        PartialShape([context.input(0)[0]]),
      ]
    },
    prepare: { _ in
      { context in
        let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
        guard input.rank > 0 else {
          throw ArrayArguments.invalid(
            "The shape must have one size or "
              + "more.", input: 2)
        }
        let rank = input.rank
        let filling = try Filling(
          rows: (0..<input.count).map { input.indices[$0 * rank] }, count: input.shape[0])
        var indices = [Int](repeating: 0, count: filling.sources.count * rank)
        for (place, source) in filling.sources.enumerated() {
          if source < 0 {
            indices[place * rank] = filling.rows[place]
          } else {
            for axis in 0..<rank { indices[place * rank + axis] = input.indices[source * rank + axis] }
          }
        }
        try context.setIntegers(0, .int64, Shape([filling.sources.count, rank]), indices)
        try write(filling, values: input.values, fallback: try context.input(3), context)
      }
    })

  private static let ragged = OpDefinition(
    "RaggedFillEmptyRows", "The rows of values with a default value as each row that has none.",
    types: ["T": .anything],
    shape: { context in
      [
        .ofRank(1), .ofRank(1), PartialShape([context.ints(2)?.first]), PartialShape([context.input(0)[0]]),
      ]
    },
    prepare: { _ in
      { context in
        let numbers = try ArrayArguments.vector(context, 0, "value_rowids")
        let values = try context.input(1)
        guard values.shape == [numbers.count] else {
          throw ArrayArguments.invalid(
            "There must be a value for each of the \(numbers.count) row numbers, and the values' shape is "
              + "\(values.shape).", input: 1)
        }
        let filling = try Filling(
          rows: numbers, count: try ArrayArguments.scalar(context, 2, "nrows"))
        // Without rows TensorFlow gives a matrix of no rows.
        let shape = filling.isEmpty.isEmpty ? Shape([0, 1]) : Shape([filling.rows.count])
        try context.setIntegers(0, .int64, shape, filling.rows)
        try write(filling, values: values, fallback: try context.input(3), context)
      }
    })

  // MARK: Gradients

  private static func gradient(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The gradients of the values that were there, and the sum of those of the defaults.",
      types: ["T": .numbers],
      shape: { [PartialShape([$0.input(0)[0]]), .scalar] },
      prepare: { _ in
        { context in
          let map = try ArrayArguments.vector(context, 0, "reverse_index_map")
          let gradient = try context.input(1)
          guard gradient.rank == 1 else {
            throw ArrayArguments.invalid(
              "The gradient must be a vector, and its shape is "
                + "\(gradient.shape).", input: 1)
          }
          for (place, target) in map.enumerated() where target < 0 || target >= gradient.elementCount {
            throw ArrayArguments.invalid(
              "reverse_index_map[\(place)] is \(target), not in [0, \(gradient.elementCount)).", input: 0)
          }
          try context.setElements(0, of: gradient, at: map)
          let sum = try context.allocate(1, gradient.dtype, .scalar)
          var isUsed = [Bool](repeating: false, count: gradient.elementCount)
          for target in map { isUsed[target] = true }
          try gradient.dtype.withArithmeticElement(
            RestSum(gradient: gradient, isUsed: isUsed, output: sum))
        }
      })
  }

  private struct RestSum: ArithmeticElementTask {
    let gradient: Tensor
    let isUsed: [Bool]
    let output: Tensor

    func run<E: ArithmeticElement>(_ type: E.Type) throws {
      var sum = E.zero
      for (place, value) in gradient.buffer(as: type).enumerated() where !isUsed[place] {
        sum = E.add(sum, value)
      }
      output.element(type, 0).pointee = sum
    }
  }
}
