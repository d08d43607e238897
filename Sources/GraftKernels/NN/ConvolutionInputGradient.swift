import CGraftVector
import GraftGraph
import GraftTensor

/// What a convolution's input would have to be changed by: transposed convolutions.
enum ConvolutionInputGradientOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Conv2DBackpropInput",
      """
      The gradient of `Conv2D` by its input, which is also a transposed convolution. `input_sizes` is the input's \
      shape, or its height and width. Beyond TensorFlow's CPU kernel: dilations and groups.
      """,
      types: ["T": [.int32] + .floats], shape: { try shape($0, rank: 4) }
    ) { node in
      try kernel(node, rank: 4, sizes: sizes)
    },
    OpDefinition(
      "Conv3DBackpropInputV2",
      "The gradient of `Conv3D` by its input, which is also a transposed convolution of volumes.",
      types: ["T": .floats], shape: { try shape($0, rank: 5) }
    ) { node in
      try kernel(node, rank: 5, sizes: sizes)
    },
    OpDefinition(
      "Conv3DBackpropInput", "As `Conv3DBackpropInputV2`, with an input whose shape alone is read.",
      types: ["T": [.float16, .float32, .float64]], shape: { [$0.input(0)] }
    ) { node in
      try kernel(node, rank: 5) { input, _, _, _ in input.shape }
    },
  ]

  private static func shape(_ context: ShapeContext, rank: Int) throws -> [PartialShape] {
    let attributes = try WindowAttributes(context.node, rank: rank)
    let (filter, gradient) = (context.input(1), context.input(2))
    if let sizes = context.ints(0), sizes.count == rank {
      return [PartialShape(sizes.map { $0 < 0 ? nil : $0 })]
    }
    let spatial = context.ints(0).flatMap { $0.count == rank - 2 ? $0.map(Optional.some) : nil }
    return [
      PartialShape(
        attributes.order.sizes(
          batch: gradient[0], spatial: spatial ?? [Int?](repeating: nil, count: rank - 2),
          channels: filter[rank - 2]))
    ]
  }

  /// The input's shape, from its sizes or from height and width alone.
  private static func sizes(
    _ sizes: Tensor, filter: Tensor, gradient: Tensor, _ attributes: WindowAttributes
  ) throws -> Shape {
    let rank = attributes.spatialRank + 2
    let values = try sizes.integers()
    guard sizes.rank == 1, values.count == rank || values.count == 2 && rank == 4 else {
      throw GraftError(
        .invalidArgument,
        "The input's \(rank) sizes are expected, and a tensor of shape \(sizes.shape) was found.",
        at: .init(input: 0))
    }
    guard values.count == 2, filter.rank == 4, gradient.rank == 4 else {
      return try Shape(validating: values)
    }
    return try Shape(
      validating: attributes.order.sizes(batch: gradient.shape[0], spatial: values, channels: filter.shape[2])
    )
  }

  private static func kernel(
    _ node: NodeSetup, rank: Int,
    sizes: @escaping @Sendable (Tensor, Tensor, Tensor, WindowAttributes) throws -> Shape
  ) throws -> Kernel {
    let attributes = try WindowAttributes(node, rank: rank)
    let dtype = try node.type("T")
    return { context in
      let (filter, gradient) = (try context.input(1), try context.input(2))
      let shape = try sizes(try context.input(0), filter, gradient, attributes)
      let geometry = try ConvolutionGeometry(attributes, input: shape, filter: filter.shape)
      try geometry.check(gradient)
      let output = try context.allocate(0, dtype, shape)
      guard output.elementCount > 0 else { return }
      let task = ConvolutionInputGradient(
        geometry: geometry, filter: filter, isFilterConstant: context.isConstant(1))
      try Images.run(context, gradient, into: output, attributes.order) { gradient, output, _ in
        try task.run(context, gradient, into: output)
      }
    }
  }
}

extension ConvolutionGeometry {
  /// Checks that a gradient has the shape of the convolution's result.
  func check(_ gradient: Tensor) throws {
    let expected = try outputShape()
    guard gradient.shape == expected else {
      throw GraftError(
        .invalidArgument,
        "The gradient has shape \(gradient.shape), and the convolution's result is \(expected).",
        remedy: "Check the input's sizes, the strides and the padding.")
    }
  }
}

/// The gradient by the input with channels last, for given sizes.
private struct ConvolutionInputGradient {
  let geometry: ConvolutionGeometry
  let filter: Tensor
  let isFilterConstant: Bool

  func run(_ context: KernelContext, _ gradient: Tensor, into output: Tensor) throws {
    switch output.dtype {
    case .float32: try vector(Float.self, context, gradient, filter, output, keep: isFilterConstant)
    case .float64: try vector(Double.self, context, gradient, filter, output, keep: isFilterConstant)
    case .int32: plain(ExactSum<Int32>.self, gradient, output)
    case .float16 where geometry.outputChannels <= SteppedProduct.longest:
      plain(SteppedSum<Float16>.self, gradient, output)
    case .bfloat16 where geometry.outputChannels <= SteppedProduct.longest:
      plain(SteppedSum<BFloat16>.self, gradient, output)
    default:
      let sums = try context.scratch(.float32, output.shape)
      try vector(
        Float.self, context, try FloatConversion.widen(gradient, context),
        try FloatConversion.widen(filter, context), sums, keep: false)
      FloatConversion.narrow(sums, into: output, context.workers)
    }
  }

  private func vector<T: VectorElement>(
    _ type: T.Type, _ context: KernelContext, _ gradient: Tensor, _ filter: Tensor, _ output: Tensor,
    keep: Bool
  ) throws {
    guard gradient.elementCount > 0 else { return output.clear() }
    if geometry.isPointwise, geometry.groups == 1 {
      let (inputs, outputs) = (geometry.inputChannels, geometry.outputChannels)
      let right = MatrixOperand(tensor: filter, row: 1, column: outputs, offsets: [0])
      return try MatrixProduct(
        rows: geometry.outputPixels, columns: inputs, depth: outputs,
        left: MatrixOperand(tensor: gradient, row: outputs, column: 1, offsets: [0]), right: right,
        packed: keep ? try PackedMatrix.kept(right, k: outputs, n: inputs, context) : nil
      ).run(context, into: output)
    }
    let transposed = TransposedConvolution(geometry)
    let workers = context.workers
    func convolution(_ part: TransposedConvolution.Part, _ filter: Tensor) -> Convolution {
      Convolution(geometry: part.geometry, filter: filter, scale: nil, isFilterConstant: false)
    }
    /// A part's filter in panels, or turned round for what reads it otherwise.
    func prepare(
      _ part: TransposedConvolution.Part, _ allocate: (Shape) throws -> Tensor
    ) throws -> (panels: PackedMatrix?, filter: Tensor) {
      convolution(part, filter).readsPanels(gradient)
        ? (try transposed.packed(T.self, of: part, filter, workers, allocate), filter)
        : (nil, try transposed.filter(T.self, of: part, filter, workers, allocate))
    }
    guard keep, context.keepsPacked, transposed.count <= Self.mostKept else {
      return try transposed.run(context, into: output) { _, part, output in
        let (panels, filter) = try prepare(part) { try context.scratch(T.dataType, $0) }
        try convolution(part, filter)
          .run(context, gradient, into: output, .none, panels.map { .packed($0) })
      }
    }
    let kept = try context.prepared {
      try context.packed(filter, form: transposed.form + gradient.shape.dimensions) {
        Kept(
          try (0..<transposed.count).map { index in
            let part = transposed.part(index)
            let (panels, filter) = try prepare(part) { try Tensor(uninitialized: T.dataType, shape: $0) }
            return try panels.map { .packed($0) } ?? convolution(part, filter).unsharedForm(context, gradient)
          })
      }
    }
    // The filter itself is not read where it is ready.
    try transposed.run(context, into: output) { index, part, output in
      try convolution(part, filter).run(context, gradient, into: output, .none, kept.filters[index])
    }
  }

  /// For how many convolutions filters are kept.
  private static let mostKept = 256

  /// The filters of all parts, made ready.
  private final class Kept: Sendable {
    let filters: [PreparedFilter]

    init(_ filters: [PreparedFilter]) {
      self.filters = filters
    }
  }

  /// As the definition says: a patch for each pixel of the gradient, added to what is there.
  private func plain<S: ConvolutionSum>(_ type: S.Type, _ gradient: Tensor, _ output: Tensor)
  where S.Element: ArithmeticElement {
    let source = gradient.buffer(as: S.Element.self)
    let weights = filter.buffer(as: S.Element.self)
    let target = output.mutableBuffer(as: S.Element.self)
    let (groups, inputs, outputs) = (geometry.groups, geometry.inputChannels, geometry.outputChannels)
    let columns = geometry.positions * inputs
    target.update(repeating: S.Element.zero)
    for pixel in 0..<geometry.outputPixels {
      for position in 0..<geometry.positions {
        guard let below = geometry.inputPixel(under: pixel, at: position) else { continue }
        let place = below * groups * inputs
        for group in 0..<groups {
          let values = pixel * groups * outputs + group * outputs
          for input in 0..<inputs {
            let row = (position * inputs + input) * groups * outputs + group * outputs
            var sum = S.zero
            for output in 0..<outputs {
              sum = S.add(
                sum, source[values + output], weights[row + output], channel: position * inputs + input,
                of: columns)
            }
            let index = place + group * inputs + input
            target[index] = S.Element.add(target[index], S.element(sum))
          }
        }
      }
    }
  }
}
