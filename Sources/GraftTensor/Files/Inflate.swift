import CZlib

/// Inflates streams whose size nobody knows before.
package enum Inflate {
  /// What stands around the compressed bytes.
  package enum Format: Sendable {
    case zlib
    case gzip

    /// What zlib calls it.
    fileprivate var windowBits: Int32 {
      switch self {
      case .zlib: 15
      case .gzip: 15 + 16
      }
    }
  }

  /// A few bytes may become very many: this many are enough.
  package static let maximumSize = 1 << 32

  /// The bytes of a stream, as far as it goes: one that is cut short gives what could be read. Several gzip
  /// streams after each other count as one.
  ///
  /// - Parameter admit: Is asked again and again, as the bytes become more, whether there is room for so many.
  /// - Throws: `GraftError`: `dataLoss` for bytes that are no such stream, `resourceExhausted` for too many, and what
  ///   `admit` throws.
  package static func inflate(
    _ compressed: [UInt8], _ format: Format, maximumSize: Int = maximumSize,
    admit: (_ byteCount: Int) throws(GraftError) -> Void = { _ in }
  ) throws(GraftError) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit2_(&stream, format.windowBits, ZLIB_VERSION, size) == Z_OK else {
      throw GraftError(.resourceExhausted, "zlib has no memory to inflate.")
    }
    defer { inflateEnd(&stream) }
    var input = compressed
    var result: [UInt8] = []
    var problem: Int32?
    var refusal: GraftError?
    input.withUnsafeMutableBufferPointer { input in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 16) { chunk in
        // zlib's counters have 32 bits.
        var rest = input[...]
        while result.count <= maximumSize {
          if stream.avail_in == 0, !rest.isEmpty {
            let piece = UnsafeMutableBufferPointer(rebasing: rest.prefix(1 << 30))
            stream.next_in = piece.baseAddress
            stream.avail_in = uInt(piece.count)
            rest = rest.dropFirst(piece.count)
          }
          stream.next_out = chunk.baseAddress
          stream.avail_out = uInt(chunk.count)
          let status = CZlib.inflate(&stream, Z_SYNC_FLUSH)
          result.append(contentsOf: chunk.prefix(chunk.count - Int(stream.avail_out)))
          do throws(GraftError) {
            try admit(result.count)
          } catch {
            refusal = error
            return
          }
          let isOver = stream.avail_in == 0 && rest.isEmpty
          if status == Z_STREAM_END, format == .gzip, !isOver {
            inflateReset(&stream)
          } else if status == Z_STREAM_END || (status == Z_BUF_ERROR && isOver) {
            return
          } else if status != Z_OK {
            problem = status
            return
          }
        }
      }
    }
    if let refusal { throw refusal }
    guard problem == nil else {
      throw GraftError(
        .dataLoss, "The bytes are no compressed data of this format, or are damaged.",
        remedy: "Check which compression they have.")
    }
    guard result.count <= maximumSize else {
      throw GraftError(.resourceExhausted, "The data has more than \(maximumSize) bytes when it is inflated.")
    }
    return result
  }
}
