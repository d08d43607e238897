import GraftGraph
import GraftTensor

/// Ops that go through a dataset from its beginning.
enum WholeDatasetOps {
  static let all: [OpDefinition] = [single, reduce, cardinality]

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

  private static let cardinality = OpDefinition(
    "DatasetCardinality", "How many elements a dataset has; -1 for no end, -2 where it is not known.",
    shape: ShapeRules.scalar
  ) { _ in
    return { context in
      try context.setOutput(0, try Tensor(Int64(try context.dataset(0).cardinality.number)))
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
