import Glibc
import GraftTensor

/// Numbers that every optimizer takes. Half and bfloat16 round after each operation.
protocol OptimizerNumber: ArithmeticElement {
  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  func squareRoot() -> Self
}

/// Numbers that optimizers take which look at signs and sizes.
protocol RealOptimizerNumber: OptimizerNumber {
  static func < (a: Self, b: Self) -> Bool
  var magnitude: Self { get }
  func exponential() -> Self
  func power(_ exponent: Self) -> Self
}

extension RealOptimizerNumber {
  /// 1, -1 or the number itself, which is zero or NaN then.
  var sign: Self { Self.zero < self ? .one : self < Self.zero ? .zero - .one : self }

  /// The larger of two numbers; the first where one is NaN.
  static func larger(_ a: Self, _ b: Self) -> Self { a < b ? b : a }
}

extension Float: RealOptimizerNumber {
  func exponential() -> Float { exp(self) }
  func power(_ exponent: Float) -> Float { pow(self, exponent) }
}

extension Double: RealOptimizerNumber {
  func exponential() -> Double { exp(self) }
  func power(_ exponent: Double) -> Double { pow(self, exponent) }
}

extension Float16: RealOptimizerNumber {
  func exponential() -> Float16 { Float16(exp(Float(self))) }
  func power(_ exponent: Float16) -> Float16 { Float16(pow(Float(self), Float(exponent))) }
}

extension BFloat16: RealOptimizerNumber {
  static func + (a: BFloat16, b: BFloat16) -> BFloat16 { add(a, b) }
  static func - (a: BFloat16, b: BFloat16) -> BFloat16 { subtract(a, b) }
  static func * (a: BFloat16, b: BFloat16) -> BFloat16 { multiply(a, b) }
  static func / (a: BFloat16, b: BFloat16) -> BFloat16 { divide(a, b) }
  static func < (a: BFloat16, b: BFloat16) -> Bool { less(a, b) }
  func squareRoot() -> BFloat16 { BFloat16(Float(self).squareRoot()) }
  var magnitude: BFloat16 { BFloat16(bitPattern: bitPattern & 0x7FFF) }
  func exponential() -> BFloat16 { BFloat16(exp(Float(self))) }
  func power(_ exponent: BFloat16) -> BFloat16 { BFloat16(pow(Float(self), Float(exponent))) }
}

extension Complex: OptimizerNumber where Real: FloatElement {}
