import Glibc
import GraftTensor

/// The numbers that linear algebra is computed in: float64 for real matrices, complex128 for complex ones.
protocol MatrixField: Sendable, Equatable {
  static var zero: Self { get }
  static var one: Self { get }
  init(real: Double)
  var realPart: Double { get }
  var conjugate: Self { get }
  /// The absolute value.
  var magnitude: Double { get }
  /// The number divided by its absolute value; zero for zero, and 1 or -1 for an infinite real number.
  var direction: Self { get }
  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  static prefix func - (a: Self) -> Self
  /// c -= a b: m rows of a, element (i, p) at `a[i * row + p * column]`; b and c row after row, c apart from the
  /// others.
  static func subtractProduct(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Self>, row: Int, column: Int, _ b: UnsafePointer<Self>,
    bRow: Int, from c: UnsafeMutablePointer<Self>, cRow: Int)
  /// The elements of a tensor of a real or complex float dtype.
  static func read(_ tensor: Tensor) -> [Self]
  /// Rounds numbers into a tensor of such a dtype.
  static func write(_ values: [Self], into tensor: Tensor)
}

extension MatrixField {
  static func += (a: inout Self, b: Self) { a = a + b }
  static func -= (a: inout Self, b: Self) { a = a - b }
  static func *= (a: inout Self, b: Self) { a = a * b }
  static func /= (a: inout Self, b: Self) { a = a / b }
  /// The square of the absolute value.
  var squaredMagnitude: Double { (self * conjugate).realPart }
}

extension Double: MatrixField {
  init(real: Double) { self = real }
  var realPart: Double { self }
  var conjugate: Double { self }
  var direction: Double { self > 0 ? 1 : self < 0 ? -1 : self }

  static func read(_ tensor: Tensor) -> [Double] { DoubleConversion.read(tensor) }
  static func write(_ values: [Double], into tensor: Tensor) { DoubleConversion.write(values, into: tensor) }
}

extension Complex: MatrixField where Real == Double {
  init(real: Double) { self.init(real, 0) }
  var realPart: Double { real }
  var conjugate: Complex { Complex(real, -imaginary) }
  var magnitude: Double { hypot(real, imaginary) }
  var direction: Complex { self == .zero ? self : self / Complex(magnitude) }

  static func read(_ tensor: Tensor) -> [Complex] {
    switch tensor.dtype {
    case .complex64:
      tensor.buffer(as: Complex64.self).map { Complex(Double($0.real), Double($0.imaginary)) }
    case .complex128: Array(tensor.buffer(as: Complex128.self))
    default: DoubleConversion.read(tensor).map { Complex($0, 0) }
    }
  }

  static func write(_ values: [Complex], into tensor: Tensor) {
    if tensor.dtype == .complex64 {
      let target = tensor.mutableBuffer(as: Complex64.self)
      for (index, value) in values.enumerated() where index < target.count {
        target[index] = Complex64(Float(value.real), Float(value.imaginary))
      }
    } else {
      let target = tensor.mutableBuffer(as: Complex128.self)
      for (index, value) in values.enumerated() where index < target.count { target[index] = value }
    }
  }
}

/// A matrix of such numbers, row after row.
struct Matrix<F: MatrixField> {
  let rows: Int
  let columns: Int
  var elements: [F]

  /// A matrix of zeros.
  init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    elements = [F](repeating: F.zero, count: rows * columns)
  }

  /// A matrix of what is no number.
  static func notANumber(_ rows: Int, _ columns: Int) -> Matrix {
    Matrix(rows: rows, columns: columns, elements: [F](repeating: F(real: .nan), count: rows * columns))
  }

  /// A matrix with the given elements.
  init(rows: Int, columns: Int, elements: [F]) {
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  /// Ones on the diagonal.
  static func identity(_ size: Int) -> Matrix {
    var result = Matrix(rows: size, columns: size)
    for index in 0..<size { result[index, index] = F.one }
    return result
  }

  subscript(row: Int, column: Int) -> F {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  /// The conjugated transpose.
  var adjoint: Matrix {
    var result = Matrix(rows: columns, columns: rows)
    elements.withUnsafeBufferPointer { source in
      result.elements.withUnsafeMutableBufferPointer { target in
        for row in 0..<rows {
          for column in 0..<columns { target[column * rows + row] = source[row * columns + column].conjugate }
        }
      }
    }
    return result
  }

  /// The product with another matrix.
  ///
  /// - Parameter checkpoint: is asked between rows.
  func times(_ other: Matrix, checkpoint: () throws -> Void) rethrows -> Matrix {
    var result = Matrix(rows: rows, columns: other.columns)
    for row in 0..<rows {
      try checkpoint()
      for index in 0..<columns {
        let value = self[row, index]
        for column in 0..<other.columns { result[row, column] += value * other[index, column] }
      }
    }
    return result
  }

  static func + (a: Matrix, b: Matrix) -> Matrix {
    Matrix(rows: a.rows, columns: a.columns, elements: zip(a.elements, b.elements).map { $0 + $1 })
  }

  static func - (a: Matrix, b: Matrix) -> Matrix {
    Matrix(rows: a.rows, columns: a.columns, elements: zip(a.elements, b.elements).map { $0 - $1 })
  }

  /// Every element times a number.
  func scaled(by factor: F) -> Matrix {
    Matrix(rows: rows, columns: columns, elements: elements.map { $0 * factor })
  }

  /// The largest sum of absolute values in a column.
  var columnNorm: Double {
    (0..<columns).map { column in (0..<rows).reduce(0) { $0 + self[$1, column].magnitude } }.max() ?? 0
  }

  /// The first columns.
  func prefix(columns count: Int) -> Matrix {
    var result = Matrix(rows: rows, columns: count)
    for row in 0..<rows {
      for column in 0..<count { result[row, column] = self[row, column] }
    }
    return result
  }

  /// The elements in the given type, real ones as complex numbers.
  var complex: Matrix<Complex128> {
    Matrix<Complex128>(
      rows: rows, columns: columns,
      elements: elements.map { ($0 as? Complex128) ?? Complex128($0.realPart, 0) })
  }
}
