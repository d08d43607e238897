import GraftTensor

/// The values of a table, a row each, in memory that grows.
struct TableRows: Sendable {
  private(set) var values: Tensor
  let shape: Shape

  init(dtype: DataType, shape: Shape) throws {
    self.shape = shape
    values = try Tensor(uninitialized: dtype, shape: Self.matrix(0, shape))
  }

  private static func matrix(_ rows: Int, _ shape: Shape) throws -> Shape {
    try Shape(validating: [rows] + shape.dimensions)
  }

  /// Makes sure that there are rows enough, and that nobody else sees them.
  mutating func prepareForWriting(_ rows: Int) throws {
    if rows <= values.shape[0] { return try values.makeUnique() }
    let grown = try Tensor(
      uninitialized: values.dtype, shape: Self.matrix(max(rows, values.shape[0] * 2, 8), shape))
    if values.elementCount > 0 {
      grown.view(firstElement: 0, shape: values.shape).initializeElements(from: values)
    }
    values = grown
  }

  /// Copies rows out of a tensor of as many values as there are pairs, or of one value for all.
  func store(_ source: Tensor, _ rows: [Int]) throws {
    try values.dtype.withElement(
      RowCopy(source: source, target: values, rowElements: shape.elementCount, rows: rows, direction: .store))
  }

  /// The rows of the given numbers one after the other.
  func gathered(_ rows: [Int]) throws -> Tensor {
    let result = try Tensor(uninitialized: values.dtype, shape: Self.matrix(rows.count, shape))
    try withExtendedLifetime(values.storage) {
      try values.dtype.withElement(
        RowCopy(source: values, target: result, rowElements: shape.elementCount, rows: rows, direction: .load)
      )
    }
    return result
  }

  /// Empties a row, so that it keeps nothing alive.
  func clear(_ row: Int) {
    values.view(firstElement: row * shape.elementCount, shape: shape).clear()
  }
}

/// Copies rows of tensors from or to places that a list says.
private struct RowCopy: ElementTask {
  enum Direction { case store, load }

  let source: Tensor
  let target: Tensor
  let rowElements: Int
  let rows: [Int]
  let direction: Direction

  func run<E: Sendable>(_ type: E.Type) throws {
    let (source, target) = (source.buffer(as: E.self), target.mutableBuffer(as: E.self))
    for (position, row) in rows.enumerated() {
      let (from, to) = direction == .store ? (position, row) : (row, position)
      for element in 0..<rowElements {
        target[to * rowElements + element] = source[from * rowElements + element]
      }
    }
  }
}
