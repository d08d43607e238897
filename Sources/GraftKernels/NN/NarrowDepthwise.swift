import CGraftVector
import GraftTensor

/// A convolution of each channel of float32 with a filter of its own, with channels last, of images that have few:
/// pictures that are blurred, or whose edges are sought.
///
/// Neighbours in a row of the result are sums of neighbours in rows of the input, whatever channels they are of: only the
/// weights take turns. So a register holds elements of several pixels.
struct NarrowDepthwise: Sendable {
  private let batch: Int
  private let vertical: WindowAxis
  private let horizontal: WindowAxis
  private let channels: Int

  /// Positions of a window, at most.
  private static let mostPositions = 1024
  /// Elements of weights that lie ready for some columns: so many stay in the nearest cache.
  private static let mostWeights = 8192

  /// Elements that the longest register holds.
  private static var lanes: Int { Float.panelWidth }

  /// Nil where channels fill registers, and for windows that reach over much more than the image.
  init?(_ geometry: ConvolutionGeometry) {
    let (axes, lanes) = (geometry.axes, Self.lanes)
    guard geometry.outputChannels == 1, 1..<lanes ~= geometry.groups, axes.count == 3,
      axes[0].input == 1, axes[0].window == 1, axes[0].output == 1,
      geometry.positions <= Self.mostPositions, geometry.outputPixels > 0,
      axes[2].output >= 2 * lanes / geometry.groups, axes[2].stride <= axes[2].window,
      axes[2].dilation <= axes[2].input
    else { return nil }
    (batch, vertical, horizontal) = (geometry.batch, axes[1], axes[2])
    channels = geometry.groups
    guard reach <= 2 * horizontal.input + 2 * horizontal.window, horizontal.paddingBefore <= reach else {
      return nil
    }
  }

  /// Columns that the windows of a row reach over, padding with them.
  private var reach: Int {
    (horizontal.output - 1) * horizontal.stride + (horizontal.window - 1) * horizontal.dilation + 1
  }

  /// Elements of those of a row's columns that lie as many columns apart as windows do. Each row is kept as so many of
  /// them as a stride has columns.
  private var phase: Int { (reach + horizontal.stride - 1) / horizontal.stride * channels }

  private var outputRow: Int { horizontal.output * channels }

  /// Elements of a row of results that are computed with the same weights, a multiple of lanes and of channels.
  private var chunk: Int {
    let unit = Self.lanes * channels
    let most = max(Self.mostWeights / (vertical.window * horizontal.window) / unit, 1)
    return min(most, (outputRow + unit - 1) / unit) * unit
  }

  func run(
    _ context: KernelContext, _ x: Tensor, _ filter: Tensor, into output: Tensor, _ finish: Finish
  ) throws {
    let rows = try spread(context, x)
    let chunk = chunk
    let weights = try context.scratch(
      .float32, [vertical.window * horizontal.window + 1, chunk])
    spread(filter, finish.bias, chunk, into: weights.mutableBuffer(as: Float.self))

    let width = (outputRow + chunk - 1) / chunk * chunk
    let memory = try context.scratch(.float32, Shape(validating: [context.workers.workers, width]))
    nonisolated(unsafe) let sums = memory.base.assumingMemoryBound(to: Float.self)
    nonisolated(unsafe) let (lines, factors) = (rows.buffer(as: Float.self), weights.buffer(as: Float.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
    var unbiased = finish
    unbiased.bias = nil
    nonisolated(unsafe) let rest = unbiased.vector(columns: outputRow)
    let isFinished = unbiased.isEmpty
    let cost = vertical.window * horizontal.window * outputRow / 32
    context.workers.forEachOnWorkers(batch * vertical.output, cost: cost) { worker, range in
      let sums = sums + worker * width
      for row in range {
        sum(row, lines, factors, chunk, into: sums)
        if !isFinished {
          Float.finishRows(
            sums, rows: 1, n: outputRow, cRow: width, rest.from(row: row, column: 0, of: Float.self))
        }
        (target + row * outputRow).update(from: sums, count: outputRow)
      }
    }
  }

  /// A row of the result, and beyond its end what fills the last register.
  private func sum(
    _ row: Int, _ lines: UnsafeBufferPointer<Float>, _ weights: UnsafeBufferPointer<Float>, _ chunk: Int,
    into sums: UnsafeMutablePointer<Float>
  ) {
    guard let lines = lines.baseAddress, let weights = weights.baseAddress else { return }
    let (image, line) = row.quotientAndRemainder(dividingBy: vertical.output)
    let top = line * vertical.stride - vertical.paddingBefore
    // The window's rows that lie in the image.
    let (taps, gap) = (horizontal.window, vertical.dilation)
    let first = top < 0 ? min((gap - 1 - top) / gap, vertical.window) : 0
    let end = top < vertical.input ? min((vertical.input - top + gap - 1) / gap, vertical.window) : 0
    let inside = first..<max(first, end)
    let bias = weights + vertical.window * taps * chunk
    let most = Int(GRAFT_LINES)
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: most) { starts in
      for column in stride(from: 0, to: outputRow, by: chunk) {
        // The last registers of a row may reach into the next.
        let count = min(chunk, (outputRow - column + Self.lanes - 1) / Self.lanes * Self.lanes)
        (sums + column).update(from: bias, count: count)
        for start in stride(from: inside.lowerBound * taps, to: inside.upperBound * taps, by: most) {
          let positions = start..<min(start + most, inside.upperBound * taps)
          for position in positions {
            let (down, across) = position.quotientAndRemainder(dividingBy: taps)
            let (step, part) = (across * horizontal.dilation).quotientAndRemainder(
              dividingBy: horizontal.stride)
            let line = (image * vertical.input + top + down * gap) * horizontal.stride + part
            starts.initializeElement(
              at: position - start, to: lines + line * phase + step * channels + column)
          }
          Float.addDepthwiseLines(
            window: 1, k: 1, UnsafeBufferPointer(rebasing: starts[..<positions.count]), column: 0, tap: 0,
            weights + start * chunk, channels: chunk, part: 0..<count, to: sums + column)
        }
      }
    }
  }

  /// The input's rows with zeros where windows reach beyond them, each as its phases one behind the other.
  private func spread(_ context: KernelContext, _ x: Tensor) throws -> Tensor {
    let (stride, phase) = (horizontal.stride, phase)
    let count = batch * vertical.input
    let size = try Shape(validating: [count, stride, phase]).elementCount
    // What fills the last register of the last row.
    let rows = try context.scratch(.float32, Shape(validating: [size + Self.lanes]))
    nonisolated(unsafe) let target = rows.base.assumingMemoryBound(to: Float.self)
    nonisolated(unsafe) let source = x.buffer(as: Float.self)
    (target + size).update(repeating: 0, count: Self.lanes)
    let row = horizontal.input * channels
    context.workers.forEach(count, cost: row / 8) { range in
      guard let source = source.baseAddress else { return }
      for index in range {
        let line = target + index * stride * phase
        line.update(repeating: 0, count: stride * phase)
        for part in 0..<stride {
          // The first column of the phase that lies in the image.
          let before = max(horizontal.paddingBefore - part, 0)
          let first = (before + stride - 1) / stride
          let column = first * stride + part - horizontal.paddingBefore
          let columns = min(
            max((horizontal.input - column + stride - 1) / stride, 0), max(phase / channels - first, 0))
          let place = line + part * phase + first * channels
          if stride == 1 {
            place.update(from: source + index * row + column * channels, count: columns * channels)
          } else {
            for number in 0..<columns {
              let pixel = source + index * row + (column + number * stride) * channels
              for channel in 0..<channels { place[number * channels + channel] = pixel[channel] }
            }
          }
        }
      }
    }
    return rows
  }

  /// For each position of the window its weights, one for each element of a chunk, and at last the bias or zeros.
  private func spread(
    _ filter: Tensor, _ bias: Tensor?, _ chunk: Int, into weights: UnsafeMutableBufferPointer<Float>
  ) {
    guard let target = weights.baseAddress else { return }
    let positions = vertical.window * horizontal.window
    let source = filter.buffer(as: Float.self)
    for position in 0..<positions {
      for element in 0..<chunk {
        target[position * chunk + element] = source[position * channels + element % channels]
      }
    }
    let last = bias?.buffer(as: Float.self)
    for element in 0..<chunk {
      target[positions * chunk + element] = last.map { $0[element % channels] } ?? 0
    }
  }
}
