import GraftPictures
import GraftTensor

/// Picture files to pixels.
enum DecodeImageOps {
  static let all: [OpDefinition] = [
    picture("DecodeJpeg", .jpeg, "The pixels of a JPEG, PNG or GIF file, rows of columns of channels."),
    picture("DecodePng", .png, "The pixels of a PNG, JPEG or GIF file, rows of columns of channels."),
    picture("DecodeBmp", .bmp, "The pixels of a BMP file, rows of columns of channels."),
    picture("DecodeGif", .gif, "The frames of a GIF file, each of them rows of columns of three channels."),
    picture(
      "DecodeWebP", .webp, "The frames of a WebP file, each of them rows of columns of 3 or 4 channels."),
    picture(
      "DecodeImage", .any,
      "The pixels of a JPEG, PNG, GIF, BMP or WebP file. Floats are from 0 to 1. All frames of a GIF or WebP are "
        + "given, unless expand_animations is off."),
    decodeAndCrop, extractShape,
  ]

  private static func picture(
    _ name: String, _ asker: PictureDecoder.Asker, _ summary: String
  ) -> OpDefinition {
    OpDefinition(
      name, summary,
      shape: { context in
        switch asker {
        case .gif: return [PartialShape([nil, nil, nil, 3])]
        case .webp: return [.unknown]
        case .any where try context.node.bool("expand_animations"): return [.unknown]
        default: return [shape(context)]
        }
      },
      prepare: { node in
        let decoder = try PictureDecoder(asker, node)
        return { context in try decoder.run(context) }
      })
  }

  private static func shape(_ context: ShapeContext) -> PartialShape {
    let channels = (try? context.node.int("channels")) ?? 0
    return PartialShape([nil, nil, channels > 0 ? channels : nil])
  }

  private static let decodeAndCrop = OpDefinition(
    "DecodeAndCropJpeg",
    "The pixels of a part of a JPEG file: crop_window is its top, left, height and width.",
    shape: { [shape($0)] },
    prepare: { node in
      let decoding = try JPEG.Decoding(node)
      guard [0, 1, 3].contains(decoding.channels) else {
        throw node.invalid("'channels' is \(decoding.channels); a JPEG has 1 or 3, or 0 for its own.")
      }
      return { context in
        let contents = try context.scalarString(0, named: "contents").bytes
        let window = try context.input(1)
        guard window.shape == [4] else {
          throw GraftError(
            .invalidArgument, "'crop_window' has four elements, and the shape \(window.shape) was found.",
            at: .init(input: 1))
        }
        let place = try window.integers().map { Int32(clamping: $0) }
        var cropping = decoding
        cropping.crop = (place[0], place[1], place[2], place[3])
        let pixels = try contents.withUnsafeBytes { bytes in
          guard PictureDecoder.Format(bytes) == .jpeg else {
            throw PictureErrors.invalid("The \(bytes.count) bytes are no JPEG file.")
          }
          return try PictureErrors.asArguments { try JPEG.decode(bytes, cropping) }
        }
        let output = try context.allocate(0, .uint8, Shape([pixels.height, pixels.width, pixels.channels]))
        pixels.bytes.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(start: output.base, count: output.byteCount).copyMemory(from: $0)
        }
      }
    })

  private static let extractShape = OpDefinition(
    "ExtractJpegShape", "The height, width and number of channels of the picture in a JPEG file.",
    types: ["output_type": .indices], shape: { _ in [PartialShape([3])] },
    prepare: { node in
      let type = try node.outputType(0)
      return { context in
        let contents = try context.scalarString(0, named: "contents").bytes
        let sizes = try contents.withUnsafeBytes { bytes in
          try PictureErrors.asArguments { try JPEG.size(bytes) }
        }
        try context.setIntegers(0, type, Shape([3]), sizes)
      }
    })
}
