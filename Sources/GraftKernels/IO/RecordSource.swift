import GraftTensor

/// How the records of a file are found, for readers and datasets.
enum RecordFormat: Sendable, Equatable {
  case lines(skipped: Int)
  case fixedLength(header: Int, record: Int, footer: Int, hop: Int)
  case records
  case wholeFile

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - place: where it lies.
  ///   - name: how the graph calls it.
  func open(_ place: String, named name: String, _ compression: RecordCompression) throws -> RecordSource {
    switch self {
    case .records:
      return .records(try TFRecordReader(path: place, compression: compression), name: name)
    case .wholeFile:
      var source = try ByteSource(path: place, compression: compression)
      return .whole([Bytes(try source.readToEnd())], name: name)
    case .lines(let skipped):
      var source = try ByteSource(path: place, compression: compression)
      var line = 0
      while line < skipped, try source.readLine() != nil { line += 1 }
      return .lines(source, number: line, name: name)
    case .fixedLength(let header, let record, let footer, let hop):
      var source = try ByteSource(path: place, compression: compression)
      let bytes = try source.readToEnd()
      return .fixed(
        bytes, position: header, end: bytes.count - footer, record: record, hop: hop, number: 0, name: name)
    }
  }
}

/// A file's records, one after the other.
enum RecordSource {
  case lines(ByteSource, number: Int, name: String)
  case fixed([UInt8], position: Int, end: Int, record: Int, hop: Int, number: Int, name: String)
  case records(TFRecordReader, name: String)
  case whole([Bytes], name: String)

  /// The next record and its key; nil at the end of the file.
  mutating func next() throws -> (key: Bytes, value: Bytes)? {
    switch self {
    case .lines(var source, let number, let name):
      let line = try source.readLine()
      self = .lines(source, number: number + 1, name: name)
      return line.map { (Bytes("\(name):\(number + 1)"), Bytes($0)) }
    case .fixed(let bytes, let position, let end, let record, let hop, let number, let name):
      guard position <= end, record <= end - position else { return nil }
      self = .fixed(
        bytes, position: position + hop, end: end, record: record, hop: hop, number: number + 1, name: name)
      return (Bytes("\(name):\(number)"), Bytes(Array(bytes[position..<position + record])))
    case .records(var reader, let name):
      let offset = reader.offset
      let record = try reader.next()
      self = .records(reader, name: name)
      return record.map { (Bytes("\(name):\(offset)"), $0) }
    case .whole(var rest, let name):
      guard let value = rest.popLast() else { return nil }
      self = .whole(rest, name: name)
      return (Bytes(name), value)
    }
  }

  /// Whether there is certainly nothing left, so that a reader is done with the file.
  var isExhausted: Bool { if case .whole(let rest, _) = self { rest.isEmpty } else { false } }
}

extension RecordCompression {
  /// A compression by TensorFlow's name.
  init(name: String) throws {
    guard let found = RecordCompression(rawValue: name) else {
      throw GraftError(
        .invalidArgument, "The compression '\(name)' is not known.",
        remedy: "There are '' (none), 'ZLIB' and 'GZIP'.")
    }
    self = found
  }
}
