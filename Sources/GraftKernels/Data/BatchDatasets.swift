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
    .dataset("ParallelBatchDataset", "Batches of elements of one shape.") { _ in
      return { context in
        try batched(try context.dataset(0), try context.number(1), dropsRemainder: try context.truth(3))
      }
    },
    unbatch("UnbatchDataset"), unbatch("ExperimentalUnbatchDataset"),
    .dataset("WindowDataset", "Windows over the elements, each component a dataset.") { _ in
      return { context in
        try windows(context, dropsRemainder: try context.truth(4)) { chosen in
          // A dataset of each component.
          try chosen[0].indices.map { index in
            try SourceDatasets.list(
              chosen.map { element in
                guard element.indices.contains(index) else {
                  throw GraftError(
                    .invalidArgument, "The elements of a window have different numbers of components.")
                }
                return [element[index]]
              }
            ).tensor()
          }
        }
      }
    },
    sliding("SlidingWindowDataset"), sliding("ExperimentalSlidingWindowDataset"),
  ]

  private static func unbatch(_ name: String) -> OpDefinition {
    .dataset(name, "The slices of each element.") { _ in
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
    }
  }

  private static func sliding(_ name: String) -> OpDefinition {
    .dataset(name, "Batches of the elements in windows that move on.") { node in
      let dropsRemainder = node.has("drop_remainder") ? try node.bool("drop_remainder") : true
      return { context in try windows(context, dropsRemainder: dropsRemainder) { try stacked($0) } }
    }
  }

  /// Batches of a dataset's elements.
  static func batched(_ source: Dataset, _ size: Int, dropsRemainder: Bool) throws -> Dataset {
    try groups(source, size, dropsRemainder: dropsRemainder) { try stacked($0) }
  }

  /// One element of elements of one shape, component by component.
  ///
  /// - Precondition: there is one at least.
  static func stacked(_ elements: [[Tensor]]) throws -> [Tensor] {
    guard elements.allSatisfy({ $0.count == elements[0].count }) else {
      throw GraftError(
        .invalidArgument, "The elements of a batch have different numbers of components.")
    }
    return try elements[0].indices.map { index in
      let parts = elements.map { $0[index] }
      return try TensorBatch.stacked(parts, parts[0].dtype, PartialShape(parts[0].shape))
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

  /// Windows over a dataset's elements, of a size, a shift and a stride that inputs 1 to 3 give.
  private static func windows(
    _ context: KernelContext, dropsRemainder: Bool,
    _ join: @escaping @Sendable ([[Tensor]]) throws -> [Tensor]
  ) throws -> Dataset {
    let source = try context.dataset(0)
    let (size, shift, stride) = (try context.number(1), try context.number(2), try context.number(3))
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
        return try join(chosen)
      }
    }
  }
}
