import Glibc

/// A matrix brought to two diagonals by reflections from both sides, for its singular values alone: far less work than
/// rotating pairs of its rows and columns, which gives the vectors.
struct BidiagonalForm {
  private var diagonal: [Double]
  /// What stands right of the diagonal; the last is zero.
  private var next: [Double]
  /// Steps for each value at most.
  private static var patience: Int { 60 }

  /// The singular values of a matrix of numbers in descending order; nil where the steps do not come to an end.
  ///
  /// - Parameter checkpoint: is asked between steps.
  /// - Throws: what `checkpoint` throws.
  static func singularValues<F: MatrixField>(
    _ matrix: Matrix<F>, checkpoint: () throws -> Void
  ) throws -> [Double]? {
    var form = try BidiagonalForm(matrix.rows < matrix.columns ? matrix.adjoint : matrix, checkpoint)
    guard try form.iterate(checkpoint) else { return nil }
    return form.diagonal.sorted(by: >)
  }

  /// - Parameter matrix: has as many rows as columns or more.
  private init<F: MatrixField>(_ matrix: Matrix<F>, _ checkpoint: () throws -> Void) throws {
    let columns = matrix.columns
    var a = matrix
    diagonal = [Double](repeating: 0, count: columns)
    next = diagonal
    for step in 0..<columns {
      try checkpoint()
      let left = Reflection(a.column(step, from: step), .double)
      left.apply(left.tau, to: &a, columns: step + 1..<columns)
      diagonal[step] = left.beta
      guard step + 1 < columns else { break }
      let row = (step + 1..<columns).map { a[step, $0].conjugate }
      let right = Reflection(row, .double)
      right.applyFromRight(right.tau.conjugate, to: &a, rows: step + 1..<matrix.rows)
      next[step] = right.beta
    }
  }

  /// Makes what is right of the diagonal zero.
  private mutating func iterate(_ checkpoint: () throws -> Void) throws -> Bool {
    var end = diagonal.count
    for _ in 0...Self.patience * diagonal.count {
      guard end > 0 else { return true }
      try checkpoint()
      // The last block whose elements are all coupled.
      var start = end - 1
      while start > 0, !isNegligible(start - 1) { start -= 1 }
      if start > 0 { next[start - 1] = 0 }
      if start == end - 1 {
        diagonal[start] = abs(diagonal[start])
        end -= 1
        continue
      }
      if let zero = (start..<end).last(where: { isZero($0, start, end) }) {
        diagonal[zero] = 0
        zero == end - 1 ? clearColumn(start, end) : clearRow(zero, end)
      } else {
        step(start, end)
      }
    }
    return false
  }

  private static let least = Double.leastNormalMagnitude * 0x1p56

  private func isNegligible(_ index: Int) -> Bool {
    abs(next[index]) <= Self.least + .ulpOfOne * (abs(diagonal[index]) + abs(diagonal[index + 1]))
  }

  private func isZero(_ index: Int, _ start: Int, _ end: Int) -> Bool {
    let right = index < end - 1 ? abs(next[index]) : 0
    let above = index > start ? abs(next[index - 1]) : 0
    return abs(diagonal[index]) <= Self.least + .ulpOfOne * (right + above)
  }

  /// Where the last element of the diagonal is zero, what is above it becomes zero too.
  private mutating func clearColumn(_ start: Int, _ end: Int) {
    var rest = next[end - 2]
    next[end - 2] = 0
    for index in (start..<end - 1).reversed() {
      let turn = Turn(diagonal[index], rest)
      diagonal[index] = turn.length
      if index > start {
        rest = -turn.sine * next[index - 1]
        next[index - 1] *= turn.cosine
      }
    }
  }

  /// Where an element of the diagonal is zero, what is right of it becomes zero too.
  private mutating func clearRow(_ zero: Int, _ end: Int) {
    var rest = next[zero]
    next[zero] = 0
    for index in zero + 1..<end {
      let turn = Turn(diagonal[index], rest)
      diagonal[index] = turn.length
      rest = -turn.sine * next[index]
      next[index] *= turn.cosine
    }
  }

  /// One QR step on the rows from `start` to before `end`, with the shift of Golub and Kahan.
  private mutating func step(_ start: Int, _ end: Int) {
    let scale = max(
      abs(diagonal[end - 1]), abs(diagonal[end - 2]), abs(next[end - 2]), abs(diagonal[start]),
      abs(next[start]))
    let (last, before) = (diagonal[end - 1] / scale, diagonal[end - 2] / scale)
    let (corner, first) = (next[end - 2] / scale, diagonal[start] / scale)
    let half = ((before + last) * (before - last) + corner * corner) / 2
    let square = last * corner * last * corner
    var shift = 0.0
    if half != 0 || square != 0 {
      let root = (half * half + square).squareRoot()
      shift = square / (half + (half < 0 ? -root : root))
    }
    var f = (first + last) * (first - last) + shift
    var g = first * (next[start] / scale)
    for index in start..<end - 1 {
      let right = Turn(f, g)
      if index > start { next[index - 1] = right.length }
      f = right.cosine * diagonal[index] + right.sine * next[index]
      next[index] = right.cosine * next[index] - right.sine * diagonal[index]
      g = right.sine * diagonal[index + 1]
      diagonal[index + 1] *= right.cosine
      let left = Turn(f, g)
      diagonal[index] = left.length
      f = left.cosine * next[index] + left.sine * diagonal[index + 1]
      diagonal[index + 1] = left.cosine * diagonal[index + 1] - left.sine * next[index]
      g = left.sine * next[index + 1]
      next[index + 1] *= left.cosine
    }
    next[end - 2] = f
  }

  /// The rotation that turns (x, y) to (length, 0).
  private struct Turn {
    let cosine: Double
    let sine: Double
    let length: Double

    init(_ x: Double, _ y: Double) {
      let square = x * x + y * y
      // Squares of small numbers lose their digits.
      length = square > 0x1p-900 ? square.squareRoot() : hypot(x, y)
      (cosine, sine) = length == 0 ? (1, 0) : (x / length, y / length)
    }
  }
}

extension Reflection {
  /// Applies 1 - factor v v* from the right to the last columns of the given rows.
  fileprivate func applyFromRight(_ factor: F, to matrix: inout Matrix<F>, rows: Range<Int>) {
    let (columns, size) = (matrix.columns, vector.count)
    let conjugated = vector.map(\.conjugate)
    vector.withUnsafeBufferPointer { v in
      conjugated.withUnsafeBufferPointer { w in
        matrix.elements.withUnsafeMutableBufferPointer { elements in
          guard let base = elements.baseAddress, let v = v.baseAddress, let w = w.baseAddress else { return }
          for row in rows {
            let target = base + (row + 1) * columns - size
            // Four sums, none of which waits for the others.
            var (s0, s1, s2, s3) = (F.zero, F.zero, F.zero, F.zero)
            var index = 0
            while index + 4 <= size {
              s0 = s0 + target[index] * v[index]
              s1 = s1 + target[index + 1] * v[index + 1]
              s2 = s2 + target[index + 2] * v[index + 2]
              s3 = s3 + target[index + 3] * v[index + 3]
              index += 4
            }
            while index < size {
              s0 = s0 + target[index] * v[index]
              index += 1
            }
            let sum = (s0 + s1 + (s2 + s3)) * factor
            for index in 0..<size { target[index] = target[index] - sum * w[index] }
          }
        }
      }
    }
  }
}
