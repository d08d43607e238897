import GraftGraph
import GraftTensor

/// The pixels of one dimension that an output pixel covers.
private struct AreaSpan {
  var start: Int
  var end: Int
  /// How much of the first and of the last pixel is covered; of the others all is.
  var firstWeight: Float
  var lastWeight: Float

  init(_ index: Int, scale: Float) {
    let low = Float(index) * scale
    let high = Float(index + 1) * scale
    start = Int(truncating: low.rounded(.down))
    end = Int(truncating: high.rounded(.up))
    firstWeight = Self.weight(start, low, high, scale)
    lastWeight = Self.weight(end - 1, low, high, scale)
  }

  /// How much of a pixel lies between `low` and `high`.
  static func weight(_ pixel: Int, _ low: Float, _ high: Float, _ scale: Float) -> Float {
    let isCut = Float(pixel + 1) > high
    if Float(pixel) < low { return isCut ? scale : Float(pixel + 1) - low }
    return isCut ? high - Float(pixel) : 1
  }
}

enum ResizeAreaOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "ResizeArea",
      "Resizes images so that an output pixel is the mean of what it covers; the result is float32.",
      types: ["T": .reals], shape: { [$0.resizedImages(sizeInput: 1)] },
      prepare: { setup in
        let placement = try PixelPlacement(setup)
        return { context in
          let geometry = try ResizeGeometry(context, placement)
          let images = try context.floats(context.input(0))
          let output = try context.allocate(0, .float32, geometry.outputShape())
          try resize(geometry, images, output, context.workers)
        }
      })
  ]

  private static func resize(
    _ geometry: ResizeGeometry, _ images: Tensor, _ output: Tensor, _ workers: WorkerPool
  ) throws {
    // Of no images the size may be anything.
    guard output.elementCount > 0 else { return }
    let columns = try geometry.table(geometry.outputWidth) { AreaSpan($0, scale: geometry.widthScale) }
    let isInside = columns.allSatisfy { $0.start >= 0 && $0.end <= geometry.inputWidth && $0.start < $0.end }
    let channels = geometry.channels
    let height = geometry.outputHeight
    let width = geometry.inputWidth
    let outputRow = geometry.outputWidth * channels
    let inputHeight = geometry.inputHeight
    let heightScale = geometry.heightScale
    let factor = Float(1 / Double(heightScale * geometry.widthScale))
    let cost = Int(min(heightScale + 1, 1e6)) * (width * channels + outputRow)
    workers.forEach(geometry.batch * height, cost: cost) { range in
      guard let source = images.buffer(as: Float.self).baseAddress,
        let target = output.mutableBuffer(as: Float.self).baseAddress
      else { return }
      for row in range {
        let y = row % height
        let span = AreaSpan(y, scale: heightScale)
        let low = Float(y) * heightScale
        let high = Float(y + 1) * heightScale
        let result = target + row * outputRow
        result.update(repeating: 0, count: outputRow)
        for inputRow in span.start..<max(span.end, span.start) {
          let weight = AreaSpan.weight(inputRow, low, high, heightScale)
          let bounded = min(max(inputRow, 0), inputHeight - 1)
          let line = source + (row / height * inputHeight + bounded) * width * channels
          if isInside {
            add(line, weight, columns, channels, to: result) { $0 }
          } else {
            add(line, weight, columns, channels, to: result) { min(max($0, 0), width - 1) }
          }
        }
        for index in 0..<outputRow { result[index] *= factor }
      }
    }
  }

  /// Adds what a line of the input gives each pixel of the output.
  @inline(__always)
  private static func add(
    _ line: UnsafePointer<Float>, _ weight: Float, _ columns: [AreaSpan], _ channels: Int,
    to result: UnsafeMutablePointer<Float>, place: (Int) -> Int
  ) {
    columns.withUnsafeBufferPointer { columns in
      for (x, column) in columns.enumerated() {
        for channel in 0..<channels {
          let values = line + channel
          var sum = values[place(column.start) * channels] * column.firstWeight
          if column.start + 1 != column.end {
            var inner = column.start + 1
            while inner < column.end - 1 {
              sum += values[place(inner) * channels]
              inner += 1
            }
            sum += values[place(column.end - 1) * channels] * column.lastWeight
          }
          result[x * channels + channel] += sum * weight
        }
      }
    }
  }
}
