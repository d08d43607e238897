import GraftTensor

/// Lists of tensors as values: what loops of TensorFlow 2 collect their results in.
enum TensorListOps {
  static let all: [OpDefinition] = [
    empty, reserve, fromTensor, stack, getItem, setItem, length, pushBack, popBack, elementShape, resize,
    gather,
    concat, concatV2, split, scatter, scatterV2, scatterInto, concatLists, pushBackBatch,
  ]

  private static let variantScalar: ShapeRule = ShapeRules.scalar

  private static let empty = OpDefinition(
    "EmptyTensorList", "A list with no element.", shape: variantScalar
  ) { node in
    let dtype = try node.type("element_dtype")
    return { context in
      let capacity = try context.input(1).integer()
      try context.setOutput(
        0,
        TensorList(
          dtype: dtype, elementShape: try context.shapeInput(0), elements: [],
          capacity: capacity < 0 ? nil : capacity))
    }
  }

  private static let reserve = OpDefinition(
    "TensorListReserve", "A list of elements that are not set yet.", shape: variantScalar
  ) { node in
    let dtype = try node.type("element_dtype")
    return { context in
      let count = try checkedCount(try context.input(1).integer())
      try context.setOutput(
        0,
        TensorList(
          dtype: dtype, elementShape: try context.shapeInput(0),
          elements: [Tensor?](repeating: nil, count: count)))
    }
  }

  private static let fromTensor = OpDefinition(
    "TensorListFromTensor", "The list of a tensor's rows.", traits: [.keepsInputs], shape: variantScalar
  ) { node in
    return { context in
      let tensor = try context.input(0)
      guard tensor.rank >= 1 else {
        throw GraftError(
          .invalidArgument, "A tensor with at least one dimension is expected, and a scalar was found.")
      }
      let shape = try context.shapeInput(1)
      let rows = tensor.rows()
      guard shape.accepts(Shape(Array(tensor.shape.dimensions.dropFirst()))) else {
        throw GraftError(
          .invalidArgument,
          "The tensor has shape \(tensor.shape), and elements of shape \(shape) are expected.")
      }
      try context.setOutput(0, TensorList(dtype: tensor.dtype, elementShape: shape, elements: rows))
    }
  }

  private static let stack = OpDefinition(
    "TensorListStack", "The list's elements as rows of one tensor; those not set are zeros.",
    shape: { context in
      guard let dimensions = context.ints(1) else { return [.unknown] }
      let count = (try? context.node.int("num_elements")) ?? -1
      return [PartialShape([count < 0 ? nil : count] + dimensions.map { $0 < 0 ? nil : $0 })]
    }
  ) { node in
    let dtype = try node.type("element_dtype")
    let expected = try node.int("num_elements")
    return { context in
      let list = try context.list(0, of: dtype)
      guard expected == -1 || expected == list.elements.count else {
        throw GraftError(
          .invalidArgument, "The list has \(list.elements.count) elements, and \(expected) are expected.")
      }
      try stack(list.elements, list, try context.shapeInput(1), context)
    }
  }

  /// Writes elements as rows of output 0.
  private static func stack(
    _ elements: [Tensor?], _ list: TensorList, _ known: PartialShape, _ context: KernelContext
  ) throws {
    let shape = try list.shape(known: known, like: elements)
    let result = try context.allocate(
      0, list.dtype, try Shape(validating: [elements.count] + shape.dimensions))
    for (row, element) in zip(result.rows(), elements) {
      if let element {
        guard element.shape == shape else {
          throw GraftError(
            .invalidArgument, "The list's elements have different shapes: \(element.shape) and \(shape).")
        }
        row.initializeElements(from: element)
      } else {
        row.clear()
      }
    }
  }

  private static let getItem = OpDefinition(
    "TensorListGetItem", "One element of the list; zeros where it was not set.",
    shape: { context in
      [context.ints(2).map { PartialShape($0.map { $0 < 0 ? nil : $0 }) } ?? .unknown]
    }
  ) { node in
    let dtype = try node.type("element_dtype")
    return { context in
      let list = try context.list(0, of: dtype)
      let index = try checkedIndex(try context.input(1).integer(), list)
      guard let element = list.elements[index] else {
        return try context.allocate(0, dtype, try list.shape(known: try context.shapeInput(2))).clear()
      }
      let output = try context.setOutput(0, copyingSmall: element)
      if context.isFixed, let output, let rows = TensorListRows(list, like: element) {
        let number = try context.input(1)
        context.bind(attempting: { rows.copy(number, to: output) })
      }
    }
  }

  private static let setItem = OpDefinition(
    "TensorListSetItem", "The list with one element replaced.", shape: variantScalar
  ) { node in
    let dtype = try node.type("element_dtype")
    let resizes =
      node.has("resize_if_index_out_of_bounds") ? try node.bool("resize_if_index_out_of_bounds") : false
    return { context in
      let (number, item) = (try context.input(1), try context.input(2))
      guard number.rank == 0 else {
        throw GraftError(
          .invalidArgument, "The index is a scalar, and the shape \(number.shape) was found.",
          at: .init(input: 1))
      }
      let index = try number.integer()
      try context.changeList(of: dtype) { list in
        var missing = 0
        if resizes, index >= list.elements.count {
          missing = try checkedCount(index) + 1 - list.elements.count
        } else {
          _ = try checkedIndex(index, list)
        }
        guard list.elementShape.accepts(item.shape) else {
          throw misfit(list.elementShape, item.shape)
        }
        list.elements += [Tensor?](repeating: nil, count: missing)
        list.elements[index] = try item.persistent()
      }
    }
  }

  private static let length = OpDefinition(
    "TensorListLength", "How many elements the list has.", shape: ShapeRules.scalar
  ) { node in
    return { context in
      try context.setOutput(0, try Tensor(Int32(clamping: try context.list(0).elements.count)))
    }
  }

  private static let pushBack = OpDefinition(
    "TensorListPushBack", "The list with an element more.", shape: variantScalar
  ) { node in
    let dtype = try node.type("element_dtype")
    return { context in
      let item = try context.input(1)
      try context.changeList(of: dtype) { list in
        guard list.elementShape.accepts(item.shape) else {
          throw misfit(list.elementShape, item.shape)
        }
        guard list.elements.count < list.capacity ?? .max else {
          throw GraftError(.invalidArgument, "The list is full: it has \(list.elements.count) elements.")
        }
        list.elements.append(try item.persistent())
      }
    }
  }

  private static let popBack = OpDefinition(
    "TensorListPopBack", "The list without its last element, and that element.",
    shape: { _ in [.scalar, .unknown] }
  ) { node in
    let dtype = try node.type("element_dtype")
    return { context in
      try context.changeList(of: dtype) { list in
        guard let last = list.elements.popLast() else {
          throw GraftError(.invalidArgument, "An element is taken out of a list that has none.")
        }
        if let last {
          try context.setOutput(1, copyingSmall: last)
        } else {
          try context.allocate(1, dtype, try list.shape(known: try context.shapeInput(1))).clear()
        }
      }
    }
  }

  private static let elementShape = OpDefinition(
    "TensorListElementShape", "What is known of the elements' shape.", shape: { _ in [.unknown] }
  ) { node in
    let type = try node.type("shape_type")
    return { context in
      let sizes = try context.list(0).elementShape.dimensions
      let shape: [Int] = sizes.map { [$0.count] } ?? []
      let values = sizes.map { $0.map { $0 ?? -1 } } ?? [-1]
      try context.setOutput(
        0,
        type == .int64
          ? try Tensor(shape: shape, scalars: values.map { Int64($0) })
          : try Tensor(shape: shape, scalars: values.map { Int32(clamping: $0) }))
    }
  }

  private static let resize = OpDefinition(
    "TensorListResize", "The list with elements cut off or added that are not set.", shape: variantScalar
  ) { node in
    return { context in
      let list = try context.list(0)
      let count = try checkedCount(try context.input(1).integer())
      let kept = list.elements.prefix(count)
      try context.setOutput(0, list.with(kept + [Tensor?](repeating: nil, count: count - kept.count)))
    }
  }

  private static let gather = OpDefinition(
    "TensorListGather", "The elements of the given indices, as rows of one tensor.", shape: ShapeRules.unknown
  ) { node in
    let dtype = try node.type("element_dtype")
    return { context in
      let list = try context.list(0, of: dtype)
      let picked = try context.input(1).integers().map { list.elements[try checkedIndex($0, list)] }
      try stack(picked, list, try context.shapeInput(2), context)
    }
  }

  private static let concat = listConcat("TensorListConcat", takesShape: false)
  private static let concatV2 = listConcat("TensorListConcatV2", takesShape: true)

  private static func listConcat(_ name: String, takesShape: Bool) -> OpDefinition {
    OpDefinition(
      name, "The elements joined along their first dimension, and how long each was.",
      shape: { _ in [.unknown, PartialShape([nil])] }
    ) { node in
      let dtype = try node.type("element_dtype")
      let declared = takesShape ? .unknown : try node.shape("element_shape")
      return { context in
        let list = try context.list(0, of: dtype)
        let known = takesShape ? try context.shapeInput(1) : declared
        let leading = takesShape ? try context.input(2).integers() : []
        let tail = try joinedTail(list.elements.compactMap { $0 }, list, known)
        let elements = try list.elements.enumerated().map { index, element in
          if let element { return element }
          let shape =
            leading.indices.contains(index)
            ? try Shape(validating: [leading[index]] + tail.dimensions)
            : try list.shape(known: known, like: [])
          return try Tensor(uninitialized: dtype, shape: shape).cleared()
        }
        guard elements.allSatisfy({ $0.rank >= 1 }) else {
          throw GraftError(.invalidArgument, "Elements that are joined have at least one dimension.")
        }
        let total = elements.reduce(0) { $0 &+ $1.shape[0] }
        let result = try context.allocate(0, dtype, try Shape(validating: [total] + tail.dimensions))
        var start = 0
        for element in elements {
          result.view(firstElement: start, shape: element.shape).initializeElements(from: element)
          start += element.elementCount
        }
        try context.setOutput(1, try Tensor(elements.map { Int64($0.shape[0]) }))
      }
    }
  }

  /// The shape of elements that are joined, beyond their first dimension.
  private static func joinedTail(_ elements: [Tensor], _ list: TensorList, _ known: PartialShape) throws
    -> Shape
  {
    func tail(_ shape: PartialShape) -> PartialShape {
      PartialShape(shape.dimensions.map { Array($0.dropFirst()) })
    }
    var merged = tail(list.elementShape).merged(with: tail(known))
    for element in elements { merged = merged?.merged(with: tail(PartialShape(element.shape))) }
    guard let shape = merged?.fullyDefined else {
      throw GraftError(
        .invalidArgument,
        merged == nil
          ? "Elements that are joined differ beyond their first dimension, or from \(known)."
          : "The list has no element, and of the elements' shape only \(known) is known.",
        remedy: "Give an element shape that is known beyond the first dimension.")
    }
    return shape
  }

  private static let split = OpDefinition(
    "TensorListSplit", "The list of a tensor's pieces of given lengths along the first dimension.",
    traits: [.keepsInputs], shape: variantScalar
  ) { node in
    return { context in
      let tensor = try context.input(0)
      let lengths = try context.input(2).integers()
      let shape = try context.shapeInput(1)
      guard try context.input(2).rank == 1 else {
        throw GraftError(
          .invalidArgument,
          "The lengths are a vector, and the shape \(try context.input(2).shape) was found.",
          at: .init(input: 2))
      }
      guard tensor.rank >= 1, lengths.allSatisfy({ $0 >= 0 }),
        lengths.reduce(0, { $0.addingReportingOverflow($1).partialValue }) == tensor.shape[0]
      else {
        throw GraftError(
          .invalidArgument, "Pieces of lengths \(lengths) are not a tensor of shape \(tensor.shape).")
      }
      let tail = Array(tensor.shape.dimensions.dropFirst())
      let rowElements = tail.reduce(1, *)
      var first = 0
      var pieces: [Tensor?] = []
      for length in lengths {
        let piece = Shape([length] + tail)
        guard shape.accepts(piece) else { throw misfit(shape, piece) }
        pieces.append(tensor.view(firstElement: first * rowElements, shape: piece))
        first += length
      }
      try context.setOutput(
        0, TensorList(dtype: tensor.dtype, elementShape: shape, elements: pieces))
    }
  }

  private static func misfit(_ expected: PartialShape, _ found: Shape) -> GraftError {
    GraftError(.invalidArgument, "The list's elements have shape \(expected), and \(found) is put into it.")
  }

  private static let scatter = scatterOp("TensorListScatter", hasCount: false)
  private static let scatterV2 = scatterOp("TensorListScatterV2", hasCount: true)

  private static func scatterOp(_ name: String, hasCount: Bool) -> OpDefinition {
    OpDefinition(
      name, "The list in which each row of a tensor has the given index.", traits: [.keepsInputs],
      shape: variantScalar
    ) { node in
      return { context in
        let tensor = try context.input(0)
        let indices = try context.input(1).integers()
        let count = hasCount ? try context.input(3).integer() : -1
        let size = try checkedCount(max(count, (indices.max() ?? -1) + 1))
        let list = TensorList(
          dtype: tensor.dtype, elementShape: try context.shapeInput(2),
          elements: [Tensor?](repeating: nil, count: size))
        try context.setOutput(0, try scatter(tensor, indices, into: list))
      }
    }
  }

  private static let scatterInto = OpDefinition(
    "TensorListScatterIntoExistingList", "The list with the rows of a tensor at the given indices.",
    traits: [.keepsInputs], shape: variantScalar
  ) { node in
    return { context in
      let list = try context.list(0)
      try context.setOutput(0, try scatter(try context.input(1), try context.input(2).integers(), into: list))
    }
  }

  private static func scatter(_ tensor: Tensor, _ indices: [Int], into list: TensorList) throws -> TensorList
  {
    guard tensor.rank >= 1, tensor.shape[0] == indices.count else {
      throw GraftError(
        .invalidArgument, "\(indices.count) indices are given for a tensor of shape \(tensor.shape).")
    }
    let row = Shape(Array(tensor.shape.dimensions.dropFirst()))
    guard list.elementShape.accepts(row) else { throw misfit(list.elementShape, row) }
    var elements = list.elements
    for (row, index) in zip(tensor.rows(), indices) {
      guard index >= 0 else { throw GraftError(.invalidArgument, "The index \(index) is negative.") }
      if index >= elements.count {
        elements += [Tensor?](repeating: nil, count: try checkedCount(index) + 1 - elements.count)
      }
      elements[index] = row
    }
    return list.with(elements)
  }

  private static let concatLists = OpDefinition(
    "TensorListConcatLists", "The elements of both lists.", shape: ShapeRules.sameAsInput
  ) { node in
    return { context in
      let (a, b) = (try context.list(0), try context.list(1))
      guard a.dtype == b.dtype else {
        throw GraftError(.invalidArgument, "Lists of \(a.dtype) and of \(b.dtype) are joined.")
      }
      try context.setOutput(0, a.with(a.elements + b.elements))
    }
  }

  private static let pushBackBatch = OpDefinition(
    "TensorListPushBackBatch", "Each of several lists with a row of the tensor more.", traits: [.keepsInputs],
    shape: ShapeRules.sameAsInput
  ) { node in
    return { context in
      let (lists, tensor) = (try context.input(0), try context.input(1))
      guard lists.rank == 1, tensor.rank >= 1, tensor.shape[0] == lists.elementCount else {
        throw GraftError(
          .invalidArgument,
          "\(lists.elementCount) lists take as many rows, and the tensor is \(tensor.shape).")
      }
      let result = try context.allocate(0, .variant, lists.shape)
      for (index, row) in tensor.rows().enumerated() {
        guard let list = lists.buffer(as: TensorHandle.self)[index].object as? TensorList else {
          throw GraftError(.invalidArgument, "Element \(index) is no list of tensors.")
        }
        result.mutableBuffer(as: TensorHandle.self)[index] = TensorHandle(list.with(list.elements + [row]))
      }
    }
  }

  private static func checkedIndex(_ index: Int, _ list: TensorList) throws -> Int {
    guard list.elements.indices.contains(index) else {
      throw GraftError(
        .invalidArgument,
        "The index \(index) is outside of the list, which has \(list.elements.count) elements.")
    }
    return index
  }

  /// A count of elements that is sane: each takes some bytes even where it is not set.
  private static func checkedCount(_ count: Int) throws -> Int {
    guard (0..<(1 << 28)).contains(count) else {
      throw GraftError(.invalidArgument, "A list cannot have \(count) elements.")
    }
    return count
  }
}
