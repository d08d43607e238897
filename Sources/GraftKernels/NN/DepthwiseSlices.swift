import CGraftVector

/// The work of a block without a last convolution, cut into slices of channels: for images of few pixels. No slice
/// needs anything of another, as bands of rows do.
struct DepthwiseSlices: @unchecked Sendable {
  let stage: DepthwiseStage
  let before: PointwiseProduct
  let x: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>
  /// Takes the sums of the pixels of each row, where they are wanted.
  let sums: UnsafeMutablePointer<Float>?

  /// Channels that are kept together: a panel of the first convolution's filter.
  private static var unit: Int { Float.panelWidth }
  /// Units that the widest tiles of a product take.
  private static let fewest = 2
  private static let most = 8
  /// What a slice between the convolutions may take.
  private static let bytes = 128 << 10
  /// The same of the narrowest slice.
  private static let mostBytes = 320 << 10

  private static func unitBytes(pixels: Int) -> Int { pixels * unit * MemoryLayout<Float>.stride }

  /// Whether slices of images of this size stay in a cache.
  static func suit(height: Int, width: Int) -> Bool {
    let (pixels, overflow) = height.multipliedReportingOverflow(by: width)
    return !overflow && pixels <= mostBytes / unitBytes(pixels: fewest)
  }

  /// Pixels of an image.
  private var pixels: Int { stage.geometry.input.1 * stage.geometry.input.2 }
  private var outputPixels: Int { stage.geometry.output.1 * stage.geometry.output.2 }
  /// How many units an image has, of which the last one has the channels that are left.
  private var units: Int { (stage.channels + Self.unit - 1) / Self.unit }
  /// Units of a slice, at most.
  private var widest: Int {
    min(max(Self.bytes / max(Self.unitBytes(pixels: pixels), 1), Self.fewest), Self.most)
  }

  /// How many units there are.
  var count: Int { stage.images * units }

  /// Elements of memory that a worker needs.
  var scratch: Int { pixels * widest * Self.unit }

  /// Units for each thread, at least: a product of one alone is slow, and each piece reads all pixels again.
  static let grain = 4

  /// About how many nanoseconds a unit takes.
  var cost: Int {
    Self.unit * (pixels * before.depth + outputPixels * stage.window * stage.geometry.kernel.2) / 50
  }

  /// Computes units one after the other, those of an image in slices of nearly the same width.
  func run(_ range: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) {
    var next = range.lowerBound
    while next < range.upperBound {
      let (image, first) = (next / units, next % units)
      let left = min(units - first, range.upperBound - next)
      let slices = (left + widest - 1) / widest
      let last = first + (left + slices - 1) / slices
      let channels = first * Self.unit..<min(last * Self.unit, stage.channels)
      before.run(
        pixels, channels: channels, x + image * pixels * before.depth, into: scratch, row: channels.count,
        pixel: image * pixels)
      stage.run(
        rows: 0..<stage.outputHeight, channels: channels, scratch, xPixel: channels.count,
        into: y + image * outputPixels * stage.channels + channels.lowerBound,
        sums: sums.map { $0 + image * stage.outputHeight * stage.channels + channels.lowerBound })
      next += last - first
    }
  }
}
