import GraftGraph
import GraftTensor

/// The four pixels of one dimension that an output pixel is made of, with their weights.
private struct CubicTap {
  var indices: (Int, Int, Int, Int)
  var weights: (Float, Float, Float, Float)

  /// Steps between two pixels for which weights are tabulated.
  private static let steps = 1024

  /// The weights of a pixel at less than one and at one to two pixels' distance, in turn, for each step.
  private static func table(_ a: Double) -> [Float] {
    var table: [Float] = []
    for step in 0...steps {
      let near = Double(Float(Double(step) / Double(steps)))
      table.append(Float(((a + 2) * near - (a + 3)) * near * near + 1))
      let far = Double(Float(near + 1))
      table.append(Float(((a * far - 5 * a) * far + 8 * a) * far - 4 * a))
    }
    return table
  }

  /// For points at whole numbers.
  private static let legacyTable = table(-0.75)
  /// For pixels with centers at halves: the kernel of Keys.
  private static let keysTable = table(-0.5)

  init(position: Float, limit: Int, _ placement: PixelPlacement) {
    let floor = position.rounded(.down)
    let start = Int(truncating: floor)
    let delta = position - floor
    let step = min(max(Int((delta * Float(Self.steps)).rounded(.toNearestOrEven)), 0), Self.steps)
    func bound(_ index: Int) -> Int { min(max(index, 0), limit - 1) }
    indices = (bound(start - 1), bound(start), bound(start + 1), bound(start + 2))
    let table = placement.halfPixelCenters ? Self.keysTable : Self.legacyTable
    weights = (
      table[step * 2 + 1], table[step * 2], table[(Self.steps - step) * 2], table[(Self.steps - step) * 2 + 1]
    )
    guard placement.halfPixelCenters else { return }
    // Pixels outside of the image count nothing, and the others the more.
    if indices.0 != start - 1 { weights.0 = 0 }
    if indices.1 != start { weights.1 = 0 }
    if indices.2 != start + 1 { weights.2 = 0 }
    if indices.3 != start + 2 { weights.3 = 0 }
    let sum = weights.0 + weights.1 + weights.2 + weights.3
    if abs(sum) >= 1000 * Float.leastNormalMagnitude {
      let factor = 1 / sum
      weights = (weights.0 * factor, weights.1 * factor, weights.2 * factor, weights.3 * factor)
    }
  }
}

extension ResizeGeometry {
  fileprivate func rowTaps() throws -> [CubicTap] {
    try table(outputHeight) {
      CubicTap(position: position($0, heightScale), limit: inputHeight, placement)
    }
  }

  fileprivate func columnTaps() throws -> [CubicTap] {
    try table(outputWidth) {
      CubicTap(position: position($0, widthScale), limit: inputWidth, placement)
    }
  }
}

enum ResizeBicubicOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "ResizeBicubic",
      """
      Resizes images by cubic interpolation between the sixteen nearest pixels; the result is float32. With \
      `half_pixel_centers` the kernel is that of Keys (a = -0.5), else one with a = -0.75.
      """,
      types: ["T": .reals], shape: { [$0.resizedImages(sizeInput: 1)] },
      prepare: { setup in
        let placement = try PixelPlacement(setup)
        return { context in
          let geometry = try ResizeGeometry(context, placement)
          let images = try context.floats(context.input(0))
          let output = try context.allocate(0, .float32, geometry.outputShape())
          try resize(geometry, images, output, context.workers)
        }
      }),
    OpDefinition(
      "ResizeBicubicGrad", "The gradient of ResizeBicubic with respect to the images.",
      types: ["T": [.float32, .float64]], shape: { [$0.input(1)] },
      prepare: { setup in
        let placement = try PixelPlacement(setup)
        let dtype = try setup.outputType(0)
        return { context in
          let gradients = try context.input(0)
          let geometry = try ResizeGeometry(
            original: context.input(1).shape, resized: gradients.shape, placement)
          let output = try context.allocate(0, dtype, geometry.inputShape())
          if dtype == .float64 {
            try spread(geometry, gradients, output, as: Double.self)
          } else {
            try spread(geometry, gradients, output, as: Float.self)
          }
        }
      }),
  ]

  private static func resize(
    _ geometry: ResizeGeometry, _ images: Tensor, _ output: Tensor, _ workers: WorkerPool
  ) throws {
    // Of no images the size may be anything.
    guard output.elementCount > 0 else { return }
    let rows = try geometry.rowTaps()
    let columns = try geometry.columnTaps()
    let channels = geometry.channels
    let height = geometry.outputHeight
    let inputRow = geometry.inputWidth * channels
    let outputRow = geometry.outputWidth * channels
    let inputHeight = geometry.inputHeight
    workers.forEach(geometry.batch * height, cost: inputRow * 2 + outputRow * 4) { range in
      guard let source = images.buffer(as: Float.self).baseAddress,
        let target = output.mutableBuffer(as: Float.self).baseAddress
      else { return }
      let blended = UnsafeMutablePointer<Float>.allocate(capacity: inputRow)
      defer { blended.deallocate() }
      for row in range {
        let tap = rows[row % height]
        let image = source + row / height * inputHeight * inputRow
        let (w0, w1, w2, w3) = tap.weights
        let p0 = image + tap.indices.0 * inputRow
        let p1 = image + tap.indices.1 * inputRow
        let p2 = image + tap.indices.2 * inputRow
        let p3 = image + tap.indices.3 * inputRow
        for index in 0..<inputRow {
          blended[index] = p0[index] * w0 + p1[index] * w1 + p2[index] * w2 + p3[index] * w3
        }
        var result = target + row * outputRow
        columns.withUnsafeBufferPointer { columns in
          for column in columns {
            let (v0, v1, v2, v3) = column.weights
            let q0 = blended + column.indices.0 * channels
            let q1 = blended + column.indices.1 * channels
            let q2 = blended + column.indices.2 * channels
            let q3 = blended + column.indices.3 * channels
            for channel in 0..<channels {
              result[channel] = q0[channel] * v0 + q1[channel] * v1 + q2[channel] * v2 + q3[channel] * v3
            }
            result += channels
          }
        }
      }
    }
  }

  /// Adds each output pixel's gradient to the sixteen pixels that it was made of.
  private static func spread<T: BinaryFloatingPoint>(
    _ geometry: ResizeGeometry, _ gradients: Tensor, _ output: Tensor, as type: T.Type
  ) throws {
    let target = output.mutableBuffer(as: T.self)
    target.update(repeating: 0)
    guard gradients.elementCount > 0 else { return }
    let source = gradients.buffer(as: Float.self)
    let rows = try geometry.rowTaps()
    let columns = try geometry.columnTaps()
    let channels = geometry.channels
    let rowSize = geometry.inputWidth * channels
    func add(_ gradient: T, _ start: Int, _ column: CubicTap) {
      target[start + column.indices.0 * channels] += gradient * T(column.weights.0)
      target[start + column.indices.1 * channels] += gradient * T(column.weights.1)
      target[start + column.indices.2 * channels] += gradient * T(column.weights.2)
      target[start + column.indices.3 * channels] += gradient * T(column.weights.3)
    }
    var position = 0
    for image in 0..<geometry.batch {
      let start = image * geometry.inputHeight * rowSize
      for row in rows {
        for column in columns {
          for channel in 0..<channels {
            let gradient = T(source[position])
            position += 1
            add(gradient * T(row.weights.0), start + row.indices.0 * rowSize + channel, column)
            add(gradient * T(row.weights.1), start + row.indices.1 * rowSize + channel, column)
            add(gradient * T(row.weights.2), start + row.indices.2 * rowSize + channel, column)
            add(gradient * T(row.weights.3), start + row.indices.3 * rowSize + channel, column)
          }
        }
      }
    }
  }
}
