import GraftTensor

/// How a convolution's sums are made.
protocol ConvolutionSum: Sendable {
  associatedtype Element
  associatedtype Sum
  static var zero: Sum { get }
  /// The sum and one more product, for an output channel of so many.
  static func add(_ sum: Sum, _ a: Element, _ b: Element, channel: Int, of channels: Int) -> Sum
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
          sums.initialize(repeating: S.zero)
          for position in 0..<geometry.positions {
            guard let place = geometry.inputPixel(under: pixel, at: position) else { continue }
            let values = source + place * groups * inputs
            for group in 0..<groups {
              for input in 0..<inputs {
                let value = values[group * inputs + input]
                let first = group * outputs
                let row = weights + (position * inputs + input) * groups * outputs + first
                for output in 0..<outputs {
                  sums[first + output] = S.add(
                    sums[first + output], value, row[output], channel: first + output, of: groups * outputs)
                }
              }
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
