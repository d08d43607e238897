import Glibc
import GraftTensor

/// A matrix as `vectors * triangle * vectors*`, the vectors orthogonal and the triangle upper; its diagonal holds the
/// eigenvalues.
struct SchurDecomposition {
  private(set) var triangle: Matrix<Complex128>
  private(set) var vectors: Matrix<Complex128>

  /// By reduction to Hessenberg form and shifted QR steps; nil where the matrix holds what is not a number, or the
  /// steps do not come to an end.
  ///
  /// - Parameter checkpoint: is asked between steps.
  /// - Throws: what `checkpoint` throws.
  init?(_ matrix: Matrix<Complex128>, checkpoint: () throws -> Void) throws {
    guard matrix.elements.allSatisfy({ $0.real.isFinite && $0.imaginary.isFinite }) else { return nil }
    triangle = matrix
    vectors = .identity(matrix.rows)
    try reduce(checkpoint)
    guard try iterate(checkpoint) else { return nil }
  }

  /// Whether an eigenvalue is real and below zero, as far as it can be told.
  var hasNegativeEigenvalue: Bool {
    (0..<triangle.rows).contains { place in
      let value = triangle[place, place]
      return value.real < 0 && abs(value.imaginary) <= 1e-9 * abs(value.real)
    }
  }

  /// Rotations make zeros below the first subdiagonal.
  private mutating func reduce(_ checkpoint: () throws -> Void) throws {
    let size = triangle.rows
    guard size > 2 else { return }
    for column in 0..<size - 2 {
      try checkpoint()
      for row in (column + 2..<size).reversed() { rotate(row - 1, row, column: column) }
    }
  }

  /// Turns rows `p` and `q` so that the element (q, column) is zero, and the columns back.
  private mutating func rotate(_ p: Int, _ q: Int, column: Int) {
    let (a, b) = (triangle[p, column], triangle[q, column])
    let norm = hypot(a.magnitude, b.magnitude)
    guard b != .zero, norm > 0 else { return }
    let (cosine, sine) = (a / Complex128(norm, 0), b / Complex128(norm, 0))
    for index in 0..<triangle.columns {
      let (x, y) = (triangle[p, index], triangle[q, index])
      triangle[p, index] = cosine.conjugate * x + sine.conjugate * y
      triangle[q, index] = cosine * y - sine * x
    }
    turnColumns(p, q, cosine, sine)
    triangle[q, column] = .zero
  }

  private mutating func turnColumns(_ p: Int, _ q: Int, _ cosine: Complex128, _ sine: Complex128) {
    for index in 0..<triangle.rows {
      let (x, y) = (triangle[index, p], triangle[index, q])
      triangle[index, p] = x * cosine + y * sine
      triangle[index, q] = y * cosine.conjugate - x * sine.conjugate
      let (u, v) = (vectors[index, p], vectors[index, q])
      vectors[index, p] = u * cosine + v * sine
      vectors[index, q] = v * cosine.conjugate - u * sine.conjugate
    }
  }

  private mutating func iterate(_ checkpoint: () throws -> Void) throws -> Bool {
    var end = triangle.rows - 1
    var steps = 0
    while end > 0 {
      var start = end
      while start > 0 {
        let size = triangle[start, start].magnitude + triangle[start - 1, start - 1].magnitude
        let off = triangle[start, start - 1].magnitude
        if off <= 1e-16 * size || off < .leastNormalMagnitude {
          triangle[start, start - 1] = .zero
          break
        }
        start -= 1
      }
      if start == end {
        end -= 1
        steps = 0
        continue
      }
      steps += 1
      guard steps <= 300 else { return false }
      try checkpoint()
      step(start, end, shift: shift(end, steps))
    }
    return true
  }

  /// The eigenvalue of the last two by two elements that is nearer to the last one; something else now and then.
  private func shift(_ end: Int, _ steps: Int) -> Complex128 {
    if steps % 20 == 0 {
      return Complex128(triangle[end, end - 1].magnitude + triangle[end, end].magnitude, 0)
    }
    let (a, b) = (triangle[end - 1, end - 1], triangle[end - 1, end])
    let (c, d) = (triangle[end, end - 1], triangle[end, end])
    let half = (a - d) / Complex128(2, 0)
    let root = (half * half + b * c).squareRoot()
    let (first, second) = (half + root, half - root)
    return d + ((first).magnitude < (second).magnitude ? first : second)
  }

  /// A QR step on the rows and columns from `start` to `end`.
  private mutating func step(_ start: Int, _ end: Int, shift: Complex128) {
    let size = triangle.rows
    for index in start...end { triangle[index, index] -= shift }
    var turns: [(cosine: Complex128, sine: Complex128)] = []
    for p in start..<end {
      let (a, b) = (triangle[p, p], triangle[p + 1, p])
      let norm = hypot(a.magnitude, b.magnitude)
      let (cosine, sine) =
        norm > 0 ? (a / Complex128(norm, 0), b / Complex128(norm, 0)) : (Complex128.one, Complex128.zero)
      for index in p..<size {
        let (x, y) = (triangle[p, index], triangle[p + 1, index])
        triangle[p, index] = cosine.conjugate * x + sine.conjugate * y
        triangle[p + 1, index] = cosine * y - sine * x
      }
      turns.append((cosine, sine))
    }
    for (offset, turn) in turns.enumerated() {
      turnColumns(start + offset, start + offset + 1, turn.cosine, turn.sine)
    }
    for index in start...end { triangle[index, index] += shift }
    // What rounding leaves below the subdiagonal.
    for row in 0..<size {
      for column in 0..<max(row - 1, 0) { triangle[row, column] = .zero }
    }
  }

  /// The eigenvectors as columns, each of length 1.
  func eigenvectors(_ checkpoint: () throws -> Void) throws -> Matrix<Complex128> {
    let size = triangle.rows
    let scale = triangle.columnNorm
    var upper = Matrix<Complex128>(rows: size, columns: size)
    for column in 0..<size {
      try checkpoint()
      upper[column, column] = .one
      for row in (0..<column).reversed() {
        var sum = Complex128.zero
        for index in row + 1...column { sum += triangle[row, index] * upper[index, column] }
        var difference = triangle[column, column] - triangle[row, row]
        if difference.magnitude < 1e-16 * scale { difference = Complex128(max(1e-16 * scale, 1e-300), 0) }
        upper[row, column] = sum / difference
      }
    }
    var result = try vectors.times(upper, checkpoint: checkpoint)
    for column in 0..<size {
      let norm = (0..<size).reduce(0.0) { $0 + result[$1, column].squaredMagnitude }.squareRoot()
      guard norm > 0 else { continue }
      for row in 0..<size { result[row, column] /= Complex128(norm, 0) }
    }
    return result
  }

  /// A function of the matrix, from that of the triangle.
  func map(
    _ function: (Matrix<Complex128>) throws -> Matrix<Complex128>, checkpoint: () throws -> Void
  ) throws -> Matrix<Complex128> {
    try vectors.times(function(triangle), checkpoint: checkpoint)
      .times(vectors.adjoint, checkpoint: checkpoint)
  }
}

/// Functions of square matrices.
enum MatrixFunctions {
  /// The principal square root of an upper triangular matrix.
  static func squareRoot(
    _ triangle: Matrix<Complex128>, checkpoint: () throws -> Void
  ) throws -> Matrix<Complex128> {
    let size = triangle.rows
    var root = Matrix<Complex128>(rows: size, columns: size)
    for column in 0..<size {
      try checkpoint()
      root[column, column] = triangle[column, column].squareRoot()
      for row in (0..<column).reversed() {
        var sum = triangle[row, column]
        for index in row + 1..<max(column, row + 1) { sum -= root[row, index] * root[index, column] }
        let divisor = root[row, row] + root[column, column]
        root[row, column] = sum == .zero ? .zero : sum / divisor
      }
    }
    return root
  }

  /// The principal logarithm of an upper triangular matrix: square roots until it is near one, then a series.
  static func logarithm(
    _ triangle: Matrix<Complex128>, checkpoint: () throws -> Void
  ) throws -> Matrix<Complex128> {
    let size = triangle.rows
    let one = Matrix<Complex128>.identity(size)
    var near = triangle
    var doublings = 0
    while (near - one).columnNorm > 0.05, doublings < 100 {
      near = try squareRoot(near, checkpoint: checkpoint)
      doublings += 1
    }
    // log(x) = 2 artanh((x - 1) / (x + 1)), whose series has odd powers only.
    let ratio = try LUDecomposition(near + one, checkpoint: checkpoint)
      .solve(near - one, checkpoint: checkpoint)
    let square = try ratio.times(ratio, checkpoint: checkpoint)
    var (power, sum) = (ratio, ratio)
    for term in 1..<12 {
      power = try power.times(square, checkpoint: checkpoint)
      sum = sum + power.scaled(by: Complex128(1 / Double(2 * term + 1), 0))
    }
    var result = sum.scaled(by: Complex128(2 * pow(2, Double(doublings)), 0))
    // The diagonal is known exactly.
    for index in 0..<size {
      let value = triangle[index, index]
      result[index, index] = Complex128(log(value.magnitude), atan2(value.imaginary, value.real))
    }
    return result
  }

  /// The exponential: halved until it is small, a series, squared back.
  static func exponential<F: MatrixField>(
    _ matrix: Matrix<F>, checkpoint: () throws -> Void
  ) throws -> Matrix<F> {
    let norm = matrix.columnNorm
    guard norm.isFinite else {
      return Matrix(
        rows: matrix.rows, columns: matrix.columns, elements: matrix.elements.map { _ in F(real: .nan) })
    }
    let halvings = max(0, Int(log2(max(norm, 1e-300)).rounded(.up)) + 2)
    let small = matrix.scaled(by: F(real: pow(0.5, Double(halvings))))
    var (term, sum) = (Matrix<F>.identity(matrix.rows), Matrix<F>.identity(matrix.rows))
    for index in 1...18 {
      term = try term.times(small, checkpoint: checkpoint).scaled(by: F(real: 1 / Double(index)))
      sum = sum + term
    }
    for _ in 0..<halvings { sum = try sum.times(sum, checkpoint: checkpoint) }
    return sum
  }
}
