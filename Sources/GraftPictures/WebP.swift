import GraftTensor

#if Images
  import CWebP
#endif

/// WebP files, through libwebp.
package enum WebP {
  /// The frames of a file: of 4 channels where it has transparency or is an animation, else of 3.
  ///
  /// - Parameter firstOnly: whether one frame is enough.
  /// - Throws: `GraftError`: `dataLoss` when it is damaged, `unimplemented` in a build without libwebp.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, firstOnly: Bool = false
  ) throws(GraftError) -> Pixels {
    #if Images
      let data = bytes.bindMemory(to: UInt8.self)
      var features = WebPBitstreamFeatures()
      guard WebPGetFeatures(data.baseAddress, data.count, &features) == VP8_STATUS_OK else {
        throw Pixels.damaged("WebP", "it has no header that can be read")
      }
      let (width, height) = (Int(features.width), Int(features.height))
      guard features.has_animation == 0 else { return try animation(data, width, height, firstOnly) }
      let channels = features.has_alpha != 0 ? 4 : 3
      let count = try size(width, height, channels, frames: 1)
      var isDecoded = false
      let pixels = [UInt8](unsafeUninitializedCapacity: count) { pixels, initialized in
        pixels.initialize(repeating: 0)
        initialized = count
        let stride = Int32(clamping: width * channels)
        let decode = channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto
        isDecoded = decode(data.baseAddress, data.count, pixels.baseAddress, count, stride) != nil
      }
      guard isDecoded else { throw Pixels.damaged("WebP", "its pixels cannot be read") }
      return Pixels(width: width, height: height, channels: channels, bits: 8, bytes: pixels)
    #else
      throw Pixels.unavailable("WebP")
    #endif
  }

  #if Images
    private static func animation(
      _ bytes: UnsafeBufferPointer<UInt8>, _ width: Int, _ height: Int, _ firstOnly: Bool
    ) throws(GraftError) -> Pixels {
      var data = WebPData(bytes: bytes.baseAddress, size: bytes.count)
      guard let decoder = WebPAnimDecoderNewInternal(&data, nil, WEBP_DEMUX_ABI_VERSION) else {
        throw Pixels.damaged("WebP", "its frames cannot be found")
      }
      defer { WebPAnimDecoderDelete(decoder) }
      var info = WebPAnimInfo()
      guard WebPAnimDecoderGetInfo(decoder, &info) != 0, info.frame_count > 0 else {
        throw Pixels.damaged("WebP", "it has no frames")
      }
      let frames = firstOnly ? 1 : Int(info.frame_count)
      let (width, height) = (Int(info.canvas_width), Int(info.canvas_height))
      let size = try size(width, height, 4, frames: frames) / frames
      var pixels: [UInt8] = []
      pixels.reserveCapacity(size * frames)
      for _ in 0..<frames {
        var frame: UnsafeMutablePointer<UInt8>?
        var time: Int32 = 0
        guard WebPAnimDecoderGetNext(decoder, &frame, &time) != 0, let frame else {
          throw Pixels.damaged("WebP", "a frame cannot be read")
        }
        pixels.append(contentsOf: UnsafeBufferPointer(start: frame, count: size))
      }
      return Pixels(frames: frames, width: width, height: height, channels: 4, bits: 8, bytes: pixels)
    }

    private static func size(
      _ width: Int, _ height: Int, _ channels: Int, frames: Int
    ) throws(GraftError) -> Int {
      guard width > 0, height > 0, width <= 1 << 24, height <= 1 << 24,
        width * height * channels <= Pixels.maximumBytes / frames
      else {
        throw Pixels.tooLarge("WebP", "it says that it has \(frames) frames of \(width) x \(height) pixels")
      }
      return width * height * channels * frames
    }
  #endif
}
