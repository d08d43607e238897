import CGraftVector
import GraftTensor

/// A depthwise convolution with the convolutions of single pixels around it, as mobile networks have them: in
/// bands of rows or slices of channels, so that what lies between them stays in a cache.
package enum DepthwiseBlockOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "_FusedDepthwiseBlock",
      """
      `_FusedDepthwiseConv2dNative` of channels last with what is before it (`expand`) and after it \
      (`project`): convolutions of 1x1 and stride 1, the first also with any window, which `expand_strides` and \
      `expand_padding` then tell of. Each has `…_fused_ops` as `_FusedConv2D`, and its filter and what is fused \
      follow the depthwise filter and bias. With `means`, which says whether to keep the dimensions, the means of \
      its images' pixels are a second result. Planning makes it; graphs need not hold it.
      """,
      types: ["T": [.float32]], shape: shape
    ) { node in
      let block = try Block(node)
      return { try block.run($0) }
    }
  ]

  private static let shape: ShapeRule = { context in
    let block = try Block(context.node)
    let attributes = block.attributes
    var input = context.input(0)
    if let expand = block.expand {
      input = try ConvolutionGeometry.outputShape(
        expand.window, input: input, filter: context.input(expand.filter))
    }
    let result = try ConvolutionGeometry.outputShape(
      attributes, input: input, filter: context.input(1), depthwise: true)
    guard let project = block.project else {
      guard let keepsDimensions = block.keepsDimensions else { return [result] }
      let means = result.dimensions.map { keepsDimensions ? [$0[0], 1, 1, $0[3]] : [$0[0], $0[3]] }
      return [result, PartialShape(means)]
    }
    return [
      try ConvolutionGeometry.outputShape(
        .pointwise, input: result, filter: context.input(project.filter))
    ]
  }

  /// Whether a block whose last part is the depthwise convolution, of images of this size, is computed in slices
  /// of channels.
  package static func areSliced(height: Int, width: Int) -> Bool {
    DepthwiseSlices.suit(height: height, width: width)
  }
}

/// What a node's attributes say.
private struct Block: Sendable {
  let attributes: WindowAttributes
  let fused: FusedOps
  let expand: ConvolutionPart?
  let project: ConvolutionPart?
  /// Whether the means of images' pixels have the dimensions that they are of; nil where they are not wanted.
  let keepsDimensions: Bool?
  private let inputCount: Int

  init(_ node: NodeSetup) throws {
    attributes = try WindowAttributes(node, rank: 4)
    guard !attributes.order.isChannelsFirst else {
      throw node.unimplemented("\(node.op) has channels last only.")
    }
    fused = try FusedOps(node).withoutScale(node)
    var next = 2 + fused.inputCount
    func part(_ prefix: String, _ window: WindowAttributes = .pointwise) throws -> ConvolutionPart? {
      guard node.has(prefix + "fused_ops") else { return nil }
      let part = ConvolutionPart(window: window, fused: try FusedOps(node, prefix: prefix), filter: next)
      next += 1 + part.fused.inputCount
      return part
    }
    expand = try part(
      "expand_",
      node.has("expand_strides") ? try WindowAttributes(node, rank: 4, prefix: "expand_") : .pointwise)
    project = try part("project_")
    keepsDimensions = node.has("means") ? try node.bool("means") : nil
    inputCount = next
    guard !fused.hasAddend, expand?.fused.hasAddend != true else {
      throw node.unimplemented("\(node.op) adds a tensor after its last convolution only.")
    }
    guard project == nil || keepsDimensions == nil else {
      throw node.unimplemented("\(node.op) has no means of what another convolution follows.")
    }
  }

  func run(_ context: KernelContext) throws {
    try context.requireInputs(inputCount)
    let (x, filter) = (try context.input(0), try context.input(1))
    let before = try expand.map { try ConvolutionStage($0, context, x.shape) }
    let middle = before?.shape ?? x.shape
    let geometry = try ConvolutionGeometry(depthwise: attributes, input: middle, filter: filter.shape)
    guard geometry.outputChannels == 1, GroupedRows.handle(geometry) else {
      throw GraftError(.unimplemented, "There is no fused block with a window of shape \(filter.shape).")
    }
    let shape = try geometry.outputShape()
    let after = try project.map { try ConvolutionStage($0, context, shape) }
    let output = try context.allocate(0, .float32, after?.shape ?? shape)
    let means = try keepsDimensions.map {
      let (images, channels) = (geometry.batch, geometry.groups)
      return try context.allocate(
        1, .float32, Shape(validating: $0 ? [images, 1, 1, channels] : [images, channels]))
    }
    let finish = try fused.finish(
      context, from: 2, shape: shape, channels: geometry.groups, dtype: .float32)
    let averages = means?.base.assumingMemoryBound(to: Float.self)
    guard output.elementCount > 0 else {
      averages?.update(repeating: .nan, count: means?.elementCount ?? 0)
      return
    }
    func pack() throws -> PackedStages {
      PackedStages(before: try before?.pack(context), after: try after?.pack(context))
    }
    let isConstant = (before?.isConstant ?? true) && (after?.isConstant ?? true)
    let packed = isConstant ? try context.prepared(pack) : try pack()
    let zeros = try context.scratch(.float32, [max(geometry.groups, before?.inputChannels ?? 0)])
    zeros.clear()
    let depthwise = DepthwiseStage(
      geometry: geometry.vector, images: geometry.batch, finish: finish.vector(columns: geometry.groups),
      filter: filter.floats, zeros: zeros.floats)
    let (source, target) = (x.floats, output.base.assumingMemoryBound(to: Float.self))
    let rows = try means.map { _ in
      try context.scratch(
        .float32, Shape(validating: [geometry.batch, depthwise.outputHeight, geometry.groups]))
    }
    let sums = rows?.base.assumingMemoryBound(to: Float.self)
    let expand = try before.flatMap { stage in
      try packed.before.map { try stage.beginning($0, zeros: zeros.floats) }
    }
    if after == nil, case .pointwise(let expand)? = expand,
      DepthwiseSlices.suit(height: geometry.axes[1].input, width: geometry.axes[2].input),
      !DepthwiseBands.suit(depthwise, threads: context.workers.threads)
    {
      let slices = DepthwiseSlices(stage: depthwise, before: expand, x: source, y: target, sums: sums)
      try split(
        slices.count, cost: slices.cost, grain: DepthwiseSlices.grain, scratch: slices.scratch, context,
        slices.run)
    } else {
      let bands = DepthwiseBands(
        stage: depthwise, before: expand,
        after: try after.flatMap { stage in try packed.after.map { try stage.product($0) } }, x: source,
        y: target, sums: sums)
      // Whoever begins a piece computes what the piece before it has computed of the rows between: one for each thread.
      try split(bands.count, cost: bands.cost, grain: bands.count, scratch: bands.scratch, context, bands.run)
    }
    if let sums, let averages { depthwise.means(of: sums, into: averages) }
    withExtendedLifetime(packed) {}
  }

  /// Splits work whose threads need memory of their own, of `scratch` elements.
  private func split(
    _ count: Int, cost: Int, grain: Int, scratch: Int, _ context: KernelContext,
    _ body: @Sendable (_ range: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) -> Void
  ) throws {
    let memory = try context.scratch(.float32, Shape(validating: [context.workers.workers, scratch]))
    nonisolated(unsafe) let first = memory.base.assumingMemoryBound(to: Float.self)
    context.workers.forEachOnWorkers(count, cost: cost, grain: grain) { worker, range in
      body(range, first + worker * scratch)
    }
  }
}

/// The filters of both convolutions of single pixels.
private final class PackedStages: Sendable {
  let before: PackedMatrix?
  let after: PackedMatrix?

  init(before: PackedMatrix?, after: PackedMatrix?) {
    self.before = before
    self.after = after
  }
}
