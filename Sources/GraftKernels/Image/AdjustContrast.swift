import CGraftVector
import GraftGraph
import GraftTensor

enum AdjustContrastOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "AdjustContrastv2", "Moves each channel of each image away from its mean by `contrast_factor`.",
      types: ["T": [.float32]], shape: ShapeRules.sameAsInput,
      prepare: { _ in
        { context in
          let images = try checked(context)
          let factor = try context.scalarFloat(1, named: "contrast_factor")
          let output = try context.allocate(0, .float32, images.shape)
          let size = pixels(images.shape)
          guard images.elementCount > 0 else { return }
          adjust(images, output, size.count, size.channels, context.workers) { value, mean in
            mean + (value - mean) * factor
          }
        }
      }),
    OpDefinition(
      "AdjustContrast",
      "AdjustContrastv2 for images of several types, with the result bounded; the result is float32.",
      types: ["T": [.uint8, .int8, .int16, .int32, .float32, .float64]], shape: ShapeRules.sameAsInput,
      prepare: { _ in
        { context in
          let images = try context.floats(checked(context))
          let factor = try context.scalarFloat(1, named: "contrast_factor")
          let low = try context.scalarFloat(2, named: "min_value")
          let high = try context.scalarFloat(3, named: "max_value")
          let output = try context.allocate(0, .float32, images.shape)
          guard images.elementCount > 0 else { return }
          let size = pixels(images.shape)
          adjust(images, output, size.count, size.channels, context.workers) { value, mean in
            let adjusted = (value - mean) * factor + mean
            let limited = high < adjusted ? high : adjusted
            return limited < low ? low : limited
          }
        }
      }),
  ]

  private static func checked(_ context: KernelContext) throws -> Tensor {
    let images = try context.input(0)
    guard images.rank >= 3 else {
      throw GraftError(
        .invalidArgument, "Images have three dimensions or more, and the shape \(images.shape) was found.",
        at: .init(input: 0))
    }
    return images
  }

  /// Pixels and channels of one image.
  private static func pixels(_ shape: Shape) -> (count: Int, channels: Int) {
    (shape[shape.rank - 3] * shape[shape.rank - 2], shape[shape.rank - 1])
  }

  /// Writes what the closure makes of each element and its channel's mean.
  @inline(__always)
  private static func adjust(
    _ images: Tensor, _ output: Tensor, _ count: Int, _ channels: Int, _ workers: WorkerPool,
    _ adjusted: @Sendable (_ value: Float, _ mean: Float) -> Float
  ) {
    let size = count * channels
    nonisolated(unsafe) let source = images.floats
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
    workers.forEach(images.elementCount / size, cost: size) { range in
      for image in range {
        let (values, results) = (source + image * size, target + image * size)
        let means = foldedMeans(values, results, count, channels)
        // Those of several pixels, so that there is no division to find an element's channel.
        let length = means.count * max(256 / means.count, 1)
        let row = (0..<length).map { means[$0 % means.count] }
        row.withUnsafeBufferPointer { row in
          for first in stride(from: 0, to: size, by: length) {
            for index in 0..<min(length, size - first) {
              results[first + index] = adjusted(values[first + index], row[index])
            }
          }
        }
      }
    }
  }

  /// The mean of each channel of one image. The image is folded in halves until one pixel is left, which
  /// is how TensorFlow adds up.
  private static func foldedMeans(
    _ source: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>, _ count: Int, _ channels: Int
  ) -> [Float] {
    var remaining = count
    // The first time from the image itself.
    var values = source
    while remaining > 1 {
      let right = remaining / 2
      let left = remaining - right
      graft_f32_add(values, values + left * channels, scratch, right * channels)
      if left > right, values == source {
        (scratch + right * channels).update(from: source + right * channels, count: channels)
      }
      values = UnsafePointer(scratch)
      remaining = left
    }
    let scale = 1 / Float(count)
    return (0..<channels).map { values[$0] * scale }
  }
}
