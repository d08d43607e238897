import GraftTensor

/// Puts the features of a batch of `tf.train.SequenceExample` together as a node's outputs.
struct SequenceOutputs {
  let features: SequenceFeatures
  let context: KernelContext
  /// Whether there is one record by itself, whose outputs lack the batch's dimension.
  let isSingle: Bool

  private typealias Column = SequenceFeatures.Column

  private var count: Int { features.records.count }
  private var batch: [Int] { isSingle ? [] : [count] }

  /// Gives outputs sparse tensors: indices, values and shapes, each for all of the columns.
  func writeSparse(_ columns: ArraySlice<SequenceFeatures.Column>, isList: Bool, first: Int) throws {
    for (place, column) in columns.enumerated() {
      let width = batch.count + (isList ? 2 : 1)
      let counts = column.counts
      let total = counts.reduce(0, +)
      try writeValues(column, total, first + columns.count + place)
      let table = try context.allocate(first + place, .int64, Shape([total, width]))
        .mutableBuffer(as: Int64.self)
      var next = 0
      for (record, rows) in column.records.enumerated() {
        for (row, values) in (rows ?? []).enumerated() {
          for value in 0..<values.count {
            if !isSingle { table[next] = Int64(record) }
            if isList { table[next + width - 2] = Int64(row) }
            table[next + width - 1] = Int64(value)
            next += width
          }
        }
      }
      let longest = column.records.map { $0?.count ?? 0 }.max() ?? 0
      let sizes = batch + (isList ? [longest] : []) + [counts.max() ?? 0]
      try context.setIntegers(first + 2 * columns.count + place, .int64, Shape([width]), sizes)
    }
  }

  /// Gives outputs ragged tensors' values and splits: of a list's rows within the records, then of the values
  /// within the rows.
  func writeRagged(
    _ columns: ArraySlice<SequenceFeatures.Column>, splits: [DataType], isList: Bool, first: Int
  ) throws {
    for (place, column) in columns.enumerated() {
      try writeValues(column, column.counts.reduce(0, +), first + place)
      let output = first + columns.count + place
      if isList {
        try writeOuterSplits(column.records.map { $0?.count ?? 0 }, splits[place], output)
        try context.setSplits(output + columns.count, splits[place], column.counts)
      } else {
        try writeOuterSplits(
          column.records.map { ($0 ?? []).reduce(0) { $0 + $1.count } }, splits[place], output)
      }
    }
  }

  /// One record has no splits; TensorFlow gives a scalar for them that nobody reads.
  private func writeOuterSplits(_ lengths: [Int], _ dtype: DataType, _ output: Int) throws {
    if isSingle {
      try context.setIntegers(output, dtype, .scalar, [0])
    } else {
      try context.setSplits(output, dtype, lengths)
    }
  }

  private func writeValues(_ column: Column, _ total: Int, _ output: Int) throws {
    let target = try context.allocate(output, column.wanted.kind.dtype, Shape([total]))
    var start = 0
    for (record, rows) in column.records.enumerated() {
      guard let rows else { continue }
      features.write(rows, of: record, into: target, at: start)
      start += rows.reduce(0) { $0 + $1.count }
    }
  }

  /// Gives an output a dense feature of the context.
  func writeDense(
    _ column: SequenceFeatures.Column, _ shape: Shape, default value: Tensor, output: Int
  ) throws {
    let sizes = try Shape(validating: batch + shape.dimensions)
    for (record, rows) in column.records.enumerated() {
      if rows == nil, value.elementCount == 0 {
        throw features.malformed(
          record, column.wanted, "It is missing, and has no default.",
          remedy: "Give the feature in every record, or export the graph with a default.")
      }
      let found = rows?.first?.count ?? (rows == nil ? value.elementCount : 0)
      guard found == shape.elementCount else {
        throw features.malformed(
          record, column.wanted, "It has \(found) values, and its shape \(shape) has \(shape.elementCount).")
      }
    }
    // Without records the default alone says how many values there are.
    guard count > 0 || value.elementCount == shape.elementCount else {
      throw GraftError(
        .invalidArgument,
        "There are no records, and the feature '\(column.wanted.key)' of shape \(shape) has no default.",
        at: .init(input: 0))
    }
    let target = try context.allocate(output, column.wanted.kind.dtype, sizes)
    for (record, rows) in column.records.enumerated() {
      let start = record * shape.elementCount
      if let rows {
        features.write(rows, of: record, into: target, at: start)
      } else {
        target.copyElements(of: value, at: start)
      }
    }
  }

  /// Gives outputs a list of dense features, filled up to the longest list with zeros or empty strings, and
  /// where asked for the number of rows in each record.
  func writeDenseList(
    _ column: SequenceFeatures.Column, _ row: Shape, allowsMissing: Bool, output: Int, lengths: Int?
  ) throws {
    let size = row.elementCount
    for (record, rows) in column.records.enumerated() {
      guard let rows else {
        if allowsMissing { continue }
        throw features.malformed(
          record, column.wanted, "The list is missing.",
          remedy: "Give it in every record, or export the graph with the key in "
            + "feature_list_dense_missing_assumed_empty.")
      }
      if let number = rows.firstIndex(where: { $0.count != size || $0.kind == nil }) {
        throw features.malformed(
          record, column.wanted,
          "Row \(number) has \(rows[number].count) values, and the shape \(row) has \(size).")
      }
    }
    let counts = column.records.map { $0?.count ?? 0 }
    let longest = counts.max() ?? 0
    let target = try context.allocate(
      output, column.wanted.kind.dtype, Shape(validating: batch + [longest] + row.dimensions)
    ).cleared()
    for (record, rows) in column.records.enumerated() {
      features.write(rows ?? [], of: record, into: target, at: record * longest * size)
    }
    if let lengths {
      try context.setIntegers(lengths, .int64, Shape(batch), counts)
    }
  }
}
