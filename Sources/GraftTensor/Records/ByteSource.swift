import CZlib

/// How a file's bytes are compressed, as TensorFlow's readers name it.
public enum RecordCompression: String, Sendable, CaseIterable {
  /// Not at all.
  case none = ""
  /// With zlib's own header.
  case zlib = "ZLIB"
  /// As `gzip` does it.
  case gzip = "GZIP"

  /// What a file seems to have been compressed with, by its first bytes.
  init(detecting bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 2 else {
      self = .none
      return
    }
    let header = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    // A record's length is below 2^27 more often than not, so that its 4th to 8th bytes are zeros.
    if header == 0x1F8B {
      self = .gzip
    } else if bytes[0] == 0x78, header % 31 == 0, bytes.count < 8 || bytes[4..<8].contains(where: { $0 != 0 })
    {
      self = .zlib
    } else {
      self = .none
    }
  }
}

/// A file's bytes from the beginning to the end, inflated where they are compressed.
package struct ByteSource {
  private let file: MappedFile
  private let inflater: Inflater?
  /// How many bytes were given, of those that are not compressed.
  package private(set) var position = 0

  /// Opens a file. A compression of nil is found out from its first bytes.
  ///
  /// - Throws: `GraftError`, as `MappedFile` does.
  package init(path: String, compression: RecordCompression?) throws(GraftError) {
    file = try MappedFile(path: path, allowsEmpty: true)
    let compression = compression ?? RecordCompression(detecting: file.bytes)
    inflater = compression == .none || file.bytes.isEmpty ? nil : try Inflater(file, compression)
  }

  /// The file, as it was named.
  package var path: String { file.path }

  /// The next bytes; fewer at the end of the file.
  ///
  /// - Throws: `GraftError` (`dataLoss`) for compressed data that is damaged.
  package mutating func read(_ count: Int) throws(GraftError) -> [UInt8] {
    let bytes: [UInt8]
    if let inflater {
      bytes = try inflater.read(count)
    } else {
      let end = position + min(max(count, 0), file.bytes.count - position)
      bytes = Array(file.bytes[position..<end])
    }
    if file.isDamaged { try file.checkWhole() }
    position += bytes.count
    return bytes
  }

  /// The bytes to the end of the line, without it and without carriage returns; nil at the end of the file.
  package mutating func readLine() throws(GraftError) -> [UInt8]? {
    var line: [UInt8] = []
    var isAnything = false
    while true {
      let piece: [UInt8]
      if let inflater {
        piece = try inflater.readLine()
      } else {
        let rest = file.bytes[position...]
        piece = Array(rest[..<(rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex)])
      }
      if file.isDamaged { try file.checkWhole() }
      position += piece.count
      guard let last = piece.last else { return isAnything ? line : nil }
      isAnything = true
      line += piece.lazy.filter { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
      if last == UInt8(ascii: "\n") { return line }
    }
  }

  /// All bytes that are left.
  package mutating func readToEnd() throws(GraftError) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let piece = try read(1 << 20)
      if piece.isEmpty { return all }
      all += piece
    }
  }
}

/// Inflates a mapped file, a piece at a time.
private final class Inflater {
  private let file: MappedFile
  private var stream = z_stream()
  private var consumed = 0
  private var buffer: [UInt8] = []
  private var used = 0
  private var isFinished = false

  init(_ file: MappedFile, _ compression: RecordCompression) throws(GraftError) {
    self.file = file
    let windowBits: Int32 = compression == .gzip ? 31 : 15
    guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw GraftError(.resourceExhausted, "zlib has no memory to inflate.", at: .init(file: file.path))
    }
  }

  deinit {
    inflateEnd(&stream)
  }

  func read(_ count: Int) throws(GraftError) -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      if used == buffer.count {
        try fill()
        if buffer.isEmpty { break }
      }
      let end = used + min(count - result.count, buffer.count - used)
      result += buffer[used..<end]
      used = end
    }
    return result
  }

  /// What is there up to the end of a line; a part of a line at the end of the buffer.
  func readLine() throws(GraftError) -> [UInt8] {
    if used == buffer.count { try fill() }
    let rest = buffer[used...]
    let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex
    used = end
    return Array(rest[..<end])
  }

  private func fill() throws(GraftError) {
    used = 0
    buffer = []
    guard !isFinished else { return }
    let room = 1 << 18
    var status = Z_OK
    var given = uInt(0)
    buffer = [UInt8](unsafeUninitializedCapacity: room) { output, count in
      given = uInt(min(file.bytes.count - consumed, 1 << 30))
      // zlib does not write its input, though it takes a pointer that would allow it.
      stream.next_in = file.bytes.baseAddress.map {
        UnsafeMutablePointer(mutating: ($0 + consumed).assumingMemoryBound(to: Bytef.self))
      }
      stream.avail_in = given
      stream.next_out = output.baseAddress
      stream.avail_out = uInt(room)
      status = inflate(&stream, Z_NO_FLUSH)
      count = room - Int(stream.avail_out)
    }
    consumed += Int(given - stream.avail_in)
    if status == Z_STREAM_END {
      // Files that were put one behind the other.
      isFinished = consumed == file.bytes.count || inflateReset(&stream) != Z_OK
      if buffer.isEmpty, !isFinished { try fill() }
      return
    }
    guard status == Z_OK, !buffer.isEmpty else {
      throw GraftError(
        .dataLoss,
        given == 0 || status == Z_OK || status == Z_BUF_ERROR
          ? "The compressed file ends too early." : "The compressed data is damaged.",
        at: .init(file: file.path, offset: consumed),
        remedy: "Check the compression that was named, and download or write the file again.")
    }
  }
}
