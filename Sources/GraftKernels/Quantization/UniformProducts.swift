import GraftTensor

/// Matrix products and convolutions of uniformly quantized tensors.
enum UniformProducts {
  static let all: [OpDefinition] = [dot, hybridDot, convolution, hybridConvolution]

  private static let dot = OpDefinition(
    "UniformQuantizedDot", "The product of two quantized matrices in the scale of the output.",
    types: ["Tin": [.qint8], "Tout": [.qint32]], shape: ShapeRules.unknown
  ) { node in
    let output = try QuantizedOutput(node)
    let axis = try node.int("lhs_quantization_axis")
    return { context in
      let product = try MatrixShape(context)
      let x = try centered(context, 0, scales: 2, axis: axis, allowed: -1)
      let y = try centered(context, 1, scales: 4, axis: output.kernelAxis, allowed: 1)
      let sums = try Tensor(uninitialized: .int32, shape: product.output)
      product.convolution.run(x.values, y.values, sums, as: Int32.self, context.workers)
      try output.write(sums, x.scale, y.scale, feature: 1, context)
    }
  }

  private static let hybridDot = OpDefinition(
    "UniformQuantizedDotHybrid",
    "The product of a float matrix, whose rows are quantized for it, and a quantized one.",
    types: ["Tlhs": [.float32], "Trhs": [.qint8], "Tout": [.float32]], shape: ShapeRules.unknown
  ) { node in
    let axis = try node.int("rhs_quantization_axis")
    return { context in
      let product = try MatrixShape(context)
      let y = try centered(context, 1, scales: 2, axis: axis, allowed: 1)
      try writeHybrid(product.convolution, product.output, y, batch: 0, feature: 1, context)
    }
  }

  private static let convolution = OpDefinition(
    "UniformQuantizedConvolution", "The convolution of two quantized tensors in the scale of the output.",
    types: ["Tin": [.qint8], "Tout": [.qint32]], shape: ShapeRules.unknown
  ) { node in
    let output = try QuantizedOutput(node)
    let axis = try node.int("lhs_quantization_axis")
    let attributes = try UniformConvolution(node)
    return { context in
      let convolution = try attributes.convolution(context.input(0).shape, context.input(1).shape)
      let dimensions = convolution.dimensions
      let shape = try convolution.outputShape(context.input(0).shape, context.input(1).shape)
      let x = try centered(context, 0, scales: 2, axis: axis, allowed: -1)
      let y = try centered(context, 1, scales: 4, axis: output.kernelAxis, allowed: dimensions.kernel[1])
      let sums = try Tensor(uninitialized: .int32, shape: shape)
      convolution.run(x.values, y.values, sums, as: Int32.self, context.workers)
      try output.write(sums, x.scale, y.scale, feature: dimensions.output[1], context)
    }
  }

  private static let hybridConvolution = OpDefinition(
    "UniformQuantizedConvolutionHybrid",
    "The convolution of a float tensor, whose entries of the batch are quantized for it, and a quantized kernel.",
    types: ["Tlhs": [.float32], "Trhs": [.qint8], "Tout": [.float32]], shape: ShapeRules.unknown
  ) { node in
    let axis = try node.int("rhs_quantization_axis")
    let attributes = try UniformConvolution(node)
    return { context in
      let convolution = try attributes.convolution(context.input(0).shape, context.input(1).shape)
      let dimensions = convolution.dimensions
      let shape = try convolution.outputShape(context.input(0).shape, context.input(1).shape)
      let y = try centered(context, 1, scales: 2, axis: axis, allowed: dimensions.kernel[1])
      try writeHybrid(
        convolution, shape, y, batch: dimensions.output[0], feature: dimensions.output[1], context)
    }
  }

  // MARK: - Parts

  /// Whole numbers and what they are multiplied by.
  private typealias Centered = (values: Tensor, scale: UniformScale)

  /// An input less its zero points.
  private static func centered(
    _ context: KernelContext, _ index: Int, scales: Int, axis: Int, allowed: Int
  ) throws -> Centered {
    let input = try context.input(index)
    let scale = try UniformScale(
      context, scales: scales, zeroPoints: scales + 1, axis: axis, shape: input.shape, allowed: allowed)
    let values = try Tensor(uninitialized: .int32, shape: input.shape)
    let (source, target) = (input.buffer(as: Int8.self), values.mutableBuffer(as: Int32.self))
    for place in target.indices {
      target[place] = Int32(source[place]) &- scale.zeroPoints[scale.lane(place)]
    }
    return (values, scale)
  }

  /// Quantizes each entry of the first input's batch, and multiplies.
  private static func writeHybrid(
    _ convolution: DimensionedConvolution, _ shape: Shape, _ kernel: Centered, batch: Int, feature: Int,
    _ context: KernelContext
  ) throws {
    let input = try context.input(0)
    let values = try Tensor(uninitialized: .int32, shape: input.shape)
    let (source, target) = (input.buffer(as: Float.self), values.mutableBuffer(as: Int32.self))
    let axis = convolution.dimensions.input[0]
    let (entries, inner) = (
      input.shape[axis], ArrayArguments.product(input.shape.dimensions[(axis + 1)...])
    )
    func entry(_ place: Int) -> Int { place / max(inner, 1) % max(entries, 1) }
    var ranges = [(low: Float, high: Float)](repeating: (0, 0), count: entries)
    for (place, value) in source.enumerated() {
      let entry = entry(place)
      ranges[entry] = (min(ranges[entry].low, value), max(ranges[entry].high, value))
    }
    let scales = ranges.map { $0.low == $0.high ? 1 : ($0.high - $0.low) / 255 }
    let zeroPoints = zip(ranges, scales).map { range, scale in
      range.low == range.high ? 0 : min(max((-128 - range.low / scale).rounded(), -128), 127)
    }
    for (place, value) in source.enumerated() {
      let entry = entry(place)
      let rounded = (value * (1 / scales[entry]) + 0.5).rounded(.down) + zeroPoints[entry]
      // What is no number becomes the lower bound.
      let bounded = rounded > -128 ? min(rounded, 127) : -128
      // Neither is the zero point of a range without an end one.
      target[place] = Int32(clamping: Int(truncating: bounded - zeroPoints[entry]))
    }
    let sums = try Tensor(uninitialized: .int32, shape: shape)
    convolution.run(values, kernel.values, sums, as: Int32.self, context.workers)
    let output = try context.allocate(0, .float32, shape).mutableBuffer(as: Float.self)
    let products = sums.buffer(as: Int32.self)
    let steps = (
      ArrayArguments.product(shape.dimensions[(batch + 1)...]),
      ArrayArguments.product(shape.dimensions[(feature + 1)...])
    )
    for place in output.indices {
      let lane = kernel.scale.scales.count == 1 ? 0 : place / steps.1 % shape[feature]
      let entry = place / steps.0 % shape[batch]
      output[place] = Float(products[place]) * scales[entry] * kernel.scale.scales[lane]
    }
    withExtendedLifetime(sums) {}
  }

  /// The product of matrices as a convolution without space.
  private struct MatrixShape {
    let output: Shape
    let convolution = DimensionedConvolution(
      dimensions: ConvolutionDimensions(input: [0, 1], kernel: [0, 1], output: [0, 1]), strides: [],
      padding: [], inputDilation: [], kernelDilation: [], featureGroups: 1, batchGroups: 1)

    init(_ context: KernelContext) throws {
      let (x, y) = (try context.input(0).shape, try context.input(1).shape)
      guard x.rank == 2, y.rank == 2, x[1] == y[0] else {
        throw ArrayArguments.invalid("Shapes \(x) and \(y) are not those of matrices that can be multiplied.")
      }
      output = Shape([x[0], y[1]])
    }
  }

  /// What a product is brought to.
  private struct QuantizedOutput: Sendable {
    let kernelAxis: Int
    private let axis: Int
    private let bounds: UniformArithmetic.Bounds

    init(_ node: NodeSetup) throws {
      kernelAxis = try node.int("rhs_quantization_axis")
      axis = try node.int("output_quantization_axis")
      bounds = try UniformArithmetic.Bounds(node, "output_quantization")
    }

    func write(
      _ sums: Tensor, _ input: UniformScale, _ kernel: UniformScale, feature: Int, _ context: KernelContext
    ) throws {
      let target = try UniformScale(
        context, scales: 6, zeroPoints: 7, axis: axis, shape: sums.shape, allowed: feature)
      let lanes = max(kernel.scales.count, target.scales.count)
      let factors = (0..<lanes).map { lane in
        QuantizedFactor(
          Double(input.scales[0]) * Double(kernel.scales[kernel.scales.count == 1 ? 0 : lane])
            / Double(target.scales[target.scales.count == 1 ? 0 : lane]))
      }
      let output = try context.allocate(0, .qint32, sums.shape).mutableBuffer(as: Int32.self)
      let products = sums.buffer(as: Int32.self)
      let step = ArrayArguments.product(sums.shape.dimensions[(feature + 1)...])
      for place in output.indices {
        let lane = lanes == 1 ? 0 : place / step % lanes
        let value = factors[lane](Int(products[place])) + Int(target.zeroPoints[target.lane(place)])
        output[place] = Int32(clamping: bounds.bounded(value))
      }
    }
  }
}

/// The attributes of a convolution of uniformly quantized tensors.
private struct UniformConvolution: Sendable {
  private let dimensions: ConvolutionDimensions?
  private let strides: [Int]
  private let padding: DimensionedConvolution.Padding
  private let dilations: (input: [Int], kernel: [Int])
  private let groups: (features: Int, batch: Int)

  init(_ node: NodeSetup) throws {
    let bytes = try node.bytes("dimension_numbers").bytes
    guard let fields = DimensionFields(bytes, fields: 1...9) else {
      throw node.invalid("The attribute 'dimension_numbers' is no message of dimension numbers.")
    }
    dimensions =
      bytes.isEmpty
      ? nil
      : ConvolutionDimensions(
        input: [fields.one(1), fields.one(2)] + fields[3],
        kernel: [fields.one(4), fields.one(5)] + fields[6],
        output: [fields.one(7), fields.one(8)] + fields[9])
    strides = try node.ints("window_strides")
    dilations = (try node.ints("lhs_dilation"), try node.ints("rhs_dilation"))
    groups = (try node.int("feature_group_count"), try node.int("batch_group_count"))
    let explicit = try node.ints("explicit_padding")
    switch try node.string("padding") {
    case "SAME": padding = .same
    case "VALID": padding = .valid
    case "EXPLICIT": padding = .explicit(explicit)
    case let other:
      throw node.invalid("The attribute 'padding' is '\(other)', not SAME, VALID or EXPLICIT.")
    }
  }

  /// The convolution for inputs of the given shapes.
  func convolution(_ x: Shape, _ kernel: Shape) throws -> DimensionedConvolution {
    let rank = x.rank
    let space = max(rank - 2, 0)
    let ones = [Int](repeating: 1, count: space)
    let spaceAxes = Array(2..<2 + space)
    let dimensions =
      self.dimensions
      ?? ConvolutionDimensions(
        input: [0, 1] + spaceAxes, kernel: [1, 0] + spaceAxes, output: [0, 1] + spaceAxes)
    let strides = self.strides.isEmpty ? ones : self.strides
    let input = dilations.input.isEmpty ? ones : dilations.input
    let inner = dilations.kernel.isEmpty ? ones : dilations.kernel
    guard rank >= 2, kernel.rank == rank, dimensions.fit(rank: rank),
      [strides, input, inner].allSatisfy({ $0.count == space && $0.allSatisfy { 1...1 << 31 ~= $0 } })
    else {
      throw GraftError(
        .invalidArgument,
        "An input of shape \(x) and a kernel of shape \(kernel) do not go with the dimensions, strides and "
          + "dilations of the convolution.")
    }
    return DimensionedConvolution(
      dimensions: dimensions, strides: strides,
      padding: try DimensionedConvolution.padding(
        padding, input: dimensions.input[2...].map { x[$0] },
        kernel: dimensions.kernel[2...].map { kernel[$0] },
        strides: strides, inputDilation: input, kernelDilation: inner),
      inputDilation: input, kernelDilation: inner, featureGroups: groups.features, batchGroups: groups.batch)
  }
}
