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

  /// The reflection that makes what is below the diagonal in a column zero; nil where it is, and the diagonal's
  /// element is real.
  init?(below step: Int, of matrix: Matrix<F>) {
    let (rows, columns) = (matrix.rows, matrix.columns)
    var tail = 0.0
    for row in step + 1..<max(rows, step + 1) { tail += matrix[row, step].squaredMagnitude }
    let head = matrix[step, step]
    let isReal = (head - head.conjugate) == F.zero
    guard tail > 0 || !isReal else { return nil }
    let norm = (head.squaredMagnitude + tail).squareRoot()
    beta = head.realPart >= 0 ? -norm : norm
    let divisor = head - F(real: beta)
    var vector = [F](repeating: F.one, count: rows - step)
    for index in 1..<max(rows - step, 1) {
      vector[index] = matrix.elements[(step + index) * columns + step] / divisor
    }
    self.vector = vector
    tau = (F(real: beta) - head) / F(real: beta)
  }

  /// Applies 1 - factor v v* to the last rows of the given columns.
  func apply(_ factor: F, to matrix: inout Matrix<F>, columns: Range<Int>) {
    let (row, count, size) = (matrix.columns, columns.count, vector.count)
    guard count > 0, size > 0 else { return }
    let start = (matrix.rows - size) * row + columns.lowerBound
    let inSteps = MatrixBlocks.isSmall(size)
    let conjugated = vector.map(\.conjugate)
    var sums = [F](repeating: F.zero, count: count)
    vector.withUnsafeBufferPointer { vector in
      sums.withUnsafeMutableBufferPointer { sums in
        matrix.elements.withUnsafeMutableBufferPointer { elements in
          guard let v = vector.baseAddress, let sum = sums.baseAddress, let base = elements.baseAddress else {
            return
          }
          let target = base + start
          F.subtractProduct(
            inSteps: inSteps, m: 1, n: count, k: size, conjugated, row: size, column: 1, target, bRow: row,
            from: sum,
            cRow: count)
          for index in 0..<count { sum[index] = -sum[index] * factor }
          F.subtractProduct(
            inSteps: inSteps, m: size, n: count, k: 1, v, row: 1, column: 1, sum, bRow: count, from: target,
            cRow: row)
        }
      }
    }
  }
}

extension Reflection {
  /// Applies 1 - tau* v v* to the last rows of a Hermitian matrix, and its adjoint to its last columns.
  func applyToBothSides(of matrix: inout Matrix<F>) {
    let (row, size, factor) = (matrix.columns, vector.count, tau.conjugate)
    let start = (matrix.rows - size) * (row + 1)
    let inSteps = MatrixBlocks.isSmall(size)
    var product = [F](repeating: F.zero, count: size)
    // The matrix times v is the adjoint of v's times the matrix.
    matrix.elements.withUnsafeBufferPointer { elements in
      product.withUnsafeMutableBufferPointer { product in
        guard let a = elements.baseAddress, let sum = product.baseAddress else { return }
        F.subtractProduct(
          inSteps: inSteps, m: 1, n: size, k: size, vector.map { (factor * $0).conjugate }, row: size,
          column: 1,
          a + start, bRow: row, from: sum, cRow: size)
      }
    }
    product = product.map { -$0.conjugate }
    let dot = vector.indices.reduce(F.zero) { $0 + product[$1].conjugate * vector[$1] }
    let correction = factor * F(real: -0.5) * dot
    for index in vector.indices { product[index] += correction * vector[index] }
    // v product* + product v*: a product of two columns and two rows, or their sum at once in a small matrix.
    let (columns, rows) = (vector + product, (product + vector).map(\.conjugate))
    rows.withUnsafeBufferPointer { rows in
      matrix.elements.withUnsafeMutableBufferPointer { elements in
        guard let base = elements.baseAddress, let rows = rows.baseAddress else { return }
        let a = base + start
        guard inSteps else {
          return F.subtractProduct(
            m: size, n: size, k: 2, columns, row: 1, column: size, rows, bRow: size, from: a, cRow: row)
        }
        for i in 0..<size {
          let (target, left, right) = (a + i * row, columns[i], columns[size + i])
          for j in 0..<size { target[j] = target[j] - (left * rows[j] + right * rows[size + j]) }
        }
      }
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

  /// Exchanges two rows.
  mutating func swapRows(_ a: Int, _ b: Int) {
    guard a != b else { return }
    for column in 0..<columns { elements.swapAt(a * columns + column, b * columns + column) }
  }

  /// Rows and columns exchanged.
  var transposed: Matrix {
    var result = Matrix(rows: columns, columns: rows)
    elements.withUnsafeBufferPointer { source in
      result.elements.withUnsafeMutableBufferPointer { target in
        for row in 0..<rows {
          for column in 0..<columns { target[column * rows + row] = source[row * columns + column] }
        }
      }
    }
    return result
  }

  /// A column, or the end of it.
  func column(_ column: Int, from row: Int = 0) -> [F] { (row..<rows).map { self[$0, column] } }
}
