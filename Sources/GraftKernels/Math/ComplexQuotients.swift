import CGraftVector
import GraftTensor

/// Quotients of complex numbers.
///
/// TensorFlow divides groups of neighbours by the larger part of each divisor, which gives no number where a
/// divisor is zero or infinite; the elements after the last whole group are divided as C does it, which then
/// gives infinity or zero.
enum ComplexQuotients {
  /// Where a quotient is zero whatever the other number is.
  enum Zero {
    case nowhere
    case forDividend
    case forDivisor
  }

  /// The row of a / b; nil for dtypes that are not complex.
  static func row(_ dtype: DataType, zero: Zero = .nowhere) -> BinaryRow? {
    switch dtype {
    case .complex64: row(zero, group: 4, cost: 2_000) { graft_c64_divide($0, $1, $2) }
    case .complex128: row(zero, group: 2, cost: 4_000) { graft_c128_divide($0, $1, $2) }
    default: nil
    }
  }

  /// The row of 1 / x; nil for dtypes that are not complex.
  static func reciprocals(_ dtype: DataType) -> UnaryRow? {
    func row<R: FloatElement>(_ one: Complex<R>) -> UnaryRow? {
      self.row(dtype).map { quotients in
        UnaryRow(
          body: { x, y, count in
            withUnsafePointer(to: one) { quotients.left(UnsafeRawPointer($0), x, y, count) }
          }, inputSize: quotients.inputSize, outputSize: quotients.outputSize, cost: quotients.cost)
      }
    }
    return dtype == .complex64 ? row(Complex64(1)) : row(Complex128(1))
  }

  private typealias Division<R> =
    @Sendable (UnsafePointer<R>, UnsafePointer<R>, UnsafeMutablePointer<R>) -> Void

  private static func row<R: FloatElement & BinaryFloatingPoint>(
    _ zero: Zero, group: Int, cost: Int, _ divide: @escaping Division<R>
  ) -> BinaryRow {
    func body(_ leftStep: Int, _ rightStep: Int) -> BinaryRow.Body {
      { a, b, y, count in
        let a = a.assumingMemoryBound(to: Complex<R>.self)
        let b = b.assumingMemoryBound(to: Complex<R>.self)
        let y = y.assumingMemoryBound(to: Complex<R>.self)
        // Short rows are those of broadcast operands, whose groups go on in the next row.
        let grouped = count < group ? count : count - count % group
        for index in 0..<count {
          let (dividend, divisor) = (a[index * leftStep], b[index * rightStep])
          if zero == .forDividend && dividend == .zero || zero == .forDivisor && divisor == .zero {
            y[index] = .zero
          } else if index < grouped {
            y[index] = self.grouped(dividend, divisor)
          } else {
            y[index] = MathOps.withPair(dividend, divisor, divide)
          }
        }
      }
    }
    let size = MemoryLayout<Complex<R>>.stride
    return BinaryRow(
      pairs: body(1, 1), left: body(0, 1), right: body(1, 0), inputSize: size, outputSize: size, cost: cost)
  }

  /// The quotient of an element of a group.
  @inline(__always)
  static func grouped<R: FloatElement & BinaryFloatingPoint>(
    _ a: Complex<R>, _ b: Complex<R>
  ) -> Complex<R> {
    let (x, y) = (b.real.magnitude, b.imaginary.magnitude)
    let largest = x.isNaN || y.isNaN ? .nan : Swift.max(x, y)
    let (c, d) = (b.real / largest, b.imaginary / largest)
    let denominator = c * c + d * d
    return Complex(
      (a.real * c + a.imaginary * d) / denominator / largest,
      (a.imaginary * c - a.real * d) / denominator / largest)
  }
}
