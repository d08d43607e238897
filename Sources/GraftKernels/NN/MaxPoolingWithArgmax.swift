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
    workers.forEach(geometry.outputPixels, cost: channels * 4) { range in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: PoolingGeometry.block) { places in
        guard let places = places.baseAddress else { return }
        for pixel in range {
          let window = geometry.window(at: pixel)
          let base = includesBatch ? 0 : window.image * imageSize
          for first in stride(from: 0, to: channels, by: PoolingGeometry.block) {
            let count = min(channels - first, PoolingGeometry.block)
            let line = pixel * channels + first
            if window.count > 0 {
              geometry.findLargest(window, first, count, source, target + line, places)
            } else {
              (target + line).update(repeating: T.lowestNumber, count: count)
              places.update(repeating: base, count: count)
            }
            for channel in 0..<count {
              if let wide {
                wide[line + channel] = Int64(places[channel] - base)
              } else {
                narrow[line + channel] = Int32(truncatingIfNeeded: places[channel] - base)
              }
            }
          }
        }
      }
    }
  }
}

extension PoolingGeometry {
  /// Channels whose largest elements are looked for together, at most.
  static let block = 128

  /// The places of the largest elements of some channels under a window: the first of equal ones, or the very first
  /// where that is NaN.
  @inline(__always)
  func findLargest<T: OrderedElement>(
    _ window: PoolingWindow, _ first: Int, _ count: Int, _ values: UnsafePointer<T>,
    _ best: UnsafeMutablePointer<T>,
    _ places: UnsafeMutablePointer<Int>
  ) {
    var isFirst = true
    forEach(window, first) { place in
      let row = values + place
      if isFirst {
        best.update(from: row, count: count)
        for channel in 0..<count { places[channel] = place + channel }
        isFirst = false
      } else {
        // Without a branch, so that it runs on vectors.
        for channel in 0..<count {
          let isLarger = T.less(best[channel], row[channel])
          best[channel] = isLarger ? row[channel] : best[channel]
          places[channel] = isLarger ? place + channel : places[channel]
        }
      }
    }
  }
}
