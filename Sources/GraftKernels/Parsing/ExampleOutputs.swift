import GraftTensor

/// Puts the features of a batch of records together as a node's outputs.
struct ExampleOutputs {
  let batch: ExampleBatch
  let context: KernelContext
  /// How many records there are.
  let count: Int

  private var isSingle: Bool { batch.isSingle }

  /// Scans the records and gives the outputs their values: indices, values and shapes of sparse features,
  /// dense ones, values and splits of ragged ones.
  func write() throws {
    let batch = self.batch
    let bytes = (0..<count).reduce(0) { $0 &+ batch.records[$1].count }
    try context.workers.forEachThrowing(count, cost: 50 + bytes / max(count, 1) / 4) { try batch.scan($0) }
    let features = batch.wanted.features
    let sparse = features.indices.filter { if case .sparse = features[$0].form { true } else { false } }
    let ragged = features.indices.filter { if case .ragged = features[$0].form { true } else { false } }
    let dense = 0..<(features.count - sparse.count - ragged.count)
    for (place, feature) in sparse.enumerated() {
      try writeSparse(feature, indices: place, values: place + sparse.count, shape: place + 2 * sparse.count)
    }
    for feature in dense { try writeDense(feature, 3 * sparse.count + feature) }
    let first = 3 * sparse.count + dense.count
    for (place, feature) in ragged.enumerated() {
      try writeRagged(feature, values: first + place, splits: first + ragged.count + place)
    }
  }

  /// The number of a feature's values in each record.
  private func counts(_ feature: Int) -> [Int] { (0..<count).map { batch.place($0, feature).count } }

  private func writeDense(_ feature: Int, _ output: Int) throws {
    let asked = batch.wanted.features[feature]
    guard case .dense(let shape, let value) = asked.form else { return }
    let counts = counts(feature)
    let rows = shape.isVariable ? [(counts.max() ?? 0) / max(shape.row.elementCount, 1)] : []
    let sizes = (isSingle ? [] : [count]) + rows + shape.row.dimensions
    let target = try context.allocate(output, asked.kind.dtype, Shape(validating: sizes))
    let stride = count == 0 ? 0 : target.elementCount / count
    let batch = self.batch
    context.workers.forEach(count, cost: 20 + stride) { range in
      for record in range {
        batch.write(record, feature, into: target, at: record * stride)
        if shape.isVariable {
          target.repeatElement(of: value, in: record * stride + counts[record]..<(record + 1) * stride)
        } else if batch.place(record, feature).list == nil {
          target.copyElements(of: value, at: record * stride)
        }
      }
    }
  }

  private func writeValues(_ feature: Int, _ counts: [Int], _ output: Int) throws {
    var starts: [Int] = []
    var total = 0
    for count in counts {
      starts.append(total)
      total += count
    }
    let target = try context.allocate(output, batch.wanted.features[feature].kind.dtype, Shape([total]))
    let (batch, places) = (self.batch, starts)
    context.workers.forEach(count, cost: 20 + total / max(count, 1)) { range in
      for record in range { batch.write(record, feature, into: target, at: places[record]) }
    }
  }

  private func writeSparse(_ feature: Int, indices: Int, values: Int, shape: Int) throws {
    let counts = counts(feature)
    try writeValues(feature, counts, values)
    let columns = isSingle ? 1 : 2
    let table = try context.allocate(
      indices, .int64, Shape([counts.reduce(0, +), columns])
    ).mutableBuffer(as: Int64.self)
    var place = 0
    for (record, count) in counts.enumerated() {
      for column in 0..<count {
        if !isSingle { table[place] = Int64(record) }
        table[place + columns - 1] = Int64(column)
        place += columns
      }
    }
    let longest = counts.max() ?? 0
    let sizes = isSingle ? [longest] : [count, longest]
    try context.setIntegers(shape, .int64, Shape([columns]), sizes)
  }

  private func writeRagged(_ feature: Int, values: Int, splits: Int) throws {
    guard case .ragged(let dtype) = batch.wanted.features[feature].form else { return }
    let counts = counts(feature)
    try writeValues(feature, counts, values)
    try context.setSplits(splits, dtype, isSingle ? nil : counts)
  }
}

extension KernelContext {
  /// Gives an output the splits between rows of the given lengths; none where there are no rows to speak of.
  func setSplits(_ output: Int, _ dtype: DataType, _ lengths: [Int]?) throws {
    var splits = lengths == nil ? [] : [0]
    var total = 0
    for length in lengths ?? [] {
      total += length
      splits.append(total)
    }
    try setIntegers(output, dtype, Shape([splits.count]), splits)
  }
}

extension Tensor {
  /// Overwrites elements with the one that a tensor of the same dtype has.
  func repeatElement(of value: Tensor, in range: Range<Int>) {
    guard !range.isEmpty, value.elementCount > 0 else { return }
    switch dtype {
    case .string:
      let (source, target) = (value.buffer(as: Bytes.self), mutableBuffer(as: Bytes.self))
      for place in range { target[place] = source[0] }
    case .int64:
      let (source, target) = (value.buffer(as: Int64.self), mutableBuffer(as: Int64.self))
      for place in range { target[place] = source[0] }
    default:
      let (source, target) = (value.buffer(as: UInt32.self), mutableBuffer(as: UInt32.self))
      for place in range { target[place] = source[0] }
    }
  }

  /// Overwrites elements from a place on with all of another tensor's.
  func copyElements(of source: Tensor, at start: Int) {
    view(firstElement: start, shape: source.shape).initializeElements(from: source)
  }
}
