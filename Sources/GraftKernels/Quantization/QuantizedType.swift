import GraftTensor

/// What a quantized dtype can hold, and how its values stand for real numbers.
///
/// Real numbers go to values in several ways that differ in their roundings; each op has its own in TensorFlow.
struct QuantizedType {
  let lowest: Int64
  let highest: Int64
  let bits: Int

  init(_ dtype: DataType) {
    switch dtype {
    case .quint8: self.init(lowest: 0, highest: 255, bits: 8)
    case .qint8: self.init(lowest: -128, highest: 127, bits: 8)
    case .quint16: self.init(lowest: 0, highest: 65535, bits: 16)
    case .qint16: self.init(lowest: -32768, highest: 32767, bits: 16)
    default: self.init(lowest: Int64(Int32.min), highest: Int64(Int32.max), bits: 32)
    }
  }

  private init(lowest: Int64, highest: Int64, bits: Int) {
    self.lowest = lowest
    self.highest = highest
    self.bits = bits
  }

  /// Whether values may be negative.
  var isSigned: Bool { lowest < 0 }

  /// Values that there are.
  var steps: Double { Double(Int64(1) << Int64(bits)) }

  // MARK: Value by value, in double precision

  /// The value that stands for a real number, which may lie outside of what the dtype can hold.
  func unclamped(_ real: Float, _ low: Float, _ high: Float) -> Int64 {
    if low == high { return lowest }
    let range = Double(high - low) * (steps / (steps - 1))
    let scale = steps / range
    let place =
      (Double(real) * scale).rounded(.toNearestOrAwayFromZero)
      - (Double(low) * scale).rounded(.toNearestOrAwayFromZero)
    return place.isFinite && abs(place) < 4e18 ? Int64(place) &+ lowest : Int64.min
  }

  /// The value that stands for a real number, or the nearest that there is.
  func quantized(_ real: Float, _ low: Float, _ high: Float) -> Int64 {
    min(max(unclamped(real, low, high), lowest), highest)
  }

  /// The real number that a value stands for.
  func real(_ value: Int64, _ low: Float, _ high: Float) -> Float {
    if low == high { return low }
    let range = Double(high - low) * (steps / (steps - 1))
    let scale = range / steps
    let rounded = (low / Float(scale)).rounded(.toNearestOrAwayFromZero) * Float(scale)
    return Float(Double(rounded) + (Double(value) - Double(lowest)) * scale)
  }

  /// How much of a real number one step is.
  func realStep(_ low: Float, _ high: Float) -> Float { (high - low) / Float(highest - lowest) }
}

/// Real numbers out of the values of one range, in single precision.
struct RealScale {
  let scale: Float
  private let start: Float

  init(_ type: QuantizedType, _ low: Float, _ high: Float) {
    scale = Float(Double(high - low) / (type.steps - 1))
    let rounded = high == low ? low : (low / scale).rounded(.toNearestOrAwayFromZero) * scale
    start = rounded - Float(type.lowest) * scale
  }

  @inline(__always)
  func callAsFunction(_ value: Float) -> Float { start + value * scale }
}

/// Values of one range out of real numbers, in single precision.
struct QuantizedScale {
  private let scale: Float
  private let shift: Float
  private let lowest: Float
  private let highest: Float

  init(_ type: QuantizedType, _ low: Float, _ high: Float) {
    scale = high == low ? 0 : Float((type.steps - 1) / Double(high - low))
    shift = (low * scale).rounded(.toNearestOrAwayFromZero) - Float(type.lowest)
    // The largest of 32 bits that a Float holds and that still fits.
    lowest = max(Float(type.lowest), -2_147_483_648)
    highest = min(Float(type.highest), 2_147_483_520)
  }

  @inline(__always)
  func callAsFunction(_ real: Float) -> Int32 {
    let value = (real * scale).rounded(.toNearestOrAwayFromZero) - shift
    let limited = min(max(value.isNaN ? lowest : value, lowest), highest)
    return Int32(limited)
  }
}

extension Tensor {
  /// The values of a tensor of any quantized dtype.
  func quantizedValues() -> [Int32] {
    func read<T: FixedWidthInteger>(_ type: T.Type) -> [Int32] {
      buffer(as: T.self).map { Int32(truncatingIfNeeded: $0) }
    }
    switch dtype {
    case .quint8: return read(UInt8.self)
    case .qint8: return read(Int8.self)
    case .quint16: return read(UInt16.self)
    case .qint16: return read(Int16.self)
    default: return read(Int32.self)
    }
  }

  /// Overwrites an output's values; what does not fit loses its high bits.
  func setQuantizedValues(_ value: (Int) -> Int32) {
    func write<T: FixedWidthInteger>(_ type: T.Type) {
      let target = mutableBuffer(as: T.self)
      for index in target.indices { target[index] = T(truncatingIfNeeded: value(index)) }
    }
    switch dtype {
    case .quint8: write(UInt8.self)
    case .qint8: write(Int8.self)
    case .quint16: write(UInt16.self)
    case .qint16: write(Int16.self)
    default: write(Int32.self)
    }
  }
}

extension KernelContext {
  /// The range that two inputs of one number each give.
  func quantizedRange(_ first: Int) throws -> (low: Float, high: Float) {
    func number(_ index: Int) throws -> Float {
      let tensor = try input(index)
      guard tensor.rank == 0, tensor.dtype == .float32 else {
        throw GraftError(
          .invalidArgument,
          "The ends of a range are scalars, and the shape \(tensor.shape) was found.",
          at: .init(input: index))
      }
      return tensor.buffer(as: Float.self)[0]
    }
    return (try number(first), try number(first + 1))
  }

  /// Writes a range into two scalar outputs.
  func setQuantizedRange(_ first: Int, low: Float, high: Float) throws {
    try allocate(first, .float32, .scalar).mutableBuffer(as: Float.self)[0] = low
    try allocate(first + 1, .float32, .scalar).mutableBuffer(as: Float.self)[0] = high
  }
}

extension ShapeRules {
  /// The first output has the first input's shape, and the two others are the ends of its range.
  static let quantizedSame: ShapeRule = { [$0.input(0), .scalar, .scalar] }
}
