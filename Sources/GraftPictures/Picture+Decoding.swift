import GraftTensor

extension Picture {
  /// The formats of picture files that are read.
  package enum Format: String, Sendable {
    case png = "PNG"
    case jpeg = "JPEG"

    /// The format that a file's first bytes tell; nil when it is none of these.
    package init?(sniffing bytes: UnsafeRawBufferPointer) {
      if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
        self = .png
      } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
        self = .jpeg
      } else {
        return nil
      }
    }
  }

  /// The picture in a PNG or JPEG file.
  ///
  /// - Throws: `GraftError`: `wrongFileKind` when the file is neither, `dataLoss` when it is damaged, and
  ///   what opening a file can give.
  package init(contentsOf path: String) throws(GraftError) {
    let file = try MappedFile(path: path)
    do {
      self = try withExtendedLifetime(file) { () throws(GraftError) in try Self(decoding: file.bytes) }
    } catch {
      throw error.at(GraftError.Place(file: path))
    }
  }

  /// The picture in a PNG or JPEG file's bytes.
  ///
  /// - Throws: `GraftError`: `wrongFileKind` when they are neither, `dataLoss` when they are damaged.
  package init(decoding bytes: UnsafeRawBufferPointer) throws(GraftError) {
    guard let format = Format(sniffing: bytes) else {
      throw GraftError(
        .wrongFileKind, "This is not a picture that can be read: it begins neither as PNG nor as JPEG does.",
        remedy: "Convert it to PNG.")
    }
    let pixels =
      switch format {
      case .png: try PNG.decode(bytes)
      case .jpeg: try JPEG.decode(bytes)
      }
    self.init(
      width: pixels.width, height: pixels.height, channels: pixels.channels, samples: pixels.bytes)
  }
}
