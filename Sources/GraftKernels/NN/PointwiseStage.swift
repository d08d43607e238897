import CGraftVector
import GraftTensor

extension WindowAttributes {
  /// Those of a convolution of single pixels.
  static let pointwise = WindowAttributes(order: .last, strides: [1, 1], dilations: [1, 1], padding: .valid)
}

/// A convolution of single pixels as a part of a fused op, as the op's attributes have it.
struct PointwisePart: Sendable {
  let fused: FusedOps
  /// The input that is its filter; those of what is fused follow.
  let filter: Int
}

/// A convolution of single pixels, for given sizes.
struct PointwiseStage {
  let shape: Shape
  let isConstant: Bool
  private let depth: Int
  private let channels: Int
  private let filter: Tensor
  private let scale: Tensor?
  private let finish: Finish

  init(_ part: PointwisePart, _ context: KernelContext, _ input: Shape) throws {
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

  /// The work, for the filter as `pack` gives it; the caller holds that.
  func product(_ packed: PackedMatrix) -> PointwiseProduct {
    PointwiseProduct(
      depth: depth, channels: channels, filter: packed.elements(of: 0),
      finish: finish.vector(columns: channels))
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
