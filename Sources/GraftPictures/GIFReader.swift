import GraftTensor

/// Reads the blocks of a GIF file.
struct GIFReader {
  private let bytes: UnsafeRawBufferPointer
  private var place = 0

  /// The frames of a file, and where the colours lie that they share.
  ///
  /// - Throws: `GraftError` (`dataLoss`) where not even one frame is whole.
  static func frames(
    _ bytes: UnsafeRawBufferPointer
  ) throws(GraftError) -> (frames: [GIFFrame], palette: Range<Int>?) {
    var reader = GIFReader(bytes: bytes)
    let flags = try reader.screen()
    let palette = flags & 0x80 == 0 ? nil : try reader.palette(flags)
    var frames: [GIFFrame] = []
    var pixels = 0
    do {
      while let frame = try reader.frame(pixels: &pixels) { frames.append(frame) }
    } catch {
      // What comes after the last whole frame does not count.
      if frames.isEmpty { throw error }
    }
    guard !frames.isEmpty else { throw Pixels.damaged("GIF", "it has no frame") }
    return (frames, palette)
  }

  private func damaged(_ message: String) -> GraftError { Pixels.damaged("GIF", message) }

  private mutating func take(_ count: Int) throws(GraftError) -> Range<Int> {
    guard count <= bytes.count - place else { throw damaged("it ends too early") }
    defer { place += count }
    return place..<place + count
  }

  private mutating func byte() throws(GraftError) -> UInt8 { bytes[try take(1).lowerBound] }

  private mutating func half() throws(GraftError) -> Int {
    Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: try take(2).lowerBound, as: UInt16.self)))
  }

  /// Reads the beginning; the result is the flags of the palette.
  private mutating func screen() throws(GraftError) -> UInt8 {
    guard bytes[try take(6)].starts(with: "GIF".utf8) else { throw damaged("it does not begin as one") }
    _ = try take(4)
    let flags = try byte()
    _ = try take(2)
    return flags
  }

  private mutating func palette(_ flags: UInt8) throws(GraftError) -> Range<Int> {
    try take(3 << (Int(flags & 7) + 1))
  }

  private mutating func skipBlocks() throws(GraftError) {
    while case let count = try byte(), count > 0 { _ = try take(Int(count)) }
  }

  /// Reads up to the end of the next frame; nil where the file ends.
  private mutating func frame(pixels: inout Int) throws(GraftError) -> GIFFrame? {
    var transparent: Int?
    while true {
      switch try byte() {
      case 0x21: try readExtension(&transparent)
      case 0x2C: return try image(transparent: transparent ?? -1, pixels: &pixels)
      case 0x3B: return nil
      default: throw damaged("a block has an unknown kind")
      }
    }
  }

  private mutating func readExtension(_ transparent: inout Int?) throws(GraftError) {
    let isControl = try byte() == 0xF9
    let count = Int(try byte())
    guard count > 0 else { return }
    let block = try take(count)
    if isControl, count == 4, transparent == nil {
      let hasTransparent = bytes[block.lowerBound] & 1 != 0
      transparent = hasTransparent ? Int(bytes[block.lowerBound + 3]) : -1
    }
    try skipBlocks()
  }

  private mutating func image(transparent: Int, pixels: inout Int) throws(GraftError) -> GIFFrame {
    var frame = GIFFrame(bytes: bytes)
    frame.transparent = transparent
    frame.left = try half()
    frame.top = try half()
    frame.width = try half()
    frame.height = try half()
    let flags = try byte()
    if flags & 0x80 != 0 { frame.palette = try palette(flags) }
    let count = frame.width * frame.height
    guard count > 0, count <= Pixels.maximumBytes / 3 - pixels else {
      throw damaged("a frame of \(frame.width) by \(frame.height) pixels cannot be")
    }
    pixels += count
    let codeSize = Int(try byte())
    guard codeSize <= 8 else { throw damaged("its codes have \(codeSize) bits") }
    var data: [UInt8] = []
    while case let size = try byte(), size > 0 { data.append(contentsOf: bytes[try take(Int(size))]) }
    frame.indices = try GIFCodes.decode(data, codeSize: codeSize, count: count)
    if flags & 0x40 != 0 { frame.indices = Self.arranged(frame.indices, frame.width, frame.height) }
    return frame
  }

  /// Rows that come in four passes, in their order.
  private static func arranged(_ indices: [UInt8], _ width: Int, _ height: Int) -> [UInt8] {
    var result = indices
    var source = 0
    for (first, step) in [(0, 8), (4, 8), (2, 4), (1, 2)] {
      for row in stride(from: first, to: height, by: step) {
        result.replaceSubrange(row * width..<(row + 1) * width, with: indices[source..<source + width])
        source += width
      }
    }
    return result
  }
}

/// The compression of GIF: Lempel, Ziv and Welch's, with codes of up to 12 bits.
enum GIFCodes {
  /// The first `count` bytes that the codes stand for; more are not looked at.
  ///
  /// - Throws: `GraftError` (`dataLoss`) where there are not as many, or a code stands for nothing.
  static func decode(_ data: [UInt8], codeSize: Int, count: Int) throws(GraftError) -> [UInt8] {
    let clear = 1 << codeSize
    var prefixes = [Int16](repeating: -1, count: 4096)
    var suffixes = [UInt8](repeating: 0, count: 4096)
    for code in 0..<min(clear, 256) { suffixes[code] = UInt8(code) }
    var (next, bits) = (clear + 2, codeSize + 1)
    var (previous, first) = (-1, UInt8(0))
    var (buffer, held, place) = (0, 0, 0)
    var result: [UInt8] = []
    var text: [UInt8] = []
    while result.count < count {
      while held < bits {
        guard place < data.count else { throw Pixels.damaged("GIF", "a frame ends too early") }
        buffer |= Int(data[place]) << held
        held += 8
        place += 1
      }
      let code = buffer & (1 << bits - 1)
      buffer >>= bits
      held -= bits
      if code == clear {
        (next, bits, previous) = (clear + 2, codeSize + 1, -1)
        continue
      }
      guard code != clear + 1 else { throw Pixels.damaged("GIF", "a frame ends too early") }
      guard code < next || (code == next && previous >= 0) else {
        throw Pixels.damaged("GIF", "a code stands for nothing")
      }
      // The bytes that a code stands for come out last one first.
      text.removeAll(keepingCapacity: true)
      var part = code
      if code == next {
        text.append(first)
        part = previous
      }
      while part >= clear {
        text.append(suffixes[part])
        part = Int(prefixes[part])
      }
      first = UInt8(truncatingIfNeeded: part)
      text.append(first)
      result.append(contentsOf: text.reversed().prefix(count - result.count))
      if previous >= 0, next < 4096 {
        prefixes[next] = Int16(previous)
        suffixes[next] = first
        next += 1
        if next == 1 << bits, bits < 12 { bits += 1 }
      }
      previous = code
    }
    return result
  }
}
