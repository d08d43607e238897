import GraftTensor

/// Ops that pick slices by index.
enum GatherOps {
  static let all: [OpDefinition] = [gather, gatherV2, gatherNd]

  static let indexTypes: [DataType] = [.int16, .int32, .int64]

  // MARK: Gather

  private static let gather = OpDefinition(
    "Gather", "The rows of the first input that the indices name.",
    types: ["Tparams": .anything + .smallFloats + .quantized, "Tindices": indexTypes], traits: .copiesParts,
    shape: { context in [gathered(context.input(0), context.input(1), axis: 0, batch: 0)] },
    prepare: { _ in { try pick($0, from: try $0.input(0), axis: 0, batchDimensions: 0, binds: true) } })

  private static let gatherV2 = OpDefinition(
    "GatherV2",
    "The entries of dimension `axis` that the indices name; the first `batch_dims` dimensions are walked "
      + "together.",
    types: ["Tparams": .anything + .smallFloats + .quantized, "Tindices": indexTypes, "Taxis": .indices],
    traits: .copiesParts,
    shape: { context in
      let batch = try context.node.int("batch_dims")
      guard let axis = context.ints(2)?.first else {
        guard let params = context.input(0).rank, let indices = context.input(1).rank else {
          return [.unknown]
        }
        let rank = params - 1 + indices - (batch < 0 ? batch + indices : batch)
        return [rank >= 0 ? .ofRank(rank) : .unknown]
      }
      return [gathered(context.input(0), context.input(1), axis: axis, batch: batch)]
    },
    prepare: { setup in
      let batch = try setup.int("batch_dims")
      return { context in
        try pick(
          context, from: try context.input(0), axis: try ArrayArguments.scalar(context, 2, "axis"),
          batchDimensions: batch, binds: context.isConstant(2))
      }
    })

  private static func gathered(
    _ params: PartialShape, _ indices: PartialShape, axis: Int, batch: Int
  ) -> PartialShape {
    guard let sizes = params.dimensions, let picked = indices.dimensions,
      let axis = ArrayArguments.axis(axis, rank: sizes.count)
    else { return .unknown }
    let batch = batch < 0 ? batch + picked.count : batch
    guard batch >= 0, batch <= picked.count, batch <= axis else { return .unknown }
    return PartialShape(Array(sizes[..<axis] + picked[batch...] + sizes[(axis + 1)...]))
  }

  /// Gives the entries of a tensor that the second input names.
  ///
  /// - Parameter binds: whether it is the same tensor at the same place in every run, along the same axis.
  static func pick(
    _ context: KernelContext, from params: Tensor, axis value: Int, batchDimensions: Int, binds: Bool = false
  ) throws {
    let indices = try context.input(1)
    guard params.rank > 0 else {
      throw ArrayArguments.invalid("A scalar has no entries to gather.", input: 0)
    }
    guard let axis = ArrayArguments.axis(value, rank: params.rank) else {
      throw ArrayArguments.invalid(
        "The dimension to gather along is \(value), and the input has \(params.rank) dimensions.", input: 2)
    }
    guard batchDimensions >= -indices.rank, batchDimensions <= indices.rank else {
      throw ArrayArguments.invalid(
        "The attribute 'batch_dims' must be in the range [\(-indices.rank), \(indices.rank)], and is "
          + "\(batchDimensions).", input: 1)
    }
    let batch = batchDimensions < 0 ? batchDimensions + indices.rank : batchDimensions
    guard batch <= axis else {
      throw ArrayArguments.invalid(
        "There are \(batch) batch dimensions, and the dimension to gather along is \(axis), among them.",
        input: 2)
    }
    for index in 0..<batch where params.shape[index] != indices.shape[index] {
      throw ArrayArguments.invalid(
        "Dimension \(index) is a batch dimension, and its size is \(params.shape[index]) in the input and "
          + "\(indices.shape[index]) in the indices.", input: 1)
    }
    let sizes = params.shape.dimensions
    let shape = try Shape(
      validating: Array(
        sizes[..<axis] + indices.shape.dimensions[batch...] + sizes[(axis + 1)...]))
    guard shape.elementCount > 0 else {
      _ = try context.allocate(0, params.dtype, shape)
      return
    }
    let count = sizes[axis]
    let rows = try RowNumbers.checked(indices, count: count, input: 1, context)
    let length = ArrayArguments.product(sizes[(axis + 1)...])
    let batches = ArrayArguments.product(sizes[..<batch])
    let outer = ArrayArguments.product(sizes[batch..<axis])
    if indices.elementCount == 1, batches == 1, outer == 1, params.isAligned {
      // One slice, which lies in one piece.
      let row = Int(rows.element(Int64.self, 0).pointee)
      let output = try context.setOutput(
        0, copyingSmall: params.view(firstElement: row * length, shape: shape))
      if binds, context.isFixed, let output {
        context.bind(attempting: { copySlice(indices, of: count, from: params, to: output) })
      }
      return
    }
    let output = try context.allocate(0, params.dtype, shape)
    let picked = indices.elementCount / max(batches, 1)
    try params.dtype.withElement(
      RowGather(
        source: params, rows: rows, length: length, target: output, picked: picked,
        blocks: (count: batches * outer, perGroup: outer, rows: count), workers: context.workers))
  }

  /// Copies the slice that one index names, of so many that lie one behind the other.
  ///
  /// - Returns: whether there is one; the kernel says what is wrong.
  private static func copySlice(_ index: Tensor, of count: Int, from params: Tensor, to target: Tensor)
    -> Bool
  {
    guard let number = try? index.integer(), (0..<count).contains(number) else { return false }
    target.base.copyMemory(from: params.base + number * target.byteCount, byteCount: target.byteCount)
    return true
  }

  // MARK: GatherNd

  private static let gatherNd = OpDefinition(
    "GatherNd", "The slices of the first input that the last dimension of the indices names.",
    types: ["Tparams": .anything + .smallFloats + .commonQuantized, "Tindices": indexTypes],
    shape: { context in
      guard let sizes = context.input(0).dimensions, let picked = context.input(1).dimensions,
        let last = picked.last, let depth = last, depth <= sizes.count
      else { return [.unknown] }
      return [PartialShape(Array(picked.dropLast() + sizes[depth...]))]
    },
    prepare: { setup in
      let ignoresBad = try IndexPolicy.ignoresBad(setup)
      return { try pickSlices($0, from: try $0.input(0), ignoresBad: ignoresBad) }
    })

  /// Gives the slices of a tensor that the second input names.
  static func pickSlices(_ context: KernelContext, from params: Tensor, ignoresBad: Bool) throws {
    let indices = try context.input(1)
    guard params.rank >= 1 else { throw ArrayArguments.invalid("A scalar has no slices.", input: 0) }
    guard let depth = indices.shape.dimensions.last else {
      throw ArrayArguments.invalid("The indices must have one dimension or more.", input: 1)
    }
    guard depth <= params.rank else {
      throw ArrayArguments.invalid(
        "The indices have \(depth) places each, and the input has only \(params.rank) dimensions.",
        input: 1)
    }
    let sizes = params.shape.dimensions
    let shape = try Shape(validating: Array(indices.shape.dimensions.dropLast() + sizes[depth...]))
    let count = ArrayArguments.product(indices.shape.dimensions.dropLast())
    guard count == 0 || params.elementCount > 0 else {
      throw ArrayArguments.invalid(
        "\(count) slices were asked for of an empty tensor, of shape \(params.shape).", input: 0)
    }
    let rows = try RowNumbers.ofSlices(
      indices, in: params.shape, input: 1, ignoresBad: ignoresBad, context)
    let output = try context.allocate(0, params.dtype, shape)
    guard shape.elementCount > 0 else { return }
    try params.dtype.withElement(
      RowGather(
        source: params, rows: rows, length: ArrayArguments.product(sizes[depth...]), target: output,
        picked: count, workers: context.workers))
  }
}
