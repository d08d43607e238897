import CGraftVector
import GraftTensor

/// How many elements become one.
protocol Reducer<Element, Accumulator>: Sendable {
  associatedtype Element
  associatedtype Accumulator

  /// What no elements at all give.
  static var identity: Accumulator { get }
  /// What an element counts for.
  static func load(_ x: Element) -> Accumulator
  /// What two parts give together.
  static func combine(_ a: Accumulator, _ b: Accumulator) -> Accumulator
  /// The result, from what all elements gave and how many they were.
  static func finish(_ total: Accumulator, count: Int) -> Element
  /// Reduces rows that lie one after the other, each by itself.
  static func reduceRows(
    _ x: UnsafePointer<Element>, _ totals: UnsafeMutablePointer<Accumulator>, rows: Int, count: Int)
  /// Combines each total with the elements at its place of some rows, `step` elements apart, one after the other.
  static func accumulate(
    _ totals: UnsafeMutablePointer<Accumulator>, _ x: UnsafePointer<Element>, step: Int, rows: Int, count: Int
  )
}

extension Reducer {
  static func reduceRows(
    _ x: UnsafePointer<Element>, _ totals: UnsafeMutablePointer<Accumulator>, rows: Int, count: Int
  ) {
    for row in 0..<rows {
      let x = x + row * count
      // Four at a time, so that they need not wait for each other.
      var (a, b, c, d) = (identity, identity, identity, identity)
      var i = 0
      while i + 4 <= count {
        a = combine(a, load(x[i]))
        b = combine(b, load(x[i + 1]))
        c = combine(c, load(x[i + 2]))
        d = combine(d, load(x[i + 3]))
        i += 4
      }
      while i < count {
        a = combine(a, load(x[i]))
        i += 1
      }
      totals[row] = combine(combine(a, b), combine(c, d))
    }
  }

  static func accumulate(
    _ totals: UnsafeMutablePointer<Accumulator>, _ x: UnsafePointer<Element>, step: Int, rows: Int, count: Int
  ) {
    for row in 0..<rows {
      let x = x + row * step
      for i in 0..<count { totals[i] = combine(totals[i], load(x[i])) }
    }
  }
}

extension Reducer where Element == Accumulator {
  static func load(_ x: Element) -> Accumulator { x }
  static func finish(_ total: Accumulator, count: Int) -> Element { total }
}

/// How an op makes one element of each row of a matrix.
struct RowReduction: Sendable {
  /// Bytes of an element.
  let size: Int
  private let body: @Sendable (UnsafeRawPointer, UnsafeMutableRawPointer, _ rows: Int, _ count: Int) -> Void

  init<R: Reducer>(_ reducer: R.Type) {
    size = MemoryLayout<R.Element>.size
    body = { x, y, rows, count in
      let (x, y) = (x.assumingMemoryBound(to: R.Element.self), y.assumingMemoryBound(to: R.Element.self))
      withUnsafeTemporaryAllocation(of: R.Accumulator.self, capacity: rows) { totals in
        guard let totals = totals.baseAddress else { return }
        R.reduceRows(x, totals, rows: rows, count: count)
        for row in 0..<rows { y[row] = R.finish(totals[row], count: count) }
      }
    }
  }

  /// Reduces rows of `count` elements, which lie one after the other.
  func run(_ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, rows: Int, count: Int) {
    body(x, y, rows, count)
  }
}

/// Numbers of float32 that are added up, on the processor's vectors.
protocol FloatAddition: Reducer where Element == Float, Accumulator == Float {}

extension FloatAddition {
  static var identity: Float { 0 }
  static func combine(_ a: Float, _ b: Float) -> Float { a + b }
  static func reduceRows(
    _ x: UnsafePointer<Float>, _ totals: UnsafeMutablePointer<Float>, rows: Int, count: Int
  ) {
    graft_f32_sum_rows(x, totals, rows, count)
  }
  static func accumulate(
    _ totals: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, step: Int, rows: Int, count: Int
  ) {
    graft_f32_add_columns(totals, x, step, rows, count)
  }
}

/// The reducers of the ops.
enum Reducers {
  enum Sum<T: ArithmeticElement>: Reducer {
    static var identity: T { .zero }
    static func combine(_ a: T, _ b: T) -> T { .add(a, b) }
  }

  enum FloatSum: FloatAddition {}

  enum Product<T: ArithmeticElement>: Reducer {
    static var identity: T { .one }
    static func combine(_ a: T, _ b: T) -> T { .multiply(a, b) }
  }

  enum FloatMean: FloatAddition {
    static func finish(_ total: Float, count: Int) -> Float { total / Float(count) }
  }

  enum DoubleMean: Reducer {
    static var identity: Double { 0 }
    static func combine(_ a: Double, _ b: Double) -> Double { a + b }
    static func finish(_ total: Double, count: Int) -> Double { total / Double(count) }
  }

  enum ComplexMean<Real: FloatElement & BinaryFloatingPoint>: Reducer {
    static var identity: Complex<Real> { .init(0, 0) }
    static func combine(_ a: Complex<Real>, _ b: Complex<Real>) -> Complex<Real> { .add(a, b) }
    static func finish(_ total: Complex<Real>, count: Int) -> Complex<Real> {
      count == 0 ? total : .init(total.real / Real(count), total.imaginary / Real(count))
    }
  }

  /// A mean of integers, added with 64 bits and cut towards zero.
  enum IntegerMean<T: IntegerElement, Wide: FixedWidthInteger & Sendable>: Reducer {
    static var identity: Wide { 0 }
    static func load(_ x: T) -> Wide { Wide(truncatingIfNeeded: x) }
    static func combine(_ a: Wide, _ b: Wide) -> Wide { a &+ b }
    static func finish(_ total: Wide, count: Int) -> T {
      count == 0 ? 0 : T(truncatingIfNeeded: total / Wide(truncatingIfNeeded: count))
    }
  }

  enum Maximum<T: OrderedElement>: Reducer {
    static var identity: T { .lowest }
    static func combine(_ a: T, _ b: T) -> T { T.less(a, b) || b.isNotANumber ? b : a }
  }

  enum FloatMaximum: Reducer {
    static var identity: Float { -.infinity }
    static func combine(_ a: Float, _ b: Float) -> Float { b > a || b.isNaN ? b : a }
    static func reduceRows(
      _ x: UnsafePointer<Float>, _ totals: UnsafeMutablePointer<Float>, rows: Int, count: Int
    ) {
      graft_f32_max_rows(x, totals, rows, count)
    }
    static func accumulate(
      _ totals: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, step: Int, rows: Int, count: Int
    ) {
      graft_f32_max_columns(totals, x, step, rows, count)
    }
  }

  enum Minimum<T: OrderedElement>: Reducer {
    static var identity: T { .highest }
    static func combine(_ a: T, _ b: T) -> T { T.less(b, a) || b.isNotANumber ? b : a }
  }

  enum FloatMinimum: Reducer {
    static var identity: Float { .infinity }
    static func combine(_ a: Float, _ b: Float) -> Float { b < a || b.isNaN ? b : a }
    static func reduceRows(
      _ x: UnsafePointer<Float>, _ totals: UnsafeMutablePointer<Float>, rows: Int, count: Int
    ) {
      graft_f32_min_rows(x, totals, rows, count)
    }
    static func accumulate(
      _ totals: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, step: Int, rows: Int, count: Int
    ) {
      graft_f32_min_columns(totals, x, step, rows, count)
    }
  }

  enum FloatNorm: Reducer {
    static var identity: Float { 0 }
    static func load(_ x: Float) -> Float { x * x }
    static func combine(_ a: Float, _ b: Float) -> Float { a + b }
    static func finish(_ total: Float, count: Int) -> Float { total.squareRoot() }
    static func reduceRows(
      _ x: UnsafePointer<Float>, _ totals: UnsafeMutablePointer<Float>, rows: Int, count: Int
    ) {
      graft_f32_sum_squares_rows(x, totals, rows, count)
    }
  }

  enum DoubleNorm: Reducer {
    static var identity: Double { 0 }
    static func load(_ x: Double) -> Double { x * x }
    static func combine(_ a: Double, _ b: Double) -> Double { a + b }
    static func finish(_ total: Double, count: Int) -> Double { total.squareRoot() }
  }

  enum ComplexNorm<Real: FloatElement & BinaryFloatingPoint>: Reducer {
    static var identity: Real { 0 }
    static func load(_ x: Complex<Real>) -> Real { x.real * x.real + x.imaginary * x.imaginary }
    static func combine(_ a: Real, _ b: Real) -> Real { a + b }
    static func finish(_ total: Real, count: Int) -> Complex<Real> { .init(total.squareRoot(), 0) }
  }

  /// A norm of integers: squares and their sum wrap around, and the root is cut.
  enum IntegerNorm<T: IntegerElement>: Reducer {
    static var identity: T { 0 }
    static func load(_ x: T) -> T { x &* x }
    static func combine(_ a: T, _ b: T) -> T { a &+ b }
    static func finish(_ total: T, count: Int) -> T {
      // A sum that wrapped below zero has no root: a processor's conversion of NaN.
      guard total >= 0 else { return T.bitWidth >= 32 ? .min : 0 }
      return T(clamping: Int64(Double(total).squareRoot()))
    }
  }

  enum AllTrue: Reducer {
    static var identity: Bool { true }
    static func combine(_ a: Bool, _ b: Bool) -> Bool { a && b }
  }

  enum AnyTrue: Reducer {
    static var identity: Bool { false }
    static func combine(_ a: Bool, _ b: Bool) -> Bool { a || b }
  }
}
