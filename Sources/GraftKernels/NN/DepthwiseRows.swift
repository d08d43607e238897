import CGraftVector
import GraftTensor

/// A convolution of each channel of float32 with filters of its own, with channels last and windows of any size, row by
/// row.
///
/// Neighbours in a row of the result are sums of neighbours in rows of the input, whatever channels they are of: only the
/// weights take turns. So a register may hold elements of several pixels, and few channels are as quick as many.
struct DepthwiseRows: Sendable {
  private let batch: Int
  private let vertical: WindowAxis
  private let horizontal: WindowAxis
  private let inputChannels: Int
  /// Filters for each channel.
  private let multiplier: Int

  private static let mostMultiplier = 8
  private static let mostPositions = 1024
  /// Elements of weights, those that are repeated with them.
  private static let mostWeights = 1 << 18
  /// Elements of the longest register.
  private static let lanes = 16
  /// What the rows of input under a few rows of the result may take of a near cache.
  private static let bytes = 256 << 10

  /// Nil for volumes, for rows of few elements, and for windows that reach over much more than the image.
  init?(_ geometry: ConvolutionGeometry) {
    let axes = geometry.axes
    guard axes.count == 3, axes[0].input == 1, axes[0].window == 1, axes[0].output == 1,
      geometry.inputChannels == 1, 1...Self.mostMultiplier ~= geometry.outputChannels, geometry.groups > 0,
      geometry.positions <= Self.mostPositions, axes[2].stride <= axes[2].window,
      axes[2].dilation <= axes[2].input
    else { return nil }
    (batch, vertical, horizontal) = (geometry.batch, axes[1], axes[2])
    (inputChannels, multiplier) = (geometry.groups, geometry.outputChannels)
    guard outputRow >= 2 * Self.lanes, period <= Self.mostWeights / geometry.positions,
      reach <= 2 * (horizontal.input + horizontal.window), horizontal.paddingBefore <= reach
    else { return nil }
  }

  /// Channels of the result.
  private var channels: Int { inputChannels * multiplier }

  private var outputRow: Int { horizontal.output * channels }

  private var positions: Int { vertical.window * horizontal.window }

  /// Elements after which weights are the same in the same lanes: a multiple of lanes and of channels.
  private var period: Int {
    let common = 1 << min(channels.trailingZeroBitCount, Self.lanes.trailingZeroBitCount)
    return channels / common * Self.lanes
  }

  /// Columns that the windows of a row reach over, padding with them.
  private var reach: Int {
    (horizontal.output - 1) * horizontal.stride + (horizontal.window - 1) * horizontal.dilation + 1
  }

  /// Elements of those of a row's columns that lie as many columns apart as windows do. Each row is kept as so many of
  /// them as a stride has columns, each channel as often as it has filters.
  private var phase: Int { (reach + horizontal.stride - 1) / horizontal.stride * channels }

  private var inputRow: Int { horizontal.stride * phase }

  /// Rows that a window reaches over.
  private var extent: Int { (vertical.window - 1) * vertical.dilation + 1 }

  /// Rows of the result that are computed at a time, at most: where windows are high, so many that few rows of the input
  /// are laid out twice.
  private var rows: Int {
    let fitting = Self.bytes / MemoryLayout<Float>.stride / inputRow / vertical.stride
    return max(min(max(fitting, extent / vertical.stride), vertical.output), 1)
  }

  func run(
    _ context: KernelContext, _ x: Tensor, _ filter: Tensor, into output: Tensor, _ finish: Finish
  ) throws {
    let weights = try context.scratch(.float32, [positions + 1, period])
    lay(filter, finish.bias, into: weights.mutableBuffer(as: Float.self))
    let inputRows = min((rows - 1) * vertical.stride + extent, vertical.input)
    let lines = inputRows * inputRow + Self.lanes
    let size = lines + outputRow + Self.lanes
    let memory = try context.scratch(.float32, Shape(validating: [context.workers.workers, size]))

    nonisolated(unsafe) let (source, factors) = (x.floats, weights.floats)
    nonisolated(unsafe) let scratch = memory.base.assumingMemoryBound(to: Float.self)
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
    var unbiased = finish
    unbiased.bias = nil
    let isFinished = unbiased.isEmpty
    // A row of the result is one of the finish, but where slopes repeat with every pixel.
    let columns = finish.slopes == nil ? outputRow : outputRow / horizontal.output
    let finishedRows = outputRow / columns
    nonisolated(unsafe) let rest = unbiased.vector(columns: columns)
    context.workers.forEachOnWorkers(batch * vertical.output, cost: positions * outputRow / 64) {
      worker, range in
      let laid = scratch + worker * size
      let sums = laid + lines
      (sums - Self.lanes).update(repeating: 0, count: Self.lanes)
      var next = range.lowerBound
      while next < range.upperBound {
        let (image, line) = next.quotientAndRemainder(dividingBy: vertical.output)
        let count = min(rows, range.upperBound - next, vertical.output - line)
        let top = line * vertical.stride - vertical.paddingBefore
        let below = min(max(top, 0), vertical.input)
        let end = max(min(top + (count - 1) * vertical.stride + extent, vertical.input), below)
        lay(
          source + (image * vertical.input + below) * horizontal.input * inputChannels, end - below,
          into: laid)
        for row in next..<next + count {
          sum(row % vertical.output, laid, first: below, factors, into: sums)
          if !isFinished {
            Float.finishRows(
              sums, rows: finishedRows, n: columns, cRow: columns,
              rest.from(row: row * finishedRows, column: 0, of: Float.self))
          }
          (target + row * outputRow).update(from: sums, count: outputRow)
        }
        next += count
      }
    }
  }

  /// A row of an image's result, and beyond its end what fills the last register, from the rows `first...` of the input.
  private func sum(
    _ line: Int, _ laid: UnsafePointer<Float>, first: Int, _ weights: UnsafePointer<Float>,
    into sums: UnsafeMutablePointer<Float>
  ) {
    let top = line * vertical.stride - vertical.paddingBefore
    // The window's rows that lie in the image.
    let (taps, gap) = (horizontal.window, vertical.dilation)
    let from = top < 0 ? min((gap - 1 - top) / gap, vertical.window) : 0
    let end = top < vertical.input ? min((vertical.input - top + gap - 1) / gap, vertical.window) : 0
    let count = max(end - from, 0) * taps
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: max(count, 1)) { starts in
      guard let lines = starts.baseAddress else { return }
      for position in 0..<count {
        let (down, across) = position.quotientAndRemainder(dividingBy: taps)
        let (step, part) = (across * horizontal.dilation).quotientAndRemainder(dividingBy: horizontal.stride)
        let row = top + (from + down) * gap - first
        (lines + position).initialize(to: laid + row * inputRow + part * phase + step * channels)
      }
      graft_periodic_sums_f32(
        lines, count, weights + from * taps * period, period, weights + positions * period, outputRow, sums)
    }
  }

  /// Rows of the input with zeros where windows reach beyond them, each as its phases one behind the other.
  private func lay(_ source: UnsafePointer<Float>, _ count: Int, into target: UnsafeMutablePointer<Float>) {
    let stride = horizontal.stride
    target.update(repeating: 0, count: count * inputRow)
    for row in 0..<count {
      let pixels = source + row * horizontal.input * inputChannels
      for part in 0..<stride {
        // The first column of the phase that lies in the image.
        let first = (max(horizontal.paddingBefore - part, 0) + stride - 1) / stride
        let column = first * stride + part - horizontal.paddingBefore
        let columns = min(
          max((horizontal.input - column + stride - 1) / stride, 0), max(phase / channels - first, 0))
        let place = target + row * inputRow + part * phase + first * channels
        if stride == 1, multiplier == 1 {
          place.update(from: pixels + column * channels, count: columns * channels)
        } else {
          for number in 0..<columns {
            let pixel = pixels + (column + number * stride) * inputChannels
            for channel in 0..<channels { place[number * channels + channel] = pixel[channel / multiplier] }
          }
        }
      }
    }
  }

  /// For each position of the window its weights, one for each element of a period, and at last the bias or zeros.
  private func lay(_ filter: Tensor, _ bias: Tensor?, into weights: UnsafeMutableBufferPointer<Float>) {
    guard let target = weights.baseAddress else { return }
    let source = filter.floats
    for position in 0..<positions {
      for start in stride(from: 0, to: period, by: channels) {
        (target + position * period + start).update(from: source + position * channels, count: channels)
      }
    }
    let last = target + positions * period
    last.update(repeating: 0, count: period)
    guard let bias else { return }
    for start in stride(from: 0, to: period, by: channels) {
      (last + start).update(from: bias.floats, count: channels)
    }
  }
}
