import GraftTensor

/// Resizing of quantized images.
enum QuantizedResizeOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "QuantizedResizeBilinear",
      "Resizes quantized images by linear interpolation; the range stays. Bytes are interpolated in steps of a "
        + "128th.",
      types: ["T": [.quint8, .qint32, .float32]],
      shape: { context in
        let images = context.input(0)
        let size = context.ints(1)
        return [PartialShape([images[0], size?.first, size?.last, images[3]]), .scalar, .scalar]
      }
    ) { node in
      let placement = try PixelPlacement(node)
      let dtype = try node.inputType(0)
      return { context in
        let geometry = try ResizeGeometry(context, placement)
        let (low, high) = (
          try context.scalarFloat(2, named: "min"), try context.scalarFloat(3, named: "max")
        )
        let images = try context.input(0)
        let output = try context.allocate(0, dtype, geometry.outputShape())
        switch dtype {
        case _ where output.elementCount == 0: break
        case .quint8: try bytes(geometry, images, output)
        case .qint32: try integers(geometry, images, output)
        default: try floats(geometry, images, output)
        }
        try context.setOutput(1, try Tensor(low))
        try context.setOutput(2, try Tensor(high))
      }
    }
  ]

  /// Calls the closure for each sample of the output, with the places of the four samples around it.
  private static func forEach(
    _ geometry: ResizeGeometry,
    _ body: (
      _ target: Int, _ corners: (Int, Int, Int, Int), _ fractions: (column: Float, row: Float)
    ) -> Void
  ) throws {
    let (rows, columns) = (try geometry.linearRows(), try geometry.linearColumns())
    let channels = geometry.channels
    var target = 0
    for image in 0..<geometry.batch {
      for row in rows {
        let upper = (image * geometry.inputHeight + row.lower) * geometry.inputWidth
        let lower = (image * geometry.inputHeight + row.upper) * geometry.inputWidth
        for column in columns {
          for channel in 0..<channels {
            let corners = (
              (upper + column.lower) * channels + channel, (upper + column.upper) * channels + channel,
              (lower + column.lower) * channels + channel, (lower + column.upper) * channels + channel
            )
            body(target, corners, (column.fraction, row.fraction))
            target += 1
          }
        }
      }
    }
  }

  private static func bytes(_ geometry: ResizeGeometry, _ images: Tensor, _ output: Tensor) throws {
    let (source, target) = (images.buffer(as: UInt8.self), output.mutableBuffer(as: UInt8.self))
    try forEach(geometry) { index, corners, fractions in
      let (x, y) = (Int(fractions.column * 128), Int(fractions.row * 128))
      func between(_ left: Int, _ right: Int) -> Int {
        let (left, right) = (Int(source[left]), Int(source[right]))
        return left * 128 + (right - left) * x
      }
      let (top, bottom) = (between(corners.0, corners.1), between(corners.2, corners.3))
      target[index] = UInt8(clamping: (top + (bottom - top) / 128 * y + 64) / 128)
    }
  }

  /// Integers as float32 numbers, between which is interpolated in float64; a half is added, and the fraction cut.
  private static func integers(_ geometry: ResizeGeometry, _ images: Tensor, _ output: Tensor) throws {
    let (source, target) = (images.buffer(as: Int32.self), output.mutableBuffer(as: Int32.self))
    try forEach(geometry) { index, corners, fractions in
      func number(_ place: Int) -> Double { Double(Float(source[place])) }
      let value = interpolated(
        number(corners.0), number(corners.1), number(corners.2), number(corners.3),
        (Double(fractions.column), Double(fractions.row)))
      target[index] = Int32(clamping: Int(truncating: value + 0.5))
    }
  }

  private static func floats(_ geometry: ResizeGeometry, _ images: Tensor, _ output: Tensor) throws {
    let (source, target) = (images.buffer(as: Float.self), output.mutableBuffer(as: Float.self))
    try forEach(geometry) { index, corners, fractions in
      target[index] = interpolated(
        source[corners.0], source[corners.1], source[corners.2], source[corners.3], fractions)
    }
  }

  private static func interpolated<T: BinaryFloatingPoint>(
    _ topLeft: T, _ topRight: T, _ bottomLeft: T, _ bottomRight: T, _ fractions: (column: T, row: T)
  ) -> T {
    let top = topLeft + (topRight - topLeft) * fractions.column
    let bottom = bottomLeft + (bottomRight - bottomLeft) * fractions.column
    return top + (bottom - top) * fractions.row
  }
}
