import GraftGraph
import GraftTensor

/// Datasets that put elements together, and take them apart.
enum BatchDatasets {
  static let all: [OpDefinition] = [
    .dataset("BatchDataset", "Batches of elements of one shape.") { _ in
      return { context in
        try batched(try context.dataset(0), try context.number(1), dropsRemainder: false)
      }
    },
    .dataset("BatchDatasetV2", "Batches of elements of one shape.") { _ in
      return { context in
        try batched(try context.dataset(0), try context.number(1), dropsRemainder: try context.truth(2))
      }
    },
    padded("PaddedBatchDataset"), padded("PaddedBatchDatasetV2"),
    .dataset("UnbatchDataset", "The slices of each element.") { _ in
      return { context in
        let source = try context.dataset(0)
        return Dataset(.unknown) {
          let elements = source.elements()
          var rest: ArraySlice<[Tensor]> = []
          return { context in
            while true {
              if let element = rest.popFirst() { return element }
              try context.checkpoint()
              guard let element = try elements(context) else { return nil }
              rest = try TensorBatch.slices(of: element)[...]
            }
          }
        }
      }
    },
    window,
  ]

  /// Batches of a dataset's elements.
  static func batched(_ source: Dataset, _ size: Int, dropsRemainder: Bool) throws -> Dataset {
    try groups(source, size, dropsRemainder: dropsRemainder) { elements in
      try elements[0].indices.map { index in
        let parts = elements.map { $0[index] }
        return try TensorBatch.stacked(parts, parts[0].dtype, PartialShape(parts[0].shape))
      }
    }
  }

  private static func groups(
    _ source: Dataset, _ size: Int, dropsRemainder: Bool,
    _ join: @escaping @Sendable ([[Tensor]]) throws -> [Tensor]
  ) throws -> Dataset {
    guard size > 0 else {
      throw GraftError(.invalidArgument, "A batch of \(size) elements is asked for; it has one at least.")
    }
    let cardinality = source.cardinality.map { count in
      count / size + (dropsRemainder || count % size == 0 ? 0 : 1)
    }
    return Dataset(cardinality) {
      let elements = source.elements()
      return { context in
        var group: [[Tensor]] = []
        while group.count < size {
          try context.checkpoint()
          guard let element = try elements(context) else { break }
          if let first = group.first, first.count != element.count {
            throw GraftError(
              .invalidArgument, "The elements of a batch have different numbers of components.")
          }
          group.append(element)
        }
        guard !group.isEmpty, group.count == size || !dropsRemainder else { return nil }
        return try join(group)
      }
    }
  }

  private static func padded(_ name: String) -> OpDefinition {
    .dataset(name, "Batches of elements that are padded to one shape.") { node in
      let types = try node.types("Toutput_types")
      return { context in
        let count = types.count
        var shapes: [PartialShape] = []
        var values: [Tensor] = []
        for index in 0..<count {
          let sizes = try context.input(2 + index).integers()
          guard sizes.allSatisfy({ $0 >= -1 }) else {
            throw GraftError(
              .invalidArgument, "A padded shape has sizes of -1 or more: \(sizes).",
              at: .init(input: 2 + index))
          }
          shapes.append(PartialShape(sizes.map { $0 < 0 ? nil : $0 }))
          let value = try context.input(2 + count + index).persistent()
          guard value.rank == 0, value.dtype == types[index] else {
            throw GraftError(
              .invalidArgument,
              "A padding value is a scalar \(types[index]); \(value.dtype)\(value.shape) was found.",
              at: .init(input: 2 + count + index))
          }
          values.append(value)
        }
        let dropsRemainder = name.hasSuffix("V2") ? try context.truth(2 + 2 * count) : false
        let (fixedShapes, fixedValues) = (shapes, values)
        return try groups(
          try context.dataset(0), try context.number(1), dropsRemainder: dropsRemainder
        ) { elements in
          try types.indices.map { index in
            try TensorBatch.padded(
              elements.map { element in
                guard element.indices.contains(index) else {
                  throw GraftError(
                    .invalidArgument, "An element has \(element.count) components, and \(count) are expected."
                  )
                }
                return element[index]
              }, types[index], fixedShapes[index], padding: fixedValues[index])
          }
        }
      }
    }
  }

  private static let window = OpDefinition.dataset(
    "WindowDataset", "Windows over the elements, each component a dataset."
  ) { _ in
    return { context in
      let source = try context.dataset(0)
      let (size, shift, stride) = (try context.number(1), try context.number(2), try context.number(3))
      let dropsRemainder = try context.truth(4)
      guard size > 0, shift > 0, stride > 0, !(size - 1).multipliedReportingOverflow(by: stride).overflow,
        (size - 1) * stride < .max
      else {
        throw GraftError(
          .invalidArgument, "Window size \(size), shift \(shift) and stride \(stride) must be positive.")
      }
      let span = (size - 1) * stride + 1
      return Dataset(.unknown) {
        let elements = source.elements()
        var buffer: [[Tensor]] = []
        var skipped = 0
        var isOver = false
        return { context in
          while !isOver, buffer.count < span {
            try context.checkpoint()
            guard let element = try elements(context) else {
              isOver = true
              break
            }
            if skipped > 0 { skipped -= 1 } else { buffer.append(element) }
          }
          guard !buffer.isEmpty, buffer.count == span || !dropsRemainder else { return nil }
          let chosen = Swift.stride(from: 0, to: buffer.count, by: stride).prefix(size).map { buffer[$0] }
          skipped = max(shift - buffer.count, 0)
          buffer.removeFirst(min(shift, buffer.count))
          return try chosen[0].indices.map { index in
            try SourceDatasets.list(chosen.map { [$0[index]] }).tensor()
          }
        }
      }
    }
  }
}
