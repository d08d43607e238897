import GraftGraph
import GraftTensor

/// The largest element under a window, and where it is.
enum MaxPoolingWithArgmaxOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "MaxPoolWithArgmax",
      """
      The largest element under each place of a window, and its index in its image, or in the whole batch. The \
      first of equal ones; a NaN in the first place stays.
      """,
      types: ["T": .reals, "Targmax": .indices],
      shape: { context in
        let shape = try PoolingAttributes(context.node, rank: 4).outputShape(context.input(0))
        return [shape, shape]
      }
    ) { node in
      let attributes = try PoolingAttributes(node, rank: 4)
      let (dtype, indexType) = (try node.type("T"), try node.type("Targmax"))
      let includesBatch = try node.bool("include_batch_in_index")
      return { context in
        let x = try context.input(0)
        let geometry = try PoolingGeometry(attributes, input: x.shape)
        guard x.elementCount > 0 else {
          throw GraftError(
            .invalidArgument, "There is no largest element of none: the input's shape is \(x.shape).",
            at: .init(input: 0))
        }
        let output = try context.allocate(0, dtype, geometry.outputShape)
        let indices = try context.allocate(1, indexType, geometry.outputShape)
        guard output.elementCount > 0 else { return }
        try ArgmaxSearch(
          geometry: geometry, includesBatch: includesBatch, x: x, output: output, indices: indices,
          workers: context.workers
        ).run(on: dtype)
      }
    }
  ]
}

/// Finds the largest elements and their places, of int32 or int64. Where a window covers nothing the element is the
/// lowest and the place 0.
private struct ArgmaxSearch: RealElementWork {
  let geometry: PoolingGeometry
  let includesBatch: Bool
  let x: Tensor
  let output: Tensor
  let indices: Tensor
  let workers: WorkerPool

  func run<T: PoolingElement>(_ type: T.Type) {
    let (geometry, includesBatch) = (geometry, includesBatch)
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    nonisolated(unsafe) let wide =
      indices.dtype == .int64 ? indices.base.assumingMemoryBound(to: Int64.self) : nil
    nonisolated(unsafe) let narrow = indices.base.assumingMemoryBound(to: Int32.self)
    let channels = geometry.channels
    let imageSize = geometry.axes.reduce(channels) { $0 * $1.input }
    workers.forEach(geometry.outputPixels, cost: channels * 8) { range in
      for pixel in range {
        let window = geometry.window(at: pixel)
        let base = includesBatch ? 0 : window.image * imageSize
        for channel in 0..<channels {
          let place = geometry.largest(window, channel, source)
          let index = place.map { $0 - base } ?? 0
          target[pixel * channels + channel] = place.map { source[$0] } ?? T.lowestNumber
          if let wide {
            wide[pixel * channels + channel] = Int64(index)
          } else {
            narrow[pixel * channels + channel] = Int32(truncatingIfNeeded: index)
          }
        }
      }
    }
  }
}

extension PoolingGeometry {
  /// Calls the body with the place of each element of a channel under a window, in order.
  @inline(__always)
  func forEach(_ window: PoolingWindow, _ channel: Int, _ body: (Int) -> Void) {
    for depth in window.depth {
      for height in window.height {
        for width in window.width {
          body(inputPixel(window.image, depth, height, width) * channels + channel)
        }
      }
    }
  }

  /// The place of the largest element under a window: the first of equal ones, or the very first where that is
  /// NaN; nil where the window covers nothing.
  @inline(__always)
  func largest<T: OrderedElement>(
    _ window: PoolingWindow, _ channel: Int, _ values: UnsafePointer<T>
  ) -> Int? {
    var best: Int?
    forEach(window, channel) { place in
      if let known = best, !T.less(values[known], values[place]) { return }
      best = place
    }
    return best
  }
}
