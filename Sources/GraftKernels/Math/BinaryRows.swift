import CGraftVector
import GraftTensor

/// A function of two elements.
protocol BinaryFunction<Input, Output>: Sendable {
  associatedtype Input
  associatedtype Output
  static func apply(_ a: Input, _ b: Input) -> Output
}

extension BinaryFunction {
  /// The function over rows.
  static func row(cost: Int) -> BinaryRow {
    BinaryRow(
      pairs: { a, b, y, count in
        let a = a.assumingMemoryBound(to: Input.self)
        let b = b.assumingMemoryBound(to: Input.self)
        let y = y.assumingMemoryBound(to: Output.self)
        for i in 0..<count { y[i] = apply(a[i], b[i]) }
      },
      left: { a, b, y, count in
        guard count > 0 else { return }
        let value = a.assumingMemoryBound(to: Input.self)[0]
        let b = b.assumingMemoryBound(to: Input.self)
        let y = y.assumingMemoryBound(to: Output.self)
        for i in 0..<count { y[i] = apply(value, b[i]) }
      },
      right: { a, b, y, count in
        guard count > 0 else { return }
        let value = b.assumingMemoryBound(to: Input.self)[0]
        let a = a.assumingMemoryBound(to: Input.self)
        let y = y.assumingMemoryBound(to: Output.self)
        for i in 0..<count { y[i] = apply(a[i], value) }
      }, inputSize: MemoryLayout<Input>.stride, outputSize: MemoryLayout<Output>.stride, cost: cost)
  }
}

/// A function of two real numbers.
protocol FloatBinary: Sendable {
  static func apply(_ a: Float, _ b: Float) -> Float
  static func apply(_ a: Double, _ b: Double) -> Double
  /// The function over rows of floats, made for the processor's vectors; nil where there is none.
  static var vector: BinaryRows.FloatLoops? { get }
  /// The same for rows of doubles.
  static var wideVector: BinaryRows.DoubleLoops? { get }
  /// About how many nanoseconds 1,024 elements take.
  static var cost: Int { get }
}

extension FloatBinary {
  static var vector: BinaryRows.FloatLoops? { nil }
  static var wideVector: BinaryRows.DoubleLoops? { nil }
  static var cost: Int { vector == nil ? 10_000 : 300 }
}

/// A function of two integers.
protocol IntegerBinary: Sendable {
  static func apply<T: IntegerElement>(_ a: T, _ b: T) -> T
  /// Whether the result's bits are the same for signed and unsigned integers, as a sum's are.
  static var ignoresSign: Bool { get }
  /// The function over rows of int32, made for the processor's vectors; nil where there is none.
  static var integerVector: BinaryRows.IntegerLoops? { get }
}

extension IntegerBinary {
  static var ignoresSign: Bool { false }
  static var integerVector: BinaryRows.IntegerLoops? { nil }
}

/// A function of two complex numbers.
protocol ComplexBinary: Sendable {
  static func apply(_ a: Complex64, _ b: Complex64) -> Complex64
  static func apply(_ a: Complex128, _ b: Complex128) -> Complex128
}

/// An order between two numbers.
protocol Comparison: Sendable {
  static func apply<T: Comparable>(_ a: T, _ b: T) -> Bool
}

/// The rows of functions of two elements, by dtype.
enum BinaryRows {
  /// A function over rows of floats.
  typealias FloatLoop =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int
    ) -> Void

  /// A function over rows of doubles.
  typealias DoubleLoop =
    @convention(c) @Sendable (
      UnsafePointer<Double>, UnsafePointer<Double>, UnsafeMutablePointer<Double>, Int
    ) -> Void
  /// A function over rows of int32.
  typealias IntegerLoop =
    @convention(c) @Sendable (
      UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafeMutablePointer<Int32>, Int
    ) -> Void

  /// A function over rows in its three forms.
  struct Loops<Loop: Sendable>: Sendable {
    let pairs: Loop
    let left: Loop
    let right: Loop
  }

  typealias FloatLoops = Loops<FloatLoop>
  typealias DoubleLoops = Loops<DoubleLoop>
  typealias IntegerLoops = Loops<IntegerLoop>

  private enum Single<F: FloatBinary>: BinaryFunction {
    static func apply(_ a: Float, _ b: Float) -> Float { F.apply(a, b) }
  }

  private enum Wide<F: FloatBinary>: BinaryFunction {
    static func apply(_ a: Double, _ b: Double) -> Double { F.apply(a, b) }
  }

  private enum Integer<F: IntegerBinary, T: IntegerElement>: BinaryFunction {
    static func apply(_ a: T, _ b: T) -> T { F.apply(a, b) }
  }

  private enum SingleComplex<F: ComplexBinary>: BinaryFunction {
    static func apply(_ a: Complex64, _ b: Complex64) -> Complex64 { F.apply(a, b) }
  }

  private enum WideComplex<F: ComplexBinary>: BinaryFunction {
    static func apply(_ a: Complex128, _ b: Complex128) -> Complex128 { F.apply(a, b) }
  }

  private enum Ordered<F: Comparison, T: Comparable>: BinaryFunction {
    static func apply(_ a: T, _ b: T) -> Bool { F.apply(a, b) }
  }

  /// The rows for float16, bfloat16, float32 and float64; nil for others.
  static func floats<F: FloatBinary>(_ function: F.Type, _ dtype: DataType) -> BinaryRow? {
    switch dtype {
    case .float32: single(function)
    case .float64: wide(function)
    case .float16, .bfloat16: SixteenBits(dtype)?.row(single(function))
    default: nil
    }
  }

  private static func single<F: FloatBinary>(_ function: F.Type) -> BinaryRow {
    guard let loops = F.vector else { return Single<F>.row(cost: F.cost) }
    return BinaryRow(
      pairs: erased(loops.pairs), left: erased(loops.left), right: erased(loops.right), inputSize: 4,
      outputSize: 4, cost: F.cost)
  }

  private static func wide<F: FloatBinary>(_ function: F.Type) -> BinaryRow {
    guard let loops = F.wideVector else { return Wide<F>.row(cost: 2 * F.cost) }
    return BinaryRow(
      pairs: erased(loops.pairs), left: erased(loops.left), right: erased(loops.right), inputSize: 8,
      outputSize: 8, cost: 2 * F.cost)
  }

  private static func erased<T>(
    _ loop: @escaping @Sendable (UnsafePointer<T>, UnsafePointer<T>, UnsafeMutablePointer<T>, Int) -> Void
  ) -> BinaryRow.Body {
    { a, b, y, count in
      guard count > 0 else { return }
      loop(
        a.assumingMemoryBound(to: T.self), b.assumingMemoryBound(to: T.self),
        y.assumingMemoryBound(to: T.self), count)
    }
  }

  private static func vectorized<F: IntegerBinary>(_ function: F.Type) -> BinaryRow? {
    guard let loops = F.integerVector else { return nil }
    return BinaryRow(
      pairs: erased(loops.pairs), left: erased(loops.left), right: erased(loops.right), inputSize: 4,
      outputSize: 4, cost: 500)
  }

  /// The rows for integers; nil for others.
  static func integers<F: IntegerBinary>(_ function: F.Type, _ dtype: DataType) -> BinaryRow? {
    switch dtype {
    case .int8: return Integer<F, Int8>.row(cost: 400)
    case .int16: return Integer<F, Int16>.row(cost: 400)
    case .int32: return vectorized(function) ?? Integer<F, Int32>.row(cost: 500)
    case .int64: return Integer<F, Int64>.row(cost: 1_000)
    default: break
    }
    if F.ignoresSign {
      switch dtype {
      case .uint8: return integers(function, .int8)
      case .uint16: return integers(function, .int16)
      case .uint32: return integers(function, .int32)
      case .uint64: return integers(function, .int64)
      default: return nil
      }
    }
    switch dtype {
    case .uint8: return Integer<F, UInt8>.row(cost: 400)
    case .uint16: return Integer<F, UInt16>.row(cost: 400)
    case .uint32: return Integer<F, UInt32>.row(cost: 500)
    case .uint64: return Integer<F, UInt64>.row(cost: 1_000)
    default: return nil
    }
  }

  /// The rows for complex64 and complex128; nil for others.
  static func complexes<F: ComplexBinary>(_ function: F.Type, _ dtype: DataType) -> BinaryRow? {
    switch dtype {
    case .complex64: SingleComplex<F>.row(cost: 2_000)
    case .complex128: WideComplex<F>.row(cost: 4_000)
    default: nil
    }
  }

  /// The rows of a comparison for floats, integers and strings; nil for others.
  static func comparison<F: Comparison>(_ function: F.Type, _ dtype: DataType) -> BinaryRow? {
    switch dtype {
    case .float32: Ordered<F, Float>.row(cost: 400)
    case .float64: Ordered<F, Double>.row(cost: 600)
    case .float16, .bfloat16: SixteenBits(dtype)?.row(Ordered<F, Float>.row(cost: 400), readingOnly: true)
    case .int8, .qint8: Ordered<F, Int8>.row(cost: 300)
    case .int16, .qint16: Ordered<F, Int16>.row(cost: 300)
    case .int32, .qint32: Ordered<F, Int32>.row(cost: 400)
    case .int64: Ordered<F, Int64>.row(cost: 800)
    case .uint8, .quint8: Ordered<F, UInt8>.row(cost: 300)
    case .uint16, .quint16: Ordered<F, UInt16>.row(cost: 300)
    case .uint32: Ordered<F, UInt32>.row(cost: 400)
    case .uint64: Ordered<F, UInt64>.row(cost: 800)
    case .string: Ordered<F, Bytes>.row(cost: 20_000)
    default: nil
    }
  }
}
