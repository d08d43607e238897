/// Reads a TFRecord file: byte strings one after the other, each with its length and checksums.
///
/// ```swift
/// var reader = try TFRecordReader(path: "data.tfrecord")
/// while let record = try reader.next() { … }
/// ```
public struct TFRecordReader {
  private var source: ByteSource
  /// Where the next record begins, counted in bytes that are not compressed.
  public var offset: Int { source.position }

  /// Opens a file.
  ///
  /// - Parameter compression: how it is compressed; found out from its first bytes unless told.
  /// - Throws: `GraftError`: `notFound`, `permissionDenied`, `wrongFileKind`, `inputOutput`.
  public init(path: String, compression: RecordCompression? = nil) throws(GraftError) {
    source = try ByteSource(path: path, compression: compression)
  }

  /// All records of a file.
  ///
  /// - Throws: as ``init(path:compression:)`` and ``next()``.
  public static func records(
    path: String, compression: RecordCompression? = nil
  ) throws(GraftError) -> [Bytes] {
    var reader = try TFRecordReader(path: path, compression: compression)
    var records: [Bytes] = []
    while let record = try reader.next() { records.append(record) }
    return records
  }

  /// The next record; nil at the end of the file.
  ///
  /// - Throws: `GraftError` (`dataLoss`) with file and offset for a file that ends within a record, and for
  ///   one whose checksums are wrong.
  public mutating func next() throws(GraftError) -> Bytes? {
    let start = source.position
    let header = try source.read(12)
    if header.isEmpty { return nil }
    guard header.count == 12 else {
      throw damaged(
        "The file ends within a record's length: 12 bytes are expected, \(header.count) found.", start)
    }
    guard Self.checksum(header[..<8]) == Self.number(header[8...]) else {
      throw damaged(
        "The checksum of a record's length is wrong: the file is damaged, or no TFRecord file.", start)
    }
    let length = Self.number(header[..<8])
    guard let count = Int(exactly: length), count < 1 << 47 else {
      throw damaged("A record's length is \(length) bytes, which no file has.", start)
    }
    let data = try source.read(count)
    let footer = try source.read(4)
    guard data.count == count, footer.count == 4 else {
      throw damaged("The file ends within a record of \(count) bytes: \(data.count) are there.", start)
    }
    guard Self.checksum(data[...]) == Self.number(footer[...]) else {
      throw damaged("The checksum of a record of \(count) bytes is wrong.", start)
    }
    return Bytes(data)
  }

  /// Whether a file that is not compressed begins as one of records does.
  package static func isRecordFile(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 16 else { return false }
    let header = Array(bytes.prefix(12))
    return checksum(header[..<8]) == number(header[8...])
  }

  private func damaged(_ message: String, _ offset: Int) -> GraftError {
    GraftError(
      .dataLoss, message, at: .init(file: source.path, offset: offset),
      remedy: "Check the compression, and download or write the file again.")
  }

  /// The masked checksum of bytes.
  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    UInt64(bytes.withUnsafeBytes { CRC32C($0) }.masked)
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
