import GraftTensor

/// Ragged tensors as dense ones, with a default where rows are shorter.
enum RaggedToTensorOp {
  static let all: [OpDefinition] = [
    OpDefinition(
      "RaggedTensorToTensor",
      "A ragged tensor as a dense one: rows are cut, or filled up with a default value.",
      types: [
        "T": .values + .quantized, "Tindex": .indices, "Tshape": .indices,
      ],
      shape: { context in
        let wanted = context.ints(0)
        let types = try context.node.strings("row_partition_types")
        let depth = types.first == "FIRST_DIM_SIZE" ? types.count - 1 : types.count
        var result: [Int?]
        if let wanted, context.input(0).rank == 1 {
          result = wanted.map { $0 < 0 ? nil : $0 }
        } else if let rank = context.input(1).rank {
          result = [Int?](repeating: nil, count: depth + rank)
        } else {
          return [context.input(0)[0].map { PartialShape.ofRank($0) } ?? .unknown]
        }
        if let values = context.input(1).dimensions, depth + values.count == result.count {
          for axis in values.indices.dropFirst() {
            result[depth + axis] = result[depth + axis] ?? values[axis]
          }
        }
        return [PartialShape(result)]
      },
      prepare: { setup in
        let partitions = try setup.strings("row_partition_types").map { name in
          guard let partition = Partition(rawValue: name.string) else {
            throw setup.invalid("The row partition '\(name)' is unknown.")
          }
          return partition
        }
        return { try convert($0, partitions) }
      })
  ]

  /// How an input says which values belong to which row.
  private enum Partition: String {
    /// How many rows there are.
    case firstDimension = "FIRST_DIM_SIZE"
    /// Of each value, its row.
    case rowNumbers = "VALUE_ROWIDS"
    /// Where rows begin and end.
    case splits = "ROW_SPLITS"
  }

  private static func convert(_ context: KernelContext, _ partitions: [Partition]) throws {
    guard let first = partitions.first, context.inputCount == partitions.count + 3 else {
      throw ArrayArguments.invalid(
        "\(partitions.count) row partitions are named, and the node has "
          + "\(context.inputCount - 3).")
    }
    let values = try context.input(1)
    let fallback = try context.input(2)
    guard values.rank > 0 else {
      throw ArrayArguments.invalid(
        "The values must have one dimension or "
          + "more.", input: 1)
    }
    let tables = try (0..<partitions.count).map { try context.input($0 + 3).integers() }
    for (place, partition) in partitions.enumerated() where partition == .splits && tables[place].isEmpty {
      throw ArrayArguments.invalid("Row splits have one element or more.", input: place + 3)
    }
    let levels: [(Partition, [Int])]
    let rowCount: Int
    switch first {
    case .firstDimension:
      rowCount = tables[0].first ?? 0
      levels = Array(zip(partitions, tables).dropFirst())
    case .splits:
      rowCount = tables[0].count - 1
      levels = Array(zip(partitions, tables))
    case .rowNumbers:
      throw ArrayArguments.invalid("The first row partition cannot be VALUE_ROWIDS.", input: 3)
    }
    guard rowCount >= 0 else {
      throw ArrayArguments.invalid("The first row partition names \(rowCount) rows.", input: 3)
    }
    let sizes = try sizes(context, values: values, rowCount: rowCount, levels: levels)
    let shape = try Shape(validating: sizes)
    let inner = Array(values.shape.dimensions.dropFirst())
    let output = try context.allocate(0, values.dtype, shape)
    try fill(output, with: fallback, inner: inner, values: values, context)
    guard shape.elementCount > 0 else { return }

    let rows = try rows(levels, sizes: sizes, rowCount: rowCount, values: values.shape[0])
    let numbers = try context.scratch(.int64, Shape([rows.count]))
    let target = numbers.mutableBuffer(as: Int64.self)
    for (place, row) in rows.enumerated() { target[place] = Int64(row) }
    try RowScatter.apply(
      .update, values, rows: numbers, to: output, length: ArrayArguments.product(inner))
  }

  /// The result's sizes: those asked for, and for others what holds all rows.
  private static func sizes(
    _ context: KernelContext, values: Tensor, rowCount: Int, levels: [(Partition, [Int])]
  ) throws -> [Int] {
    let depth = levels.count
    let tensor = try context.input(0)
    var sizes = [Int](repeating: -1, count: depth + values.rank)
    if tensor.rank == 1 {
      let wanted = try tensor.integers()
      guard wanted.count == sizes.count else {
        throw ArrayArguments.invalid(
          "The ragged tensor has \(sizes.count) dimensions, and the shape asked for has "
            + "\(wanted.count).", input: 0)
      }
      guard wanted.allSatisfy({ $0 >= -1 }) else {
        throw ArrayArguments.invalid(
          "The shape asked for is \(wanted); sizes must be 0 or more, or -1 for what is not known.", input: 0)
      }
      sizes = wanted
    } else {
      guard tensor.rank == 0, try tensor.integer() == -1 else {
        throw ArrayArguments.invalid("The shape asked for must be a vector, or -1.", input: 0)
      }
    }
    for axis in 1..<max(values.rank, 1) {
      let size = values.shape[axis]
      guard sizes[depth + axis] < 0 || sizes[depth + axis] == size else {
        throw ArrayArguments.invalid(
          "Dimension \(depth + axis) of the ragged tensor has size \(size), and \(sizes[depth + axis]) was "
            + "asked "
            + "for.", input: 0)
      }
      sizes[depth + axis] = size
    }
    if sizes[0] < 0 { sizes[0] = rowCount }
    for (level, (partition, table)) in levels.enumerated() where sizes[level + 1] < 0 {
      sizes[level + 1] = longestRow(partition, table)
    }
    return sizes
  }

  private static func longestRow(_ partition: Partition, _ table: [Int]) -> Int {
    if partition == .splits {
      return zip(table, table.dropFirst()).reduce(0) { max($0, $1.1 &- $1.0) }
    }
    var longest = 0
    var length = 0
    for (place, row) in table.enumerated() {
      length = place > 0 && table[place - 1] == row ? length + 1 : 1
      longest = max(longest, length)
    }
    return longest
  }

  /// Fills the output with the default, broadcast to what lies at one place of the ragged dimensions.
  private static func fill(
    _ output: Tensor, with fallback: Tensor, inner: [Int], values: Tensor, _ context: KernelContext
  ) throws {
    let extra = inner.count - fallback.rank
    let mismatch = ArrayArguments.invalid(
      "A default of shape \(fallback.shape) does not broadcast to what follows the first dimension of "
        + "values of "
        + "shape \(values.shape).", input: 2)
    guard extra >= 0 else { throw mismatch }
    let strides = fallback.shape.strides
    var steps = [Int](repeating: 0, count: inner.count)
    for axis in 0..<fallback.rank {
      guard fallback.shape[axis] == 1 || fallback.shape[axis] == inner[axis + extra] else { throw mismatch }
      if fallback.shape[axis] != 1 { steps[axis + extra] = strides[axis] }
    }
    let outer = ArrayArguments.product(output.shape.dimensions.dropLast(inner.count))
    let length = ArrayArguments.product(inner)
    try StridedCopy(
      sizes: [outer] + inner, sourceSteps: [0] + steps, targetSteps: [length] + Shape(inner).strides
    ).run(from: fallback, to: output, context.workers)
  }

  /// Where each value goes among the places of the ragged dimensions; -1 for what is cut off.
  private static func rows(
    _ levels: [(Partition, [Int])], sizes: [Int], rowCount: Int, values: Int
  ) throws -> [Int] {
    var step = ArrayArguments.product(sizes[1..<levels.count + 1])
    var rows = (0..<rowCount).map { $0 < sizes[0] ? $0 * step : -1 }
    for (level, (partition, table)) in levels.enumerated() {
      let size = sizes[level + 1]
      step = size > 0 ? step / size : 0
      // Only the rows that the next level speaks of are written down, and one more than there are values.
      var needed = values + 1
      if level + 1 < levels.count {
        let (next, entries) = levels[level + 1]
        needed = next == .splits ? entries.count - 1 : (entries.max() ?? -1) &+ 1
      }
      rows =
        try partition == .splits
        ? below(rows, splits: table, step: step, size: size, limit: needed)
        : below(rows, numbers: table, step: step, size: size)
    }
    guard rows.count <= values else {
      throw ArrayArguments.invalid(
        "The row partitions speak of \(rows.count) values, and there are \(values).", input: 1)
    }
    return rows
  }

  private static func below(
    _ parents: [Int], splits: [Int], step: Int, size: Int, limit: Int
  ) throws -> [Int] {
    guard splits.count <= parents.count + 1 else {
      throw ArrayArguments.invalid(
        "A row partition has \(splits.count - 1) rows, and the one before it \(parents.count) places.")
    }
    guard splits.first ?? 0 == 0 else {
      throw ArrayArguments.invalid("Row splits must begin with 0, and begin with \(splits[0]).")
    }
    var rows: [Int] = []
    for (row, (before, after)) in zip(splits, splits.dropFirst()).enumerated() {
      guard before <= after else {
        throw ArrayArguments.invalid("Row splits must not decrease, and \(before) is followed by \(after).")
      }
      for place in 0..<max(min(after - before, limit - rows.count), 0) {
        rows.append(parents[row] >= 0 && place < size ? parents[row] + place * step : -1)
      }
    }
    return rows
  }

  private static func below(_ parents: [Int], numbers: [Int], step: Int, size: Int) throws -> [Int] {
    var rows: [Int] = []
    rows.reserveCapacity(numbers.count)
    var place = 0
    for (value, row) in numbers.enumerated() {
      guard row >= 0, row < parents.count else {
        throw ArrayArguments.invalid(
          "Value \(value) is said to be in row \(row), and there are "
            + "\(parents.count).")
      }
      place = value > 0 && numbers[value - 1] == row ? place + 1 : 0
      rows.append(parents[row] >= 0 && place < size ? parents[row] + place * step : -1)
    }
    return rows
  }
}
