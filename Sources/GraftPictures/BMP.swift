import GraftTensor

/// BMP files without compression: grey, colours, or colours and alpha, 8 bits a sample.
package enum BMP {
  /// The pixels of a file.
  ///
  /// - Parameter channels: 3 or 4; 0 for as many as the file has.
  /// - Throws: `GraftError` (`dataLoss`) for a file that is damaged or of another kind.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, channels: Int = 0
  ) throws(GraftError) -> Pixels {
    guard bytes.count >= 32 else { throw Pixels.damaged("BMP", "it has \(bytes.count) bytes, and no header") }
    func word(_ place: Int) -> Int32 {
      Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Int32.self))
    }
    let header = Int(word(10))
    let (width, height) = (Int(word(18)), Int(word(22)))
    let bits = Int(Int16(littleEndian: bytes.loadUnaligned(fromByteOffset: 28, as: Int16.self)))
    let own = bits / 8
    guard [1, 3, 4].contains(own) else { throw Pixels.damaged("BMP", "it has \(bits) bits for each pixel") }
    let rows = abs(height)
    guard width > 0, rows > 0 else {
      throw Pixels.damaged("BMP", "a picture of \(width) by \(height) pixels cannot be")
    }
    guard width <= Pixels.maximumBytes / 4 / rows else {
      throw Pixels.tooLarge("BMP", "it says that it has \(width) by \(rows) pixels")
    }
    let pitch = (own * width + 3) / 4 * 4
    guard header >= 0, bytes.count - header == pitch * rows else {
      throw Pixels.damaged(
        "BMP", "after a header of \(header) bytes \(pitch * rows) are expected, of \(bytes.count) in all")
    }
    let made = channels == 0 ? own : channels
    var result: [UInt8] = []
    result.reserveCapacity(width * rows * made)
    for row in 0..<rows {
      var place = header + (height < 0 ? row : rows - 1 - row) * pitch
      for _ in 0..<width {
        if own == 1 {
          result.append(contentsOf: repeatElement(bytes[place], count: min(made, 3)))
        } else {
          result.append(bytes[place + 2])
          result.append(bytes[place + 1])
          result.append(bytes[place])
        }
        if made == 4 { result.append(own == 4 ? bytes[place + 3] : 255) }
        place += own
      }
    }
    return Pixels(width: width, height: rows, channels: made, bytes: result)
  }
}
