import GraftTensor

/// GIF files, with all frames of an animation.
///
/// A frame is drawn over the one before it; where it is transparent, that one shows. The picture is as large as
/// the largest frame, whatever the file says, and what no frame covers is black.
package enum GIF {
  /// The pixels of a file, three channels.
  ///
  /// - Parameter firstOnly: Whether to leave out all frames but the first.
  /// - Throws: `GraftError` (`dataLoss`) for a file that is damaged before its first frame is over.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, firstOnly: Bool = false
  ) throws(GraftError) -> Pixels {
    let (frames, palette) = try GIFReader.frames(bytes)
    let width = frames.reduce(0) { max($0, $1.width) }
    let height = frames.reduce(0) { max($0, $1.height) }
    let count = firstOnly ? 1 : frames.count
    let size = width * height * 3
    guard size > 0, count <= Pixels.maximumBytes / size else {
      throw Pixels.tooLarge("GIF", "it has \(count) frames of \(width) by \(height) pixels")
    }
    var result = [UInt8](repeating: 0, count: count * size)
    for (number, frame) in frames.prefix(count).enumerated() {
      let start = number * size
      if number > 0 {
        result.withUnsafeMutableBytes { bytes in
          bytes[start..<start + size].copyBytes(from: UnsafeRawBufferPointer(bytes)[start - size..<start])
        }
      }
      guard let colours = frame.palette ?? palette else {
        throw Pixels.damaged("GIF", "frame \(number) has no colours")
      }
      try draw(frame, colours, &result, start: start, width: width, height: height)
    }
    return Pixels(frames: count, width: width, height: height, channels: 3, bytes: result)
  }

  private static func draw(
    _ frame: GIFFrame, _ colours: Range<Int>, _ result: inout [UInt8], start: Int, width: Int, height: Int
  ) throws(GraftError) {
    for row in 0..<frame.height where frame.top + row < height {
      var target = start + ((frame.top + row) * width + frame.left) * 3
      for column in 0..<frame.width where frame.left + column < width {
        let index = Int(frame.indices[row * frame.width + column])
        if index != frame.transparent {
          guard index * 3 < colours.count else {
            throw Pixels.damaged("GIF", "a pixel has the colour \(index) of \(colours.count / 3)")
          }
          for channel in 0..<3 {
            result[target + channel] = frame.bytes[colours.lowerBound + index * 3 + channel]
          }
        }
        target += 3
      }
    }
  }
}

/// A frame as it stands in a file.
struct GIFFrame {
  let bytes: UnsafeRawBufferPointer
  var left = 0
  var top = 0
  var width = 0
  var height = 0
  /// Where the frame's own colours lie, three bytes each.
  var palette: Range<Int>?
  /// The colour that is not drawn; -1 for none.
  var transparent = -1
  /// The number of each pixel's colour.
  var indices: [UInt8] = []
}
