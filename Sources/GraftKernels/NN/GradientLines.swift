import CGraftVector
import GraftTensor

/// The lines of an input as the gradient of a filter reads them: for each line of the convolution's output and each
/// row of the kernel the input's line below it, with the padding's zeros where there is padding. Nothing is copied
/// where the windows stay inside of the input.
struct GradientLines<T: VectorElement>: @unchecked Sendable {
  /// Positions of a row of the kernel that lie next to each other in a line.
  let window: Range<Int>
  /// Elements from what one column of the output reads to what the next one does.
  let column: Int

  private let geometry: ConvolutionGeometry
  private let firstImage: Int
  private let base: UnsafePointer<T>
  /// Elements from line to line.
  private let pitch: Int
  /// A line that lies in the padding.
  private let zeros: UnsafePointer<T>

  /// Elements of copied lines that are there at once.
  private static var limit: Int { 1 << 20 }

  /// Calls the body with lines for images one after the other, as many at once as memory is wanted for, and with
  /// positions of the kernel's rows, as many at once as lie next to each other.
  ///
  /// - Parameter isChannelwise: whether channels are read one by one, and not a group's together.
  static func forEach(
    _ geometry: ConvolutionGeometry, _ x: Tensor, isChannelwise: Bool = false, _ context: KernelContext,
    _ body: (_ lines: Self, _ images: Range<Int>) throws -> Void
  ) throws {
    let axis = geometry.axes[2]
    // Positions further apart would read more than they use.
    let isWhole = axis.dilation == 1 && axis.stride <= axis.window && (geometry.groups == 1 || isChannelwise)
    let windows = isWhole ? [0..<axis.window] : (0..<axis.window).map { $0..<$0 + 1 }
    for window in windows {
      let strip = Strip(geometry, window)
      let perImage = try Shape(
        validating: [geometry.axes[0].input, geometry.axes[1].input, strip.count, strip.pixel]
      ).elementCount
      let step = strip.isInside ? max(geometry.batch, 1) : max(limit / max(perImage, 1), 1)
      for first in stride(from: 0, to: geometry.batch, by: step) {
        let images = first..<min(geometry.batch, first + step)
        try body(try Self(geometry, x, images, window, strip, context), images)
      }
    }
  }

  /// What is read of a line.
  private struct Strip {
    /// Elements of one of the input's pixels.
    let pixel: Int
    /// The first column, before the first element of the line where that is padded.
    let first: Int
    /// Columns from one that is copied to the next, and how many there are.
    let step: Int
    let count: Int
    /// Whether all of them are the input's own.
    let isInside: Bool

    init(_ geometry: ConvolutionGeometry, _ window: Range<Int>) {
      let axis = geometry.axes[2]
      pixel = geometry.groups * geometry.inputChannels
      first = window.lowerBound * axis.dilation - axis.paddingBefore
      let reach = (axis.output - 1) * axis.stride + window.count
      isInside = first >= 0 && first + reach <= axis.input
      step = window.count == 1 ? axis.stride : 1
      count = window.count == 1 ? axis.output : reach
    }
  }

  private init(
    _ geometry: ConvolutionGeometry, _ x: Tensor, _ images: Range<Int>, _ window: Range<Int>, _ strip: Strip,
    _ context: KernelContext
  ) throws {
    self.geometry = geometry
    self.window = window
    let axis = geometry.axes[2]
    let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    // A line in the padding is as long as what is read of it.
    let empty = try context.scratch(
      T.dataType, Shape(validating: [strip.isInside ? axis.input : strip.count, strip.pixel]))
    empty.clear()
    zeros = UnsafePointer(empty.base.assumingMemoryBound(to: T.self))
    guard !strip.isInside else {
      firstImage = 0
      base = source + strip.first * strip.pixel
      pitch = axis.input * strip.pixel
      column = axis.stride * strip.pixel
      return
    }
    firstImage = images.lowerBound
    pitch = strip.count * strip.pixel
    column = axis.stride / strip.step * strip.pixel
    let perImage = geometry.axes[0].input * geometry.axes[1].input
    let copies = try context.scratch(
      T.dataType, Shape(validating: [images.count, perImage, strip.count, strip.pixel]))
    nonisolated(unsafe) let target = copies.base.assumingMemoryBound(to: T.self)
    nonisolated(unsafe) let lines = source + images.lowerBound * perImage * axis.input * strip.pixel
    let pitch = pitch
    context.workers.forEach(images.count * perImage, cost: pitch / 4) { range in
      for line in range {
        Self.copy(strip, lines + line * axis.input * strip.pixel, axis.input, to: target + line * pitch)
      }
    }
    base = UnsafePointer(target)
  }

  /// Copies a line of `width` pixels, with zeros for what lies before and after it.
  private static func copy(
    _ strip: Strip, _ line: UnsafePointer<T>, _ width: Int, to target: UnsafeMutablePointer<T>
  ) {
    // How many columns lie before the line, and how many of the others on it.
    let before = strip.first < 0 ? min((-strip.first + strip.step - 1) / strip.step, strip.count) : 0
    let start = strip.first + before * strip.step
    let inside = start < width ? min((width - start + strip.step - 1) / strip.step, strip.count - before) : 0
    target.update(repeating: 0, count: before * strip.pixel)
    let values = target + before * strip.pixel
    if strip.step == 1 {
      values.update(from: line + start * strip.pixel, count: inside * strip.pixel)
    } else {
      for column in 0..<inside {
        (values + column * strip.pixel).update(
          from: line + (start + column * strip.step) * strip.pixel, count: strip.pixel)
      }
    }
    let end = before + inside
    (target + end * strip.pixel).update(repeating: 0, count: (strip.count - end) * strip.pixel)
  }

  /// Calls the body for the columns of the images' output lines, some at a time, in ascending order.
  ///
  /// - Parameters:
  ///   - kernelRows: rows of the kernel, counted over its depth and height; the body is called for each.
  ///   - offset: how many elements of what a row of the kernel reads are left out.
  ///   - body: gets the addresses of what the first of the columns reads in each of the lines, how many columns
  ///     these are, and the first one's number among all of the output's pixels.
  func forEachPart(
    of images: Range<Int>, kernelRows: Range<Int>, offset: (_ kernelRow: Int) -> Int,
    _ body: (
      _ kernelRow: Int, _ lines: UnsafeBufferPointer<UnsafePointer<T>?>, _ columns: Int, _ pixel: Int
    ) -> Void
  ) {
    let (d, h, w) = (geometry.axes[0], geometry.axes[1], geometry.axes[2])
    guard w.output > 0 else { return }
    let columns = min(w.output, Int(GRAFT_LINE_STEPS))
    let most = w.output > columns ? 1 : min(Int(GRAFT_LINES), Int(GRAFT_LINE_STEPS) / columns)
    let end = images.upperBound * d.output * h.output
    withUnsafeTemporaryAllocation(of: UnsafePointer<T>?.self, capacity: most) { lines in
      lines.initialize(repeating: nil)
      for first in stride(from: images.lowerBound * d.output * h.output, to: end, by: most) {
        let count = min(most, end - first)
        for column in stride(from: 0, to: w.output, by: columns) {
          for row in kernelRows {
            let skipped = column * self.column + offset(row)
            for index in 0..<count { lines[index] = address(of: first + index, row) + skipped }
            body(
              row, UnsafeBufferPointer(rebasing: lines[..<count]), min(columns, w.output - column),
              first * w.output + column)
          }
        }
      }
    }
  }

  /// What a row of the kernel reads for the first column of one of the output's lines, counted over all images.
  private func address(of line: Int, _ kernelRow: Int) -> UnsafePointer<T> {
    let (d, h) = (geometry.axes[0], geometry.axes[1])
    let (slice, row) = (line / h.output, line % h.output)
    let (image, layer) = (slice / d.output, slice % d.output)
    let z = layer * d.stride + kernelRow / h.window * d.dilation - d.paddingBefore
    let y = row * h.stride + kernelRow % h.window * h.dilation - h.paddingBefore
    guard z >= 0, z < d.input, y >= 0, y < h.input else { return zeros }
    return base + (((image - firstImage) * d.input + z) * h.input + y) * pitch
  }
}

extension ConvolutionGeometry {
  /// The same convolution as one line, where each output pixel is made from the input pixel at its place alone.
  var flattened: ConvolutionGeometry {
    guard isPointwise else { return self }
    return replacing(batch: 1, axes: [.unit, .unit, WindowAxis(pointwise: outputPixels)])
  }
}
