import GraftTensor

/// Slices with strides, as Python's indexing makes them, and what goes back into them.
enum StridedSliceOps {
  static let all: [OpDefinition] = [stridedSlice, gradient, update]

  /// The dtypes of StridedSlice's kernels.
  static let types: [DataType] = .anything + .smallFloats + .commonQuantized

  private static let stridedSlice = OpDefinition(
    "StridedSlice",
    "The elements of the input that Python's indexing with slices, integers and new axes picks.",
    types: ["T": types],
    shape: { [StridedSliceSpec.inferred($0, input: $0.input(0), first: 1)] },
    prepare: { setup in
      let masks = try StridedSliceSpec.Masks(setup)
      return { context in
        let input = try context.input(0)
        func read() throws -> Slice {
          Slice(of: input.shape, try StridedSliceSpec(context, input: input.shape, first: 1, masks: masks))
        }
        let isConstant = (1...3).allSatisfy(context.isConstant)
        var slice = isConstant ? try context.prepared(read) : try read()
        if slice.input != input.shape { slice = try read() }
        guard slice.shape.elementCount > 0 else { return try context.setView(0, of: input, slice.shape) }
        if slice.copy.isContiguous {
          return try context.setPart(0, of: input, from: slice.start, slice.shape, isConstant: isConstant)
        }
        let output = try context.allocate(0, input.dtype, slice.shape)
        try context.perform(
          [BlockCopy(block: slice.copy, source: input, sourceStart: slice.start, target: output)],
          binds: isConstant)
      }
    })

  /// What is taken of an input of some shape.
  private final class Slice: Sendable {
    let input: Shape
    let shape: Shape
    let start: Int
    let copy: StridedCopy

    init(of input: Shape, _ spec: StridedSliceSpec) {
      let strides = input.strides
      self.input = input
      shape = spec.shape
      start = spec.start(strides)
      copy = StridedCopy(
        sizes: spec.sizes, sourceSteps: spec.steps(strides), targetSteps: Shape(spec.sizes).strides)
    }
  }

  private static let gradient = OpDefinition(
    "StridedSliceGrad", "Zeros of the given shape, with `dy` where StridedSlice would have picked elements.",
    types: ["T": types],
    shape: { [$0.ints(0).map { PartialShape($0.map { $0 < 0 ? nil : $0 }) } ?? .unknown] },
    prepare: { setup in
      let masks = try StridedSliceSpec.Masks(setup)
      return { context in
        let shape = try Shape(validating: ArrayArguments.vector(context, 0, "shape"))
        let spec = try StridedSliceSpec(context, input: shape, first: 1, masks: masks)
        let gradient = try context.input(4)
        guard gradient.shape == spec.shape else {
          throw ArrayArguments.invalid(
            "The shape of 'dy' is \(gradient.shape), and the slice has the shape \(spec.shape).", input: 4)
        }
        let output = try context.allocate(0, gradient.dtype, shape)
        let strides = shape.strides
        let copy = BlockCopy(
          block: StridedCopy(
            sizes: spec.sizes, sourceSteps: Shape(spec.sizes).strides, targetSteps: spec.steps(strides)),
          source: gradient, target: output, targetStart: spec.start(strides))
        try context.perform(
          [copy], onZeros: output, binds: (0...3).allSatisfy(context.isConstant))
      }
    })

  private static let update = OpDefinition(
    "TensorStridedSliceUpdate",
    "The input with `value`, broadcast, in place of the elements that StridedSlice would pick.",
    types: ["T": types], shape: ShapeRules.sameAsInput,
    prepare: { setup in
      let masks = try StridedSliceSpec.Masks(setup)
      return { context in
        let input = try context.input(0)
        let value = try context.input(4)
        let spec = try StridedSliceSpec(context, input: input.shape, first: 1, masks: masks)
        let output = try context.allocate(0, input.dtype, input.shape)
        output.initializeElements(from: input)
        try assign(value, to: output, spec, context.workers)
      }
    })

  /// Writes a value, broadcast to the slice's shape, into the elements that the slice picks.
  ///
  /// - Precondition: nobody else reads the target, and both have the same dtype.
  static func assign(
    _ value: Tensor, to target: Tensor, _ spec: StridedSliceSpec, _ workers: WorkerPool
  ) throws {
    let shape = spec.shape
    guard shape.elementCount > 0 else { return }
    let mismatch = ArrayArguments.invalid(
      "The value's shape \(value.shape) does not broadcast to the slice's shape \(shape).", input: 4)
    let extra = value.rank - shape.rank
    // Leading dimensions of size 1 more than the slice has do no harm.
    guard value.shape.dimensions.prefix(max(extra, 0)).allSatisfy({ $0 == 1 }) else { throw mismatch }
    let valueStrides = value.shape.strides
    var steps = [Int](repeating: 0, count: spec.counts.count)
    for (position, source) in spec.sources.enumerated() {
      let axis = position + extra
      guard axis >= 0 else { continue }
      guard value.shape[axis] == shape[position] || value.shape[axis] == 1 else { throw mismatch }
      if let source, value.shape[axis] != 1 { steps[source] = valueStrides[axis] }
    }
    let strides = target.shape.strides
    try StridedCopy(sizes: spec.sizes, sourceSteps: steps, targetSteps: spec.steps(strides))
      .run(from: value, to: target, startingAt: spec.start(strides), workers)
  }
}
