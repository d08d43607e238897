import CGraftVector

/// The work of a block, cut into bands of the depthwise convolution's output rows.
struct DepthwiseBands: @unchecked Sendable {
  let stage: DepthwiseStage
  let before: BlockBeginning?
  let after: PointwiseProduct?
  let x: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>
  /// Takes the sums of the pixels of each of the depthwise convolution's rows, where they are wanted.
  let sums: UnsafeMutablePointer<Float>?

  /// What the rows between two of the convolutions may take, of a core's large cache.
  private static let rowBytes = 320 << 10

  /// About how many of a product's multiplications a core does in a nanosecond.
  private static let productsPerNanosecond = 50
  /// About how long it takes to fetch an element from another core's cache.
  private static let nanosecondsPerForeignElement = 1.25

  /// Whether threads that share an image are done sooner with bands, of which neighbours compute some rows twice, than
  /// with slices, for which each reads all of the image, most of it from the caches of others.
  static func suit(_ stage: DepthwiseStage, threads: Int) -> Bool {
    guard threads > stage.images else { return false }
    let rows = (stage.outputHeight + threads - 1) / threads
    let computed = min(rows * stage.stride + (stage.window - stage.stride + 1) / 2, stage.height)
    // For each element of a row of the image.
    let again = Double((computed * threads - stage.height) * stage.channels) / Double(productsPerNanosecond)
    return again < Double(stage.height * (threads - 1)) * nanosecondsPerForeignElement
  }

  private var geometry: graft_convolution { stage.geometry }
  private var channels: Int { stage.channels }
  private var stride: Int { stage.stride }
  private var window: Int { stage.window }
  private var height: Int { stage.height }
  private var outputHeight: Int { stage.outputHeight }
  /// Elements of a row of the depthwise convolution's input, and of its output.
  private var inputRow: Int { geometry.input.2 * channels }
  private var outputRow: Int { geometry.output.2 * channels }
  /// Elements of the input that an output row has for itself: a stride may be larger than the image by far.
  private var newInput: Int { min(stride, height) * inputRow }

  /// Output rows of a band, at most.
  private var rows: Int {
    let row = (before == nil ? 0 : newInput) + (after == nil ? 0 : outputRow)
    return min(max(Self.rowBytes / max(row * MemoryLayout<Float>.stride, 1), 1), outputHeight)
  }

  /// Rows of input under a band, at most.
  private var inputRows: Int { min((rows - 1) * stride + window, height) }

  /// How many output rows there are.
  var count: Int { stage.images * outputHeight }

  /// Elements of memory that a worker needs.
  var scratch: Int {
    (before == nil ? 0 : inputRows * inputRow) + (after == nil ? 0 : rows * outputRow)
  }

  /// About how many nanoseconds an output row takes.
  var cost: Int {
    let products =
      newInput * (before?.depth ?? 0) + outputRow * (after?.channels ?? 0)
      + outputRow * window * geometry.kernel.2
    return products / Self.productsPerNanosecond
  }

  /// Computes output rows, in bands of nearly the same height.
  func run(_ lines: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) {
    let results = scratch + (before == nil ? 0 : inputRows * inputRow)
    // The rows of input that the memory holds, of the image `held`.
    var (held, first, end) = (-1, 0, 0)
    var line = lines.lowerBound
    while line < lines.upperBound {
      let (image, top) = line.quotientAndRemainder(dividingBy: outputHeight)
      let left = min(outputHeight - top, lines.upperBound - line)
      let bands = (left + rows - 1) / rows
      let bottom = top + (left + bands - 1) / bands
      let start = max(top * stride - geometry.padding.1, 0)
      let stop = min(max((bottom - 1) * stride - geometry.padding.1 + window, start), height)
      var source = x
      if let before {
        let kept = held == image ? max(end - max(start, first), 0) : 0
        if kept > 0 {
          (scratch).update(from: scratch + (start - first) * inputRow, count: kept * inputRow)
        }
        let pixel = (image * height + start + kept) * geometry.input.2
        if stop > start + kept {
          before.run(
            pixel..<pixel + (stop - start - kept) * geometry.input.2, x, into: scratch + kept * inputRow)
        }
        (held, first, end) = (image, start, stop)
        // As if the whole input were there.
        source = UnsafePointer(scratch - (image * height + start) * inputRow)
      }
      let target = after == nil ? y : results - line * outputRow
      stage.run(
        rows: line..<line + bottom - top, channels: 0..<channels, source, xPixel: channels,
        isFar: before == nil && GroupedRows.areFar(geometry, channels: channels), into: target,
        sums: sums)
      if let after {
        let pixel = line * geometry.output.2
        after.run(
          (bottom - top) * geometry.output.2, UnsafePointer(results), into: y + pixel * after.channels,
          pixel: pixel)
      }
      line += bottom - top
    }
  }
}
