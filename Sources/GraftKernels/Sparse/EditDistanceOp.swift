import GraftTensor

/// How many insertions, deletions and replacements lead from one sequence to another.
enum EditDistanceOp {
  static let all: [OpDefinition] = [
    OpDefinition(
      "EditDistance",
      "For each row of two sparse tensors how many insertions, deletions and replacements lead from the "
        + "first to the second.",
      types: ["T": .plainValues + [.string]],
      shape: { context in
        guard let a = context.ints(2), let b = context.ints(5), a.count == b.count, a.count > 1 else {
          return [.unknown]
        }
        return [PartialShape(zip(a, b).dropLast().map { max($0, $1) })]
      },
      prepare: { setup in
        let normalizes = try setup.bool("normalize")
        return { context in
          let hypothesis = try SparseInput(context, indices: 0, values: 1, shape: 2)
          let truth = try SparseInput(context, indices: 3, values: 4, shape: 5)
          guard hypothesis.rank == truth.rank, truth.rank >= 2 else {
            throw ArrayArguments.invalid(
              "Both operands must have the same two or more dimensions, and their shapes are "
                + "\(hypothesis.shape) and "
                + "\(truth.shape).")
          }
          for operand in [hypothesis, truth] { _ = try Shape(validating: operand.shape) }
          let sizes = zip(hypothesis.shape, truth.shape).dropLast().map { max($0, $1) }
          let shape = try Shape(validating: sizes)
          let said = try rows(hypothesis, shape, input: 0)
          let meant = try rows(truth, shape, input: 3)
          let output = try context.allocate(0, .float32, shape)
          output.clear()
          let target = output.mutableBuffer(as: Float.self)
          let (first, second) = (hypothesis.values, truth.values)
          let distances =
            switch truth.values.dtype {
            case .string: distances(said, elements(Bytes.self, first), meant, elements(Bytes.self, second))
            case .complex64:
              distances(said, elements(Complex64.self, first), meant, elements(Complex64.self, second))
            case .complex128:
              distances(said, elements(Complex128.self, first), meant, elements(Complex128.self, second))
            default: distances(said, DistinctKeys.plain(first), meant, DistinctKeys.plain(second))
            }
          for (row, distance) in distances {
            let length = meant[row]?.count ?? 0
            // From something to nothing is infinitely far, measured by the length of nothing.
            target[row] =
              !normalizes ? Float(distance) : length > 0 ? Float(distance) / Float(length) : .infinity
          }
        }
      })
  ]

  private static func elements<E>(_ type: E.Type, _ tensor: Tensor) -> [E?] {
    tensor.buffer(as: type).map { $0 }
  }

  /// The places of each row's values, by the row's place in the output.
  private static func rows(_ input: SparseInput, _ shape: Shape, input number: Int) throws -> [Int: [Int]] {
    let strides = shape.strides
    var rows: [Int: [Int]] = [:]
    for place in 0..<input.count {
      var row = 0
      for axis in 0..<shape.rank {
        let index = input.indices[place * input.rank + axis]
        guard index >= 0, index < shape[axis] else {
          throw ArrayArguments.invalid(
            "The indices \(Array(input.row(place))) are out of bounds for rows of shape "
              + "\(shape).", input: number)
        }
        row += index * strides[axis]
      }
      rows[row, default: []].append(place)
    }
    return rows
  }

  private static func distances<Key: Equatable>(
    _ said: [Int: [Int]], _ saidKeys: [Key?], _ meant: [Int: [Int]], _ meantKeys: [Key?]
  ) -> [Int: Int] {
    var result: [Int: Int] = [:]
    for row in Set(said.keys).union(meant.keys) {
      result[row] = distance((said[row] ?? []).map { saidKeys[$0] }, (meant[row] ?? []).map { meantKeys[$0] })
    }
    return result
  }

  /// The distance of Levenshtein. A key of nil equals nothing.
  private static func distance<Key: Equatable>(_ a: [Key?], _ b: [Key?]) -> Int {
    var costs = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = costs[0]
      costs[0] = i + 1
      for (j, y) in b.enumerated() {
        let isSame = x != nil && x == y
        let next = min(costs[j] + 1, costs[j + 1] + 1, diagonal + (isSame ? 0 : 1))
        diagonal = costs[j + 1]
        costs[j + 1] = next
      }
    }
    return costs[b.count]
  }
}
