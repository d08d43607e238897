import GraftTensor

/// A sparse tensor as three inputs of a kernel give it: indices, one row for each value; values; and the
/// shape of the dense tensor that is meant.
struct SparseInput: Sendable {
  /// The indices, row by row.
  let indices: [Int]
  /// The values, as a vector.
  let values: Tensor
  /// The dense sizes.
  let shape: [Int]

  /// How many values there are.
  let count: Int

  /// How many dimensions there are.
  var rank: Int { shape.count }

  /// Reads three inputs, which need not stand side by side.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) where they do not fit each other.
  init(_ context: KernelContext, indices: Int, values: Int, shape: Int) throws {
    let table = try context.input(indices)
    self.values = try context.input(values)
    self.shape = try ArrayArguments.vector(context, shape, "shape")
    guard table.rank == 2 else {
      throw ArrayArguments.invalid(
        "The indices of a sparse tensor must be a matrix, and their shape is \(table.shape).", input: indices)
    }
    guard self.values.rank == 1, self.values.elementCount == table.shape[0] else {
      throw ArrayArguments.invalid(
        "There must be a value for each of the \(table.shape[0]) rows of indices, and the values' shape is "
          + "\(self.values.shape).", input: values)
    }
    guard table.shape[1] == self.shape.count else {
      throw ArrayArguments.invalid(
        "The indices have \(table.shape[1]) columns, and the sparse tensor's shape has \(self.shape.count) "
          + "sizes.",
        input: indices)
    }
    self.indices = try table.integers()
    count = table.shape[0]
  }

  /// A sparse tensor made elsewhere.
  init(indices: [Int], values: Tensor, shape: [Int]) {
    self.indices = indices
    self.values = values
    self.shape = shape
    count = values.elementCount
  }

  /// The indices of a value.
  @inline(__always)
  func row(_ place: Int) -> ArraySlice<Int> { indices[place * rank..<(place + 1) * rank] }

  /// The places of the values in the dense tensor, in row-major order.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) where an index is out of range, or the shape is none.
  func flatPlaces(input: Int? = nil) throws -> [Int] {
    let dense = try Shape(validating: shape)
    let strides = dense.strides
    return try (0..<count).map { place in
      var flat = 0
      for axis in 0..<rank {
        let index = indices[place * rank + axis]
        guard index >= 0, index < shape[axis] else {
          throw ArrayArguments.invalid(
            "The indices \(Array(row(place))) of value \(place) are out of bounds for the shape \(dense).",
            input: input)
        }
        flat += index * strides[axis]
      }
      return flat
    }
  }

  /// The order of the values in which their indices ascend; equal ones stay in their order.
  func sortedPlaces() -> [Int] {
    (0..<count).sorted { a, b in
      for axis in 0..<rank {
        let x = indices[a * rank + axis]
        let y = indices[b * rank + axis]
        if x != y { return x < y }
      }
      return a < b
    }
  }
}

extension KernelContext {
  /// Gives three outputs a sparse tensor whose values are some of another tensor's elements.
  ///
  /// - Parameters:
  ///   - indices: The indices of the values, row by row.
  ///   - places: Which elements the values are.
  func setSparse(
    _ output: Int, indices: [Int], valuesOf source: Tensor, at places: [Int], shape: [Int],
    shapeOutput: Int? = nil
  ) throws {
    try setIntegers(output, .int64, Shape([places.count, shape.count]), indices)
    try setElements(output + 1, of: source, at: places)
    try setIntegers(shapeOutput ?? output + 2, .int64, Shape([shape.count]), shape)
  }

  /// Gives an output some of a tensor's elements, as a vector.
  ///
  /// - Precondition: the places are within the tensor.
  func setElements(_ output: Int, of source: Tensor, at places: [Int]) throws {
    let target = try allocate(output, source.dtype, Shape([places.count]))
    guard !places.isEmpty else { return }
    let rows = try scratch(.int64, Shape([places.count]))
    let numbers = rows.mutableBuffer(as: Int64.self)
    for (place, number) in places.enumerated() { numbers[place] = Int64(number) }
    try source.dtype.withElement(
      RowGather(
        source: source, rows: rows, length: 1, target: target, picked: places.count, workers: workers))
  }
}
