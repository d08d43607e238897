import GraftTensor

/// Ops on sets: the distinct values of each row.
enum SetOps {
  static let all: [OpDefinition] = [
    definition("DenseToDenseSetOperation", first: false, second: false),
    definition("DenseToSparseSetOperation", first: false, second: true),
    definition("SparseToSparseSetOperation", first: true, second: true), size,
  ]

  private static let types: [DataType] = .signedIntegers + [.uint8, .uint16, .string]

  private enum Operation: String {
    case difference = "a-b"
    case reverseDifference = "b-a"
    case intersection = "intersection"
    case union = "union"
  }

  /// The rows of an operand: what they hold, and how many there are along each dimension but the last.
  private struct Rows {
    let values: Tensor
    /// The rows' numbers along each dimension.
    let shape: [Int]
    /// The places of each row's values, by the row's number.
    let places: [Int: [Int]]
  }

  private static func definition(_ name: String, first: Bool, second: Bool) -> OpDefinition {
    OpDefinition(
      name,
      "The union, intersection or difference of the sets that the rows of two "
        + "\(first ? "sparse" : second ? "dense and sparse" : "dense") tensors are, as rows in ascending "
        + "order.",
      types: ["T": types],
      shape: { context in
        let rank = first || second ? context.input(first ? 2 : 3)[0] : context.input(0).rank
        return [PartialShape([nil, rank]), .ofRank(1), PartialShape([rank])]
      },
      prepare: { setup in
        let text = try setup.string("set_operation")
        guard let operation = Operation(rawValue: text) else {
          throw setup.invalid(
            "The set operation '\(text)' is unknown.", remedy: "Use 'a-b', 'b-a', 'intersection' or 'union'.")
        }
        let validates = try setup.bool("validate_indices")
        return { context in
          let a =
            try first ? sparseRows(context, 0, validates: validates) : denseRows(try context.input(0), 0)
          let b =
            try second
            ? sparseRows(context, first ? 3 : 1, validates: validates) : denseRows(try context.input(1), 1)
          guard a.shape == b.shape else {
            throw ArrayArguments.invalid(
              "The operands differ in how many rows they have: \(a.shape) and "
                + "\(b.shape).", input: first ? 3 : 1)
          }
          switch a.values.dtype {
          case .string: try combine(Bytes.self, a, b, operation, context)
          case .int8: try combine(Int8.self, a, b, operation, context)
          case .int16: try combine(Int16.self, a, b, operation, context)
          case .int32: try combine(Int32.self, a, b, operation, context)
          case .uint8: try combine(UInt8.self, a, b, operation, context)
          case .uint16: try combine(UInt16.self, a, b, operation, context)
          default: try combine(Int64.self, a, b, operation, context)
          }
        }
      })
  }

  private static func denseRows(_ tensor: Tensor, _ input: Int) throws -> Rows {
    guard tensor.rank >= 2 else {
      throw ArrayArguments.invalid(
        "An operand must have two dimensions or more, and its shape is \(tensor.shape).", input: input)
    }
    let shape = Array(tensor.shape.dimensions.dropLast())
    let length = tensor.shape[tensor.rank - 1]
    var places: [Int: [Int]] = [:]
    if length > 0 {
      for row in 0..<tensor.elementCount / length { places[row] = Array(row * length..<(row + 1) * length) }
    }
    return Rows(values: tensor, shape: shape, places: places)
  }

  private static func sparseRows(_ context: KernelContext, _ first: Int, validates: Bool) throws -> Rows {
    let input = try SparseInput(context, indices: first, values: first + 1, shape: first + 2)
    guard input.rank >= 2 else {
      throw ArrayArguments.invalid(
        "An operand must have two dimensions or more, and its shape is \(input.shape).", input: first + 2)
    }
    let flat = try input.flatPlaces(input: first)
    if validates {
      for place in flat.indices.dropFirst() where flat[place] <= flat[place - 1] {
        throw ArrayArguments.invalid(
          "indices[\(place)] = \(Array(input.row(place))) is "
            + (flat[place] == flat[place - 1] ? "repeated." : "out of order."),
          input: first, remedy: "Sort the indices (tf.sparse.reorder).")
      }
    }
    let length = max(input.shape[input.rank - 1], 1)
    var places: [Int: [Int]] = [:]
    for (place, flat) in flat.enumerated() { places[flat / length, default: []].append(place) }
    return Rows(values: input.values, shape: Array(input.shape.dropLast()), places: places)
  }

  private static func combine<E: Hashable & Comparable & TensorScalar>(
    _ type: E.Type, _ a: Rows, _ b: Rows, _ operation: Operation, _ context: KernelContext
  ) throws {
    let x = a.values.buffer(as: type)
    let y = b.values.buffer(as: type)
    let shape = try Shape(validating: a.shape)
    let strides = shape.strides
    var indices: [Int] = []
    var values: [E] = []
    var largest = 0
    for row in Set(a.places.keys).union(b.places.keys).sorted() {
      let first = Set((a.places[row] ?? []).map { x[$0] })
      let second = Set((b.places[row] ?? []).map { y[$0] })
      let result =
        switch operation {
        case .difference: first.subtracting(second)
        case .reverseDifference: second.subtracting(first)
        case .intersection: first.intersection(second)
        case .union: first.union(second)
        }
      largest = max(largest, result.count)
      for (place, value) in result.sorted().enumerated() {
        for axis in 0..<shape.rank { indices.append(row / strides[axis] % shape[axis]) }
        indices.append(place)
        values.append(value)
      }
    }
    try context.setIntegers(0, .int64, Shape([values.count, shape.rank + 1]), indices)
    let output = try context.allocate(1, a.values.dtype, Shape([values.count]))
    let target = output.mutableBuffer(as: type)
    for (place, value) in values.enumerated() { target[place] = value }
    try context.setIntegers(2, .int64, Shape([shape.rank + 1]), a.shape + [largest])
  }

  private static let size = OpDefinition(
    "SetSize", "How many distinct values each row of a sparse tensor has.", types: ["T": types],
    shape: { context in
      if let shape = context.ints(2), !shape.isEmpty { return [PartialShape(shape.dropLast().map { $0 })] }
      return [context.input(2)[0].map { PartialShape.ofRank($0 - 1) } ?? .unknown]
    },
    prepare: { setup in
      let validates = try setup.bool("validate_indices")
      return { context in
        let rows = try sparseRows(context, 0, validates: validates)
        let shape = try Shape(validating: rows.shape)
        try MemoryAccount.requireRoom(for: shape.elementCount, bytesEach: 2 * MemoryLayout<Int>.stride)
        var sizes = [Int](repeating: 0, count: shape.elementCount)
        if rows.values.dtype == .string {
          let values = rows.values.buffer(as: Bytes.self)
          for (row, places) in rows.places { sizes[row] = Set(places.map { values[$0] }).count }
        } else {
          let keys = DistinctKeys.plain(rows.values)
          for (row, places) in rows.places { sizes[row] = Set(places.map { keys[$0] }).count }
        }
        try context.setIntegers(0, .int32, shape, sizes)
      }
    })
}
