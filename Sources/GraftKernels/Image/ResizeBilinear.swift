import GraftGraph
import GraftTensor

/// The two pixels of one dimension between which an output pixel lies.
struct LinearTap {
  var lower: Int
  var upper: Int
  /// How far it lies from the lower to the upper one.
  var fraction: Float

  init(position: Float, limit: Int) {
    let floor = position.rounded(.down)
    lower = min(max(Int(truncating: floor), 0), limit - 1)
    upper = min(max(Int(truncating: position.rounded(.up)), 0), limit - 1)
    fraction = position - floor
  }
}

extension ResizeGeometry {
  /// Between which rows each output row lies.
  func linearRows() throws -> [LinearTap] {
    try table(outputHeight) { LinearTap(position: position($0, heightScale), limit: inputHeight) }
  }

  /// Between which columns each output column lies.
  func linearColumns() throws -> [LinearTap] {
    try table(outputWidth) { LinearTap(position: position($0, widthScale), limit: inputWidth) }
  }
}

enum ResizeBilinearOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "ResizeBilinear",
      """
      Resizes images by linear interpolation between the four nearest pixels; the result is float32. Without \
      `half_pixel_centers` and `align_corners` pixels are points at whole numbers.
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
      "ResizeBilinearGrad", "The gradient of ResizeBilinear with respect to the images.",
      types: ["T": .floats], shape: { [$0.input(1)] },
      prepare: { setup in
        let placement = try PixelPlacement(setup)
        let dtype = try setup.outputType(0)
        return { context in
          let gradients = try context.input(0)
          let geometry = try ResizeGeometry(
            original: context.input(1).shape, resized: gradients.shape, placement)
          let output = try context.allocate(0, dtype, geometry.inputShape())
          switch dtype {
          case .float64: try spread(geometry, gradients, output, as: Double.self)
          case .float32: try spread(geometry, gradients, output, as: Float.self)
          default:
            // Sums of small floats are kept in float32 and rounded once.
            let sums = try context.scratch(.float32, output.shape)
            try spread(geometry, gradients, sums, as: Float.self)
            let source = sums.buffer(as: Float.self)
            if dtype == .float16 {
              let target = output.mutableBuffer(as: Float16.self)
              for index in target.indices { target[index] = Float16(source[index]) }
            } else {
              let target = output.mutableBuffer(as: BFloat16.self)
              for index in target.indices { target[index] = BFloat16(source[index]) }
            }
          }
        }
      }),
  ]

  /// Interpolates along rows first: a row that several output rows lie next to is done once, and what
  /// remains for each output row is one pass over whole rows.
  private static func resize(
    _ geometry: ResizeGeometry, _ images: Tensor, _ output: Tensor, _ workers: WorkerPool
  ) throws {
    // Of no images the size may be anything.
    guard output.elementCount > 0 else { return }
    if geometry.outputHeight == geometry.inputHeight && geometry.outputWidth == geometry.inputWidth {
      output.initializeElements(from: images)
      return
    }
    let rows = try geometry.linearRows()
    let columns = try geometry.linearColumns()
    let channels = geometry.channels
    let inputRow = geometry.inputWidth * channels
    let outputRow = geometry.outputWidth * channels
    let height = geometry.outputHeight
    let inputHeight = geometry.inputHeight
    workers.forEach(geometry.batch * height, cost: outputRow * 2) { range in
      guard let source = images.buffer(as: Float.self).baseAddress,
        let target = output.mutableBuffer(as: Float.self).baseAddress
      else { return }
      let scratch = UnsafeMutablePointer<Float>.allocate(capacity: outputRow * 2)
      defer { scratch.deallocate() }
      // Which input rows the two halves of the scratch memory hold.
      var held = (-1, -1)
      for row in range {
        let tap = rows[row % height]
        let first = row / height * inputHeight
        let (lower, upper) = (first + tap.lower, first + tap.upper)
        let lowerSlot: Int
        if held.0 == lower {
          lowerSlot = 0
        } else if held.1 == lower {
          lowerSlot = 1
        } else {
          lowerSlot = held.0 == upper ? 1 : 0
          interpolate(source + lower * inputRow, columns, channels, into: scratch + lowerSlot * outputRow)
          if lowerSlot == 0 { held.0 = lower } else { held.1 = lower }
        }
        var upperSlot = lowerSlot
        if upper != lower {
          upperSlot = 1 - lowerSlot
          if (upperSlot == 0 ? held.0 : held.1) != upper {
            interpolate(source + upper * inputRow, columns, channels, into: scratch + upperSlot * outputRow)
            if upperSlot == 0 { held.0 = upper } else { held.1 = upper }
          }
        }
        let top = scratch + lowerSlot * outputRow
        let bottom = scratch + upperSlot * outputRow
        let result = target + row * outputRow
        let fraction = tap.fraction
        for index in 0..<outputRow { result[index] = top[index] + (bottom[index] - top[index]) * fraction }
      }
    }
  }

  @inline(__always)
  private static func interpolate(
    _ row: UnsafePointer<Float>, _ columns: [LinearTap], _ channels: Int,
    into result: UnsafeMutablePointer<Float>
  ) {
    columns.withUnsafeBufferPointer { columns in
      switch channels {
      case 1: interpolate(row, columns, fixed: 1, into: result)
      case 3: interpolate(row, columns, fixed: 3, into: result)
      case 4: interpolate(row, columns, fixed: 4, into: result)
      default: interpolate(row, columns, fixed: channels, into: result)
      }
    }
  }

  @inline(__always)
  private static func interpolate(
    _ row: UnsafePointer<Float>, _ columns: UnsafeBufferPointer<LinearTap>, fixed channels: Int,
    into result: UnsafeMutablePointer<Float>
  ) {
    var target = result
    for tap in columns {
      let left = row + tap.lower * channels
      let right = row + tap.upper * channels
      let fraction = tap.fraction
      for channel in 0..<channels {
        target[channel] = left[channel] + (right[channel] - left[channel]) * fraction
      }
      target += channels
    }
  }

  /// Adds each output pixel's gradient to the four pixels that it was made of.
  private static func spread<T: FloatElement>(
    _ geometry: ResizeGeometry, _ gradients: Tensor, _ output: Tensor, as type: T.Type
  ) throws where T.Compute == T, T: BinaryFloatingPoint {
    let target = output.mutableBuffer(as: T.self)
    target.update(repeating: 0)
    guard gradients.elementCount > 0 else { return }
    let source = gradients.buffer(as: Float.self)
    let rows = try geometry.linearRows()
    let columns = try geometry.linearColumns()
    let channels = geometry.channels
    let rowSize = geometry.inputWidth * channels
    var position = 0
    for image in 0..<geometry.batch {
      let start = image * geometry.inputHeight * rowSize
      for row in rows {
        let top = start + row.lower * rowSize
        let bottom = start + row.upper * rowSize
        let below = row.fraction
        let above = 1 - below
        for column in columns {
          let left = column.lower * channels
          let right = column.upper * channels
          let after = column.fraction
          let before = 1 - after
          for channel in 0..<channels {
            let gradient = source[position]
            position += 1
            target[top + left + channel] += T(gradient * above * before)
            target[top + right + channel] += T(gradient * above * after)
            target[bottom + left + channel] += T(gradient * below * before)
            target[bottom + right + channel] += T(gradient * below * after)
          }
        }
      }
    }
  }
}
