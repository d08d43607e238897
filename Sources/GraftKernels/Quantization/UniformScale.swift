import GraftTensor

/// The scales and zero points of a tensor that is quantized as a whole or for each entry of a dimension.
struct UniformScale: Sendable {
  let scales: [Float]
  let zeroPoints: [Int32]
  /// The dimension; -1 where there is one scale for all.
  let axis: Int
  /// How many elements an entry has before the next one comes.
  private let inner: Int

  /// The scale that two inputs are for a tensor of some shape.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for scales of another shape, or that are not positive.
  init(
    _ context: KernelContext, scales: Int, zeroPoints: Int, axis: Int, shape: Shape, allowed: Int? = nil
  ) throws {
    let isWhole = axis == -1
    guard isWhole || (0..<shape.rank).contains(axis), isWhole || allowed == nil || axis == allowed else {
      throw ArrayArguments.invalid(
        "The attribute 'quantization_axis' is \(axis), and a tensor of shape \(shape) may be quantized along "
          + (allowed.map { $0 < 0 ? "none of its dimensions" : "dimension \($0) only" } ?? "its dimensions")
          + ".", input: scales)
    }
    let (first, second) = (try context.input(scales), try context.input(zeroPoints))
    let expected = Shape(isWhole ? [] : [shape[axis]])
    guard first.shape == expected, second.shape == expected else {
      throw ArrayArguments.invalid(
        "Scales and zero points of shape \(expected) are expected, and the shapes \(first.shape) and "
          + "\(second.shape) were found.", input: scales)
    }
    self.scales = Array(first.buffer(as: Float.self))
    self.zeroPoints = Array(second.buffer(as: Int32.self))
    self.axis = axis
    inner = isWhole ? max(shape.elementCount, 1) : ArrayArguments.product(shape.dimensions[(axis + 1)...])
    guard self.scales.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw ArrayArguments.invalid("Scales are positive and finite.", input: scales)
    }
  }

  /// Which of the scales an element has.
  @inline(__always)
  func lane(_ element: Int) -> Int { scales.count == 1 ? 0 : element / inner % scales.count }
}

/// A factor as an integer and a shift, which gives the same products on every machine.
struct QuantizedFactor: Sendable {
  private let multiplier: Int
  private let shift: Int

  init(_ factor: Double) {
    guard factor > 0, factor.isFinite else {
      (multiplier, shift) = (0, 31)
      return
    }
    var exponent = Int(factor.exponent) + 1
    var multiplier = Int((factor.significand / 2 * Double(1 << 31)).rounded())
    if multiplier == 1 << 31 { (multiplier, exponent) = (multiplier / 2, exponent + 1) }
    (self.multiplier, shift) = exponent < -31 ? (0, 31) : (multiplier, max(31 - exponent, -31))
  }

  /// The product, rounded; halves go up.
  func callAsFunction(_ value: Int) -> Int {
    let product = Int128(value) * Int128(multiplier)
    let result = shift > 0 ? (product + (1 << Int128(shift - 1))) >> Int128(shift) : product << Int128(-shift)
    return Int(clamping: result)
  }
}
