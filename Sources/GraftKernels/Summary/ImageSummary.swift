import GraftGraph
import GraftPictures
import GraftTensor

/// Pictures for TensorBoard, as PNG files.
enum ImageSummary {
  static let definition = OpDefinition(
    "ImageSummary",
    "A summary of pictures. Floats are spread over the range of bytes; pixels that are not finite take "
      + "`bad_color`.",
    types: ["T": [.uint8, .float16, .float32, .float64]], shape: ShapeRules.scalar
  ) { node in
    let limit = try node.int("max_images")
    guard limit > 0 else { throw node.invalid("max_images is \(limit), and must be positive.") }
    let color = try node.tensor("bad_color")
    guard color.dtype == .uint8, color.rank == 1 else {
      throw node.invalid("bad_color is \(color.dtype)\(color.shape); a vector of uint8 is expected.")
    }
    let badColor = Array(color.buffer(as: UInt8.self))
    return { context in
      let tag = try context.scalarString(0, named: "tag")
      let pictures = try context.input(1)
      guard pictures.rank == 4, [1, 3, 4].contains(pictures.shape[3]) else {
        throw GraftError(
          .invalidArgument,
          "Pictures are a tensor of batch, height, width and 1, 3 or 4 channels, and the shape is "
            + "\(pictures.shape).", at: .init(input: 1))
      }
      let (height, width, channels) = (pictures.shape[1], pictures.shape[2], pictures.shape[3])
      guard badColor.count >= channels else {
        throw GraftError(
          .invalidArgument, "bad_color has \(badColor.count) elements, and the pictures \(channels) channels."
        )
      }
      var message = SummaryMessage()
      let count = min(pictures.shape[0], limit)
      guard count == 0 || (height > 0 && width > 0) else {
        throw GraftError(
          .invalidArgument, "Pictures have rows and columns, and the shape is \(pictures.shape).",
          at: .init(input: 1))
      }
      for index in 0..<count {
        try context.checkpoint()
        let pixels = bytes(of: pictures, index, height * width, channels, badColor)
        let file = try pixels.withUnsafeBytes {
          try PNG.encode($0, width: width, height: height, channels: channels, bits: 8, compression: -1)
        }
        var picture = WireWriter()
        picture.field(1, varint: UInt64(height))
        picture.field(2, varint: UInt64(width))
        picture.field(3, varint: UInt64(channels))
        picture.field(4, bytes: file)
        let title = tag.string + (limit == 1 ? "/image" : "/image/\(index)")
        message.add(tag: Bytes(title)) { $0.field(4, bytes: picture.bytes) }
      }
      try context.setOutput(0, try Tensor(message.bytes))
    }
  }

  /// The samples of one of the pictures.
  private static func bytes(
    of pictures: Tensor, _ index: Int, _ pixels: Int, _ channels: Int, _ badColor: [UInt8]
  ) -> [UInt8] {
    let range = index * pixels * channels..<(index + 1) * pixels * channels
    func spread<T: FloatElement>(_ type: T.Type) -> [UInt8] {
      normalized(pictures.buffer(as: T.self)[range], channels, badColor)
    }
    return switch pictures.dtype {
    case .float16: spread(Float16.self)
    case .float32: spread(Float.self)
    case .float64: spread(Double.self)
    default: Array(pictures.buffer(as: UInt8.self)[range])
    }
  }

  /// Scales the values so that the largest is white; where some are negative, zero is in the middle. The
  /// arithmetic is that of the pictures' type, as TensorFlow does it.
  private static func normalized<T: FloatElement>(
    _ values: Slice<UnsafeBufferPointer<T>>, _ channels: Int, _ badColor: [UInt8]
  ) -> [UInt8] {
    let all = values.map { Float($0.double) }
    let isFinite = stride(from: 0, to: all.count, by: channels).map { first in
      all[first..<first + channels].allSatisfy(\.isFinite)
    }
    var (low, high) = (Float.infinity, -Float.infinity)
    for (index, value) in all.enumerated() where isFinite[index / channels] {
      low = min(low, value)
      high = max(high, value)
    }
    let isSigned = low < 0
    let extent = isSigned ? max(low.magnitude, high.magnitude) : high
    let factor: Float = extent < 1e-6 ? 0 : (isSigned ? 127 : 255) / extent
    let scale = T(T.Compute(factor))
    let offset = T(isSigned ? 128 : 0)
    var result = [UInt8](repeating: 0, count: all.count)
    for (index, value) in values.enumerated() {
      result[index] =
        isFinite[index / channels]
        ? UInt8(clamping: Int(T.add(T.multiply(value, scale), offset).double))
        : badColor[index % channels]
    }
    return result
  }
}
