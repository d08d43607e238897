import GraftGraph
import GraftTensor
import Synchronization

/// Iterators over datasets.
enum IteratorOps {
  static let all: [OpDefinition] = [
    named("Iterator"), named("IteratorV2"), oneShot, anonymous("AnonymousIterator"),
    anonymous("AnonymousIteratorV2"), anonymous("AnonymousIteratorV3"), make, next("IteratorGetNext"),
    next("IteratorGetNextSync"), nextAsOptional, toString, fromString("IteratorFromStringHandle"),
    fromString("IteratorFromStringHandleV2"), delete,
  ]

  private static func named(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "A handle to the session's iterator of that container and shared name.", traits: [.stateful],
      shape: ShapeRules.scalar
    ) { node in
      let (container, sharedName) = (try node.string("container"), try node.string("shared_name"))
      let iteratorName = sharedName.isEmpty ? node.name : sharedName
      return { context in
        let iterator = try context.resources.resource(
          DatasetIterator.self, container: container, name: iteratorName
        ) {
          DatasetIterator(name: iteratorName, container: container)
        }
        try context.setOutput(0, try Tensor(handle: iterator))
      }
    }
  }

  private static let oneShot = OpDefinition(
    "OneShotIterator", "An iterator over the dataset that a function makes, once for the session.",
    traits: [.stateful], shape: ShapeRules.scalar
  ) { node in
    let factory = try node.function("dataset_factory")
    let (container, sharedName) = (try node.string("container"), try node.string("shared_name"))
    let iteratorName = sharedName.isEmpty ? node.name : sharedName
    return { context in
      let iterator = try context.resources.resource(
        DatasetIterator.self, container: container, name: iteratorName
      ) {
        DatasetIterator(name: iteratorName, container: container)
      }
      try iterator.beginOnce {
        guard let dataset = try context.call(factory, []).first?.handled(as: Dataset.self) else {
          throw GraftError(
            .invalidArgument, "The function '\(factory.name)' is to make a dataset, and gave none.")
        }
        return dataset
      }
      try context.setOutput(0, try Tensor(handle: iterator))
    }
  }

  private static func anonymous(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "An iterator of nobody else.", traits: [.stateful],
      shape: { context in [PartialShape](repeating: .scalar, count: context.node.outputTypes.count) }
    ) { node in
      return { context in
        try context.setOutput(0, try Tensor(handle: DatasetIterator(name: node.name, container: "")))
        if context.outputCount > 1 {
          // What would delete it: it goes when nobody holds it any more.
          try context.setOutput(1, try Tensor(uninitialized: .variant, shape: .scalar))
        }
      }
    }
  }

  private static let make = OpDefinition(
    "MakeIterator", "Makes an iterator begin with a dataset's first element.",
    traits: [.stateful, .keepsInputs],
    shape: { _ in [] }
  ) { _ in
    return { context in
      try context.resource(1, as: DatasetIterator.self).begin(try context.dataset(0))
    }
  }

  private static func next(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The next element of an iterator. At the end it is out of range.", traits: [.stateful],
      shape: { context in
        let shapes = try context.node.shapes("output_shapes")
        return shapes.count == context.node.outputTypes.count
          ? shapes : [PartialShape](repeating: .unknown, count: context.node.outputTypes.count)
      }
    ) { node in
      let (types, shapes) = (node.outputTypes, try node.shapes("output_shapes"))
      return { context in
        guard let element = try context.resource(0, as: DatasetIterator.self).next(context) else {
          throw GraftError(.outOfRange, "The iterator has no more elements: end of sequence.")
        }
        try check(element, types, shapes)
        try context.setElement(element)
      }
    }
  }

  private static let nextAsOptional = OpDefinition(
    "IteratorGetNextAsOptional", "The next element of an iterator as an optional, which has none at the end.",
    traits: [.stateful], shape: ShapeRules.scalar
  ) { node in
    let (types, shapes) = (try node.types("output_types"), try node.shapes("output_shapes"))
    return { context in
      let element = try context.resource(0, as: DatasetIterator.self).next(context)
      if let element { try check(element, types, shapes) }
      try context.setOutput(
        0, try Tensor(variant: OptionalTensors(try element?.map { try $0.persistent() })))
    }
  }

  /// Checks an element against what a node says of its components.
  private static func check(_ element: [Tensor], _ types: [DataType], _ shapes: [PartialShape]) throws {
    for (index, tensor) in element.enumerated() where types.indices.contains(index) {
      guard tensor.dtype == types[index],
        !shapes.indices.contains(index) || shapes[index].accepts(tensor.shape)
      else {
        throw GraftError(
          .invalidArgument,
          "Component \(index) of the element is \(tensor.dtype)\(tensor.shape), and \(types[index])"
            + "\(shapes.indices.contains(index) ? shapes[index].description : "") is expected.")
      }
    }
  }

  private static let toString = OpDefinition(
    "IteratorToStringHandle", "A string that stands for an iterator.", traits: [.stateful],
    shape: ShapeRules.scalar
  ) { _ in
    return { context in
      try context.setOutput(0, try Tensor(try context.resource(0, as: DatasetIterator.self).handle))
    }
  }

  private static func fromString(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The iterator that a string stands for.", traits: [.stateful], shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let handle = try context.scalarString(0, named: "string_handle")
        guard let iterator = context.resources.all(DatasetIterator.self).first(where: { $0.handle == handle })
        else {
          throw GraftError(.notFound, "The session has no iterator that the string '\(handle)' stands for.")
        }
        try context.setOutput(0, try Tensor(handle: iterator))
      }
    }
  }

  private static let delete = OpDefinition(
    "DeleteIterator", "Forgets an iterator.", traits: [.stateful], shape: { _ in [] }
  ) { _ in
    return { context in
      if let iterator = try context.input(0).handled(as: DatasetIterator.self) {
        context.resources.remove(iterator)
      }
    }
  }
}
