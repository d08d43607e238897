import CGraftVector
import GraftTensor

/// A loop over elements that lie one after the other: `y[i] = f(x[i])`.
///
/// Loops are compiled once for each function and type; what calls them knows of bytes only, and is
/// compiled once.
struct UnaryRow: Sendable {
  typealias Body = @Sendable (UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void

  /// Reads as many elements from the first address as it writes to the second.
  let body: Body
  /// Bytes of an input element.
  let inputSize: Int
  /// Bytes of an output element.
  let outputSize: Int
  /// About how many nanoseconds 1,024 elements take.
  let cost: Int
}

/// A loop over pairs of elements: `y[i] = f(a[i], b[i])`, where one side may be the same element always.
struct BinaryRow: Sendable {
  typealias Body = @Sendable (UnsafeRawPointer, UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void

  /// Both sides move on.
  let pairs: Body
  /// The left side stays.
  let left: Body
  /// The right side stays.
  let right: Body
  /// Bytes of an input element.
  let inputSize: Int
  /// Bytes of an output element.
  let outputSize: Int
  /// About how many nanoseconds 1,024 elements take.
  let cost: Int
}

// MARK: - Functions of one element

/// A function of one element.
protocol UnaryFunction<Input, Output>: Sendable {
  associatedtype Input
  associatedtype Output
  static func apply(_ x: Input) -> Output
}

extension UnaryFunction {
  /// The function over a row.
  static func row(cost: Int) -> UnaryRow {
    UnaryRow(
      body: { x, y, count in
        let x = x.assumingMemoryBound(to: Input.self)
        let y = y.assumingMemoryBound(to: Output.self)
        for i in 0..<count { y[i] = apply(x[i]) }
      }, inputSize: MemoryLayout<Input>.stride, outputSize: MemoryLayout<Output>.stride, cost: cost)
  }
}

/// A function of one element with what an attribute gives.
protocol ParameterizedUnaryFunction<Input, Output>: Sendable {
  associatedtype Input
  associatedtype Output
  func apply(_ x: Input) -> Output
}

extension ParameterizedUnaryFunction {
  /// The function over a row.
  func row(cost: Int) -> UnaryRow {
    UnaryRow(
      body: { x, y, count in
        let x = x.assumingMemoryBound(to: Input.self)
        let y = y.assumingMemoryBound(to: Output.self)
        for i in 0..<count { y[i] = apply(x[i]) }
      }, inputSize: MemoryLayout<Input>.stride, outputSize: MemoryLayout<Output>.stride, cost: cost)
  }
}

/// A function of real numbers, given for both precisions.
protocol FloatUnary: Sendable {
  static func apply(_ x: Float) -> Float
  static func apply(_ x: Double) -> Double
  /// The function over a row of floats, made for the processor's vectors; nil where there is none.
  static var vector: UnaryRows.FloatLoop? { get }
  /// The same for a row of doubles.
  static var wideVector: UnaryRows.DoubleLoop? { get }
  /// About how many nanoseconds 1,024 elements take.
  static var cost: Int { get }
}

extension FloatUnary {
  static var vector: UnaryRows.FloatLoop? { nil }
  static var wideVector: UnaryRows.DoubleLoop? { nil }
  static var cost: Int { vector == nil ? 8_000 : 800 }
}

/// A function of real numbers that is true or false.
protocol FloatPredicate: Sendable {
  static func apply<T: BinaryFloatingPoint>(_ x: T) -> Bool
}

/// A function of integers.
protocol IntegerUnary: Sendable {
  static func apply<T: IntegerElement>(_ x: T) -> T
}

/// The rows of functions of one element, by dtype.
enum UnaryRows {
  /// A function over a row of floats.
  typealias FloatLoop =
    @convention(c) @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  /// A function over a row of complex numbers, or of doubles.
  typealias DoubleLoop =
    @convention(c) @Sendable (UnsafePointer<Double>, UnsafeMutablePointer<Double>, Int) -> Void

  private enum Single<F: FloatUnary>: UnaryFunction {
    static func apply(_ x: Float) -> Float { F.apply(x) }
  }

  private enum Wide<F: FloatUnary>: UnaryFunction {
    static func apply(_ x: Double) -> Double { F.apply(x) }
  }

  private enum Integer<F: IntegerUnary, T: IntegerElement>: UnaryFunction {
    static func apply(_ x: T) -> T { F.apply(x) }
  }

  private enum Predicate<F: FloatPredicate, T: BinaryFloatingPoint>: UnaryFunction {
    static func apply(_ x: T) -> Bool { F.apply(x) }
  }

  /// The row for float16, bfloat16, float32 and float64; nil for others.
  static func floats<F: FloatUnary>(_ function: F.Type, _ dtype: DataType) -> UnaryRow? {
    switch dtype {
    case .float32: single(function)
    case .float64: wide(function)
    case .float16, .bfloat16: SixteenBits(dtype)?.row(single(function))
    default: nil
    }
  }

  private static func single<F: FloatUnary>(_ function: F.Type) -> UnaryRow {
    F.vector.map { row($0, cost: F.cost) } ?? Single<F>.row(cost: F.cost)
  }

  /// A loop over floats as a row.
  static func row(_ loop: @escaping FloatLoop, cost: Int) -> UnaryRow {
    UnaryRow(
      body: { x, y, count in
        loop(x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self), count)
      }, inputSize: 4, outputSize: 4, cost: cost)
  }

  private static func wide<F: FloatUnary>(_ function: F.Type) -> UnaryRow {
    guard let vector = F.wideVector else { return Wide<F>.row(cost: 10_000) }
    return UnaryRow(
      body: { x, y, count in
        vector(x.assumingMemoryBound(to: Double.self), y.assumingMemoryBound(to: Double.self), count)
      }, inputSize: 8, outputSize: 8, cost: 2_000)
  }

  /// The row of a predicate for float16, bfloat16, float32 and float64; nil for others.
  static func predicate<F: FloatPredicate>(_ function: F.Type, _ dtype: DataType) -> UnaryRow? {
    switch dtype {
    case .float32: Predicate<F, Float>.row(cost: 300)
    case .float64: Predicate<F, Double>.row(cost: 500)
    case .float16, .bfloat16: SixteenBits(dtype)?.row(readingOnly: Predicate<F, Float>.row(cost: 300))
    default: nil
    }
  }

  /// The row for integers, quantized ones included; nil for others.
  static func integers<F: IntegerUnary>(_ function: F.Type, _ dtype: DataType) -> UnaryRow? {
    switch dtype {
    case .int8: Integer<F, Int8>.row(cost: 300)
    case .int16: Integer<F, Int16>.row(cost: 300)
    case .int32: Integer<F, Int32>.row(cost: 400)
    case .int64: Integer<F, Int64>.row(cost: 800)
    case .uint8: Integer<F, UInt8>.row(cost: 300)
    case .uint16: Integer<F, UInt16>.row(cost: 300)
    case .uint32: Integer<F, UInt32>.row(cost: 400)
    case .uint64: Integer<F, UInt64>.row(cost: 800)
    default: nil
    }
  }

  /// The row for complex numbers, from loops over both precisions; nil for others.
  static func complexes(
    _ dtype: DataType, _ single: @escaping FloatLoop, _ wide: @escaping DoubleLoop
  ) -> UnaryRow? {
    switch dtype {
    case .complex64:
      UnaryRow(
        body: { x, y, count in
          single(x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self), count)
        }, inputSize: 8, outputSize: 8, cost: 40_000)
    case .complex128:
      UnaryRow(
        body: { x, y, count in
          wide(x.assumingMemoryBound(to: Double.self), y.assumingMemoryBound(to: Double.self), count)
        }, inputSize: 16, outputSize: 16, cost: 60_000)
    default: nil
    }
  }

  /// The row for complex numbers of a function that treats both parts alike; nil for other dtypes.
  static func ofParts(_ dtype: DataType, _ single: UnaryRow?, _ wide: UnaryRow?) -> UnaryRow? {
    guard dtype.isComplex, let row = dtype == .complex64 ? single : wide else { return nil }
    return UnaryRow(
      body: { x, y, count in row.body(x, y, 2 * count) }, inputSize: 2 * row.inputSize,
      outputSize: 2 * row.outputSize, cost: 2 * row.cost)
  }
}
