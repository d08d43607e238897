import GraftTensor

/// Ops that count how often numbers come up in each row.
enum CountOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "SparseBincount",
      "How often each number below `size` comes up in a sparse tensor, or in each of its rows.",
      types: ["T": [.int32, .int64, .float32, .float64], "Tidx": .indices],
      shape: { context in
        let size = context.ints(3)?.first.flatMap { $0 >= 0 ? $0 : nil }
        guard let rank = context.input(2)[0] else { return [.unknown] }
        return [rank == 1 ? PartialShape([size]) : PartialShape([context.ints(2)?.first, size])]
      },
      prepare: { try bincount($0) { try sparseRows($0) } }),
    OpDefinition(
      "RaggedBincount", "How often each number below `size` comes up in each row of a ragged tensor.",
      types: ["T": [.int32, .int64, .float32, .float64], "Tidx": .indices],
      shape: { context in
        [
          PartialShape([
            context.input(0)[0].map { $0 - 1 }, context.ints(2)?.first.flatMap { $0 >= 0 ? $0 : nil },
          ])
        ]
      },
      prepare: { try bincount($0) { try raggedRows($0) } }),
    counts("DenseCountSparseOutput", "a vector, or each row of a matrix") { try denseRows($0) },
    counts("SparseCountSparseOutput", "a sparse tensor, or each of its rows") { try sparseRows($0) },
    counts("RaggedCountSparseOutput", "each row of a ragged tensor") { try raggedRows($0) },
  ]

  /// The numbers to count, and the row of each.
  private struct Rows {
    /// The numbers.
    let values: Tensor
    /// Of each number its row.
    let rows: [Int]
    /// How many rows there are; nil where there is but one, which is no dimension.
    let count: Int?
    /// The inputs that follow.
    let next: Int
  }

  private static func denseRows(_ context: KernelContext) throws -> Rows {
    let values = try context.input(0)
    guard values.rank == 1 || values.rank == 2 else {
      throw ArrayArguments.invalid(
        "The input must be a vector or a matrix, and its shape is "
          + "\(values.shape).", input: 0)
    }
    guard values.rank == 1 || values.shape[0] > 0 else {
      throw ArrayArguments.invalid("A matrix must have a row, and its shape is \(values.shape).", input: 0)
    }
    let length = values.shape[values.rank - 1]
    return Rows(
      values: values, rows: values.rank == 1 ? [] : (0..<values.elementCount).map { $0 / length },
      count: values.rank == 1 ? nil : values.shape[0], next: 1)
  }

  private static func sparseRows(_ context: KernelContext) throws -> Rows {
    let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
    guard input.rank > 0 else {
      throw ArrayArguments.invalid(
        "The shape must have one size or "
          + "more.", input: 2)
    }
    _ = try input.flatPlaces(input: 0)
    return Rows(
      values: input.values,
      rows: input.rank == 1 ? [] : (0..<input.count).map { input.indices[$0 * input.rank] },
      count: input.rank == 1 ? nil : input.shape[0], next: 3)
  }

  private static func raggedRows(_ context: KernelContext) throws -> Rows {
    let values = try context.input(1)
    guard values.rank == 1 else {
      throw ArrayArguments.invalid(
        "The values must be a vector, and their shape is "
          + "\(values.shape).", input: 1)
    }
    let splits = try RaggedSplits.nested(context, 0..<1, values: values, isWhole: true)[0]
    var rows: [Int] = []
    for row in 0..<splits.rowCount {
      for _ in splits.places[row]..<splits.places[row + 1] { rows.append(row) }
    }
    return Rows(values: values, rows: rows, count: splits.rowCount, next: 2)
  }

  /// The weights of the numbers; nil where each counts one.
  private static func weights(_ context: KernelContext, _ index: Int, _ rows: Rows) throws -> Tensor? {
    let weights = try context.input(index)
    if weights.elementCount == 0 { return nil }
    guard weights.elementCount == rows.values.elementCount else {
      throw ArrayArguments.invalid(
        "There must be a weight for each number, and the shapes are \(weights.shape) and "
          + "\(rows.values.shape).",
        input: index)
    }
    return weights
  }

  // MARK: Bins

  private static func bincount(
    _ setup: NodeSetup, _ read: @escaping @Sendable (KernelContext) throws -> Rows
  ) throws -> Kernel {
    let isBinary = try setup.bool("binary_output")
    let dtype = try setup.outputType(0)
    return { context in
      let rows = try read(context)
      let size = try context.scalarInteger(rows.next, named: "size")
      guard size >= 0 else {
        throw ArrayArguments.invalid(
          "'size' must be 0 or more, and is "
            + "\(size).", input: rows.next)
      }
      let weights = try weights(context, rows.next + 1, rows)
      let shape = try Shape(validating: rows.count.map { [$0, size] } ?? [size])
      let output = try context.allocate(0, dtype, shape)
      output.clear()
      try dtype.withArithmeticElement(
        BinTask(
          values: try rows.values.integers(), rows: rows.rows, size: size, weights: isBinary ? nil : weights,
          isBinary: isBinary, output: output))
    }
  }

  private struct BinTask: ArithmeticElementTask {
    let values: [Int]
    let rows: [Int]
    let size: Int
    let weights: Tensor?
    let isBinary: Bool
    let output: Tensor

    func run<E: ArithmeticElement>(_ type: E.Type) throws {
      let target = output.mutableBuffer(as: type)
      let weights = weights?.buffer(as: type)
      for (place, value) in values.enumerated() where value >= 0 && value < size {
        let bin = (rows.isEmpty ? 0 : rows[place]) * size + value
        target[bin] = isBinary ? E.one : E.add(target[bin], weights.map { $0[place] } ?? E.one)
      }
    }
  }

  // MARK: Counts

  private static func counts(
    _ name: String, _ what: String, _ read: @escaping @Sendable (KernelContext) throws -> Rows
  ) -> OpDefinition {
    OpDefinition(
      name, "How often each number comes up in \(what), as a sparse tensor.",
      types: ["T": .indices, "output_type": [.int32, .int64, .float32, .float64]],
      shape: { _ in [.ofRank(2), .ofRank(1), .ofRank(1)] },
      prepare: { setup in
        let least = try setup.int("minlength")
        let most = try setup.int("maxlength")
        let isBinary = try setup.bool("binary_output")
        let dtype = try setup.outputType(1)
        return { context in
          let rows = try read(context)
          let weights = try weights(context, rows.next, rows)
          let values = try rows.values.integers()
          guard values.allSatisfy({ $0 >= 0 }) else {
            throw ArrayArguments.invalid("The numbers to count must be 0 or more.", input: 0)
          }
          // The places of each number, by row and number.
          var bins: [[Int]: [Int]] = [:]
          for (place, value) in values.enumerated() where most < 0 || value < most {
            bins[[rows.rows.isEmpty ? 0 : rows.rows[place], value], default: []].append(place)
          }
          let keys = bins.keys.sorted { $0.lexicographicallyPrecedes($1) }
          let columns = rows.count == nil ? 1 : 2
          try context.setIntegers(
            0, .int64, Shape([keys.count, columns]), keys.flatMap { $0.suffix(columns) })
          let output = try context.allocate(1, dtype, Shape([keys.count]))
          try dtype.withArithmeticElement(
            CountTask(
              groups: keys.map { bins[$0] ?? [] }, weights: weights, isBinary: isBinary, output: output))
          // The largest number that was left out counts too.
          let largest = values.max() ?? 0
          let size = most >= 0 ? most : max(largest &+ 1, least)
          let shape = (rows.count.map { [$0] } ?? []) + [size]
          try context.setIntegers(2, .int64, Shape([columns]), shape)
        }
      })
  }

  private struct CountTask: ArithmeticElementTask {
    let groups: [[Int]]
    let weights: Tensor?
    let isBinary: Bool
    let output: Tensor

    func run<E: ArithmeticElement>(_ type: E.Type) throws {
      let target = output.mutableBuffer(as: type)
      let weights = weights?.buffer(as: type)
      for (bin, places) in groups.enumerated() {
        var sum = E.zero
        for place in places { sum = E.add(sum, weights.map { $0[place] } ?? E.one) }
        target[bin] = isBinary ? E.one : sum
      }
    }
  }
}
