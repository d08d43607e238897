import GraftTensor

/// A sparse matrix, or a batch of them, by compressed rows: what a `CSRSparseMatrix` variant holds.
final class CompressedRows: @unchecked Sendable {
  /// Batch where there is one, rows and columns.
  let shape: Shape
  /// The columns of the elements, row by row, batch by batch.
  let columns: [Int32]
  /// For each batch and row where its elements begin among all of them; and the end.
  let starts: [Int]
  /// The elements: a vector.
  let values: Tensor

  init(shape: Shape, columns: [Int32], starts: [Int], values: Tensor) {
    self.shape = shape
    self.columns = columns
    self.starts = starts
    self.values = values
  }

  var hasBatch: Bool { shape.rank == 3 }
  var batch: Int { hasBatch ? shape[0] : 1 }
  var rows: Int { shape[shape.rank - 2] }
  var width: Int { shape[shape.rank - 1] }

  /// The shape with other sizes of the matrices.
  func shape(rows: Int, columns: Int) -> Shape {
    Shape(hasBatch ? [batch, rows, columns] : [rows, columns])
  }

  /// Checks a shape.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for one that is not of matrices or a batch of them.
  static func check(_ sizes: [Int], input: Int) throws -> Shape {
    guard sizes.count == 2 || sizes.count == 3 else {
      throw ArrayArguments.invalid(
        "Sparse matrices have 2 dimensions, or 3 with a batch, and \(sizes.count) were found.", input: input)
    }
    let shape = try Shape(validating: sizes)
    // Rows that hold nothing cost memory, too.
    let lines = ArrayArguments.saturatingProduct(sizes.count == 3 ? sizes[0] : 1, sizes[sizes.count - 2])
    guard lines <= 1 << 31, sizes.allSatisfy({ $0 <= Int(Int32.max) }) else {
      throw GraftError(
        .resourceExhausted, "Sparse matrices of shape \(shape) have too many rows.", at: .init(input: input))
    }
    return shape
  }

  /// The matrices of elements at places in row-major order.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for places beyond the shape or out of order.
  convenience init(shape: Shape, indices: Tensor, values: Tensor, input: Int) throws {
    let places = indices.buffer(as: Int64.self)
    let rank = shape.rank
    let count = values.elementCount
    guard indices.rank == 2, indices.shape[0] == count, indices.shape[1] == rank, values.rank == 1 else {
      throw ArrayArguments.invalid(
        "Indices of shape \(indices.shape) do not belong to \(count) elements of matrices of shape \(shape).",
        input: input)
    }
    let rows = shape[rank - 2]
    try MemoryAccount.requireRoom(
      for: (rank == 3 ? shape[0] : 1) * rows, bytesEach: MemoryLayout<Int>.stride)
    var columns = [Int32](repeating: 0, count: count)
    var starts = [Int](repeating: 0, count: (rank == 3 ? shape[0] : 1) * rows + 1)
    var last = -1
    for element in 0..<count {
      for axis in 0..<rank {
        let index = places[element * rank + axis]
        guard index >= 0, index < shape[axis] else {
          throw ArrayArguments.invalid(
            "Element \(element) has the index \(index) in dimension \(axis) of size \(shape[axis]).",
            input: input)
        }
      }
      let line =
        (rank == 3 ? Int(places[element * rank]) * rows : 0) + Int(places[element * rank + rank - 2])
      guard line >= last else {
        throw ArrayArguments.invalid(
          "Element \(element) is out of order: indices must ascend.", input: input)
      }
      last = line
      columns[element] = Int32(truncatingIfNeeded: places[element * rank + rank - 1])
      starts[line + 1] += 1
    }
    for line in 1..<max(starts.count, 1) { starts[line] += starts[line - 1] }
    self.init(shape: shape, columns: columns, starts: starts, values: values)
  }

  /// The places of the elements: one row of indices each.
  func indices() throws -> Tensor {
    let rank = shape.rank
    let result = try Tensor(uninitialized: .int64, shape: Shape([columns.count, rank]))
    let target = result.mutableBuffer(as: Int64.self)
    for line in 0..<starts.count - 1 {
      for element in starts[line]..<starts[line + 1] {
        if hasBatch { target[element * rank] = Int64(line / rows) }
        target[element * rank + rank - 2] = Int64(line % rows)
        target[element * rank + rank - 1] = Int64(columns[element])
      }
    }
    return result
  }

  /// The transposed matrices.
  func transposed() throws -> CompressedRows {
    let (rows, width) = (self.rows, self.width)
    try MemoryAccount.requireRoom(for: batch * width, bytesEach: 2 * MemoryLayout<Int>.stride)
    var starts = [Int](repeating: 0, count: batch * width + 1)
    for line in 0..<batch * rows {
      for element in self.starts[line]..<self.starts[line + 1] {
        starts[line / rows * width + Int(columns[element]) + 1] += 1
      }
    }
    for line in 1..<max(starts.count, 1) { starts[line] += starts[line - 1] }
    var next = starts
    var columns = [Int32](repeating: 0, count: self.columns.count)
    let numbers = try Tensor(uninitialized: .int64, shape: Shape([columns.count]))
    let order = numbers.mutableBuffer(as: Int64.self)
    for line in 0..<batch * rows {
      for element in self.starts[line]..<self.starts[line + 1] {
        let target = line / rows * width + Int(self.columns[element])
        columns[next[target]] = Int32(truncatingIfNeeded: line % rows)
        order[next[target]] = Int64(element)
        next[target] += 1
      }
    }
    let values = try Tensor(uninitialized: self.values.dtype, shape: self.values.shape)
    try values.dtype.withElement(
      RowGather(
        source: self.values, rows: numbers, length: 1, target: values, picked: columns.count,
        workers: WorkerPool(threads: 1)))
    return CompressedRows(
      shape: shape(rows: width, columns: rows), columns: columns, starts: starts, values: values)
  }

  /// The matrices with conjugated elements.
  func conjugated() throws -> CompressedRows {
    let values = try self.values.copied()
    switch values.dtype {
    case .complex64: Self.conjugate(Float.self, values)
    case .complex128: Self.conjugate(Double.self, values)
    default: return self
    }
    return CompressedRows(shape: shape, columns: columns, starts: starts, values: values)
  }

  private static func conjugate<R: BinaryFloatingPoint & Sendable>(_ type: R.Type, _ values: Tensor) {
    let target = values.mutableBuffer(as: Complex<R>.self)
    for index in target.indices { target[index].imaginary = -target[index].imaginary }
  }
}

extension KernelContext {
  /// The sparse matrices that a variant input holds, of the given dtype.
  func compressedRows(_ index: Int, of dtype: DataType?) throws -> CompressedRows {
    guard let matrix = try input(index).handled(as: CompressedRows.self) else {
      throw ArrayArguments.invalid("A variant that holds sparse matrices is expected.", input: index)
    }
    if let dtype, matrix.values.dtype != dtype {
      throw ArrayArguments.invalid(
        "The sparse matrices hold \(matrix.values.dtype), and \(dtype) is asked for.", input: index)
    }
    return matrix
  }

  /// Gives sparse matrices as an output: a variant.
  func setCompressedRows(_ index: Int, _ matrix: CompressedRows) throws {
    let variant = try Tensor(uninitialized: .variant, shape: .scalar)
    variant.mutableBuffer(as: TensorHandle.self)[0] = TensorHandle(matrix)
    try setOutput(index, variant)
  }
}
