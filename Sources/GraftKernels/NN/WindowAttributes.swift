import GraftTensor

/// Where an op's tensors have their channels: last (`NHWC`, `NDHWC`) or after the batch (`NCHW`, `NCDHW`).
struct ChannelOrder: Sendable, Equatable {
  /// Whether channels come before the spatial dimensions.
  let isChannelsFirst: Bool

  static let last = ChannelOrder(isChannelsFirst: false)

  init(isChannelsFirst: Bool) {
    self.isChannelsFirst = isChannelsFirst
  }

  /// Reads `data_format`; channels are last where the op has no such attribute.
  init(_ node: NodeSetup) throws {
    guard node.has("data_format") else {
      self = .last
      return
    }
    switch try node.string("data_format") {
    case "NHWC", "NDHWC": isChannelsFirst = false
    case "NCHW", "NCDHW": isChannelsFirst = true
    case let format:
      throw node.unimplemented(
        "The data format '\(format)' is not supported: NHWC, NCHW, NDHWC and NCDHW are.")
    }
  }

  /// Which dimension of a tensor of the given rank holds the channels.
  func channelAxis(rank: Int) -> Int { isChannelsFirst ? 1 : rank - 1 }

  /// The first spatial dimension.
  var firstSpatialAxis: Int { isChannelsFirst ? 2 : 1 }

  /// The sizes in this order: batch, spatial ones and channels.
  func sizes<Size>(batch: Size, spatial: [Size], channels: Size) -> [Size] {
    isChannelsFirst ? [batch, channels] + spatial : [batch] + spatial + [channels]
  }

  /// What a list with one entry for each dimension says of the spatial ones.
  func spatial<Entry>(_ entries: [Entry]) -> [Entry] {
    isChannelsFirst ? Array(entries.dropFirst(2)) : Array(entries.dropFirst().dropLast())
  }
}

/// How an op's window moves over the spatial dimensions: its attributes `strides`, `dilations`, `padding`,
/// `explicit_paddings` and `data_format`.
struct WindowAttributes: Sendable {
  /// What lies before and after the first and last element.
  enum Padding: Sendable {
    /// Nothing.
    case valid
    /// As much as makes the result's size that of the input over the stride, rounded up; the larger half
    /// after.
    case same
    /// So many elements, for each spatial dimension.
    case explicit([(before: Int, after: Int)])
  }

  let order: ChannelOrder
  let strides: [Int]
  let dilations: [Int]
  let padding: Padding

  /// How many spatial dimensions there are.
  var spatialRank: Int { strides.count }

  /// Reads the attributes of an op on tensors of the given rank.
  ///
  /// - Parameter prefix: what the attributes' names begin with, but for that of the order of dimensions, where a node is
  ///   made of several.
  /// - Throws: `GraftError` for lists of another length, and for values that no window has.
  init(_ node: NodeSetup, rank: Int, prefix: String = "") throws {
    let order = try ChannelOrder(node)
    func steps(_ name: String) throws -> [Int] {
      try Self.steps(prefix + name, try node.ints(prefix + name), order, rank, node)
    }
    self.order = order
    strides = try steps("strides")
    dilations =
      node.has(prefix + "dilations") ? try steps("dilations") : [Int](repeating: 1, count: rank - 2)
    padding = try Self.padding(node, order, rank, prefix: prefix)
  }

  /// A window with the given steps.
  init(order: ChannelOrder, strides: [Int], dilations: [Int], padding: Padding) {
    self.order = order
    self.strides = strides
    self.dilations = dilations
    self.padding = padding
  }

  /// The spatial entries of a list like `strides`.
  static func steps(
    _ name: String, _ values: [Int], _ order: ChannelOrder, _ rank: Int, _ node: NodeSetup
  ) throws -> [Int] {
    guard values.count == rank, rank > 1 else {
      throw node.invalid(
        "'\(name)' has \(values.count) entries, and the op's tensors have \(rank) dimensions.")
    }
    let spatial = order.spatial(values)
    guard values[0] == 1, values[order.channelAxis(rank: rank)] == 1 else {
      throw node.invalid("'\(name)' is \(values), and must be 1 for the batch and the channels.")
    }
    guard spatial.allSatisfy({ (1...Self.largest).contains($0) }) else {
      throw node.invalid("'\(name)' is \(values), and every entry must be positive.")
    }
    return spatial
  }

  /// The largest stride, dilation, window or padding: products of them with sizes stay in an `Int`.
  static let largest = 1 << 31

  /// Reads `padding` and `explicit_paddings`.
  static func padding(
    _ node: NodeSetup, _ order: ChannelOrder, _ rank: Int, prefix: String = ""
  ) throws -> Padding {
    let list = prefix + "explicit_paddings"
    let explicit = node.has(list) ? try node.ints(list) : []
    let name = try node.string(prefix + "padding")
    guard name == "EXPLICIT" else {
      guard explicit.isEmpty else {
        throw node.invalid("'explicit_paddings' is \(explicit) though 'padding' is \(name), not EXPLICIT.")
      }
      switch name {
      case "VALID": return .valid
      case "SAME": return .same
      default: throw node.invalid("'padding' is '\(name)', and must be VALID, SAME or EXPLICIT.")
      }
    }
    guard explicit.count == 2 * rank, rank > 1 else {
      throw node.invalid("'explicit_paddings' has \(explicit.count) entries where \(2 * rank) are expected.")
    }
    guard explicit.allSatisfy({ (0...Self.largest).contains($0) }) else {
      throw node.invalid("'explicit_paddings' is \(explicit), and no entry may be negative.")
    }
    let channels = order.channelAxis(rank: rank)
    guard explicit[0...1].allSatisfy({ $0 == 0 }),
      explicit[2 * channels...2 * channels + 1].allSatisfy({ $0 == 0 })
    else {
      throw node.invalid("'explicit_paddings' is \(explicit), and must be 0 for the batch and the channels.")
    }
    return .explicit(
      order.spatial((0..<rank).map { (before: explicit[2 * $0], after: explicit[2 * $0 + 1]) }))
  }
}

/// How a window lies over one spatial dimension.
struct WindowAxis: Sendable {
  let input: Int
  let window: Int
  let stride: Int
  let dilation: Int
  let paddingBefore: Int
  let paddingAfter: Int
  let output: Int

  /// Whether each element of the output is made from the one at its place alone.
  var isPointwise: Bool { window == 1 && stride == 1 && paddingBefore == 0 && paddingAfter == 0 }

  /// A dimension of one element, such as the depth of an image.
  static var unit: WindowAxis { WindowAxis(pointwise: 1) }

  /// A dimension whose elements are taken one by one.
  init(pointwise size: Int) { self.init(input: size, window: 1, paddingBefore: 0, output: size) }

  /// A window that moves by single elements over an output of the given size.
  init(input: Int, window: Int, dilation: Int = 1, paddingBefore: Int, output: Int) {
    self.input = input
    self.window = window
    self.dilation = dilation
    self.paddingBefore = paddingBefore
    self.output = output
    stride = 1
    paddingAfter = output - 1 + (window - 1) * dilation + 1 - input - paddingBefore
  }

  /// Computes the output's size and the padding.
  ///
  /// - Throws: `GraftError` when the window does not fit even once, by more than TensorFlow forgives.
  init(input: Int, window: Int, stride: Int, dilation: Int, padding: WindowAttributes.Padding, axis: Int)
    throws
  {
    self.input = input
    self.window = window
    self.stride = stride
    self.dilation = dilation
    let (reach, overflow) = (window - 1).multipliedReportingOverflow(by: dilation)
    guard !overflow, reach <= 1 << 62 else {
      throw GraftError(.invalidArgument, "A window of \(window) with a dilation of \(dilation) is too large.")
    }
    let extent = reach + 1
    switch padding {
    case .valid:
      (paddingBefore, paddingAfter) = (0, 0)
      output = (input - extent + stride) / stride
    case .explicit(let paddings):
      (paddingBefore, paddingAfter) = paddings[axis]
      output = (input + paddingBefore + paddingAfter - extent + stride) / stride
    case .same:
      output = (input + stride - 1) / stride
      let needed = max(0, (output - 1) * stride + extent - input)
      paddingBefore = needed / 2
      paddingAfter = needed - needed / 2
    }
    guard output >= 0 else {
      throw GraftError(
        .invalidArgument,
        "A window of \(extent) elements does not fit into a dimension of \(input) with padding \(paddingBefore) and \(paddingAfter).",
        remedy: "Feed larger inputs, or use SAME padding.")
    }
  }

  /// The output's size where the input's may be unknown.
  static func outputSize(
    _ input: Int?, window: Int?, attributes: WindowAttributes, axis: Int
  ) throws -> Int? {
    guard let input else { return nil }
    if case .same = attributes.padding {
      return (input + attributes.strides[axis] - 1) / attributes.strides[axis]
    }
    guard let window, window > 0 else { return nil }
    return try WindowAxis(
      input: input, window: window, stride: attributes.strides[axis], dilation: attributes.dilations[axis],
      padding: attributes.padding, axis: axis
    ).output
  }
}
