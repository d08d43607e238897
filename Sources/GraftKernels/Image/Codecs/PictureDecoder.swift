import GraftPictures
import GraftTensor

/// Decodes a picture file for the ops that do so, all of which read more formats than their name says.
struct PictureDecoder: Sendable {
  /// The op that asks.
  enum Asker: Sendable {
    case jpeg, png, gif, bmp, webp, any
  }

  /// The formats, by the first bytes of their files.
  enum Format: String {
    case jpeg = "JPEG"
    case png = "PNG"
    case gif = "GIF"
    case bmp = "BMP"
    case webp = "WebP"

    init?(_ bytes: UnsafeRawBufferPointer) {
      if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
        self = .jpeg
      } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
        self = .png
      } else if bytes.starts(with: "GIF8".utf8) {
        self = .gif
      } else if bytes.starts(with: "BM".utf8) {
        self = .bmp
      } else if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
        self = .webp
      } else {
        return nil
      }
    }
  }

  let asker: Asker
  let dtype: DataType
  let channels: Int
  var jpeg = JPEG.Decoding()
  /// Whether all frames of an animation are given, with a dimension of their own.
  var expandsAnimations = true

  init(_ asker: Asker, _ node: NodeSetup) throws {
    self.asker = asker
    dtype = try node.outputType(0)
    channels = asker == .gif ? 0 : try node.int("channels")
    guard [0, 1, 3, 4].contains(channels) else {
      throw node.invalid("'channels' is \(channels); it must be 0, 1, 3 or 4.")
    }
    if asker == .jpeg { jpeg = try JPEG.Decoding(node) }
    // What TensorFlow takes where a graph does not say it.
    if asker != .jpeg { jpeg.isFast = true }
    jpeg.channels = channels
    if asker == .any { expandsAnimations = try node.bool("expand_animations") }
  }

  /// Decodes the file that the first input is.
  func run(_ context: KernelContext) throws {
    let contents = try context.scalarString(0, named: "contents").bytes
    let pixels = try contents.withUnsafeBytes { bytes in
      try PictureErrors.asArguments { try decode(bytes) }
    }
    let isStack =
      switch pixels.format {
      case .webp: expandsAnimations
      case .gif: asker == .gif || (asker == .any && expandsAnimations)
      default: asker == .gif
      }
    let shape = try Shape(
      validating: (isStack ? [pixels.pixels.frames] : [])
        + [pixels.pixels.height, pixels.pixels.width, pixels.pixels.channels])
    Self.write(pixels.pixels, to: try context.allocate(0, dtype, shape))
  }

  private func decode(_ bytes: UnsafeRawBufferPointer) throws -> (pixels: Pixels, format: Format) {
    guard let format = Format(bytes) else {
      throw PictureErrors.invalid("The \(bytes.count) bytes are no JPEG, PNG, GIF, BMP or WebP file.")
    }
    guard asker == .any || (format == .bmp) == (asker == .bmp) else {
      throw PictureErrors.invalid(
        "The bytes are a \(format.rawValue) file, which this op does not read.",
        remedy: "Use the op DecodeImage, which reads all formats.")
    }
    let pixels: Pixels
    switch format {
    case .jpeg:
      guard channels != 4 else { throw PictureErrors.invalid("A JPEG has no 4 channels.") }
      pixels = try JPEG.decode(bytes, jpeg)
    case .png: pixels = try PNG.decode(bytes, channels: channels, bits: dtype == .uint8 ? 8 : 16)
    case .bmp:
      guard channels != 1 else { throw PictureErrors.invalid("'channels' of a BMP is 0, 3 or 4, not 1.") }
      pixels = try BMP.decode(bytes, channels: channels)
    case .webp:
      guard [0, 3, 4].contains(channels), dtype == .uint8 else {
        throw PictureErrors.invalid(
          "A WebP has 3 or 4 channels of uint8, and \(channels) of \(dtype) are asked for.")
      }
      pixels = try WebP.decode(bytes, firstOnly: !expandsAnimations)
      guard channels == 0 || channels == pixels.channels else {
        throw PictureErrors.invalid(
          "The WebP has \(pixels.channels) channels, and \(channels) are asked for.",
          remedy: "Ask for 0 channels: as many as the file has.")
      }
    case .gif:
      guard channels == 0 || channels == 3 else {
        throw PictureErrors.invalid("'channels' of a GIF is 0 or 3, not \(channels).")
      }
      pixels = try GIF.decode(bytes, firstOnly: asker == .any && !expandsAnimations)
      guard pixels.frames == 1 || asker == .gif || asker == .any else {
        throw PictureErrors.invalid(
          "The GIF has \(pixels.frames) frames, and this op reads pictures.",
          remedy: "Use the op DecodeGif or DecodeImage.")
      }
    }
    return (pixels, format)
  }

  /// Writes samples as they are, or spread over what the dtype has room for.
  private static func write(_ pixels: Pixels, to output: Tensor) {
    pixels.bytes.withUnsafeBytes { bytes in
      let wide = pixels.bits == 16
      switch output.dtype {
      case .float32:
        let target = output.mutableBuffer(as: Float.self)
        if wide {
          for place in target.indices {
            target[place] = Float(bytes.load(fromByteOffset: 2 * place, as: UInt16.self)) * (1 / 65535)
          }
        } else {
          for place in target.indices { target[place] = Float(bytes[place]) * (1 / 255) }
        }
      case .uint16 where !wide:
        let target = output.mutableBuffer(as: UInt16.self)
        for place in target.indices { target[place] = UInt16(bytes[place]) << 8 }
      default:
        UnsafeMutableRawBufferPointer(start: output.base, count: output.byteCount).copyMemory(from: bytes)
      }
    }
  }
}

/// Errors about pictures.
enum PictureErrors {
  static func invalid(_ message: String, remedy: String? = nil) -> GraftError {
    GraftError(.invalidArgument, message, at: .init(input: 0), remedy: remedy)
  }

  /// What the closure gives, with an error about the file turned into one about the input.
  static func asArguments<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as GraftError where error.code == .dataLoss {
      throw invalid(error.message, remedy: error.remedy)
    }
  }
}

extension JPEG.Decoding {
  /// What a node's attributes say.
  init(_ node: NodeSetup) throws {
    self.init()
    channels = try node.int("channels")
    ratio = try node.int("ratio")
    isFancy = try node.bool("fancy_upscaling")
    recovers = try node.bool("try_recover_truncated")
    let method = try node.string("dct_method")
    guard [1, 2, 4, 8].contains(ratio) else {
      throw node.invalid("'ratio' is \(ratio); it must be 1, 2, 4 or 8.")
    }
    guard ["", "INTEGER_FAST", "INTEGER_ACCURATE"].contains(method) else {
      throw node.invalid("'dct_method' is '\(method)'; INTEGER_FAST and INTEGER_ACCURATE are known.")
    }
    isFast = method != "INTEGER_ACCURATE"
  }
}
