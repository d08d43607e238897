import GraftTensor

/// Ops that deal rows out to several tensors, and put them together again.
enum PartitionOps {
  static let all: [OpDefinition] = [
    partition,
    stitch(
      "DynamicStitch",
      "Tensors put together: each row goes to the place that its index says, of several for one place the "
        + "last."
    ),
    stitch("ParallelDynamicStitch", "Tensors put together: each row goes to the place that its index says."),
  ]

  private static let partition = OpDefinition(
    "DynamicPartition",
    "The rows of the input dealt out to `num_partitions` tensors as the second input says.",
    types: ["T": .anything],
    shape: { context in
      let count = context.node.outputTypes.count
      guard let sizes = context.input(0).dimensions, let rank = context.input(1).rank, rank <= sizes.count
      else { return [PartialShape](repeating: .unknown, count: count) }
      return [PartialShape](repeating: PartialShape([nil] + sizes[rank...]), count: count)
    },
    prepare: { setup in
      let count = setup.outputTypes.count
      return { context in
        let data = try context.input(0)
        let partitions = try context.input(1)
        let sizes = data.shape.dimensions
        guard sizes.starts(with: partitions.shape.dimensions) else {
          throw ArrayArguments.invalid(
            "The data's shape \(data.shape) must start with that of the partitions, \(partitions.shape).",
            input: 1)
        }
        let numbers = try partitions.integers()
        var counts = [Int](repeating: 0, count: count)
        for (place, number) in numbers.enumerated() {
          guard number >= 0, number < count else {
            throw ArrayArguments.invalid(
              "partitions\(ArrayArguments.position(place, in: partitions.shape)) = \(number) is not in "
                + "[0, \(count)).", input: 1)
          }
          counts[number] += 1
        }
        let row = Array(sizes[partitions.rank...])
        let length = ArrayArguments.product(row)
        for output in 0..<count {
          let part = try context.allocate(output, data.dtype, Shape([counts[output]] + row))
          guard part.elementCount > 0 else { continue }
          let rows = try context.scratch(.int64, Shape([counts[output]]))
          let target = rows.mutableBuffer(as: Int64.self)
          var next = 0
          for (place, number) in numbers.enumerated() where number == output {
            target[next] = Int64(place)
            next += 1
          }
          try data.dtype.withElement(
            RowGather(
              source: data, rows: rows, length: length, target: part, picked: next, workers: context.workers))
        }
      }
    })

  private static func stitch(_ name: String, _ summary: String) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": .values + .commonQuantized + [.variant]],
      shape: { context in
        let count = context.inputs.count / 2
        var row: PartialShape = .unknown
        var size: Int? = 0
        for index in 0..<count {
          let indices = context.input(index)
          let data = context.input(index + count)
          if let sizes = data.dimensions, let rank = indices.rank, rank <= sizes.count {
            let known = PartialShape(Array(sizes[rank...]))
            row = row.merged(with: known) ?? known
          }
          if let largest = size, let values = context.ints(index) {
            size = values.max().map { max(largest, $0 &+ 1) } ?? largest
          } else {
            size = nil
          }
        }
        guard let dimensions = row.dimensions else { return [.unknown] }
        return [PartialShape([size] + dimensions)]
      },
      prepare: { setup in
        let dtype = try setup.outputType(0)
        return { context in
          let count = context.inputCount / 2
          let indices = try (0..<count).map { try context.input($0) }
          let data = try (count..<2 * count).map { try context.input($0) }
          let (size, row) = try stitched(indices, data)
          let output = try context.allocate(0, dtype, try Shape(validating: [size] + row))
          // Places that no index names hold zeros.
          output.clear()
          for (part, values) in zip(indices, data) where values.elementCount > 0 {
            let rows = try RowNumbers.checked(part, count: size, input: 0, context)
            try RowScatter.apply(
              .update, values, rows: rows, to: output, length: ArrayArguments.product(row))
          }
        }
      })
  }

  /// How many rows the result has, and their shape.
  private static func stitched(_ indices: [Tensor], _ data: [Tensor]) throws -> (size: Int, row: [Int]) {
    var size = 0
    var row: [Int]?
    for (number, (part, values)) in zip(indices, data).enumerated() {
      guard values.shape.dimensions.starts(with: part.shape.dimensions) else {
        throw ArrayArguments.invalid(
          "data[\(number)] has the shape \(values.shape), which does not start with that of "
            + "indices[\(number)], \(part.shape).", input: number + data.count)
      }
      let rest = Array(values.shape.dimensions[part.rank...])
      guard row == nil || row == rest else {
        throw ArrayArguments.invalid(
          "The rows of data[\(number)] have the shape \(Shape(rest)), and those of data[0] "
            + "\(Shape(row ?? [])).",
          input: number + data.count)
      }
      row = rest
      for index in try part.integers() {
        guard index >= 0 else {
          throw ArrayArguments.invalid("indices[\(number)] is out of range: \(index).", input: number)
        }
        size = max(size, index + 1)
      }
    }
    return (size, row ?? [])
  }
}
