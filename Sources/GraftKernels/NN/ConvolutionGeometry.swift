import CGraftVector
import GraftTensor

/// The sizes of one convolution: what its attributes mean for given shapes.
struct ConvolutionGeometry: Sendable {
  let batch: Int
  /// The spatial dimensions, three of them: an image has a depth of 1.
  let axes: [WindowAxis]
  let groups: Int
  /// Channels of one group of the input, and of the output.
  let inputChannels: Int
  let outputChannels: Int
  private let order: ChannelOrder
  private let spatialRank: Int

  /// The sizes for an input and a filter (`[height, width, input channels of a group, output channels]`).
  ///
  /// - Throws: `GraftError` when they do not fit together.
  init(_ attributes: WindowAttributes, input: Shape, filter: Shape) throws {
    let rank = attributes.spatialRank + 2
    guard input.rank == rank else {
      throw GraftError(
        .invalidArgument, "A tensor of \(rank) dimensions is expected, and one of shape \(input) was found.",
        at: .init(input: 0))
    }
    guard filter.rank == rank else {
      throw GraftError(
        .invalidArgument, "A filter of \(rank) dimensions is expected, and one of shape \(filter) was found.",
        at: .init(input: 1))
    }
    let order = attributes.order
    let spatial = order.spatial(input.dimensions)
    let channels = input[order.channelAxis(rank: rank)]
    let (depth, out) = (filter[rank - 2], filter[rank - 1])
    guard depth > 0, filter.dimensions.dropLast(2).allSatisfy({ $0 > 0 }) else {
      throw GraftError(
        .invalidArgument, "The filter of shape \(filter) has no elements to multiply with.",
        at: .init(input: 1))
    }
    guard channels % depth == 0 else {
      throw GraftError(
        .invalidArgument,
        "The input has \(channels) channels, which is no multiple of the \(depth) that the filter reads.",
        remedy: "The filter's shape is [height, width, input channels / groups, output channels].")
    }
    let groups = max(channels / depth, 1)
    guard out % groups == 0 else {
      throw GraftError(
        .invalidArgument,
        "The filter gives \(out) channels, which is no multiple of the \(groups) groups of input channels.")
    }
    batch = input[0]
    axes = try Self.axes(attributes, spatial, Array(filter.dimensions.dropLast(2)))
    self.groups = groups
    inputChannels = depth
    outputChannels = out / groups
    self.order = order
    spatialRank = attributes.spatialRank
  }

  /// The sizes of a depthwise convolution, whose filter is `[height, width, channels, multiplier]`: as many
  /// groups as channels.
  init(depthwise attributes: WindowAttributes, input: Shape, filter: Shape) throws {
    guard input.rank == 4 else {
      throw GraftError(
        .invalidArgument, "A tensor of 4 dimensions is expected, and one of shape \(input) was found.",
        at: .init(input: 0))
    }
    guard filter.rank == 4, filter[0] > 0, filter[1] > 0 else {
      throw GraftError(
        .invalidArgument,
        "A filter [height, width, channels, multiplier] is expected, and one of shape \(filter) was found.",
        at: .init(input: 1))
    }
    let order = attributes.order
    let channels = input[order.channelAxis(rank: 4)]
    guard channels == filter[2] else {
      throw GraftError(
        .invalidArgument, "The input has \(channels) channels, and the filter is for \(filter[2]).")
    }
    batch = input[0]
    axes = try Self.axes(attributes, order.spatial(input.dimensions), [filter[0], filter[1]])
    groups = channels
    inputChannels = 1
    outputChannels = filter[3]
    self.order = order
    spatialRank = 2
  }

  private init(
    batch: Int, axes: [WindowAxis], groups: Int, inputChannels: Int, outputChannels: Int, order: ChannelOrder,
    spatialRank: Int
  ) {
    self.batch = batch
    self.axes = axes
    self.groups = groups
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.order = order
    self.spatialRank = spatialRank
  }

  /// The sizes with other ones in their place.
  func replacing(
    batch: Int? = nil, axes: [WindowAxis], inputChannels: Int? = nil, outputChannels: Int? = nil
  ) -> ConvolutionGeometry {
    ConvolutionGeometry(
      batch: batch ?? self.batch, axes: axes, groups: groups,
      inputChannels: inputChannels ?? self.inputChannels,
      outputChannels: outputChannels ?? self.outputChannels, order: order, spatialRank: spatialRank)
  }

  private static func axes(_ attributes: WindowAttributes, _ input: [Int], _ window: [Int]) throws
    -> [WindowAxis]
  {
    let axes = try input.indices.map { axis in
      try WindowAxis(
        input: input[axis], window: window[axis], stride: attributes.strides[axis],
        dilation: attributes.dilations[axis], padding: attributes.padding, axis: axis)
    }
    return axes.count < 3 ? [.unit] + axes : axes
  }

  /// The result's shape, in the op's order of dimensions.
  func outputShape() throws -> Shape {
    try Shape(
      validating: order.sizes(
        batch: batch, spatial: axes.suffix(spatialRank).map(\.output), channels: groups * outputChannels))
  }

  /// Pixels of the output, over the whole batch.
  var outputPixels: Int { axes.reduce(batch) { $0 * $1.output } }

  /// Pixels of the input, over the whole batch.
  var inputPixels: Int { axes.reduce(batch) { $0 * $1.input } }

  /// Positions of the window.
  var positions: Int { axes.reduce(1) { $0 * $1.window } }

  /// Elements that one output element sums up.
  var depth: Int { positions * inputChannels }

  /// Whether each output pixel is made from the input pixel at its place alone.
  var isPointwise: Bool {
    axes.allSatisfy(\.isPointwise)
  }

  /// The same convolution as one of images, where the window has its extent in depth alone: the pixels of a layer are a
  /// row then.
  var layersAsRows: ConvolutionGeometry {
    guard axes[0].window > 1, axes[1].isPointwise, axes[2].isPointwise else { return self }
    let (pixels, overflow) = axes[1].input.multipliedReportingOverflow(by: axes[2].input)
    return overflow ? self : replacing(axes: [.unit, axes[0], WindowAxis(pointwise: pixels)])
  }

  /// The input's pixel under a position of the window at one of the output's pixels, counted over the whole batch; nil
  /// where that is padding.
  @inline(__always)
  func inputPixel(under pixel: Int, at position: Int) -> Int? {
    let (d, h, w) = (axes[0], axes[1], axes[2])
    let (row, column) = (pixel / w.output, pixel % w.output)
    let (slice, line) = (row / h.output, row % h.output)
    let (image, layer) = (slice / d.output, slice % d.output)
    let z = layer * d.stride + position / (w.window * h.window) * d.dilation - d.paddingBefore
    let y = line * h.stride + position / w.window % h.window * h.dilation - h.paddingBefore
    let x = column * w.stride + position % w.window * w.dilation - w.paddingBefore
    guard z >= 0, z < d.input, y >= 0, y < h.input, x >= 0, x < w.input else { return nil }
    return ((image * d.input + z) * h.input + y) * w.input + x
  }

  /// The same for C.
  var vector: graft_convolution {
    graft_convolution(axes, groups: groups, inputChannels: inputChannels, outputChannels: outputChannels)
  }
}

extension graft_convolution {
  /// The sizes along three spatial dimensions, and of channels.
  init(_ axes: [WindowAxis], groups: Int, inputChannels: Int, outputChannels: Int) {
    func three(_ value: (WindowAxis) -> Int) -> (Int, Int, Int) {
      (value(axes[0]), value(axes[1]), value(axes[2]))
    }
    self.init(
      input: three(\.input), kernel: three(\.window), output: three(\.output), stride: three(\.stride),
      dilation: three(\.dilation), padding: three(\.paddingBefore), groups: groups,
      input_channels: inputChannels, output_channels: outputChannels)
  }
}

extension ConvolutionGeometry {
  /// The result's shape as far as it is known.
  static func outputShape(
    _ attributes: WindowAttributes, input: PartialShape, filter: PartialShape, depthwise: Bool = false
  ) throws -> PartialShape {
    let rank = attributes.spatialRank + 2
    for (index, shape) in [input, filter].enumerated() where shape.rank != nil && shape.rank != rank {
      throw GraftError(
        .invalidArgument, "A tensor of \(rank) dimensions is expected, and one of shape \(shape) was found.",
        at: .init(input: index))
    }
    let order = attributes.order
    let sizes = input.dimensions ?? [Int?](repeating: nil, count: rank)
    let window = filter.dimensions ?? [Int?](repeating: nil, count: rank)
    let spatial = try order.spatial(sizes).enumerated().map { axis, size in
      try WindowAxis.outputSize(size, window: window[axis], attributes: attributes, axis: axis)
    }
    var channels = window[rank - 1]
    if depthwise {
      let depth = window[2] ?? sizes[order.channelAxis(rank: rank)]
      channels = channels.flatMap { multiplier in depth.map { $0 * multiplier } }
    }
    return PartialShape(order.sizes(batch: sizes[0], spatial: spatial, channels: channels))
  }
}
