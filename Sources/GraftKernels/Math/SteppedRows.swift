import Glibc
import GraftTensor

/// A function of real numbers in steps, each of which rounds to the dtype: for float16 and bfloat16
/// TensorFlow's kernels do that, and what comes out depends on it.
protocol SteppedUnary: Sendable {
  /// The function's definition.
  static func apply<T: FloatElement>(_ x: T) -> T
  /// The same over rows of such numbers as floats, but for the last rounding.
  static var stepped: SteppedRows.Loops<UnaryRows.FloatLoop> { get }
}

/// A function of two real numbers in steps, each of which rounds to the dtype.
protocol SteppedBinary: Sendable {
  /// The function's definition.
  static func apply<T: FloatElement>(_ a: T, _ b: T) -> T
  /// The same over rows of such numbers as floats, but for the last rounding.
  static var stepped: SteppedRows.Loops<BinaryRows.FloatLoop> { get }
}

extension FloatElement {
  static func divide(_ a: Self, _ b: Self) -> Self { Self(a.compute / b.compute) }
  static func exponential(_ x: Self) -> Self { Self(Compute(exp(x.double))) }
  static func logarithm1p(_ x: Self) -> Self { Self(Compute(log1p(x.double))) }
  static func logarithm(_ x: Self) -> Self { Self(Compute(log(x.double))) }
  /// The nearest number of this type.
  init(nearest value: Double) { self.init(Compute(value)) }
  var magnitude: Self { Self(compute.magnitude) }
}

/// The rows of functions in steps, by dtype.
enum SteppedRows {
  /// Loops over rows, made for the processor's vectors.
  struct Loops<Loop: Sendable>: Sendable {
    let half: Loop
    let bfloat16: Loop
    /// About how many nanoseconds 1,024 elements take.
    var cost = 200
  }

  private enum Binary<F: SteppedBinary, T: FloatElement>: BinaryFunction {
    static func apply(_ a: T, _ b: T) -> T { F.apply(a, b) }
  }

  /// The row for float16 and bfloat16; nil for others.
  static func short<F: SteppedUnary>(_ function: F.Type, _ dtype: DataType) -> UnaryRow? {
    let loops = F.stepped
    return SixteenBits(dtype)?.row(
      UnaryRows.row(dtype == .float16 ? loops.half : loops.bfloat16, cost: loops.cost))
  }

  /// The rows for float16 and bfloat16; nil for others.
  static func short<F: SteppedBinary>(_ function: F.Type, _ dtype: DataType) -> BinaryRow? {
    let loops = F.stepped
    return SixteenBits(dtype)?.row(
      ofPairs: dtype == .float16 ? loops.half : loops.bfloat16, cost: loops.cost)
  }

  /// The rows for all floats; nil for others.
  static func all<F: SteppedBinary>(_ function: F.Type, _ dtype: DataType) -> BinaryRow? {
    switch dtype {
    case .float32: Binary<F, Float>.row(cost: 2_000)
    case .float64: Binary<F, Double>.row(cost: 2_000)
    default: short(function, dtype)
    }
  }
}
