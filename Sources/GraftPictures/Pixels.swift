import GraftTensor

/// What a picture file decodes to: frames of rows of pixels, from top to bottom.
package struct Pixels: Sendable {
  /// How many pictures there are one after the other; 1 but for animations.
  package var frames = 1
  /// How many columns.
  package var width: Int
  /// How many rows.
  package var height: Int
  /// Samples of one pixel.
  package var channels: Int
  /// Bits of one sample: 8, or 16 in this machine's order.
  package var bits = 8
  /// The samples, frame by frame, row by row, pixel by pixel.
  package var bytes: [UInt8]

  /// Pixels may take this many bytes: a small file can claim any size. It is a gibibyte, or what the session has room
  /// for.
  static var maximumBytes: Int { min(1 << 30, MemoryAccount.room) }

  /// An error about a file that claims to be larger.
  static func tooLarge(_ format: String, _ what: String) -> GraftError {
    GraftError(
      .resourceExhausted,
      "The \(format) file cannot be decoded: \(what), and pixels may take \(maximumBytes) bytes here.",
      remedy:
        "Scale the picture down; `SessionOptions.limits` (tensorBytes, totalBytes) allow up to a gibibyte.")
  }

  /// An error about a file's bytes.
  static func damaged(_ format: String, _ message: String) -> GraftError {
    GraftError(
      .dataLoss, "The \(format) file cannot be decoded: \(message).",
      remedy: "Open it in a picture viewer; write it again if that fails, too.")
  }

  /// An error that says that this build has no decoder.
  static func unavailable(_ format: String) -> GraftError {
    GraftError(
      .unimplemented,
      "This build reads and writes no \(format) files: it was made without the package trait Images.",
      remedy: "Build it with the trait, or feed the pixels as .npy.")
  }
}

#if Images
  /// Room for the message of a library, and the message.
  struct LibraryMessage {
    var characters = [CChar](repeating: 0, count: 256)

    var text: String {
      String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }
#endif
