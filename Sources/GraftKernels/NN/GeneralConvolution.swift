import GraftGraph
import GraftTensor

/// The convolution that stands for those of images and of volumes.
enum GeneralConvolutionOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Conv",
      "`Conv2D` or `Conv3D`, by the input's rank; the first `batch_dims` dimensions are all batch.",
      types: ["T": .floats + [.int32]], shape: ShapeRules.unknown
    ) { node in
      let dtype = try node.type("T")
      let batchRank = try node.int("batch_dims")
      let groups = try node.int("groups")
      let isChannelsFirst: Bool
      switch try node.string("data_format") {
      case "CHANNELS_LAST": isChannelsFirst = false
      case "CHANNELS_FIRST": isChannelsFirst = true
      case let other:
        throw node.invalid("The attribute 'data_format' is '\(other)', not CHANNELS_LAST or CHANNELS_FIRST.")
      }
      guard batchRank >= 1 else {
        throw node.invalid("The attribute 'batch_dims' is \(batchRank), and must be 1 or more.")
      }
      guard groups == 1 else {
        throw node.unimplemented("Convolutions in \(groups) groups are not supported.")
      }
      let images = try? call(node, ConvolutionOps.all, "Conv2D", isChannelsFirst ? "NCHW" : "NHWC", 4, dtype)
      let volumes = try? call(
        node, ConvolutionOps.all, "Conv3D", isChannelsFirst ? "NCDHW" : "NDHWC", 5, dtype)
      return { context in
        let (x, filter) = (try context.input(0), try context.input(1))
        let rank = x.rank - batchRank + 1
        guard let convolution = rank == 4 ? images : rank == 5 ? volumes : nil, filter.rank == rank else {
          throw GraftError(
            .invalidArgument,
            "An input of shape \(x.shape) with \(batchRank) batch dimensions and a filter of shape "
              + "\(filter.shape) are no convolution of images or volumes with the given strides and dilations.",
            at: .init(input: 0))
        }
        let batch = Array(x.shape.dimensions.prefix(batchRank))
        let flat = x.reshaped(
          unchecked: Shape([ArrayArguments.product(batch)] + x.shape.dimensions.dropFirst(batchRank)))
        let y = try convolution([flat, filter], context)[0]
        try context.setOutput(0, y.reshaped(unchecked: Shape(batch + y.shape.dimensions.dropFirst())))
      }
    }
  ]

  private static func call(
    _ node: NodeSetup, _ ops: [OpDefinition], _ name: String, _ format: String, _ rank: Int, _ dtype: DataType
  ) throws -> KernelCall {
    guard let definition = ops.first(where: { $0.name == name }) else {
      throw node.unimplemented("There is no kernel of \(name).")
    }
    let strides = try node.ints("strides")
    let dilations = try node.ints("dilations")
    guard strides.count == rank, dilations.isEmpty || dilations.count == rank else {
      throw node.invalid("The attributes 'strides' and 'dilations' do not have \(rank) numbers.")
    }
    if let types = definition.types["T"], !types.contains(dtype) {
      throw node.unimplemented("\(name) has no kernel for \(dtype).")
    }
    return try KernelCall(
      definition, in: node,
      [
        "T": .type(ElementType(dtype)), "data_format": .string(Bytes(format)),
        "padding": .string(try node.bytes("padding")), "strides": .ints(strides.map { Int64($0) }),
        "dilations": .ints(
          (dilations.isEmpty ? [Int](repeating: 1, count: rank) : dilations).map { Int64($0) }),
        "explicit_paddings": .ints(try node.ints("explicit_paddings").map { Int64($0) }),
        "use_cudnn_on_gpu": .bool(false),
      ], inputTypes: [dtype, dtype], outputTypes: [dtype])
  }
}
