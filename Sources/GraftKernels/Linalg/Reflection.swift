import GraftTensor

/// How fine the numbers of a matrix are: what is small is so by the dtype, whatever it is computed in.
struct NumberPrecision: Sendable {
  /// From 1 to the next number.
  let step: Double
  /// The smallest number with all its digits.
  let smallest: Double

  static let double = NumberPrecision(.float64)

  /// That of a real or complex dtype.
  init(_ dtype: DataType) {
    let isSingle = dtype == .float32 || dtype == .complex64
    step = isSingle ? Double(Float.ulpOfOne) : Double.ulpOfOne
    smallest = isSingle ? Double(Float.leastNormalMagnitude) : Double.leastNormalMagnitude
  }
}

/// The reflection 1 - tau v v* that turns a vector into `beta` times the first unit vector.
struct Reflection<F: MatrixField> {
  /// v, whose first element is 1.
  let vector: [F]
  let tau: F
  let beta: Double

  init(_ column: [F], _ precision: NumberPrecision) {
    let head = column[0]
    let tail = column.dropFirst().reduce(0.0) { $0 + $1.squaredMagnitude }
    let imaginary = head.imaginaryMagnitude
    guard tail > precision.smallest || imaginary * imaginary > precision.smallest else {
      vector = [F.one] + [F](repeating: F.zero, count: column.count - 1)
      tau = F.zero
      beta = head.realPart
      return
    }
    let norm = (head.squaredMagnitude + tail).squareRoot()
    beta = head.realPart >= 0 ? -norm : norm
    let divisor = head - F(real: beta)
    vector = [F.one] + column.dropFirst().map { $0 / divisor }
    tau = ((F(real: beta) - head) / F(real: beta)).conjugate
  }

  /// Applies 1 - factor v v* to the last rows of the given columns.
  func apply(_ factor: F, to matrix: inout Matrix<F>, columns: Range<Int>) {
    let first = matrix.rows - vector.count
    for column in columns {
      var sum = F.zero
      for (index, value) in vector.enumerated() { sum += value.conjugate * matrix[first + index, column] }
      sum *= factor
      for (index, value) in vector.enumerated() { matrix[first + index, column] -= value * sum }
    }
  }
}

extension MatrixField {
  /// The absolute value of the imaginary part.
  var imaginaryMagnitude: Double { (self - conjugate).magnitude / 2 }
}

extension Matrix {
  /// Exchanges two columns.
  mutating func swapColumns(_ a: Int, _ b: Int) {
    guard a != b else { return }
    for row in 0..<rows { elements.swapAt(row * columns + a, row * columns + b) }
  }

  /// A column, or the end of it.
  func column(_ column: Int, from row: Int = 0) -> [F] { (row..<rows).map { self[$0, column] } }
}
