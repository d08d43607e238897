import GraftTensor

/// Elements that can be added and multiplied, as TensorFlow does it: integers wrap around.
package protocol ArithmeticElement: TensorScalar, Equatable {
  static var zero: Self { get }
  static var one: Self { get }
  /// The nearest value of this type; integers keep their low bits.
  init(integer: Int)
  static func add(_ a: Self, _ b: Self) -> Self
  static func subtract(_ a: Self, _ b: Self) -> Self
  static func multiply(_ a: Self, _ b: Self) -> Self
  /// The quotient; of integers without its fraction, and the dividend itself where the divisor is zero.
  static func divide(_ a: Self, _ b: Self) -> Self
}

/// Elements that are ordered: integers and real numbers. NaN is less than nothing.
package protocol OrderedElement: ArithmeticElement {
  static func less(_ a: Self, _ b: Self) -> Bool
  /// Infinity, or the largest integer: where a minimum begins.
  static var highest: Self { get }
  /// Minus infinity, or the smallest integer: where a maximum begins.
  static var lowest: Self { get }
  var isNotANumber: Bool { get }
  /// The value as a `Double`.
  var double: Double { get }
}

/// Real numbers. Half and bfloat16 compute in `Float`, and round once for each operation.
package protocol FloatElement: OrderedElement {
  associatedtype Compute: BinaryFloatingPoint & FloatElement & SIMDScalar
  init(_ compute: Compute)
  var compute: Compute { get }
}

/// Integers.
package protocol IntegerElement: OrderedElement, FixedWidthInteger {}

extension Float: FloatElement {
  package init(integer: Int) { self = Float(integer) }
  package static var one: Float { 1 }
  package static func add(_ a: Float, _ b: Float) -> Float { a + b }
  package static func subtract(_ a: Float, _ b: Float) -> Float { a - b }
  package static func multiply(_ a: Float, _ b: Float) -> Float { a * b }
  package static func divide(_ a: Float, _ b: Float) -> Float { a / b }
  package static func less(_ a: Float, _ b: Float) -> Bool { a < b }
  package static var highest: Float { .infinity }
  package static var lowest: Float { -.infinity }
  package var isNotANumber: Bool { isNaN }
  package var double: Double { Double(self) }
  package var compute: Float { self }
}

extension Double: FloatElement {
  package init(integer: Int) { self = Double(integer) }
  package static var one: Double { 1 }
  package static func add(_ a: Double, _ b: Double) -> Double { a + b }
  package static func subtract(_ a: Double, _ b: Double) -> Double { a - b }
  package static func multiply(_ a: Double, _ b: Double) -> Double { a * b }
  package static func divide(_ a: Double, _ b: Double) -> Double { a / b }
  package static func less(_ a: Double, _ b: Double) -> Bool { a < b }
  package static var highest: Double { .infinity }
  package static var lowest: Double { -.infinity }
  package var isNotANumber: Bool { isNaN }
  package var double: Double { self }
  package var compute: Double { self }
}

extension Float16: FloatElement {
  package init(integer: Int) { self = Float16(Float(integer)) }
  package static var one: Float16 { 1 }
  package static func add(_ a: Float16, _ b: Float16) -> Float16 { Float16(Float(a) + Float(b)) }
  package static func subtract(_ a: Float16, _ b: Float16) -> Float16 { Float16(Float(a) - Float(b)) }
  package static func multiply(_ a: Float16, _ b: Float16) -> Float16 { Float16(Float(a) * Float(b)) }
  package static func divide(_ a: Float16, _ b: Float16) -> Float16 { Float16(Float(a) / Float(b)) }
  package static func less(_ a: Float16, _ b: Float16) -> Bool { Float(a) < Float(b) }
  package static var highest: Float16 { .infinity }
  package static var lowest: Float16 { -.infinity }
  package var isNotANumber: Bool { isNaN }
  package var double: Double { Double(Float(self)) }
  package var compute: Float { Float(self) }
}

extension BFloat16: FloatElement {
  package static var zero: BFloat16 { BFloat16(bitPattern: 0) }
  package static var one: BFloat16 { BFloat16(1) }
  package init(integer: Int) { self.init(Float(integer)) }
  package static func add(_ a: BFloat16, _ b: BFloat16) -> BFloat16 { BFloat16(Float(a) + Float(b)) }
  package static func subtract(_ a: BFloat16, _ b: BFloat16) -> BFloat16 {
    BFloat16(Float(a) - Float(b))
  }
  package static func multiply(_ a: BFloat16, _ b: BFloat16) -> BFloat16 {
    BFloat16(Float(a) * Float(b))
  }
  package static func divide(_ a: BFloat16, _ b: BFloat16) -> BFloat16 {
    BFloat16(Float(a) / Float(b))
  }
  package static func less(_ a: BFloat16, _ b: BFloat16) -> Bool { Float(a) < Float(b) }
  package static var highest: BFloat16 { BFloat16(.infinity) }
  package static var lowest: BFloat16 { BFloat16(-.infinity) }
  package var isNotANumber: Bool { Float(self).isNaN }
  package var double: Double { Double(Float(self)) }
  package var compute: Float { Float(self) }
}

extension IntegerElement {
  package static var one: Self { 1 }
  package init(integer: Int) { self.init(truncatingIfNeeded: integer) }
  package static func add(_ a: Self, _ b: Self) -> Self { a &+ b }
  package static func subtract(_ a: Self, _ b: Self) -> Self { a &- b }
  package static func multiply(_ a: Self, _ b: Self) -> Self { a &* b }
  package static func divide(_ a: Self, _ b: Self) -> Self {
    a.dividedReportingOverflow(by: b).partialValue
  }
  package static func less(_ a: Self, _ b: Self) -> Bool { a < b }
  package static var highest: Self { .max }
  package static var lowest: Self { .min }
  package var isNotANumber: Bool { false }
  package var double: Double { Double(self) }
}

extension Int8: IntegerElement {}
extension Int16: IntegerElement {}
extension Int32: IntegerElement {}
extension Int64: IntegerElement {}
extension UInt8: IntegerElement {}
extension UInt16: IntegerElement {}
extension UInt32: IntegerElement {}
extension UInt64: IntegerElement {}

extension Complex: ArithmeticElement where Real: FloatElement {
  package static var zero: Self { Self(0, 0) }
  package static var one: Self { Self(1, 0) }
  package init(integer: Int) { self.init(Real(integer), 0) }
  package static func add(_ a: Self, _ b: Self) -> Self {
    Self(a.real + b.real, a.imaginary + b.imaginary)
  }
  package static func subtract(_ a: Self, _ b: Self) -> Self {
    Self(a.real - b.real, a.imaginary - b.imaginary)
  }
  package static func multiply(_ a: Self, _ b: Self) -> Self {
    Self(
      a.real * b.real - a.imaginary * b.imaginary,
      a.real * b.imaginary + a.imaginary * b.real)
  }
  package static func divide(_ a: Self, _ b: Self) -> Self {
    // By the larger part of the divisor, so that its square does not overflow.
    if b.real.magnitude >= b.imaginary.magnitude {
      let ratio = b.imaginary / b.real
      let scale = b.real + b.imaginary * ratio
      return Self((a.real + a.imaginary * ratio) / scale, (a.imaginary - a.real * ratio) / scale)
    }
    let ratio = b.real / b.imaginary
    let scale = b.real * ratio + b.imaginary
    return Self((a.real * ratio + a.imaginary) / scale, (a.imaginary * ratio - a.real) / scale)
  }
}
