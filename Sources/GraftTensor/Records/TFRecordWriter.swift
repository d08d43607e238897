import CZlib

/// Writes a TFRecord file, which TensorFlow reads.
///
/// Records are gathered in memory, compressed where that is wanted; ``close()`` writes the file.
public struct TFRecordWriter {
  private let path: String
  private let compression: RecordCompression
  private var bytes: [UInt8] = []

  /// A writer of a file that holds nothing yet.
  public init(path: String, compression: RecordCompression = .none) {
    self.path = path
    self.compression = compression
  }

  /// Adds a record.
  public mutating func append(_ record: Bytes) {
    let length = withUnsafeBytes(of: UInt64(record.count).littleEndian) { Array($0) }
    bytes += length
    append(checksumOf: length)
    bytes += record.bytes
    append(checksumOf: record.bytes)
  }

  private mutating func append(checksumOf data: [UInt8]) {
    let checksum = UInt32(truncatingIfNeeded: TFRecordReader.checksum(data[...]))
    withUnsafeBytes(of: checksum.littleEndian) { bytes += $0 }
  }

  /// Writes the file, in place of one that is there.
  ///
  /// - Throws: `GraftError` (`inputOutput` or `notFound`) for what the system refuses.
  public func close() throws(GraftError) {
    switch compression {
    case .none: try FileBytes.write(bytes, to: path)
    case .zlib: try FileBytes.write(try Deflate.deflate(bytes, windowBits: 15), to: path)
    case .gzip: try FileBytes.write(try Deflate.deflate(bytes, windowBits: 31), to: path)
    }
  }
}
