import CGraftVector
import GraftTensor

/// Transforms along one dimension of complex numbers in memory, or of rows of real ones: each line is read, transformed
/// in double precision and written.
struct FourierPass<T: FourierScalar> {
  let context: KernelContext

  /// Transforms complex numbers along a dimension, with the elements of each line where they were.
  ///
  /// - Parameter target: another memory, or the same.
  func transform(
    _ source: UnsafePointer<T>, _ target: UnsafeMutablePointer<T>, sizes: [Int], axis: Int, inverse: Bool
  ) throws {
    let length = sizes[axis]
    let step = sizes[(axis + 1)...].reduce(1, *)
    let plan = FourierTransform.shared(length)
    let factor = inverse ? 1 / Double(length) : 1
    let width = min(step, FourierLines.width)
    let blocks = (step + width - 1) / width
    nonisolated(unsafe) let (source, target) = (source, target)
    try FourierLines.forEach(
      sizes[..<axis].reduce(1, *) * blocks, width: width, positions: length, context
    ) { memory, block in
      let first = block % blocks * width
      let start = 2 * (block / blocks * length * step + first)
      memory.count = min(width, step - first)
      let (rows, count) = step == 1 ? (1, length) : (length, memory.count)
      T.split(source + start, row: 2 * step, memory, rows: rows, count: count)
      plan.run(memory, inverse: inverse)
      T.join(memory, target + start, row: 2 * step, rows: rows, count: count, factor: factor)
    }
  }

  /// The half of the transform of real rows, of which the first elements count, as many as the length; zeros follow
  /// where there are fewer.
  func transformReals(
    _ source: UnsafePointer<T>, _ rows: FourierRows, _ target: UnsafeMutablePointer<T>, length: Int
  ) throws {
    let plan = RealFourierTransform.shared(length)
    let frequencies = plan.frequencies
    nonisolated(unsafe) let (source, target) = (source, target)
    try FourierLines.forEach(rows.count, width: 1, positions: plan.positions, context) { memory, row in
      let given = rows.source(of: row)
      plan.load(memory, source + (given ?? 0) * rows.size, count: given == nil ? 0 : rows.size)
      plan.run(memory)
      T.join(memory, target + 2 * row * frequencies, row: 0, rows: 1, count: frequencies, factor: 1)
    }
  }

  /// The real rows of whose transforms these are the halves; none of a row is nothing but zeros.
  func reals(
    _ source: UnsafePointer<T>, _ rows: FourierRows, _ target: UnsafeMutablePointer<T>, length: Int
  ) throws {
    let plan = RealFourierTransform.shared(length)
    nonisolated(unsafe) let (source, target) = (source, target)
    try FourierLines.forEach(rows.count, width: 1, positions: plan.positions, context) { memory, row in
      if let given = rows.source(of: row), rows.size >= plan.frequencies {
        T.split(source + 2 * given * rows.size, row: 0, memory, rows: 1, count: plan.frequencies)
      } else {
        memory.real.update(repeating: 0, count: plan.frequencies)
        memory.imaginary.update(repeating: 0, count: plan.frequencies)
      }
      plan.runInverse(memory)
      plan.store(memory, target + row * length)
    }
  }
}

/// Which rows of a tensor the rows of another come from, whose dimensions but the last are shorter or as long, or have
/// elements where the tensor has none.
struct FourierRows {
  /// How many rows the other one has.
  let count: Int
  /// How many numbers a row of the tensor has.
  let size: Int
  private let sizes: [Int]
  private let given: [Int]
  private let isSame: Bool

  /// - Parameter sizes: the other one's dimensions but the last.
  init(_ sizes: [Int], of shape: [Int]) {
    self.sizes = sizes
    given = Array(shape.dropLast())
    size = shape.last ?? 1
    count = sizes.reduce(1, *)
    isSame = sizes == given && size > 0
  }

  /// The tensor's row; nil where it has none.
  func source(of row: Int) -> Int? {
    if isSame { return row }
    guard size > 0 else { return nil }
    var (rest, source, step) = (row, 0, 1)
    for axis in sizes.indices.reversed() {
      let position = rest % sizes[axis]
      guard position < given[axis] else { return nil }
      source += position * step
      step *= given[axis]
      rest /= sizes[axis]
    }
    return source
  }
}

/// The numbers that transforms read and write.
protocol FourierScalar: BinaryFloatingPoint, Sendable {
  init(_ value: Double)
  /// Takes rows of complex numbers, `row` elements apart, to the first positions of lines.
  static func split(
    _ source: UnsafePointer<Self>, row: Int, _ lines: FourierLines, rows: Int, count: Int)
  /// Writes the first positions of lines to rows of complex numbers, times a factor.
  static func join(
    _ lines: FourierLines, _ target: UnsafeMutablePointer<Self>, row: Int, rows: Int, count: Int,
    factor: Double)
}

extension Float: FourierScalar {
  static func split(
    _ source: UnsafePointer<Float>, row: Int, _ lines: FourierLines, rows: Int, count: Int
  ) {
    graft_fourier_split_f32(source, row, lines.real, lines.imaginary, lines.count, rows, count)
  }

  static func join(
    _ lines: FourierLines, _ target: UnsafeMutablePointer<Float>, row: Int, rows: Int, count: Int,
    factor: Double
  ) {
    graft_fourier_join_f32(lines.real, lines.imaginary, lines.count, target, row, rows, count, factor)
  }
}

extension Double: FourierScalar {
  static func split(
    _ source: UnsafePointer<Double>, row: Int, _ lines: FourierLines, rows: Int, count: Int
  ) {
    graft_fourier_split_f64(source, row, lines.real, lines.imaginary, lines.count, rows, count)
  }

  static func join(
    _ lines: FourierLines, _ target: UnsafeMutablePointer<Double>, row: Int, rows: Int, count: Int,
    factor: Double
  ) {
    graft_fourier_join_f64(lines.real, lines.imaginary, lines.count, target, row, rows, count, factor)
  }
}
