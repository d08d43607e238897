import GraftTensor

/// The features that a node asks records for, as its attributes and inputs say.
struct ExampleFeatures: Sendable {
  /// How the values of a feature are put together.
  enum Form: Sendable {
    /// As many values as the shape says in each record, or as the default has.
    case dense(DenseFeatureShape, default: Tensor)
    /// Any number of values, as a sparse tensor.
    case sparse
    /// Any number of values, as a ragged tensor with splits of a dtype.
    case ragged(splits: DataType)
  }

  /// One feature.
  struct Feature: Sendable {
    let key: Bytes
    let kind: FeatureKind
    let form: Form
  }

  /// The features: dense ones, sparse ones, ragged ones.
  let features: [Feature]
  /// Which feature has a name.
  let names: FeatureNames

  init(_ features: [Feature]) throws {
    self.features = features
    names = try FeatureNames(features.map(\.key))
  }
}

/// Where a feature's values lie in a record.
struct FeaturePlace: Sendable {
  /// The values as a list, without the tag that tells their kind; nil where the record lacks the feature.
  var list: Range<Int>?
  /// How many values there are.
  var count = 0
  /// The kind that the record says; nil where it says none.
  var kind: FeatureKind?
}

/// A batch of records, each with the features that a node asks for.
struct ExampleBatch: @unchecked Sendable {
  /// The records.
  let records: UnsafeBufferPointer<Bytes>
  /// What they are called in messages; as many as the records, or none.
  let names: [Bytes]
  /// What is looked for.
  let wanted: ExampleFeatures
  /// Whether a feature without a kind stands for none even where a list of values is expected, which is so
  /// when a record is parsed by itself.
  let isSingle: Bool
  /// Where each record's features lie, record by record.
  let places: UnsafeMutableBufferPointer<FeaturePlace>

  private typealias Feature = ExampleFeatures.Feature

  /// How many features each record is looked through for.
  var width: Int { wanted.features.count }

  /// Where a feature lies in a record.
  func place(_ record: Int, _ feature: Int) -> FeaturePlace { places[record * width + feature] }

  /// Finds a record's features and counts their values.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when the record is damaged, a feature has another kind or
  ///   number of values than asked for, or one without a default is missing.
  func scan(_ record: Int) throws {
    try records[record].bytes.withUnsafeBytes { bytes in
      try findFeatures(record, bytes)
      for (number, feature) in wanted.features.enumerated() {
        try count(&places[record * width + number], feature, record, bytes)
      }
    }
  }

  private func findFeatures(_ record: Int, _ bytes: UnsafeRawBufferPointer) throws {
    var reader = RecordReader(bytes)
    // Records that were written one after the other count as one, and of entries with the same key the last.
    while !reader.isAtEnd {
      guard reader.take(0x0A) else {
        guard reader.skipField() else { throw unreadable(record, reader.position) }
        continue
      }
      guard let whole = reader.open() else { throw unreadable(record, reader.position) }
      while !reader.isAtEnd {
        let start = reader.position
        guard reader.take(0x0A), let entry = reader.mapEntry() else { throw unreadable(record, start) }
        guard let number = wanted.names.number(of: entry.key, in: bytes) else { continue }
        let feature = wanted.features[number]
        guard !entry.value.isEmpty else {
          if case .dense = feature.form { continue }
          if !isSingle { places[record * width + number] = FeaturePlace(list: entry.value) }
          continue
        }
        guard let kind = FeatureKind(rawValue: bytes[entry.value.lowerBound]) else {
          throw malformed(record, feature, "It has values of none of the three kinds.")
        }
        places[record * width + number] = FeaturePlace(list: entry.value.dropFirst(), kind: kind)
      }
      reader.close(whole)
    }
  }

  private func count(
    _ place: inout FeaturePlace, _ feature: Feature, _ record: Int, _ bytes: UnsafeRawBufferPointer
  ) throws {
    if let list = place.list, let kind = place.kind {
      guard kind == feature.kind else {
        throw malformed(record, feature, "It has \(kind.dtype), and \(feature.kind.dtype) is asked for.")
      }
      var reader = RecordReader(bytes, list)
      guard let count = reader.countValues(kind) else {
        throw malformed(record, feature, "Its values cannot be read: the record is damaged.")
      }
      place.count = count
    }
    guard case .dense(let shape, let value) = feature.form else { return }
    let size = shape.row.elementCount
    if shape.isVariable {
      guard place.count == 0 || (size > 0 && place.count % size == 0) else {
        throw malformed(
          record, feature, "It has \(place.count) values, which is no multiple of the \(size) of a row.")
      }
    } else if place.list == nil {
      guard value.elementCount > 0 else {
        throw malformed(
          record, feature, "It is missing, and has no default.",
          remedy: "Give the feature in every record, or export the graph with a default.")
      }
    } else if place.count != size {
      throw malformed(
        record, feature, "It has \(place.count) values, and its shape \(shape.given) has \(size).")
    }
  }

  /// Writes a feature's values of a record into a tensor.
  ///
  /// - Precondition: the tensor has room for them from the element `start` on.
  func write(_ record: Int, _ feature: Int, into target: Tensor, at start: Int) {
    let place = place(record, feature)
    guard let list = place.list, let kind = place.kind, place.count > 0 else { return }
    records[record].bytes.withUnsafeBytes { bytes in
      var reader = RecordReader(bytes, list)
      reader.readValues(kind, into: target, at: start)
    }
  }

  // MARK: Errors

  private func name(_ record: Int) -> String {
    isSingle && names.isEmpty
      ? "The record" : "Record \(record)" + (names.isEmpty ? "" : " ('\(names[record])')")
  }

  private func unreadable(_ record: Int, _ offset: Int) -> GraftError {
    GraftError(
      .invalidArgument,
      "\(name(record)) is no serialized tf.train.Example: byte \(offset) of \(records[record].count) begins no "
        + "field that one has.", at: .init(input: 0), remedy: "Check how the records were written.")
  }

  private func malformed(
    _ record: Int, _ feature: Feature, _ message: String, remedy: String? = nil
  ) -> GraftError {
    GraftError(
      .invalidArgument, "\(name(record)), feature '\(feature.key)': \(message)", at: .init(input: 0),
      remedy: remedy)
  }
}

extension RecordReader {
  /// Reads an entry of a map: a key and a value, in either order.
  mutating func mapEntry() -> (key: Range<Int>, value: Range<Int>)? {
    guard let outer = open() else { return nil }
    var (key, value) = (position..<position, position..<position)
    for _ in 0..<2 {
      if take(0x0A) {
        guard let text = block() else { return nil }
        key = text
      } else {
        guard take(0x12), let message = block() else { return nil }
        value = message
      }
    }
    guard isAtEnd else { return nil }
    close(outer)
    return (key, value)
  }
}
