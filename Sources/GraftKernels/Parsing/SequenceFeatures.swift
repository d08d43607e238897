import GraftTensor

/// The features of a batch of `tf.train.SequenceExample`, found in their bytes.
struct SequenceFeatures {
  /// A feature that is asked for.
  struct Wanted: Sendable {
    let key: Bytes
    let kind: FeatureKind
  }

  /// One feature in all records.
  struct Column {
    let wanted: Wanted
    /// The rows of each record, one at most for a feature of the context; nil where a record lacks it.
    var records: [[FeaturePlace]?]

    /// The number of values of each row of all records.
    var counts: [Int] { records.flatMap { ($0 ?? []).map(\.count) } }
  }

  /// The records.
  let records: UnsafeBufferPointer<Bytes>
  private let names: [Bytes]
  /// The features that a record has once.
  private(set) var context: [Column]
  /// The features that are lists.
  private(set) var lists: [Column]

  /// Looks records through.
  ///
  /// - Parameter isStrict: Whether lengths must be right everywhere, as for a record by itself.
  /// - Throws: `GraftError` (`invalidArgument`) when one is damaged, or a feature has another kind.
  init(
    _ records: UnsafeBufferPointer<Bytes>, names: [Bytes], context: [Wanted], lists: [Wanted], isStrict: Bool
  ) throws {
    self.records = records
    self.names = names
    let empty = [[FeaturePlace]?](repeating: nil, count: records.count)
    self.context = context.map { Column(wanted: $0, records: empty) }
    self.lists = lists.map { Column(wanted: $0, records: empty) }
    let tables = [try Self.table(context), try Self.table(lists)]
    for record in 0..<records.count {
      try records[record].bytes.withUnsafeBytes { bytes in
        try read(record, RecordReader(bytes, isStrict: isStrict), tables)
      }
    }
  }

  private static func table(_ features: [Wanted]) throws -> FeatureNames {
    guard Set(features.map(\.key)).count == features.count else {
      throw GraftError(
        .invalidArgument, "A feature is asked for twice.",
        remedy: "Give each feature one key and one kind: dense, sparse or ragged.")
    }
    return try FeatureNames(features.map(\.key))
  }

  private mutating func read(_ record: Int, _ whole: RecordReader, _ tables: [FeatureNames]) throws {
    var reader = whole
    while !reader.isAtEnd {
      let table = reader.take(0x0A) ? 0 : reader.take(0x12) ? 1 : nil
      guard let table else {
        guard reader.skipField() else { throw unreadable(record, reader.position) }
        continue
      }
      guard let outer = reader.open() else { throw unreadable(record, reader.position) }
      while !reader.isAtEnd {
        let start = reader.position
        guard reader.take(0x0A), let entry = reader.mapEntry() else { throw unreadable(record, start) }
        guard let number = tables[table].number(of: entry.key, in: reader.bytes) else { continue }
        if table == 0 {
          context[number].records[record] = try row(entry.value, context[number].wanted, record, reader.bytes)
        } else {
          lists[number].records[record] = try rows(entry.value, lists[number].wanted, record, reader.bytes)
        }
      }
      reader.close(outer)
    }
  }

  private func row(
    _ range: Range<Int>, _ wanted: Wanted, _ record: Int, _ bytes: UnsafeRawBufferPointer
  ) throws -> [FeaturePlace] {
    guard !range.isEmpty else { return [] }
    var reader = RecordReader(bytes, range)
    guard let place = reader.feature(wanted.kind) else {
      throw malformed(record, wanted, "It is no list of \(wanted.kind.dtype).")
    }
    return [place]
  }

  private func rows(
    _ range: Range<Int>, _ wanted: Wanted, _ record: Int, _ bytes: UnsafeRawBufferPointer
  ) throws -> [FeaturePlace] {
    var reader = RecordReader(bytes, range)
    var rows: [FeaturePlace] = []
    while !reader.isAtEnd {
      guard reader.take(0x0A), let outer = reader.open() else {
        throw malformed(record, wanted, "It is no list of features: the record is damaged.")
      }
      if reader.isAtEnd || reader.end == reader.position {
        rows.append(FeaturePlace())
      } else {
        guard let place = reader.feature(wanted.kind) else {
          throw malformed(record, wanted, "Row \(rows.count) is no list of \(wanted.kind.dtype).")
        }
        rows.append(place)
      }
      reader.close(outer)
    }
    return rows
  }

  /// Writes the values of a column's rows into a tensor, one after the other.
  ///
  /// - Precondition: the tensor has room for them from the element `start` on.
  func write(_ rows: [FeaturePlace], of record: Int, into target: Tensor, at start: Int) {
    records[record].bytes.withUnsafeBytes { bytes in
      var start = start
      for row in rows {
        guard let list = row.list, let kind = row.kind, row.count > 0 else { continue }
        var reader = RecordReader(bytes, list)
        reader.readValues(kind, into: target, at: start)
        start += row.count
      }
    }
  }

  // MARK: Errors

  private func name(_ record: Int) -> String {
    "Record \(record)" + (names.indices.contains(record) ? " ('\(names[record])')" : "")
  }

  private func unreadable(_ record: Int, _ offset: Int) -> GraftError {
    GraftError(
      .invalidArgument,
      "\(name(record)) is no serialized tf.train.SequenceExample: byte \(offset) of \(records[record].count) "
        + "begins no field that one has.", at: .init(input: 0), remedy: "Check how the records were written.")
  }

  /// An error about a feature of a record.
  func malformed(_ record: Int, _ wanted: Wanted, _ message: String, remedy: String? = nil) -> GraftError {
    GraftError(
      .invalidArgument, "\(name(record)), feature '\(wanted.key)': \(message)", at: .init(input: 0),
      remedy: remedy)
  }
}

extension RecordReader {
  /// Reads a feature's values; nil where it has none of that kind.
  mutating func feature(_ kind: FeatureKind) -> FeaturePlace? {
    guard take(kind.rawValue) else { return nil }
    let start = position
    let limit = end
    guard let count = countValues(kind) else { return nil }
    return FeaturePlace(list: start..<limit, count: count, kind: kind)
  }
}
