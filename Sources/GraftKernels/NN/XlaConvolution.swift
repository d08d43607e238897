import GraftGraph
import GraftTensor

/// XLA's general convolution.
enum XlaConvolutionOps {
  static let all: [OpDefinition] = [
    convolution("XlaConv", types: ["T"]),
    convolution("XlaConvV2", types: ["LhsT", "RhsT", "preferred_element_type"]),
  ]

  private static let types: [DataType] = .numbers

  private static func convolution(_ name: String, types names: [String]) -> OpDefinition {
    OpDefinition(
      name,
      "A convolution over any number of dimensions, whose order `dimension_numbers` says; both sides may be "
        + "dilated, and features and batch be in groups.",
      types: Dictionary(uniqueKeysWithValues: names.map { ($0, types) }), shape: ShapeRules.unknown
    ) { node in
      let dimensions = try dimensions(node)
      let batchGroups = node.has("batch_group_count") ? try node.int("batch_group_count") : 1
      let dtype = try node.outputType(0)
      // Sums of half precision are kept in single precision.
      let wide: DataType = dtype == .float16 || dtype == .bfloat16 ? .float32 : dtype
      let casts = try (0..<2).map { try cast(node, from: node.inputType($0), to: wide) }
      let narrow = try cast(node, from: wide, to: dtype)
      return { context in
        let numbers = try (2...6).map { index in
          do {
            return try context.input(index).integers()
          } catch let error as GraftError {
            throw error.at(.init(input: index))
          }
        }
        guard numbers[1].count % 2 == 0, let groups = numbers[4].first, numbers[4].count == 1 else {
          throw GraftError(
            .invalidArgument,
            "'padding' has two numbers for each dimension, and 'feature_group_count' is one.")
        }
        let convolution = DimensionedConvolution(
          dimensions: dimensions, strides: numbers[0],
          padding: stride(from: 0, to: numbers[1].count, by: 2).map { (numbers[1][$0], numbers[1][$0 + 1]) },
          inputDilation: numbers[2], kernelDilation: numbers[3], featureGroups: groups,
          batchGroups: batchGroups)
        var inputs = try [context.input(0), context.input(1)]
        let shape = try convolution.outputShape(inputs[0].shape, inputs[1].shape)
        for index in 0..<2 {
          if let cast = casts[index] { inputs[index] = try cast([inputs[index]], context)[0] }
        }
        let output =
          try narrow == nil ? context.allocate(0, dtype, shape) : Tensor(uninitialized: wide, shape: shape)
        try run(convolution, inputs, output, context)
        if let narrow { try context.setOutput(0, try narrow([output], context)[0]) }
      }
    }
  }

  private static func run(
    _ convolution: DimensionedConvolution, _ inputs: [Tensor], _ output: Tensor, _ context: KernelContext
  ) throws {
    func each<T: ArithmeticElement>(_ type: T.Type) {
      convolution.run(inputs[0], inputs[1], output, as: type, context.workers)
    }
    switch output.dtype {
    case .float32: each(Float.self)
    case .float64: each(Double.self)
    case .complex64: each(Complex64.self)
    case .complex128: each(Complex128.self)
    case .int8: each(Int8.self)
    case .int16: each(Int16.self)
    case .int32: each(Int32.self)
    case .int64: each(Int64.self)
    case .uint8: each(UInt8.self)
    case .uint16: each(UInt16.self)
    case .uint32: each(UInt32.self)
    case .uint64: each(UInt64.self)
    default: throw GraftError(.unimplemented, "There is no convolution of \(output.dtype).")
    }
  }

  private static func cast(_ node: NodeSetup, from source: DataType, to target: DataType) throws
    -> KernelCall?
  {
    guard source != target else { return nil }
    return try KernelCall(
      MathOps.cast, in: node,
      ["SrcT": .type(ElementType(source)), "DstT": .type(ElementType(target)), "Truncate": .bool(false)],
      inputTypes: [source], outputTypes: [target])
  }

  /// Reads XLA's `ConvolutionDimensionNumbers`.
  private static func dimensions(_ node: NodeSetup) throws -> ConvolutionDimensions {
    guard let fields = DimensionFields(try node.bytes("dimension_numbers").bytes, fields: 3...12) else {
      throw node.invalid("The attribute 'dimension_numbers' is no ConvolutionDimensionNumbers message.")
    }
    return ConvolutionDimensions(
      input: [fields.one(7), fields.one(8)] + fields[11], kernel: [fields.one(3), fields.one(4)] + fields[6],
      output: [fields.one(9), fields.one(10)] + fields[12])
  }
}
