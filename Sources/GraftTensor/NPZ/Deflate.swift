import CZlib

/// The compression of zip archives, through zlib.
enum Deflate {
  /// Bytes that zlib is given at once: its counters have 32 bits.
  private static let piece = 1 << 30

  /// The CRC-32 of the bytes.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var value = crc32(0, nil, 0)
    bytes.withUnsafeBufferPointer { buffer in
      var start = 0
      while start < buffer.count {
        let count = min(buffer.count - start, piece)
        value = crc32(value, buffer.baseAddress.map { $0 + start }, uInt(count))
        start += count
      }
    }
    return UInt32(truncatingIfNeeded: value)
  }

  /// Inflates raw deflate data that becomes exactly `size` bytes.
  static func inflate(
    _ compressed: ArraySlice<UInt8>, size: Int, name: String, offset: Int
  ) throws(GraftError) -> [UInt8] {
    // Deflate makes nothing more than 1032 times as large, so that a wrong size takes no memory.
    guard size / 1040 <= compressed.count else {
      throw ZipArchive.damaged(
        "'\(name)' cannot have \(size) bytes: \(compressed.count) bytes of deflate data do not become that many.",
        at: offset)
    }
    var stream = z_stream()
    guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw GraftError(.resourceExhausted, "zlib has no memory to inflate '\(name)'.")
    }
    defer { inflateEnd(&stream) }
    var finished = false
    var produced = 0
    var input = ContiguousArray(compressed)
    let result = [UInt8](unsafeUninitializedCapacity: size) { output, count in
      input.withUnsafeMutableBufferPointer { input in
        var consumed = 0
        while true {
          stream.next_in = input.baseAddress.map { $0 + consumed }
          stream.avail_in = uInt(min(input.count - consumed, piece))
          stream.next_out = output.baseAddress.map { $0 + produced }
          stream.avail_out = uInt(min(size - produced, piece))
          let given = stream.avail_in
          let room = stream.avail_out
          let status = CZlib.inflate(&stream, Z_NO_FLUSH)
          consumed += Int(given - stream.avail_in)
          produced += Int(room - stream.avail_out)
          if status == Z_STREAM_END {
            finished = true
            break
          }
          let progressed = given != stream.avail_in || room != stream.avail_out
          guard status == Z_OK, progressed else { break }
        }
      }
      count = produced
    }
    guard finished, produced == size else {
      throw ZipArchive.damaged(
        "'\(name)' inflates to \(produced) bytes, and the archive's directory says \(size).", at: offset)
    }
    return result
  }

  /// Deflates bytes, without a header unless zlib is told to write one by the number of `windowBits`.
  static func deflate(_ bytes: [UInt8], windowBits: Int32 = -15) throws(GraftError) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    guard
      deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
        == Z_OK
    else {
      throw GraftError(.resourceExhausted, "zlib has no memory to compress.")
    }
    defer { deflateEnd(&stream) }
    var input = bytes
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    var finished = false
    input.withUnsafeMutableBufferPointer { input in
      var consumed = 0
      while !finished {
        let count = min(input.count - consumed, piece)
        stream.next_in = input.baseAddress.map { $0 + consumed }
        stream.avail_in = uInt(count)
        let flush = consumed + count == input.count ? Z_FINISH : Z_NO_FLUSH
        let produced: Int = chunk.withUnsafeMutableBufferPointer { chunk in
          stream.next_out = chunk.baseAddress
          stream.avail_out = uInt(chunk.count)
          let status = CZlib.deflate(&stream, flush)
          finished = status != Z_OK
          return chunk.count - Int(stream.avail_out)
        }
        consumed += count - Int(stream.avail_in)
        result.append(contentsOf: chunk[..<produced])
      }
    }
    return result
  }
}
