import GraftGraph
import GraftTensor

/// Convolutions of mirrored images, and of resized ones.
enum FusedPaddedConvolutionOps {
  static let all: [OpDefinition] = [
    fused("FusedPadConv2D", "`Conv2D` of images with a mirrored border.", types: .floats, resizes: false),
    fused(
      "FusedResizeAndPadConv2D",
      "`Conv2D` of images that were resized as by `ResizeBilinear`, with a mirrored "
        + "border.", types: [.float16, .float32, .float64], resizes: true),
  ]

  private static func fused(
    _ name: String, _ summary: String, types: [DataType], resizes: Bool
  ) -> OpDefinition {
    OpDefinition(name, summary, types: ["T": types], shape: { _ in [.ofRank(4)] }) { node in
      let dtype = try node.type("T")
      let type = AttributeValue.type(ElementType(dtype))
      let parts = try Parts(node)
      let pad = try KernelCall(
        parts.pad, in: node,
        [
          "T": type, "Tpaddings": .type(ElementType(.int32)), "mode": .string(Bytes(try node.string("mode"))),
        ],
        inputTypes: [dtype, .int32], outputTypes: [dtype])
      let convolution = try KernelCall(
        parts.convolution, in: node,
        [
          "T": type, "strides": .ints(try node.ints("strides").map { Int64($0) }),
          "padding": .string(Bytes(try node.string("padding"))), "data_format": .string(Bytes("NHWC")),
          "dilations": .ints([1, 1, 1, 1]), "explicit_paddings": .emptyList, "use_cudnn_on_gpu": .bool(false),
        ], inputTypes: [dtype, dtype], outputTypes: [dtype])
      guard resizes else {
        return { context in
          let padded = try pad([try context.input(0), try context.input(1)], context)
          try context.setOutputs(try convolution(padded + [try context.input(2)], context))
        }
      }
      let resize = try KernelCall(
        parts.resize, in: node,
        [
          "T": type, "align_corners": .bool(try node.bool("resize_align_corners")),
          "half_pixel_centers": .bool(false),
        ], inputTypes: [dtype, .int32], outputTypes: [.float32])
      let cast = try KernelCall(
        MathOps.cast, in: node,
        ["SrcT": .type(ElementType(.float32)), "DstT": type, "Truncate": .bool(false)],
        inputTypes: [.float32], outputTypes: [dtype])
      return { context in
        var images = try resize([try context.input(0), try context.input(1)], context)
        if dtype != .float32 { images = try cast(images, context) }
        let padded = try pad(images + [try context.input(2)], context)
        try context.setOutputs(try convolution(padded + [try context.input(3)], context))
      }
    }
  }

  /// The ops that these are made of.
  private struct Parts {
    let pad: OpDefinition
    let convolution: OpDefinition
    let resize: OpDefinition

    init(_ node: NodeSetup) throws {
      func find(_ name: String, _ ops: [OpDefinition]) throws -> OpDefinition {
        guard let found = ops.first(where: { $0.name == name }) else {
          throw node.unimplemented("There is no kernel of \(name), which \(node.op) is made of.")
        }
        return found
      }
      pad = try find("MirrorPad", PadOps.all)
      convolution = try find("Conv2D", ConvolutionOps.all)
      resize = try find("ResizeBilinear", ResizeBilinearOps.all)
    }
  }
}
