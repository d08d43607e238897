import CGraftVector
import GraftTensor

extension WindowAttributes {
  /// Those of a convolution of single pixels.
  static let pointwise = WindowAttributes(order: .last, strides: [1, 1], dilations: [1, 1], padding: .valid)
}

/// A convolution without groups as a part of a fused op, as the op's attributes have it.
struct ConvolutionPart: Sendable {
  var window = WindowAttributes.pointwise
  let fused: FusedOps
  /// The input that is its filter; those of what is fused follow.
  let filter: Int
}

/// A convolution that is a part of a fused op, for given sizes.
struct ConvolutionStage {
  let shape: Shape
  let isConstant: Bool
  private let geometry: ConvolutionGeometry
  private let filter: Tensor
  private let scale: Tensor?
  private let finish: Finish

  private var depth: Int { geometry.depth }
  private var channels: Int { geometry.outputChannels }

  init(_ part: ConvolutionPart, _ context: KernelContext, _ input: Shape) throws {
    filter = try context.input(part.filter)
    geometry = try ConvolutionGeometry(part.window, input: input, filter: filter.shape)
    guard geometry.groups == 1 else {
      throw GraftError(
        .unimplemented, "A filter of shape \(filter.shape) was found where one without groups is expected.",
        at: .init(input: part.filter))
    }
    shape = try geometry.outputShape()
    let channels = geometry.outputChannels
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

  /// The work of a convolution of single pixels, for the filter as `pack` gives it; the caller holds that.
  func product(_ packed: PackedMatrix) throws -> PointwiseProduct {
    guard geometry.isPointwise else {
      throw GraftError(
        .unimplemented, "A filter of shape \(filter.shape) was found where one of 1x1 is expected.")
    }
    return PointwiseProduct(
      depth: depth, channels: channels, filter: packed.elements(of: 0),
      finish: finish.vector(columns: channels))
  }

  /// The work with any window. The caller holds the filter, and as many zeros as the input has channels.
  func beginning(_ packed: PackedMatrix, zeros: UnsafePointer<Float>) throws -> BlockBeginning {
    if geometry.isPointwise { return .pointwise(try product(packed)) }
    return .windowed(
      WindowedProduct(
        shape: geometry.vector, filter: packed.elements(of: 0), zeros: zeros,
        finish: finish.vector(columns: channels)))
  }

  /// Channels of the input.
  var inputChannels: Int { geometry.inputChannels }
}

/// What a block's depthwise convolution reads, and computes a few rows at a time.
enum BlockBeginning {
  case pointwise(PointwiseProduct)
  case windowed(WindowedProduct)

  /// Products that an element is the sum of.
  var depth: Int {
    switch self {
    case .pointwise(let product): product.depth
    case .windowed(let product):
      product.shape.kernel.1 * product.shape.kernel.2 * product.shape.input_channels
    }
  }

  /// Computes some of the pixels of the whole batch.
  func run(_ pixels: Range<Int>, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    switch self {
    case .pointwise(let product):
      product.run(pixels.count, x + pixels.lowerBound * product.depth, into: y, pixel: pixels.lowerBound)
    case .windowed(let product): product.run(pixels, x, into: y)
    }
  }
}

/// A convolution with a window, of known sizes. Nothing is added to it but a bias.
struct WindowedProduct: @unchecked Sendable {
  let shape: graft_convolution
  let filter: UnsafePointer<Float>
  let zeros: UnsafePointer<Float>
  let finish: graft_finish

  /// Computes some of the pixels of the whole batch.
  func run(_ pixels: Range<Int>, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    let channels = shape.output_channels
    // As if the whole output were there.
    Float.convolve(
      shape, x, packed: filter, zeros: zeros, into: y - pixels.lowerBound * channels, yRow: channels,
      pixels: pixels, finish)
  }
}

/// A convolution of single pixels, of known sizes.
struct PointwiseProduct: @unchecked Sendable {
  let depth: Int
  let channels: Int
  var filter: UnsafePointer<Float>
  let finish: graft_finish

  /// Computes pixels, of which the first is number `pixel`.
  func run(_ pixels: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, pixel: Int) {
    run(pixels, channels: 0..<channels, x, into: y, row: channels, pixel: pixel)
  }

  /// Computes some of the channels, from the beginning of a panel on, with pixels `row` elements apart.
  func run(
    _ pixels: Int, channels part: Range<Int>, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
    row: Int, pixel: Int
  ) {
    Float.product(
      m: pixels, n: part.count, k: depth, x, row: depth, column: 1, packed: filter + part.lowerBound * depth,
      into: y, cRow: row, finish.from(row: pixel, column: part.lowerBound, of: Float.self))
  }
}
