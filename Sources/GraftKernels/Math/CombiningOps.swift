import CGraftVector
import GraftGraph
import GraftTensor

/// Sums of many tensors, and bounds.
extension MathOps {
  static let combining: [OpDefinition] = [
    OpDefinition(
      "AddN", "The sum of all inputs, which have the same shape.", types: ["T": .numbers + [.variant]],
      traits: [.inPlace], shape: { [mergedShape($0)] },
      prepare: { setup in
        let dtype = try setup.inputType(0)
        return { try addAll(dtype, $0) }
      }),
    OpDefinition(
      "AccumulateNV2", "The sum of all inputs, which have the same shape: the attribute `shape`.",
      types: ["T": .numbers], traits: [.inPlace],
      shape: { [$0.node.has("shape") ? try $0.node.shape("shape") : mergedShape($0)] },
      prepare: { setup in
        let dtype = try setup.inputType(0)
        return { try addAll(dtype, $0) }
      }),
    OpDefinition(
      "ClipByValue", "The larger of `clip_value_min` and the smaller of `clip_value_max` and each element.",
      types: ["T": .floats + .signedIntegers + [.uint8, .uint16] + .complexes], traits: [.inPlace],
      shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let dtype = try setup.inputType(0)
        return { try clip(dtype, $0) }
      }),
  ]

  private static func mergedShape(_ context: ShapeContext) -> PartialShape {
    var shape = PartialShape.unknown
    for input in context.inputs { shape = shape.merged(with: input) ?? shape }
    return shape
  }

  private static func addAll(_ dtype: DataType, _ context: KernelContext) throws {
    let inputs = try context.inputs()
    guard let first = inputs.first else {
      throw GraftError(.invalidArgument, "There is no input to add.", remedy: "Give at least one.")
    }
    for (index, input) in inputs.enumerated() where input.shape != first.shape {
      throw GraftError(
        .invalidArgument,
        "All inputs must have the same shape; input 0 has \(first.shape), input \(index) has \(input.shape).",
        at: .init(input: index), remedy: "Add what broadcasts with Add.")
    }
    if inputs.count == 1 { return try context.setOutput(0, first) }
    guard dtype != .variant else {
      return try context.setOutput(
        0,
        try inputs.dropFirst().reduce(first) { try $0.summed(with: $1, VariantWalk(context.checkpoint)) })
    }
    // Half and bfloat16 are rounded after each addition, as in TensorFlow.
    guard let row = sum(of: dtype) else {
      throw GraftError(.unimplemented, "Elements of \(dtype) cannot be added.")
    }
    let y = try context.allocate(0, dtype, first.shape)
    nonisolated(unsafe) let sources = inputs.map { UnsafeRawPointer($0.base) }
    nonisolated(unsafe) let target = y.base
    // Block by block in memory of its own, because the output may lie where one of the inputs lies.
    let block = SixteenBits.block
    let (count, size) = (first.elementCount, dtype.size)
    let cost = row.cost * inputs.count * block / ElementwiseKernels.block
    // In TensorFlow's order: up to 9, then the sums of 8 at a time.
    let head = sources.count < 10 ? sources.count : (sources.count - 2) % 8 + 2
    let workers = context.workers
    // Two are added as they lie.
    if sources.count == 2 {
      let (left, right) = (sources[0], sources[1])
      return context.perform { ElementwiseKernels.runPairs(row, left, right, target, count, workers) }
    }
    context.perform {
      workers.forEach((count + block - 1) / block, cost: cost) { blocks in
        withUnsafeTemporaryAllocation(byteCount: 2 * block * size, alignment: 64) { memory in
          guard let sum = memory.baseAddress else { return }
          for index in blocks {
            let offset = index * block * size
            let length = min(block, count - index * block)
            func add(_ part: Range<Int>, into result: UnsafeMutableRawPointer) {
              row.pairs(
                sources[part.lowerBound] + offset, sources[part.lowerBound + 1] + offset, result, length)
              for source in sources[part.dropFirst(2)] { row.pairs(result, source + offset, result, length) }
            }
            add(0..<head, into: sum)
            let next = sum + block * size
            for begin in stride(from: head, to: sources.count, by: 8) {
              add(begin..<begin + 8, into: next)
              row.pairs(sum, next, sum, length)
            }
            (target + offset).copyMemory(from: sum, byteCount: length * size)
          }
        }
      }
    }
  }

  private static func clip(_ dtype: DataType, _ context: KernelContext) throws {
    let (t, low, high) = (try context.input(0), try context.input(1), try context.input(2))
    guard low.rank == 0 || low.shape == t.shape, high.rank == 0 || high.shape == t.shape else {
      throw GraftError(
        .invalidArgument,
        "clip_value_min has shape \(low.shape) and clip_value_max \(high.shape), for a value of shape \(t.shape).",
        remedy: "Each bound must be a scalar, or have the shape of the value.")
    }
    let y = try context.allocate(0, dtype, t.shape)
    if dtype == .float32, low.rank == 0, high.rank == 0 {
      let (low, high) = (low.buffer(as: Float.self)[0], high.buffer(as: Float.self)[0])
      let row = UnaryRow(
        body: { x, y, count in
          graft_f32_clip(
            x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self), count, low, high)
        }, inputSize: 4, outputSize: 4, cost: 200)
      return ElementwiseKernels.run(row, t.base, y.base, t.elementCount, context.workers)
    }
    func run<T>(_ type: T.Type, _ less: (T, T) -> Bool, parts: Int = 1) {
      let (x, y) = (t.base.assumingMemoryBound(to: T.self), y.base.assumingMemoryBound(to: T.self))
      let (low, high) = (low.base.assumingMemoryBound(to: T.self), high.base.assumingMemoryBound(to: T.self))
      let count = t.elementCount
      for i in 0..<count * parts {
        let bound = i % parts
        let l = low[lowMoves ? i : bound]
        let h = high[highMoves ? i : bound]
        var value = x[i]
        if less(h, value) { value = h }
        if less(value, l) { value = l }
        y[i] = value
      }
    }
    let (lowMoves, highMoves) = (low.rank > 0, high.rank > 0)
    switch dtype {
    case .float32: run(Float.self, <)
    case .float64: run(Double.self, <)
    case .float16: run(Float16.self) { Float16.less($0, $1) }
    case .bfloat16: run(BFloat16.self) { BFloat16.less($0, $1) }
    case .int8: run(Int8.self, <)
    case .int16: run(Int16.self, <)
    case .int32: run(Int32.self, <)
    case .int64: run(Int64.self, <)
    case .uint8: run(UInt8.self, <)
    case .uint16: run(UInt16.self, <)
    // Both parts by themselves.
    case .complex64: run(Float.self, <, parts: 2)
    case .complex128: run(Double.self, <, parts: 2)
    default: throw GraftError(.unimplemented, "ClipByValue has no kernel for \(dtype).")
    }
  }
}
