import GraftPictures
import GraftTensor

/// Pixels to picture files.
enum EncodeImageOps {
  static let all: [OpDefinition] = [png, jpeg, jpegOfQuality]

  private static let png = OpDefinition(
    "EncodePng", "A PNG file of pixels of 1 to 4 channels, or files, one for each picture of a stack.",
    types: ["T": [.uint8, .uint16]],
    shape: { [PartialShape($0.input(0).dimensions.map { Array($0.dropLast(3)) })] },
    prepare: { node in
      let compression = try node.int("compression")
      guard (-1...9).contains(compression) else {
        throw node.invalid("'compression' is \(compression); it must be from -1 to 9.")
      }
      return { context in
        let image = try context.input(0)
        guard image.rank >= 3 else {
          throw PictureErrors.invalid("A picture has three dimensions, and the shape is \(image.shape).")
        }
        let sizes = Array(image.shape.dimensions.suffix(3))
        guard (1...4).contains(sizes[2]) else {
          throw PictureErrors.invalid("A PNG has 1 to 4 channels, and the shape is \(image.shape).")
        }
        let bits = image.dtype == .uint16 ? 16 : 8
        let output = try context.allocate(0, .string, Shape(Array(image.shape.dimensions.dropLast(3))))
        let files = output.mutableBuffer(as: Bytes.self)
        let bytes = ArrayArguments.product(sizes) * bits / 8
        for place in files.indices {
          let samples = UnsafeRawBufferPointer(start: image.base + place * bytes, count: bytes)
          files[place] = Bytes(
            try PNG.encode(
              samples, width: sizes[1], height: sizes[0], channels: sizes[2], bits: bits,
              compression: compression))
        }
      }
    })

  private static let jpeg = OpDefinition(
    "EncodeJpeg", "A JPEG file of pixels of 1 or 3 channels.", shape: ShapeRules.scalar,
    prepare: { node in
      var encoding = JPEG.Encoding()
      encoding.quality = try node.int("quality")
      encoding.isProgressive = try node.bool("progressive")
      encoding.isOptimized = try node.bool("optimize_size")
      encoding.keepsChroma = try !node.bool("chroma_downsampling")
      encoding.isMetric = try node.string("density_unit") == "cm"
      encoding.density = (try node.int("x_density"), try node.int("y_density"))
      encoding.metadata = try node.bytes("xmp_metadata").bytes
      let format = try node.string("format")
      guard (0...100).contains(encoding.quality) else {
        throw node.invalid("'quality' is \(encoding.quality); it must be from 0 to 100.")
      }
      let channels: [Int]
      switch format {
      case "": channels = [1, 3]
      case "grayscale": channels = [1]
      case "rgb": channels = [3]
      default: throw node.invalid("'format' is '\(format)'; 'grayscale' and 'rgb' are known.")
      }
      let prepared = encoding
      return { context in try encode(context, prepared, channels) }
    })

  private static let jpegOfQuality = OpDefinition(
    "EncodeJpegVariableQuality", "A JPEG file of pixels of 1 or 3 channels, of a quality from 0 to 100.",
    shape: ShapeRules.scalar,
    prepare: { _ in
      { context in
        var encoding = JPEG.Encoding()
        encoding.quality = try ArrayArguments.scalar(context, 1, "quality")
        guard (0...100).contains(encoding.quality) else {
          throw GraftError(
            .invalidArgument, "'quality' is \(encoding.quality); it must be from 0 to 100.",
            at: .init(input: 1))
        }
        try encode(context, encoding, [1, 3])
      }
    })

  private static func encode(
    _ context: KernelContext, _ encoding: JPEG.Encoding, _ channels: [Int]
  ) throws {
    let image = try context.input(0)
    guard image.rank == 3, channels.contains(image.shape[2]) else {
      throw PictureErrors.invalid(
        "A picture of \(channels.map(String.init).joined(separator: " or ")) channels is expected, and the shape "
          + "is \(image.shape).")
    }
    let file = try JPEG.encode(
      image.buffer(as: UInt8.self), width: image.shape[1], height: image.shape[0], channels: image.shape[2],
      encoding)
    try context.allocate(0, .string, .scalar).mutableBuffer(as: Bytes.self)[0] = Bytes(file)
  }
}
