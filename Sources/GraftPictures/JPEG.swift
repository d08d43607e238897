import GraftTensor

#if Images
  import CJPEG
  import Glibc
#endif

/// JPEG files, through libjpeg-turbo.
package enum JPEG {
  /// How a file is decoded.
  package struct Decoding: Sendable {
    /// 1 grey, 3 colours, 0 as the file has it; four inks become colours.
    package var channels = 0
    /// 1, 2, 4 or 8: how much smaller the picture becomes.
    package var ratio = 1
    /// Whether colours are interpolated where the file has fewer of them than pixels.
    package var isFancy = true
    /// Whether the faster, less exact transform is taken.
    package var isFast = false
    /// Whether a file that ends too early gives what there is of it, its last row repeated.
    package var recovers = false
    /// The part that is taken: its first row and column, its height and width.
    package var crop: (top: Int32, left: Int32, height: Int32, width: Int32)?

    /// The file's channels, exactly.
    package init() {}
  }

  /// How a file is encoded.
  package struct Encoding: Sendable {
    /// From 0 to 100.
    package var quality = 95
    package var isProgressive = false
    /// Whether the codes are fitted to the picture.
    package var isOptimized = false
    /// Whether colours are kept for every pixel.
    package var keepsChroma = false
    /// Whether the density is in dots per centimetre, not per inch.
    package var isMetric = false
    package var density: (x: Int, y: Int) = (300, 300)
    /// XMP metadata.
    package var metadata: [UInt8] = []

    /// TensorFlow's defaults.
    package init() {}
  }

  /// The pixels of a file.
  ///
  /// - Throws: `GraftError`: `dataLoss` when it is damaged or the part lies outside of the picture,
  ///   `unimplemented` in a build without libjpeg.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, _ decoding: Decoding = Decoding()
  ) throws(GraftError) -> Pixels {
    #if Images
      var options = CJPEGDecoding(
        channels: Int32(decoding.channels), ratio: Int32(decoding.ratio), isFancy: decoding.isFancy ? 1 : 0,
        isFast: decoding.isFast ? 1 : 0, recovers: decoding.recovers ? 1 : 0, crops: 0, top: 0, left: 0,
        height: 0, width: 0)
      if let crop = decoding.crop {
        options.crops = 1
        (options.top, options.left) = (crop.top, crop.left)
        (options.height, options.width) = (crop.height, crop.width)
      }
      var message = LibraryMessage()
      var picture = CJPEGPicture()
      let status = cjpeg_decode(
        bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, &options, Pixels.maximumBytes, &picture,
        &message.characters, message.characters.count)
      guard status == 0, let pixels = picture.pixels else {
        throw picture.isTooLarge != 0
          ? Pixels.tooLarge("JPEG", "it is larger") : Pixels.damaged("JPEG", message.text)
      }
      defer { free(pixels) }
      let (width, height, channels) = (Int(picture.width), Int(picture.height), Int(picture.channels))
      return Pixels(
        width: width, height: height, channels: channels,
        bytes: Array(UnsafeBufferPointer(start: pixels, count: width * height * channels)))
    #else
      throw Pixels.unavailable("JPEG")
    #endif
  }

  /// The height, the width and the channels of the picture in a file.
  ///
  /// - Throws: As ``decode(_:_:)``.
  package static func size(_ bytes: UnsafeRawBufferPointer) throws(GraftError) -> [Int] {
    #if Images
      var message = LibraryMessage()
      var size = CJPEGPicture()
      let status = cjpeg_size(
        bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, &size, &message.characters,
        message.characters.count)
      guard status == 0 else { throw Pixels.damaged("JPEG", message.text) }
      return [Int(size.height), Int(size.width), Int(size.channels)]
    #else
      throw Pixels.unavailable("JPEG")
    #endif
  }

  /// A file of 8-bit samples in rows of pixels of 1 or 3 channels.
  ///
  /// - Precondition: there are `width * height * channels` samples.
  /// - Throws: `GraftError`: `internalError` for a size that no JPEG has, `unimplemented` in a build without
  ///   libjpeg.
  package static func encode(
    _ samples: UnsafeBufferPointer<UInt8>, width: Int, height: Int, channels: Int, _ encoding: Encoding
  ) throws(GraftError) -> [UInt8] {
    #if Images
      // As many as two bytes count, less what libjpeg keeps.
      guard (1...65500).contains(width), (1...65500).contains(height) else {
        throw GraftError(
          .internalError, "A JPEG has 1 to 65500 rows and columns, not \(height) and \(width).")
      }
      var message = LibraryMessage()
      var file: UnsafeMutablePointer<UInt8>?
      var count = 0
      let status = encoding.metadata.withUnsafeBufferPointer { metadata in
        var options = CJPEGEncoding(
          quality: Int32(encoding.quality), isProgressive: encoding.isProgressive ? 1 : 0,
          isOptimized: encoding.isOptimized ? 1 : 0, keepsChroma: encoding.keepsChroma ? 1 : 0,
          densityUnit: encoding.isMetric ? 2 : 1,
          horizontalDensity: Int32(truncatingIfNeeded: encoding.density.x),
          verticalDensity: Int32(truncatingIfNeeded: encoding.density.y), metadata: metadata.baseAddress,
          metadataCount: metadata.count)
        return cjpeg_encode(
          samples.baseAddress, UInt32(width), UInt32(height), Int32(channels), &options, &file, &count,
          &message.characters, message.characters.count)
      }
      guard status == 0, let file else {
        throw GraftError(.internalError, "The picture cannot be encoded as JPEG: \(message.text).")
      }
      defer { free(file) }
      return Array(UnsafeBufferPointer(start: file, count: count))
    #else
      throw Pixels.unavailable("JPEG")
    #endif
  }
}
