import CGraftVector
import GraftTensor

/// A depthwise convolution with the convolutions of single pixels around it, as mobile networks have them: band
/// by band, so that what lies between them stays in a cache.
package enum DepthwiseBlockOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "_FusedDepthwiseBlock",
      """
      `_FusedDepthwiseConv2dNative` of channels last with what is before it (`expand`) and after it \
      (`project`): convolutions of 1x1 and stride 1. Each has `…_fused_ops` as `_FusedConv2D`, and its filter and \
      what is fused follow the depthwise filter and bias. Planning makes it; graphs need not hold it.
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
        .pointwise, input: input, filter: context.input(expand.filter))
    }
    let result = try ConvolutionGeometry.outputShape(
      attributes, input: input, filter: context.input(1), depthwise: true)
    guard let project = block.project else { return [result] }
    return [
      try ConvolutionGeometry.outputShape(
        .pointwise, input: result, filter: context.input(project.filter))
    ]
  }

  /// Whether blocks of this kind are faster than their parts: not where these are the library's.
  package static var areFaster: Bool {
    #if OneDNN
      !ConvolutionGeometry.prefersLibrary
    #else
      true
    #endif
  }
}

extension WindowAttributes {
  /// Those of a convolution of single pixels.
  fileprivate static let pointwise = WindowAttributes(
    order: .last, strides: [1, 1], dilations: [1, 1], padding: .valid)
}

/// What a node's attributes say.
private struct Block: Sendable {
  /// A convolution of single pixels.
  struct Pointwise: Sendable {
    let fused: FusedOps
    /// The input that is its filter; those of what is fused follow.
    let filter: Int
  }

  let attributes: WindowAttributes
  let fused: FusedOps
  let expand: Pointwise?
  let project: Pointwise?
  private let inputCount: Int

  init(_ node: NodeSetup) throws {
    attributes = try WindowAttributes(node, rank: 4)
    guard !attributes.order.isChannelsFirst else {
      throw node.unimplemented("\(node.op) has channels last only.")
    }
    fused = try FusedOps(node).withoutScale(node)
    var next = 2 + fused.inputCount
    func pointwise(_ prefix: String) throws -> Pointwise? {
      guard node.has(prefix + "fused_ops") else { return nil }
      let part = Pointwise(fused: try FusedOps(node, prefix: prefix), filter: next)
      next += 1 + part.fused.inputCount
      return part
    }
    expand = try pointwise("expand_")
    project = try pointwise("project_")
    inputCount = next
    guard !fused.hasAddend, expand?.fused.hasAddend != true else {
      throw node.unimplemented("\(node.op) adds a tensor after its last convolution only.")
    }
  }

  func run(_ context: KernelContext) throws {
    guard context.inputCount == inputCount else {
      throw GraftError(
        .invalidArgument,
        "The fused op has \(context.inputCount) inputs where \(inputCount) are expected.")
    }
    let (x, filter) = (try context.input(0), try context.input(1))
    let before = try expand.map { try Stage($0, context, x.shape) }
    let middle = before?.shape ?? x.shape
    let geometry = try ConvolutionGeometry(depthwise: attributes, input: middle, filter: filter.shape)
    guard withUnsafePointer(to: geometry.vector, { graft_depthwise_handles_f32($0) }) != 0 else {
      throw GraftError(.unimplemented, "There is no fused block with a window of shape \(filter.shape).")
    }
    let shape = try geometry.outputShape()
    let after = try project.map { try Stage($0, context, shape) }
    let output = try context.allocate(0, .float32, after?.shape ?? shape)
    let finish = try fused.finish(
      context, from: 2, shape: shape, channels: geometry.groups, dtype: .float32)
    guard output.elementCount > 0 else { return }
    func pack() throws -> PackedStages {
      PackedStages(before: try before?.pack(context), after: try after?.pack(context))
    }
    let isConstant = (before?.isConstant ?? true) && (after?.isConstant ?? true)
    let packed = isConstant ? try context.prepared(pack) : try pack()
    let zeros = try context.scratch(.float32, [geometry.groups])
    zeros.base.initializeMemory(as: UInt8.self, repeating: 0, count: zeros.byteCount)
    let bands = Bands(
      geometry: geometry.vector, images: geometry.batch, finish: finish.vector(columns: geometry.groups),
      x: x.floats, filter: filter.floats, zeros: zeros.floats,
      y: output.base.assumingMemoryBound(to: Float.self),
      before: before.flatMap { $0.vector(packed.before) },
      after: after.flatMap { $0.vector(packed.after) })
    let memory = try context.scratch(
      .float32, Shape(validating: [context.workers.workers, bands.scratch]))
    nonisolated(unsafe) let scratch = memory.base.assumingMemoryBound(to: Float.self)
    // Whoever begins a piece computes what the piece before it has computed of the rows between.
    context.workers.forEachOnWorkers(bands.count, cost: bands.cost, grain: bands.count) { worker, range in
      bands.run(range, scratch + worker * bands.scratch)
    }
    withExtendedLifetime(packed) {}
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

/// A convolution of single pixels, for given sizes.
private struct Stage {
  let shape: Shape
  let isConstant: Bool
  private let depth: Int
  private let channels: Int
  private let filter: Tensor
  private let scale: Tensor?
  private let finish: Finish

  init(_ part: Block.Pointwise, _ context: KernelContext, _ input: Shape) throws {
    filter = try context.input(part.filter)
    let geometry = try ConvolutionGeometry(.pointwise, input: input, filter: filter.shape)
    guard geometry.isPointwise, geometry.groups == 1 else {
      throw GraftError(
        .unimplemented, "A filter of shape \(filter.shape) was found where one of 1x1 is expected.",
        at: .init(input: part.filter))
    }
    shape = try geometry.outputShape()
    (depth, channels) = (geometry.inputChannels, geometry.outputChannels)
    scale = try part.fused.scale(
      context, from: part.filter + 1, channels: channels, dtype: .float32)
    finish = try part.fused.finish(
      context, from: part.filter + 1, shape: shape, channels: channels, dtype: .float32)
    isConstant = context.isConstant(part.filter) && (scale == nil || context.isConstant(part.filter + 1))
  }

  func pack(_ context: KernelContext) throws -> PackedMatrix {
    let bytes = PackedMatrix.count(Float.self, k: depth, n: channels) * MemoryLayout<Float>.stride
    func pack() throws -> PackedMatrix {
      PackedMatrix.pack(
        Float.self, filter.floats, offsets: [0], row: channels, column: 1, k: depth, n: channels,
        scale: scale?.floats, into: try TensorStorage(byteCount: bytes), context.workers)
    }
    guard isConstant else { return try pack() }
    return try context.packed(filter, form: [depth, channels], factors: scale, pack)
  }

  func vector(_ packed: PackedMatrix?) -> Bands.Pointwise? {
    packed.map {
      .init(
        depth: depth, channels: channels, filter: $0.elements(of: 0),
        finish: finish.vector(columns: channels))
    }
  }
}

/// The work of a block, cut into bands of the depthwise convolution's output rows.
private struct Bands: @unchecked Sendable {
  struct Pointwise {
    let depth: Int
    let channels: Int
    let filter: UnsafePointer<Float>
    let finish: graft_finish

    /// Computes pixels, of which the first is number `pixel`.
    func run(
      _ pixels: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, pixel: Int
    ) {
      Float.product(
        m: pixels, n: channels, k: depth, x, row: depth, column: 1, packed: filter, into: y,
        cRow: channels, finish.from(row: pixel, column: 0, of: Float.self))
    }
  }

  let geometry: graft_convolution
  let images: Int
  let finish: graft_finish
  let x: UnsafePointer<Float>
  let filter: UnsafePointer<Float>
  let zeros: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>
  let before: Pointwise?
  let after: Pointwise?

  /// What the rows between two of the convolutions may take, of a core's large cache.
  private static let rowBytes = 320 << 10

  private var channels: Int { geometry.groups }
  private var stride: Int { geometry.stride.1 }
  private var window: Int { geometry.kernel.1 }
  private var height: Int { geometry.input.1 }
  private var outputHeight: Int { geometry.output.1 }
  /// Elements of a row of the depthwise convolution's input, and of its output.
  private var inputRow: Int { geometry.input.2 * channels }
  private var outputRow: Int { geometry.output.2 * channels }

  /// Output rows of a band.
  private var rows: Int {
    let row = (before == nil ? 0 : inputRow * stride) + (after == nil ? 0 : outputRow)
    let fitting = max(Self.rowBytes / max(row * MemoryLayout<Float>.stride, 1), 1)
    let bands = (outputHeight + fitting - 1) / fitting
    return (outputHeight + bands - 1) / bands
  }

  /// Rows of input under a band, at most.
  private var inputRows: Int { min((rows - 1) * stride + window, height) }

  private var bandsPerImage: Int { (outputHeight + rows - 1) / rows }

  /// How many bands there are.
  var count: Int { images * bandsPerImage }

  /// Elements of memory that a worker needs.
  var scratch: Int {
    (before == nil ? 0 : inputRows * inputRow) + (after == nil ? 0 : rows * outputRow)
  }

  /// About how many nanoseconds a band takes.
  var cost: Int {
    let products =
      rows * stride * inputRow * (before?.depth ?? 0) + rows * outputRow * (after?.channels ?? 0)
      + rows * outputRow * window * geometry.kernel.2
    return products / 50
  }

  /// Computes bands one after the other.
  func run(_ bands: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) {
    let results = scratch + (before == nil ? 0 : inputRows * inputRow)
    // The rows of input that the memory holds, of the image `held`.
    var (held, first, end) = (-1, 0, 0)
    for band in bands {
      let image = band / bandsPerImage
      let top = band % bandsPerImage * rows
      let bottom = min(top + rows, outputHeight)
      let start = max(top * stride - geometry.padding.1, 0)
      let stop = min(max((bottom - 1) * stride - geometry.padding.1 + window, start), height)
      var source = x
      if let before {
        let kept = held == image ? max(end - max(start, first), 0) : 0
        if kept > 0 {
          (scratch).update(from: scratch + (start - first) * inputRow, count: kept * inputRow)
        }
        let pixel = (image * height + start + kept) * geometry.input.2
        if stop > start + kept {
          before.run(
            (stop - start - kept) * geometry.input.2, x + pixel * before.depth,
            into: scratch + kept * inputRow, pixel: pixel)
        }
        (held, first, end) = (image, start, stop)
        // As if the whole input were there.
        source = UnsafePointer(scratch - (image * height + start) * inputRow)
      }
      let line = image * outputHeight + top
      let target = after == nil ? y : results - line * outputRow
      withUnsafePointer(to: geometry) { geometry in
        withUnsafePointer(to: finish) { finish in
          graft_depthwise_rows_f32(
            geometry, source, filter, zeros, target, line, image * outputHeight + bottom, finish)
        }
      }
      if let after {
        let pixel = line * geometry.output.2
        after.run(
          (bottom - top) * geometry.output.2, UnsafePointer(results), into: y + pixel * after.channels,
          pixel: pixel)
      }
    }
  }
}
