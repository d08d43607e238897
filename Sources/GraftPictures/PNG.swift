import GraftTensor

#if Images
  import CPNG
  import Glibc
#endif

/// PNG files, through libpng.
package enum PNG {
  /// The pixels of a file.
  ///
  /// - Parameters:
  ///   - channels: 1 to 4; 0 for as many as the file has, where a palette has 3 or 4.
  ///   - bits: 8 or 16.
  /// - Throws: `GraftError`: `dataLoss` when it is damaged, `unimplemented` in a build without libpng.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, channels: Int = 0, bits: Int = 8
  ) throws(GraftError) -> Pixels {
    #if Images
      var message = LibraryMessage()
      var picture = CPNGPicture()
      let status = cpng_decode(
        bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, Int32(channels), Int32(bits),
        Pixels.maximumBytes, &picture, &message.characters, message.characters.count)
      guard status == 0, let pixels = picture.pixels else {
        throw picture.isTooLarge != 0
          ? Pixels.tooLarge("PNG", "it is larger") : Pixels.damaged("PNG", message.text)
      }
      defer { free(pixels) }
      let (width, height, channels) = (Int(picture.width), Int(picture.height), Int(picture.channels))
      let count = width * height * channels * bits / 8
      return Pixels(
        width: width, height: height, channels: channels, bits: bits,
        bytes: Array(UnsafeBufferPointer(start: pixels, count: count)))
    #else
      throw Pixels.unavailable("PNG")
    #endif
  }

  /// A file of samples of 8 or 16 bits in rows of pixels of 1 to 4 channels.
  ///
  /// - Parameter compression: 0 to 9, or -1 for zlib's choice.
  /// - Precondition: there are `width * height * channels` samples.
  /// - Throws: `GraftError`: `internalError` for a size that no PNG has, `unimplemented` in a build without
  ///   libpng.
  package static func encode(
    _ samples: UnsafeRawBufferPointer, width: Int, height: Int, channels: Int, bits: Int, compression: Int
  ) throws(GraftError) -> [UInt8] {
    #if Images
      guard (1...1_000_000).contains(width), (1...1_000_000).contains(height) else {
        throw GraftError(
          .internalError, "A PNG has 1 to 1000000 rows and columns, not \(height) and \(width).")
      }
      var message = LibraryMessage()
      var file: UnsafeMutablePointer<UInt8>?
      var count = 0
      let status = cpng_encode(
        samples.bindMemory(to: UInt8.self).baseAddress, UInt32(width), UInt32(height), Int32(channels),
        Int32(bits), Int32(compression), &file, &count, &message.characters, message.characters.count)
      guard status == 0, let file else {
        throw GraftError(.internalError, "The picture cannot be encoded as PNG: \(message.text).")
      }
      defer { free(file) }
      return Array(UnsafeBufferPointer(start: file, count: count))
    #else
      throw Pixels.unavailable("PNG")
    #endif
  }
}
