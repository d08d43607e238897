import GraftGraph
import GraftTensor

enum ResizeNearestNeighborOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "ResizeNearestNeighbor",
      "Resizes images by taking the nearest pixel, or the one at its left and above.",
      types: ["T": .reals], shape: { [$0.resizedImages(sizeInput: 1)] },
      prepare: { setup in
        let placement = try PixelPlacement(setup)
        return { context in
          let geometry = try ResizeGeometry(context, placement)
          guard geometry.inputHeight < 1 << 24, geometry.inputWidth < 1 << 24 else {
            throw GraftError(
              .invalidArgument, "Images higher or wider than 2^24 cannot be resized by their nearest pixels.",
              at: .init(input: 0))
          }
          let images = try context.input(0)
          let output = try context.allocate(0, images.dtype, geometry.outputShape())
          // Of no images the size may be anything, and the sampler keeps a number for each row and column.
          guard output.elementCount > 0 else { return }
          let sampler = try NearestSampler(geometry)
          switch images.dtype.size {
          case 1: resize(sampler, images, output, UInt8.self, context.workers)
          case 2: resize(sampler, images, output, UInt16.self, context.workers)
          case 4: resize(sampler, images, output, UInt32.self, context.workers)
          default: resize(sampler, images, output, UInt64.self, context.workers)
          }
        }
      }),
    OpDefinition(
      "ResizeNearestNeighborGrad", "The gradient of ResizeNearestNeighbor with respect to the images.",
      types: ["T": .reals], shape: { [$0.resizedImages(sizeInput: 1)] },
      prepare: { setup in
        let placement = try PixelPlacement(setup)
        return { context in
          let gradients = try context.images(0, named: "grads")
          let size = try context.integerVector(1, count: 2, named: "size")
          guard size[0] > 0, size[1] > 0 else {
            throw GraftError(
              .invalidArgument, "'size' is \(size): height and width must be positive.", at: .init(input: 1))
          }
          let shape = try Shape(validating: [gradients.shape[0], size[0], size[1], gradients.shape[3]])
          let output = try context.allocate(0, gradients.dtype, shape)
          guard gradients.elementCount > 0 else {
            UnsafeMutableRawBufferPointer(start: output.base, count: output.byteCount).initializeMemory(
              as: UInt8.self, repeating: 0)
            return
          }
          let sampler = try NearestSampler(
            try ResizeGeometry(
              original: shape, resized: gradients.shape, placement, takesBoth: true))
          switch gradients.dtype {
          case .float32: spread(sampler, gradients, output, Float.self)
          case .float64: spread(sampler, gradients, output, Double.self)
          case .float16: spread(sampler, gradients, output, Float16.self)
          case .bfloat16: spread(sampler, gradients, output, BFloat16.self)
          case .int8, .uint8: spread(sampler, gradients, output, UInt8.self)
          case .int16, .uint16: spread(sampler, gradients, output, UInt16.self)
          case .int32, .uint32: spread(sampler, gradients, output, UInt32.self)
          default: spread(sampler, gradients, output, UInt64.self)
          }
        }
      }),
  ]

  private static func resize<E>(
    _ sampler: NearestSampler, _ images: Tensor, _ output: Tensor, _ type: E.Type, _ workers: WorkerPool
  ) {
    let geometry = sampler.geometry
    let channels = geometry.channels
    let height = geometry.outputHeight
    let inputRow = geometry.inputWidth * channels
    let outputRow = geometry.outputWidth * channels
    let inputHeight = geometry.inputHeight
    let rows = sampler.rows
    let columns = sampler.columns
    workers.forEach(geometry.batch * height, cost: outputRow) { range in
      guard let source = images.buffer(as: E.self).baseAddress,
        let target = output.mutableBuffer(as: E.self).baseAddress
      else { return }
      for row in range {
        let from = source + (row / height * inputHeight + rows[row % height]) * inputRow
        var to = target + row * outputRow
        columns.withUnsafeBufferPointer { columns in
          if channels == 1 {
            for (index, column) in columns.enumerated() { to[index] = from[column] }
          } else {
            for column in columns {
              to.update(from: from + column * channels, count: channels)
              to += channels
            }
          }
        }
      }
    }
  }

  /// Adds each output pixel's gradient to the pixel that it was taken from.
  private static func spread<T: ArithmeticElement>(
    _ sampler: NearestSampler, _ gradients: Tensor, _ output: Tensor, _ type: T.Type
  ) {
    let geometry = sampler.geometry
    let channels = geometry.channels
    let source = gradients.buffer(as: T.self)
    let target = output.mutableBuffer(as: T.self)
    target.update(repeating: T.zero)
    var position = 0
    for image in 0..<geometry.batch {
      for row in sampler.rows {
        let start = (image * geometry.inputHeight + row) * geometry.inputWidth
        for column in sampler.columns {
          let pixel = (start + column) * channels
          for channel in 0..<channels {
            target[pixel + channel] = T.add(target[pixel + channel], source[position])
            position += 1
          }
        }
      }
    }
  }
}

/// Which row and column of the input each row and column of the output is taken from.
private struct NearestSampler {
  let geometry: ResizeGeometry
  let rows: [Int]
  let columns: [Int]

  init(_ geometry: ResizeGeometry) throws {
    let placement = geometry.placement
    func index(_ output: Int, _ scale: Float, _ limit: Int) -> Int {
      // Half-pixel positions are not moved back by a half here: rounding down does that.
      let position = placement.halfPixelCenters ? (Float(output) + 0.5) * scale : Float(output) * scale
      let whole =
        placement.alignCorners ? position.rounded(.toNearestOrAwayFromZero) : position.rounded(.down)
      return min(max(Int(truncating: whole), 0), limit - 1)
    }
    self.geometry = geometry
    rows = try geometry.table(geometry.outputHeight) { index($0, geometry.heightScale, geometry.inputHeight) }
    columns = try geometry.table(geometry.outputWidth) { index($0, geometry.widthScale, geometry.inputWidth) }
  }
}
