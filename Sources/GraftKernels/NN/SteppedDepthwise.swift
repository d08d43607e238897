import CGraftVector
import GraftTensor

/// A convolution of each channel of half or bfloat16 with a filter of its own, with channels last: sums are rounded at
/// every step, as ``SteppedProduct`` makes them.
///
/// A few rows at a time, whose elements and results as float32 stay in a cache.
struct SteppedDepthwise: Sendable {
  let batch: Int
  /// The spatial dimensions, three of them, of which the first is that of an image: of one element.
  let axes: [WindowAxis]
  let channels: Int

  /// Nil for volumes, and for windows whose sums are too long to be rounded at every step.
  init?(batch: Int, axes: [WindowAxis], channels: Int) {
    guard axes.count == 3, axes[0].input == 1, axes[0].window == 1, axes[0].output == 1,
      axes[1].window <= SteppedProduct.longest / axes[2].window
    else { return nil }
    self.batch = batch
    self.axes = axes
    self.channels = channels
  }

  /// What the rows and their results may take of a near cache.
  private static let bytes = 192 << 10

  private var vertical: WindowAxis { axes[1] }
  /// Elements of a row of the input, and of the output.
  private var inputRow: Int { axes[2].input * channels }
  private var outputRow: Int { axes[2].output * channels }
  /// Rows that a window reaches over.
  private var reach: Int { (vertical.window - 1) * vertical.dilation + 1 }
  /// Output rows that are computed at a time, at most, and the rows of input under them.
  private var rows: Int {
    // A stride may be larger than the image by far.
    let bytes = (min(vertical.stride, vertical.input) * inputRow + outputRow) * MemoryLayout<Float>.stride
    return min(max(Self.bytes / max(bytes, 1), 1), vertical.output)
  }
  private var inputRows: Int { min((rows - 1) * vertical.stride + reach, vertical.input) }

  /// Writes the results.
  ///
  /// - Parameters:
  ///   - weights: as many float32 numbers for each position of the window as there are channels.
  ///   - finish: what is done to some pixels' results before they are rounded for the last time.
  func run(
    _ context: KernelContext, _ x: Tensor, weights: Tensor, into output: Tensor,
    finish: @escaping @Sendable (_ pixels: Range<Int>, _ results: UnsafeMutablePointer<Float>) -> Void = {
      _, _ in
    }
  ) throws {
    guard let short = SixteenBits(output.dtype) else {
      throw GraftError(.internalError, "There are no steps of \(output.dtype).")
    }
    let zeros = try context.scratch(.float32, [channels])
    zeros.clear()
    let size = inputRows * inputRow + rows * outputRow
    let memory = try context.scratch(.float32, Shape(validating: [context.workers.workers, size]))
    let convolve = output.dtype == .float16 ? graft_stepped_depthwise_half : graft_stepped_depthwise_bfloat16
    nonisolated(unsafe) let (source, factors, nothing, first, target) = (
      x.base, weights.floats, zeros.floats, memory.base.assumingMemoryBound(to: Float.self), output.base
    )
    let shape = graft_convolution(axes, groups: channels, inputChannels: 1, outputChannels: 1)
    let cost = outputRow * axes[1].window * axes[2].window
    context.workers.forEachOnWorkers(batch * vertical.output, cost: cost) { worker, lines in
      var shape = shape
      let values = first + worker * size
      let results = values + inputRows * inputRow
      var line = lines.lowerBound
      while line < lines.upperBound {
        let (image, top) = line.quotientAndRemainder(dividingBy: vertical.output)
        let count = min(rows, vertical.output - top, lines.upperBound - line)
        let start = min(max(top * vertical.stride - vertical.paddingBefore, 0), vertical.input)
        let last = (top + count - 1) * vertical.stride - vertical.paddingBefore
        let stop = min(max(last + reach, start), vertical.input)
        let place = (image * vertical.input + start) * inputRow
        short.widen(source + 2 * place, values, (stop - start) * inputRow)
        let pixels = line * axes[2].output..<(line + count) * axes[2].output
        // As if all of the input and of the output were there.
        convolve(
          &shape, values - place, factors, nothing, results - line * outputRow, pixels.lowerBound,
          pixels.upperBound)
        finish(pixels, results)
        short.narrow(results, target + 2 * line * outputRow, count * outputRow)
        line += count
      }
    }
  }
}
