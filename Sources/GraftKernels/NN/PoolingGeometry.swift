import CGraftVector
import GraftTensor

/// The window of a pooling op: its attributes, without the sizes that V2 ops get as inputs.
struct PoolingAttributes: Sendable {
  let order: ChannelOrder
  let padding: WindowAttributes.Padding
  let rank: Int
  /// The whole lists, for each dimension.
  let window: [Int]
  let strides: [Int]

  /// Reads `ksize`, `strides`, `padding` and `data_format`.
  init(_ node: NodeSetup, rank: Int) throws {
    try self.init(node, rank: rank, window: try node.ints("ksize"), strides: try node.ints("strides"))
  }

  /// A window with the given sizes and steps.
  init(_ node: NodeSetup, rank: Int, window: [Int], strides: [Int]) throws {
    order = try ChannelOrder(node)
    padding = try WindowAttributes.padding(node, order, rank)
    self.rank = rank
    self.window = window
    self.strides = strides
    for (name, values) in [("ksize", window), ("strides", strides)] {
      guard values.count == rank else {
        throw node.invalid(
          "'\(name)' has \(values.count) entries, and the op's tensors have \(rank) dimensions.")
      }
      guard values.allSatisfy({ (1...WindowAttributes.largest).contains($0) }) else {
        throw node.invalid("'\(name)' is \(values), and every entry must be positive.")
      }
    }
    guard window[0] == 1, strides[0] == 1 else {
      throw node.unimplemented(
        "There is no pooling over the batch: 'ksize' is \(window), 'strides' \(strides).")
    }
    let spatial = order.spatial(window)
    if case .explicit(let paddings) = padding {
      for (size, padding) in zip(spatial, paddings) where padding.before >= size || padding.after >= size {
        throw node.invalid(
          "'explicit_paddings' has \(max(padding.before, padding.after)) for a window of \(size).")
      }
    }
  }

  /// How many channels are pooled together: 1 unless the window goes over channels.
  var channelWindow: Int { window[order.channelAxis(rank: rank)] }

  /// The step over the channels.
  var channelStride: Int { strides[order.channelAxis(rank: rank)] }

  /// The result's shape as far as it is known.
  func outputShape(_ input: PartialShape) throws -> PartialShape {
    guard let sizes = input.dimensions else { return .ofRank(rank) }
    guard sizes.count == rank else {
      throw GraftError(
        .invalidArgument, "A tensor of \(rank) dimensions is expected, and one of shape \(input) was found.",
        at: .init(input: 0))
    }
    let window = order.spatial(window)
    let attributes = WindowAttributes(
      order: order, strides: order.spatial(strides), dilations: [Int](repeating: 1, count: rank - 2),
      padding: padding)
    let spatial = try order.spatial(sizes).enumerated().map { axis, size in
      try WindowAxis.outputSize(size, window: window[axis], attributes: attributes, axis: axis)
    }
    let channels = input[order.channelAxis(rank: rank)].map { $0 / channelWindow }
    return PartialShape(order.sizes(batch: sizes[0], spatial: spatial, channels: channels))
  }
}

/// The sizes of one pooling, with channels last.
struct PoolingGeometry: Sendable {
  let batch: Int
  /// The spatial dimensions, three of them: an image has a depth of 1.
  let axes: [WindowAxis]
  let channels: Int
  /// The result's shape, in the op's order of dimensions.
  let outputShape: Shape

  /// The sizes for an input.
  ///
  /// - Throws: `GraftError` for another rank, and for windows over channels.
  init(_ attributes: PoolingAttributes, input: Shape) throws {
    let (order, rank) = (attributes.order, attributes.rank)
    guard input.rank == rank else {
      throw GraftError(
        .invalidArgument, "A tensor of \(rank) dimensions is expected, and one of shape \(input) was found.",
        at: .init(input: 0))
    }
    guard attributes.channelWindow == 1, attributes.channelStride == 1 else {
      throw GraftError(
        .unimplemented, "There is no pooling over the channels here: 'ksize' is \(attributes.window).")
    }
    let window = order.spatial(attributes.window)
    let strides = order.spatial(attributes.strides)
    let spatial = try order.spatial(input.dimensions).enumerated().map { axis, size in
      try WindowAxis(
        input: size, window: window[axis], stride: strides[axis], dilation: 1, padding: attributes.padding,
        axis: axis)
    }
    batch = input[0]
    channels = input[order.channelAxis(rank: rank)]
    outputShape = try Shape(
      validating: order.sizes(batch: batch, spatial: spatial.map(\.output), channels: channels))
    axes = spatial.count == 3 ? spatial : [.unit] + spatial
  }

  /// Pools float32 images with channels last: the largest under each window, or the mean.
  func pool(isMaximum: Bool, _ x: Tensor, into output: Tensor, _ workers: WorkerPool) {
    nonisolated(unsafe) let source = x.floats
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Float.self)
    let (height, width) = (min(axes[1].window, axes[1].input), min(axes[2].window, axes[2].input))
    if suitsRows(height, width) {
      let cost = channels * (axes[2].input * height + axes[2].output * width) / 16
      workers.forEach(batch * axes[1].output, cost: max(cost, 1)) { range in
        withUnsafePointer(to: vector) { vector in
          withUnsafeTemporaryAllocation(of: Float.self, capacity: graft_pool_line(vector)) { line in
            guard let line = line.baseAddress else { return }
            graft_pool_rows_f32(
              isMaximum ? 1 : 0, vector, source, target, range.lowerBound, range.upperBound, line)
          }
        }
      }
      return
    }
    let cost = channels * height * width * min(axes[0].window, axes[0].input) / 16
    workers.forEach(outputPixels, cost: max(cost, 1)) { range in
      withUnsafePointer(to: vector) {
        graft_pool_f32(isMaximum ? 1 : 0, $0, source, target, range.lowerBound, range.upperBound)
      }
    }
  }

  /// Fewer channels fill no register.
  private static let fewChannels = 16

  /// Whether images are pooled sooner by rows than by pixels, under windows of the given size: where these overlap much, or
  /// channels are few.
  private func suitsRows(_ height: Int, _ width: Int) -> Bool {
    guard axes[0].input == 1, axes[0].window == 1, axes[0].output == 1, axes[2].window <= axes[2].input
    else { return false }
    return channels < Self.fewChannels
      || axes[2].output > 1 && height * axes[2].stride + width < height * width
  }

  /// The same for C.
  private var vector: graft_convolution {
    graft_convolution(axes, groups: channels, inputChannels: 1, outputChannels: 1)
  }

  /// Pixels of the output, over the whole batch.
  var outputPixels: Int { axes.reduce(batch) { $0 * $1.output } }

  /// Pixels of the input, over the whole batch.
  var inputPixels: Int { axes.reduce(batch) { $0 * $1.input } }

  /// The pixels of the input under the window at an output's pixel.
  @inline(__always)
  func window(at pixel: Int) -> PoolingWindow {
    let (d, h, w) = (axes[0], axes[1], axes[2])
    let (row, column) = (pixel / w.output, pixel % w.output)
    let (slice, line) = (row / h.output, row % h.output)
    return PoolingWindow(
      image: slice / d.output, depth: d.covered(slice % d.output), height: h.covered(line),
      width: w.covered(column))
  }

  /// Calls the body with the place of each element of a channel under a window, in order.
  @inline(__always)
  func forEach(_ window: PoolingWindow, _ channel: Int, _ body: (Int) -> Void) {
    for depth in window.depth {
      for height in window.height {
        for width in window.width {
          body(inputPixel(window.image, depth, height, width) * channels + channel)
        }
      }
    }
  }

  /// The place of an input's pixel among all.
  @inline(__always)
  func inputPixel(_ image: Int, _ depth: Int, _ height: Int, _ width: Int) -> Int {
    ((image * axes[0].input + depth) * axes[1].input + height) * axes[2].input + width
  }
}

/// What a window covers.
struct PoolingWindow {
  let image: Int
  let depth: Range<Int>
  let height: Range<Int>
  let width: Range<Int>

  /// How many pixels.
  var count: Int { depth.count * height.count * width.count }
}

extension WindowAxis {
  /// The input's elements under the window at an output's element, without padding.
  @inline(__always)
  func covered(_ index: Int) -> Range<Int> {
    let first = index * stride - paddingBefore
    let lower = max(first, 0)
    return lower..<max(lower, min(first + window, input))
  }
}
