import GraftTensor

/// A ragged tensor as one element of a variant tensor.
final class RaggedValue: Sendable {
  /// The splits of the ragged dimensions, outermost first.
  let splits: [Tensor]
  /// The values of the innermost one.
  let values: Tensor

  init(splits: [Tensor], values: Tensor) {
    self.splits = splits
    self.values = values
  }
}

extension RaggedValue: VariantValue {
  var summary: String {
    // Without the last parenthesis, as TensorFlow has it.
    let value =
      "RaggedTensorVariant(dtype=\(values.dtype.opDefName), ragged_rank=\(splits.count), "
      + "splits_dtype=\(splits.last?.dtype.opDefName ?? "INVALID")"
    return "Variant<type: RaggedTensorVariant value: \(value)>"
  }

  func zerosLike(_ walk: VariantWalk) throws -> any VariantValue {
    RaggedValue(splits: splits, values: try values.zerosLike(walk))
  }

  func adding(_ other: any VariantValue, _ walk: VariantWalk) throws -> any VariantValue {
    guard let other = other as? RaggedValue, other.values.dtype == values.dtype,
      other.splits.count == splits.count
    else {
      throw GraftError(
        .invalidArgument, "Ragged tensors that are added have the same dtype and as many ragged dimensions.")
    }
    for (mine, theirs) in zip(splits, other.splits) where try mine.integers() != theirs.integers() {
      throw GraftError(.invalidArgument, "Ragged tensors that are added have the same splits of rows.")
    }
    return RaggedValue(splits: splits, values: try values.summed(with: other.values, walk))
  }
}

/// Ops between ragged tensors and variants.
enum RaggedVariantOps {
  static let all: [OpDefinition] = [toVariant, fromVariant, gradient]

  private static let valueTypes: [DataType] = .values + .quantized

  private static func vectorOfSplits(_ places: [Int], _ dtype: DataType) throws -> Tensor {
    dtype == .int32 ? try Tensor(places.map { Int32(clamping: $0) }) : try Tensor(places.map { Int64($0) })
  }

  // MARK: To variants

  private static let toVariant = OpDefinition(
    "RaggedTensorToVariant", "A ragged tensor as a variant, or each of its rows as one.",
    types: ["Tvalues": valueTypes, "Tsplits": .indices], traits: [.keepsInputs],
    shape: { context in
      guard try context.node.bool("batched_input") else { return [.scalar] }
      let first = context.input(0)[0]
      return [PartialShape([context.inputs.count > 1 ? first.map { $0 - 1 } : first])]
    },
    prepare: { setup in
      let isBatched = try setup.bool("batched_input")
      return { context in
        let depth = context.inputCount - 1
        let values = try context.input(depth)
        let tensors = try (0..<depth).map { try context.input($0) }
        // A tensor without ragged dimensions may be a scalar.
        let nested =
          depth == 0 && !isBatched
          ? [] : try RaggedSplits.nested(context, 0..<depth, values: values, isWhole: true)
        guard isBatched else {
          let value = RaggedValue(splits: tensors, values: values)
          let output = try context.allocate(0, .variant, .scalar)
          output.mutableBuffer(as: TensorHandle.self)[0] = TensorHandle(value)
          return
        }
        let rows = try rows(nested, tensors, values)
        let output = try context.allocate(0, .variant, Shape([rows.count]))
        let target = output.mutableBuffer(as: TensorHandle.self)
        for (index, row) in rows.enumerated() { target[index] = TensorHandle(row) }
      }
    })

  private static func rows(
    _ nested: [RaggedSplits], _ tensors: [Tensor], _ values: Tensor
  ) throws -> [RaggedValue] {
    let row = Array(values.shape.dimensions.dropFirst())
    let length = ArrayArguments.product(row)
    guard let outer = nested.first else {
      // Without a ragged dimension each row is a tensor.
      return (0..<values.shape[0]).map {
        RaggedValue(splits: [], values: values.view(firstElement: $0 * length, shape: Shape(row)))
      }
    }
    return try (0..<outer.rowCount).map { index in
      var range = outer.places[index]..<outer.places[index + 1]
      var splits: [Tensor] = []
      for (level, inner) in nested.enumerated().dropFirst() {
        let places = inner.places[range.lowerBound...range.upperBound]
        let first = inner.places[range.lowerBound]
        splits.append(try vectorOfSplits(places.map { $0 - first }, tensors[level].dtype))
        range = first..<inner.places[range.upperBound]
      }
      return RaggedValue(
        splits: splits,
        values: values.view(firstElement: range.lowerBound * length, shape: Shape([range.count] + row)))
    }
  }

  // MARK: From variants

  private static let fromVariant = OpDefinition(
    "RaggedTensorFromVariant", "The ragged tensor whose rows the variants are.",
    types: ["Tvalues": valueTypes, "Tsplits": .indices],
    shape: { context in
      let count = context.node.outputTypes.count
      return [PartialShape](repeating: .ofRank(1), count: max(count - 1, 0)) + [.unknown]
    },
    prepare: { setup in
      let inputDepth = try setup.int("input_ragged_rank")
      let outputDepth = setup.outputTypes.count - 1
      let splitsType = try setup.type("Tsplits")
      let valuesType = try setup.type("Tvalues")
      return { context in
        let encoded = try context.input(0)
        let depth = inputDepth == -1 ? outputDepth - encoded.rank : inputDepth
        guard depth >= 0, depth + encoded.rank == outputDepth else {
          throw ArrayArguments.invalid(
            "Variants of shape \(encoded.shape) with \(depth) ragged dimensions each make up "
              + "\(depth + encoded.rank) ragged dimensions, and the node has \(outputDepth).", input: 0)
        }
        let parts = try parts(encoded, depth: depth, splitsType, valuesType)
        if encoded.rank == 0, let value = parts.first {
          for (level, splits) in value.splits.enumerated() { try context.setOutput(level, splits) }
          return try context.setOutput(outputDepth, value.values)
        }
        try join(parts, encoded.shape, depth: depth, splitsType, valuesType, context)
      }
    })

  private static func parts(
    _ encoded: Tensor, depth: Int, _ splitsType: DataType, _ valuesType: DataType
  ) throws -> [RaggedValue] {
    try encoded.buffer(as: TensorHandle.self).map { handle in
      guard let value = handle.object as? RaggedValue else {
        throw ArrayArguments.invalid("The variant holds no ragged tensor.", input: 0)
      }
      guard value.splits.count == depth else {
        throw ArrayArguments.invalid(
          "The ragged tensor in the variant has \(value.splits.count) ragged dimensions, and \(depth) are "
            + "expected.",
          input: 0)
      }
      guard value.values.dtype == valuesType, value.splits.allSatisfy({ $0.dtype == splitsType }) else {
        throw ArrayArguments.invalid(
          "The ragged tensor in the variant has values of \(value.values.dtype), and \(valuesType) is "
            + "expected.",
          input: 0)
      }
      return value
    }
  }

  private static func join(
    _ parts: [RaggedValue], _ outer: Shape, depth: Int, _ splitsType: DataType, _ valuesType: DataType,
    _ context: KernelContext
  ) throws {
    // The dimensions of the variant tensor but its last one are uniform.
    var rows = 1
    for axis in 0..<outer.rank - 1 {
      rows = rows &* outer[axis]
      let length = outer[axis + 1]
      try context.setIntegers(axis, splitsType, Shape([rows + 1]), (0...rows).map { $0 &* length })
    }
    // Each variant is a row: of its outermost splits, or of its values.
    var places = [0]
    for part in parts {
      let count = part.splits.first.map { max($0.elementCount - 1, 0) } ?? part.values.shape.dimensions.first
      guard let count else {
        throw ArrayArguments.invalid("A scalar in a variant is no row.", input: 0)
      }
      places.append(places[places.count - 1] + count)
    }
    try context.setIntegers(outer.rank - 1, splitsType, Shape([places.count]), places)
    for level in 0..<depth {
      var joined = [0]
      for part in parts {
        let base = joined[joined.count - 1]
        joined += try part.splits[level].integers().dropFirst().map { $0 &+ base }
      }
      try context.setIntegers(outer.rank + level, splitsType, Shape([joined.count]), joined)
    }
    try joinValues(parts.map(\.values), valuesType, context)
  }

  private static func joinValues(_ parts: [Tensor], _ dtype: DataType, _ context: KernelContext) throws {
    let row = parts.first.map { Array($0.shape.dimensions.dropFirst()) } ?? []
    guard parts.allSatisfy({ $0.rank > 0 && Array($0.shape.dimensions.dropFirst()) == row }) else {
      throw ArrayArguments.invalid("The values in the variants differ in their inner shapes.", input: 0)
    }
    let total = parts.reduce(0) { $0 + $1.shape[0] }
    let output = try context.allocate(
      context.outputCount - 1, dtype, try Shape(validating: [total] + row))
    var start = 0
    for part in parts {
      try StridedCopy(sizes: [part.elementCount], sourceSteps: [1], targetSteps: [1])
        .run(from: part, to: output, startingAt: start, context.workers)
      start += part.elementCount
    }
  }

  // MARK: Gradient

  private static let gradient = OpDefinition(
    "RaggedTensorToVariantGradient", "The gradients of a ragged tensor's rows, each a variant, as values.",
    types: ["Tvalues": valueTypes, "Tsplits": .indices],
    shape: { [$0.ints(2).map { PartialShape($0.map { $0 < 0 ? nil : $0 }) } ?? .unknown] },
    prepare: { setup in
      let dtype = try setup.type("Tvalues")
      return { context in
        let encoded = try context.input(0)
        let shape = try Shape(validating: ArrayArguments.vector(context, 2, "dense_values_shape"))
        let output = try context.allocate(0, dtype, shape)
        output.clear()
        let parts = try encoded.buffer(as: TensorHandle.self).map { handle in
          guard let value = handle.object as? RaggedValue, value.values.dtype == dtype else {
            throw ArrayArguments.invalid("The variant holds no ragged tensor of \(dtype).", input: 0)
          }
          return value.values
        }
        let total = parts.reduce(0) { $0 + $1.elementCount }
        guard total == shape.elementCount else {
          throw ArrayArguments.invalid(
            "The variants hold \(total) values, and the shape \(shape) has \(shape.elementCount).", input: 0)
        }
        var start = 0
        for part in parts {
          try StridedCopy(sizes: [part.elementCount], sourceSteps: [1], targetSteps: [1])
            .run(from: part, to: output, startingAt: start, context.workers)
          start += part.elementCount
        }
      }
    })
}
