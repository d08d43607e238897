import GraftGraph
import GraftTensor

/// Ops that go through a dataset from its beginning.
enum WholeDatasetOps {
  static let all: [OpDefinition] = [
    single, reduce, cardinality("DatasetCardinality"), cardinality("ExperimentalDatasetCardinality"), element,
    initializeTable,
  ]

  private static let single = OpDefinition(
    "DatasetToSingleElement", "The only element of a dataset that has one.", traits: [.stateful],
    shape: { try $0.node.shapes("output_shapes") }
  ) { _ in
    return { context in
      let elements = try context.dataset(0).elements()
      guard let element = try elements(context) else {
        throw GraftError(.invalidArgument, "The dataset is empty; it is to have one element.")
      }
      guard try elements(context) == nil else {
        throw GraftError(.invalidArgument, "The dataset has more than one element; it is to have one.")
      }
      try context.setElement(element)
    }
  }

  private static let reduce = OpDefinition(
    "ReduceDataset", "What a function makes of a state and each element in turn.",
    traits: [.stateful, .keepsInputs], shape: ShapeRules.unknown
  ) { node in
    let function = try node.function("f")
    let stateCount = try node.types("Tstate").count
    return { context in
      let elements = try context.dataset(0).elements()
      var state = try context.kept(from: 1, to: min(1 + stateCount, context.inputCount))
      let captured = try context.kept(from: 1 + stateCount, to: context.inputCount)
      while let element = try elements(context) {
        try context.checkpoint()
        state = try context.call(function, state + element + captured)
      }
      try context.setElement(state)
    }
  }

  private static func cardinality(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "How many elements a dataset has; -1 for no end, -2 where it is not known.",
      shape: ShapeRules.scalar
    ) { _ in
      return { context in
        try context.setOutput(0, try Tensor(Int64(try context.dataset(0).cardinality.number)))
      }
    }
  }

  private static let element = OpDefinition(
    "GetElementAtIndex", "One element of a dataset, by its number.", traits: [.stateful],
    shape: { try $0.node.shapes("output_shapes") }
  ) { _ in
    return { context in
      let (dataset, index) = (try context.dataset(0), try context.number(1))
      let elements = dataset.elements()
      var position = 0
      while index >= 0, let element = try elements(context) {
        if position == index { return try context.setElement(element) }
        try context.checkpoint()
        position += 1
      }
      throw GraftError(
        .outOfRange, "Element \(index) is asked for, and there are \(position).", at: .init(input: 1))
    }
  }

  private static let initializeTable = OpDefinition(
    "InitializeTableFromDataset", "Fills a table with the pairs of keys and values that a dataset has.",
    traits: [.stateful], shape: { _ in [] }
  ) { _ in
    return { context in
      let table = try context.resource(0, as: LookupTable.self)
      let elements = try context.dataset(1).elements()
      var pairs: [[Tensor]] = []
      while let element = try elements(context) {
        try context.checkpoint()
        guard element.count == 2, element.allSatisfy({ $0.elementCount == 1 }) else {
          throw GraftError(
            .invalidArgument, "An element is to be a key and a value, and has \(element.count) components.",
            at: .init(input: 1))
        }
        pairs.append(element)
      }
      guard !pairs.isEmpty else { return }
      let columns = try BatchDatasets.stacked(pairs)
      let shape = Shape([pairs.count])
      try table.initialize(
        columns[0].reshaped(unchecked: shape), columns[1].reshaped(unchecked: shape))
    }
  }
}

extension KernelContext {
  /// Gives the outputs an element's components as their values.
  func setElement(_ element: [Tensor], from first: Int = 0) throws {
    guard element.count == outputCount - first else {
      throw GraftError(
        .invalidArgument,
        "The element has \(element.count) components, and the node \(outputCount - first) outputs for them.")
    }
    for (index, tensor) in element.enumerated() { try setOutput(first + index, tensor) }
  }
}
