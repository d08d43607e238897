import GraftTensor

/// How a convolution's sums are made.
protocol ConvolutionSum: Sendable {
  associatedtype Element
  associatedtype Sum
  static var zero: Sum { get }
  /// The sum and one more product, for an output channel of so many.
  static func add(_ sum: Sum, _ a: Element, _ b: Element, channel: Int, of channels: Int) -> Sum
  /// Adds to the sums of some output channels, of so many, the products of `k` values and as many rows of the filter.
  static func add(
    _ values: UnsafePointer<Element>, k: Int, _ filter: UnsafePointer<Element>,
    to sums: UnsafeMutablePointer<Sum>, _ channels: Range<Int>, of count: Int)
  static func element(_ sum: Sum) -> Element
}

/// Sums of the elements' own kind.
enum ExactSum<Element: MatrixElement>: ConvolutionSum {
  static var zero: Element { .zero }
  @inline(__always)
  static func add(_ sum: Element, _ a: Element, _ b: Element, channel: Int, of channels: Int) -> Element {
    Element.add(sum, Element.multiply(a, b))
  }
  @inline(__always)
  static func add(
    _ values: UnsafePointer<Element>, k: Int, _ filter: UnsafePointer<Element>,
    to sums: UnsafeMutablePointer<Element>, _ channels: Range<Int>, of count: Int
  ) {
    let first = channels.lowerBound
    Element.addProducts(values, step: 1, k: k, filter + first, row: count, to: sums + first, channels.count)
  }
  @inline(__always)
  static func element(_ sum: Element) -> Element { sum }
}

/// Sums of half or bfloat16 that are rounded at every step.
enum SteppedSum<Element: HalfElement>: ConvolutionSum {
  static var zero: Float { 0 }
  @inline(__always)
  static func add(_ sum: Float, _ a: Element, _ b: Element, channel: Int, of channels: Int) -> Float {
    SteppedProduct.add(sum, a, b, isGrouped: SteppedProduct.isGrouped(column: channel, of: channels))
  }
  @inline(__always)
  static func add(
    _ values: UnsafePointer<Element>, k: Int, _ filter: UnsafePointer<Element>,
    to sums: UnsafeMutablePointer<Float>, _ channels: Range<Int>, of count: Int
  ) {
    for input in 0..<k {
      for channel in channels {
        sums[channel] = add(
          sums[channel], values[input], filter[input * count + channel], channel: channel, of: count)
      }
    }
  }
  @inline(__always)
  static func element(_ sum: Float) -> Element { Element(sum) }
}

/// A convolution as its definition says, with channels last.
enum PlainConvolution {
  /// Computes the convolution.
  static func run<S: ConvolutionSum>(
    _ type: S.Type, _ geometry: ConvolutionGeometry, _ x: Tensor, _ filter: Tensor, _ output: Tensor,
    _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: S.Element.self))
    nonisolated(unsafe) let weights = UnsafePointer(filter.base.assumingMemoryBound(to: S.Element.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: S.Element.self)
    let (groups, inputs, outputs) = (geometry.groups, geometry.inputChannels, geometry.outputChannels)
    workers.forEach(geometry.outputPixels, cost: geometry.depth * groups * outputs) { range in
      withUnsafeTemporaryAllocation(of: S.Sum.self, capacity: groups * outputs) { sums in
        for pixel in range {
          guard let first = sums.baseAddress else { continue }
          sums.initialize(repeating: S.zero)
          for position in 0..<geometry.positions {
            guard let place = geometry.inputPixel(under: pixel, at: position) else { continue }
            let values = source + place * groups * inputs
            for group in 0..<groups {
              S.add(
                values + group * inputs, k: inputs, weights + position * inputs * groups * outputs, to: first,
                group * outputs..<(group + 1) * outputs, of: groups * outputs)
            }
          }
          for channel in 0..<groups * outputs {
            target[pixel * groups * outputs + channel] = S.element(sums[channel])
          }
        }
      }
    }
  }
}
