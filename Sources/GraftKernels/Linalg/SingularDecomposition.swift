import Glibc

/// The singular values of a matrix in descending order, and the vectors of both sides.
///
/// By rotations of pairs of rows and columns until the matrix is diagonal, each in the order that TensorFlow's
/// library has for matrices of up to 15 columns, so that the vectors have the same signs.
struct SingularDecomposition<F: MatrixField> {
  /// The singular values.
  private(set) var values: [Double] = []
  /// The vectors of the left side as columns: as many as values, or as rows where all were asked for.
  private(set) var left: Matrix<F>
  /// The vectors of the right side as columns: as many as values, or as the matrix has columns.
  private(set) var right: Matrix<F>

  private var work: Matrix<F>
  private var largest = 0.0
  private let precision: NumberPrecision
  /// How often all pairs are visited at most; a dozen rounds suffice.
  private static var patience: Int { 100 }

  /// nil where the matrix holds what is not a number.
  ///
  /// - Parameters:
  ///   - isFull: whether there are to be as many vectors as make a whole basis.
  ///   - checkpoint: is asked between steps.
  /// - Throws: what `checkpoint` throws.
  init?(
    _ matrix: Matrix<F>, _ precision: NumberPrecision, isFull: Bool, checkpoint: () throws -> Void
  ) throws {
    guard let scale = Self.scale(of: matrix) else { return nil }
    let scaled = matrix.scaled(by: F(real: 1 / scale))
    self.precision = precision
    if matrix.rows > matrix.columns {
      let qr = try PivotedQR(scaled, precision, isFull: isFull, checkpoint: checkpoint)
      (work, left, right) = (qr.triangle, qr.orthogonal, qr.permutation)
    } else if matrix.columns > matrix.rows {
      let qr = try PivotedQR(scaled.adjoint, precision, isFull: isFull, checkpoint: checkpoint)
      (work, left, right) = (qr.triangle.adjoint, qr.permutation, qr.orthogonal)
    } else {
      (work, left, right) = (scaled, .identity(matrix.rows), .identity(matrix.rows))
    }
    // Rotations turn pairs of vectors, which for that lie in rows.
    (left, right) = (left.transposed, right.transposed)
    try diagonalize(checkpoint)
    for index in 0..<work.rows { makePositive(index) }
    values = values.map { $0 * scale }
    sort()
    (left, right) = (left.transposed, right.transposed)
  }

  /// The singular values alone; nil where the matrix holds what is not a number.
  ///
  /// - Parameter checkpoint: is asked between steps.
  /// - Throws: what `checkpoint` throws.
  static func values(
    of matrix: Matrix<F>, _ precision: NumberPrecision, checkpoint: () throws -> Void
  ) throws -> [Double]? {
    guard let scale = scale(of: matrix) else { return nil }
    let scaled = matrix.scaled(by: F(real: 1 / scale))
    if let values = try BidiagonalForm.singularValues(scaled, checkpoint: checkpoint) {
      return values.map { $0 * scale }
    }
    return try SingularDecomposition(matrix, precision, isFull: false, checkpoint: checkpoint)?.values
  }

  /// The largest absolute value, or 1 where it is zero; nil where the matrix holds what is not a number.
  private static func scale(of matrix: Matrix<F>) -> Double? {
    let norm = matrix.elements.reduce(0.0) { $1.magnitude.isNaN ? .nan : max($0, $1.magnitude) }
    guard norm.isFinite, matrix.elements.allSatisfy({ $0.magnitude.isFinite }) else { return nil }
    return norm == 0 ? 1 : norm
  }

  private mutating func diagonalize(_ checkpoint: () throws -> Void) throws {
    largest = (0..<work.rows).reduce(0.0) { max($0, work[$1, $1].magnitude) }
    for _ in 0..<Self.patience {
      var isDone = true
      for p in 1..<max(work.rows, 1) {
        try checkpoint()
        for q in 0..<p where isCoupled(p, q, 2 * precision.step) {
          isDone = false
          if makeReal(p, q) {
            rotate(p, q)
            noteDiagonal(p, q)
          }
        }
      }
      if isDone { break }
    }
  }

  private func isCoupled(_ p: Int, _ q: Int, _ step: Double) -> Bool {
    let threshold = max(precision.smallest, step * largest)
    return work[p, q].magnitude > threshold || work[q, p].magnitude > threshold
  }

  private mutating func noteDiagonal(_ p: Int, _ q: Int) {
    largest = max(largest, work[p, p].magnitude, work[q, q].magnitude)
  }

  /// Makes the block of two rows and columns real and upper triangular, where it is complex; whether it is not
  /// diagonal then.
  private mutating func makeReal(_ p: Int, _ q: Int) -> Bool {
    guard F.self != Double.self else { return true }
    let norm = (work[p, p].squaredMagnitude + work[q, p].squaredMagnitude).squareRoot()
    if norm == 0 {
      (work[p, p], work[q, p]) = (F.zero, F.zero)
      if let phase = phase(p, q) { turnRow(p, phase) }
      if let phase = phase(q, q) { turnRow(q, phase) }
    } else {
      let rotation = PlaneRotation(
        work[p, p].conjugate / F(real: norm), work[q, p] / F(real: norm))
      rotation.apply(toRowsOf: &work, p, q)
      rotation.adjoint.apply(toVectors: &left, p, q)
      if let phase = phase(p, q) {
        for row in 0..<work.rows { work[row, q] *= phase }
        for index in 0..<right.columns { right[q, index] *= phase }
      }
      if let phase = phase(q, q) { turnRow(q, phase) }
    }
    noteDiagonal(p, q)
    return isCoupled(p, q, precision.step)
  }

  /// What makes an element real; nil where it is.
  private func phase(_ row: Int, _ column: Int) -> F? {
    let value = work[row, column]
    return value.imaginaryMagnitude > precision.smallest ? F(real: value.magnitude) / value : nil
  }

  private mutating func turnRow(_ row: Int, _ phase: F) {
    for column in 0..<work.columns { work[row, column] *= phase }
    for index in 0..<left.columns { left[row, index] *= phase.conjugate }
  }

  /// Makes a real block of two rows and columns diagonal.
  private mutating func rotate(_ p: Int, _ q: Int) {
    let (a, b) = (work[p, p].realPart, work[p, q].realPart)
    let (c, d) = (work[q, p].realPart, work[q, q].realPart)
    // First a rotation of the rows that makes the block symmetric.
    var (cosine, sine) = (1.0, 0.0)
    if abs(c - b) >= precision.smallest {
      let ratio = (a + d) / (c - b)
      let length = (1 + ratio * ratio).squareRoot()
      (cosine, sine) = (ratio / length, 1 / length)
    }
    let turn = Self.jacobi(cosine * a + sine * c, cosine * b + sine * d, cosine * d - sine * b, precision)
    let rows = PlaneRotation(
      F(real: cosine * turn.cosine + sine * turn.sine), F(real: sine * turn.cosine - cosine * turn.sine))
    let columns = PlaneRotation(F(real: turn.cosine), F(real: turn.sine))
    rows.apply(toRowsOf: &work, p, q)
    rows.adjoint.apply(toVectors: &left, p, q)
    columns.apply(toColumnsOf: &work, p, q)
    columns.apply(toVectors: &right, p, q)
  }

  /// The rotation that makes the symmetric matrix (x y; y z) diagonal.
  private static func jacobi(
    _ x: Double, _ y: Double, _ z: Double, _ precision: NumberPrecision
  ) -> (cosine: Double, sine: Double) {
    let twice = 2 * abs(y)
    guard twice >= precision.smallest else { return (1, 0) }
    let tau = (x - z) / twice
    let length = (tau * tau + 1).squareRoot()
    let tangent = 1 / (tau > 0 ? tau + length : tau - length)
    let cosine = 1 / (tangent * tangent + 1).squareRoot()
    return (cosine, -tangent * (y < 0 ? -1 : 1) * cosine)
  }

  private mutating func makePositive(_ index: Int) {
    let value = work[index, index]
    let isComplex = value.imaginaryMagnitude > precision.smallest
    let size = isComplex ? value.magnitude : value.realPart
    values.append(abs(size))
    guard isComplex || size < 0 else { return }
    let phase = isComplex ? value / F(real: size) : F(real: -1)
    for column in 0..<left.columns { left[index, column] *= phase }
  }

  private mutating func sort() {
    for index in values.indices {
      var most = index
      for other in index..<values.count where values[other] > values[most] { most = other }
      guard values[most] > 0 else { return }
      values.swapAt(index, most)
      left.swapRows(index, most)
      right.swapRows(index, most)
    }
  }
}

/// A matrix with as many rows as columns or more, its columns exchanged, as the product of an orthogonal and a
/// triangular one; the largest columns come first.
struct PivotedQR<F: MatrixField> {
  /// As many columns as the matrix has, or as rows where all were asked for.
  let orthogonal: Matrix<F>
  /// The upper triangle, as many rows as columns.
  let triangle: Matrix<F>
  /// The unit vectors in the order of the columns.
  let permutation: Matrix<F>

  init(
    _ matrix: Matrix<F>, _ precision: NumberPrecision, isFull: Bool, checkpoint: () throws -> Void
  ) throws {
    let columns = matrix.columns
    var r = matrix
    var permutation = Matrix<F>.identity(columns)
    var reflections: [Reflection<F>] = []
    var norms = (0..<columns).map { Self.norm(r.column($0)) }
    var exactNorms = norms
    for step in 0..<columns {
      try checkpoint()
      var pivot = step
      for other in step..<columns where norms[other] > norms[pivot] { pivot = other }
      r.swapColumns(step, pivot)
      permutation.swapColumns(step, pivot)
      norms.swapAt(step, pivot)
      exactNorms.swapAt(step, pivot)
      let reflection = Reflection(r.column(step, from: step), precision)
      reflection.apply(reflection.tau, to: &r, columns: step + 1..<columns)
      r[step, step] = F(real: reflection.beta)
      for row in step + 1..<max(r.rows, step + 1) { r[row, step] = F.zero }
      reflections.append(reflection)
      // Norms are brought up to date as long as that is exact enough.
      for column in step + 1..<columns where norms[column] != 0 {
        let share = r[step, column].magnitude / norms[column]
        let rest = max((1 + share) * (1 - share), 0)
        let ratio = norms[column] / exactNorms[column]
        if rest * ratio * ratio <= precision.step.squareRoot() {
          exactNorms[column] = Self.norm(r.column(column, from: step + 1))
          norms[column] = exactNorms[column]
        } else {
          norms[column] *= rest.squareRoot()
        }
      }
    }
    var q = Matrix<F>(rows: matrix.rows, columns: isFull ? matrix.rows : columns)
    for index in 0..<q.columns { q[index, index] = F.one }
    for reflection in reflections.reversed() {
      try checkpoint()
      reflection.apply(reflection.tau.conjugate, to: &q, columns: 0..<q.columns)
    }
    orthogonal = q
    triangle = Matrix(
      rows: columns, columns: columns, elements: Array(r.elements.prefix(columns * columns)))
    self.permutation = permutation
  }

  private static func norm(_ vector: [F]) -> Double {
    vector.reduce(0.0) { $0 + $1.squaredMagnitude }.squareRoot()
  }
}
