import CGraftVector
import GraftGraph
import GraftTensor

/// Convolutions of images and volumes.
enum ConvolutionOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Conv2D",
      """
      Slides a filter over images. Both data formats, every padding, dilations, and groups where the filter reads \
      fewer channels than the input has.
      """,
      types: ["T": [.int32] + .floats], traits: .packedProduct, shape: shape(rank: 4)
    ) { node in
      try kernel(node, rank: 4, fused: .none)
    },
    OpDefinition(
      "Conv3D", "Slides a filter over volumes. As `Conv2D`, with a depth before height and width.",
      types: ["T": .floats], traits: .packedProduct, shape: shape(rank: 5)
    ) { node in
      try kernel(node, rank: 5, fused: .none)
    },
    OpDefinition(
      "_FusedConv3D", "`Conv3D` with what followed it, as in `_FusedConv2D`. Planning makes it.",
      types: ["T": [.float32, .float64]], traits: .packedProduct, shape: shape(rank: 5)
    ) { node in
      try kernel(node, rank: 5, fused: FusedOps(node, normalizes: false))
    },
    OpDefinition(
      "_FusedConv2D",
      """
      `Conv2D` with what followed it: `fused_ops` lists `Scale` (of the filter's output channels), \
      `BiasAdd`, `Add` (of a tensor of the result's shape) and an activation, each at most once and in this \
      order; or `FusedBatchNorm` and an activation. `PRelu` reads a slope for each channel. Planning makes it; \
      graphs need not hold it.
      """,
      types: ["T": [.bfloat16, .float32, .float64]], traits: .packedProduct, shape: shape(rank: 4)
    ) { node in
      let fused = try FusedOps(node, normalizes: true)
      let isWide = try [.float32, .float64].contains(node.type("T"))
      return try kernel(node, rank: 4, fused: isWide ? fused : fused.withoutScale(node))
    },
  ]

  private static func shape(rank: Int) -> ShapeRule {
    { context in
      let attributes = try WindowAttributes(context.node, rank: rank)
      return [
        try ConvolutionGeometry.outputShape(attributes, input: context.input(0), filter: context.input(1))
      ]
    }
  }

  private static func kernel(_ node: NodeSetup, rank: Int, fused: FusedOps) throws -> Kernel {
    let attributes = try WindowAttributes(node, rank: rank)
    let dtype = try node.type("T")
    return { context in
      let (x, given) = (try context.input(0), try context.input(1))
      let geometry = try ConvolutionGeometry(attributes, input: x.shape, filter: given.shape)
      let shape = try geometry.outputShape()
      // The library behind these two has it so.
      guard given.elementCount > 0 || dtype != .float32 && dtype != .bfloat16 else {
        throw GraftError(
          .invalidArgument, "The filter of shape \(given.shape) has no elements.", at: .init(input: 1))
      }
      let output = try context.allocate(0, dtype, shape)
      let channels = geometry.groups * geometry.outputChannels
      let plain = try fused.finish(context, shape: shape, channels: channels, dtype: dtype)
      let scale = try fused.scale(context, channels: channels, dtype: dtype)
      let (filter, finish) = try normalized(given, plain, fused, channels: channels, context)
      guard output.elementCount > 0 else { return }
      guard x.shape[attributes.order.channelAxis(rank: rank)] > 0 else {
        guard node.op == "Conv2D" || node.op == "Conv3D", dtype != .float32, dtype != .bfloat16 else {
          throw GraftError(
            .invalidArgument, "The input has no channels: its shape is \(x.shape).", at: .init(input: 0))
        }
        output.clear()
        return
      }
      let isConstant =
        fused.normalization == nil && context.isConstant(1) && (scale == nil || context.isConstant(2))
      let convolution = Convolution(
        geometry: geometry, filter: isConstant ? filter : try filter.aligned(), scale: scale,
        isFilterConstant: isConstant)
      try Images.run(context, x, into: output, attributes.order, addend: finish.addend) { x, output, addend in
        var finish = finish
        finish.addend = addend
        try convolution.run(context, x, into: output, finish)
      }
    }
  }
}

extension ConvolutionOps {
  /// The filter and what is applied to the result; where a normalisation by inputs 2 to 5 (scale, offset, mean,
  /// variance) is fused, those that do what it does.
  private static func normalized(
    _ filter: Tensor, _ finish: Finish, _ fused: FusedOps, channels: Int, _ context: KernelContext
  ) throws -> (filter: Tensor, finish: Finish) {
    guard let epsilon = fused.normalization else { return (filter, finish) }
    let parameters = try (2...5).map { index in
      let parameter = try context.input(index)
      guard parameter.rank == 1, parameter.elementCount == channels,
        [filter.dtype, .float32].contains(parameter.dtype)
      else {
        throw GraftError(
          .invalidArgument, "Shape \(parameter.shape) was found where [\(channels)] is expected.",
          at: .init(input: index))
      }
      return DoubleConversion.read(parameter)
    }
    let factors = (0..<channels).map { parameters[0][$0] / (parameters[3][$0] + epsilon).squareRoot() }
    let scaled = try context.scratch(filter.dtype, filter.shape)
    let values = DoubleConversion.read(try filter.aligned())
    DoubleConversion.write(values.indices.map { values[$0] * factors[$0 % channels] }, into: scaled)
    let bias = try context.scratch(filter.dtype == .float64 ? .float64 : .float32, Shape([channels]))
    DoubleConversion.write(
      (0..<channels).map { parameters[1][$0] - parameters[2][$0] * factors[$0] }, into: bias)
    return (scaled, Finish(bias: bias, activation: finish.activation))
  }
}

/// Kernels that compute with channels last, for both data formats.
enum Images {
  /// Calls the body with the input and output with channels last, which it may write to.
  static func run(
    _ context: KernelContext, _ x: Tensor, into output: Tensor, _ order: ChannelOrder, addend: Tensor? = nil,
    _ body: (_ x: Tensor, _ output: Tensor, _ addend: Tensor?) throws -> Void
  ) throws {
    guard order.isChannelsFirst else { return try body(x, output, addend) }
    let moved = try ChannelTransposition.channelsLast(x, context)
    let result = try ChannelTransposition.scratch(for: output, context)
    try body(moved, result, try addend.map { try ChannelTransposition.channelsLast($0, context) })
    ChannelTransposition.channelsFirst(result, into: output, context.workers)
  }
}

/// One convolution with channels last, for given sizes.
struct Convolution {
  let geometry: ConvolutionGeometry
  var filter: Tensor
  /// What the filter's output channels are multiplied by, float32 as the filter.
  let scale: Tensor?
  /// Whether the filter is the same in every run, so that what is made of it may be kept.
  let isFilterConstant: Bool

  init(geometry: ConvolutionGeometry, filter: Tensor, scale: Tensor?, isFilterConstant: Bool) {
    self.geometry = geometry.layersAsRows
    self.filter = filter
    self.scale = scale
    self.isFilterConstant = isFilterConstant
  }

  /// Computes the convolution.
  func run(_ context: KernelContext, _ x: Tensor, into output: Tensor, _ finish: Finish) throws {
    let isReady =
      isFilterConstant && (output.dtype == .float32 || output.dtype == .float64)
      && (context.keepsPacked || !isFilterReadOnce(x, finish))
    try run(context, x, into: output, finish, isReady ? try prepared(context, x, finish) : nil)
  }

  /// Computes the convolution, with a filter of float32 or float64 that is ready, or as it is.
  func run(
    _ context: KernelContext, _ x: Tensor, into output: Tensor, _ finish: Finish, _ ready: PreparedFilter?
  ) throws {
    switch output.dtype {
    case .float32, .float64:
      var packed: PackedMatrix?
      switch ready {
      case .winograd(let convolution):
        return try convolution.run(context, geometry, x, into: output, finish)
      case .plain(let filter):
        return try GroupedRows.run(context, geometry, x, filter, into: output, finish)
      case .packed(let matrix):
        if isOfFewPixels { context.readsOnce(matrix.memory) }
        packed = matrix
      case nil:
        if let tile = tile(x), geometry.outputPixels >= Self.fewestPixels {
          let convolution = try WinogradConvolution(
            geometry, tile: tile, filter: filter, scale: scale, context.workers
          ) { try context.scratch(.float32, $0) }
          return try convolution.run(context, geometry, x, into: output, finish)
        }
      }
      let filter = packed == nil ? try scaledFilter { try context.scratch(self.filter.dtype, $0) } : filter
      if packed == nil, isFewChanneled(x, finish) {
        return try GroupedRows.run(context, geometry, x, filter, into: output, finish)
      }
      if output.dtype == .float32 {
        try vector(Float.self, context, x, filter, output, finish, packed)
      } else {
        try vector(Double.self, context, x, filter, output, finish, packed)
      }
    case .float16 where isStepped:
      PlainConvolution.run(SteppedSum<Float16>.self, geometry, x, filter, output, context.workers)
    case .bfloat16 where isStepped:
      PlainConvolution.run(SteppedSum<BFloat16>.self, geometry, x, filter, output, context.workers)
    case .float16, .bfloat16: try widened(context, x, into: output, finish)
    case .int32: PlainConvolution.run(ExactSum<Int32>.self, geometry, x, filter, output, context.workers)
    default: throw GraftError(.unimplemented, "There is no convolution of \(output.dtype).")
    }
  }

  /// Of half or bfloat16, summed up in float32.
  private func widened(_ context: KernelContext, _ x: Tensor, into output: Tensor, _ finish: Finish) throws {
    let columns = geometry.outputChannels
    if BFloat16Product.handles(output.dtype), geometry.groups == 1 {
      return try paired(context, x, into: output, finish)
    }
    let packed =
      isFilterConstant
      ? try context.prepared {
        try context.packed(filter, form: [geometry.groups, geometry.depth, columns]) {
          try self.packed(Float.self, FloatConversion.widen(filter, context), nil, context) {
            try TensorStorage(byteCount: $0)
          }
        }
      } : nil
    if packed != nil, geometry.isPointwise, geometry.groups == 1 {
      return try MatrixProduct(
        rows: geometry.outputPixels, columns: columns, depth: geometry.depth,
        left: MatrixOperand(tensor: x, row: geometry.depth, column: 1, offsets: [0]),
        right: MatrixOperand(tensor: filter, row: columns, column: 1, offsets: [0]), finish: finish,
        packed: packed
      ).widened(context, into: output, cuts: false)
    }
    let sums = try context.scratch(.float32, output.shape)
    try vector(
      Float.self, context, try FloatConversion.widen(x, context),
      packed == nil ? try FloatConversion.widen(filter, context) : filter, sums, finish.widened(context),
      packed)
    FloatConversion.narrow(sums, into: output, context.workers)
  }

  /// Of bfloat16 in one group, where the processor computes with it.
  private func paired(_ context: KernelContext, _ x: Tensor, into output: Tensor, _ finish: Finish) throws {
    let columns = geometry.outputChannels
    let right = MatrixOperand(tensor: filter, row: columns, column: 1, offsets: [0])
    let left: BFloat16Product.Rows =
      geometry.isPointwise
      ? .matrices(MatrixOperand(tensor: x, row: geometry.depth, column: 1, offsets: [0]))
      : .patches(geometry, x)
    let packed =
      isFilterConstant
      ? try PackedMatrix.kept(right, k: geometry.depth, n: columns, context)
      : try PackedMatrix.paired(right, k: geometry.depth, n: columns, context.workers) {
        try context.scratch(.uint32, $0).storage
      }
    try BFloat16Product(
      m: geometry.outputPixels, n: columns, k: geometry.depth, left: left, right: packed, isShared: true,
      finish: finish, cuts: false
    ).run(context, into: output)
  }

  /// Whether sums of half and bfloat16 are rounded at every step: those of volumes are, and of images not.
  private var isStepped: Bool { filter.rank == 5 && geometry.depth <= SteppedProduct.longest }

  /// Whether there are groups of so few channels that the filter is read as it is.
  private func isFewChanneled(_ x: Tensor, _ finish: Finish) -> Bool {
    x.dtype == .float32 && finish.addend == nil && GroupedRows.handle(geometry)
  }

  /// Whether the filter is a matrix that few pixels are multiplied by.
  private var isOfFewPixels: Bool {
    geometry.isPointwise && geometry.groups == 1
      && MatrixProduct.isReadOnce(rows: geometry.outputPixels, columns: geometry.outputChannels)
  }

  /// Whether the filter is read once, and by a run that would not keep it packed as it lies.
  private func isFilterReadOnce(_ x: Tensor, _ finish: Finish) -> Bool {
    isOfFewPixels && scale == nil && !isFewChanneled(x, finish)
  }

  private func prepared(_ context: KernelContext, _ x: Tensor, _ finish: Finish) throws -> PreparedFilter {
    let sizes = [
      geometry.groups, geometry.depth, geometry.axes[2].window, geometry.inputChannels,
      geometry.outputChannels,
    ]
    return try context.prepared {
      if isFewChanneled(x, finish) {
        var aligned = self
        aligned.filter = try filter.aligned()
        return Kept(.plain(try aligned.scaledFilter { try Tensor(uninitialized: .float32, shape: $0) }))
      }
      let tile = tile(x)
      return try context.packed(filter, form: [tile?.height ?? 0, tile?.width ?? 0] + sizes, factors: scale) {
        Kept(try packed(context, x))
      }
    }.filter
  }

  /// Winograd's tile, where it is quicker.
  private func tile(_ x: Tensor) -> WinogradTile? { x.dtype == .float32 ? .fastest(geometry) : nil }

  /// Pixels for which a filter is transformed though it may be another one in the next run.
  private static let fewestPixels = 1024

  /// Whether the filter's form is that of panels.
  func readsPanels(_ x: Tensor) -> Bool { tile(x) == nil && !isFewChanneled(x, .none) }

  /// A filter that nobody else has, in the form that kernels read.
  func unsharedForm(_ context: KernelContext, _ x: Tensor) throws -> PreparedFilter {
    isFewChanneled(x, .none) ? .plain(filter) : try packed(context, x)
  }

  private func packed(_ context: KernelContext, _ x: Tensor) throws -> PreparedFilter {
    if let tile = tile(x) {
      return .winograd(
        try WinogradConvolution(geometry, tile: tile, filter: filter, scale: scale, context.workers) {
          try Tensor(uninitialized: .float32, shape: $0)
        })
    }
    func packed<T: VectorElement>(_ type: T.Type) throws -> PreparedFilter {
      .packed(try self.packed(T.self, filter, scale, context) { try TensorStorage(byteCount: $0) })
    }
    return filter.dtype == .float32 ? try packed(Float.self) : try packed(Double.self)
  }

  /// The filter with its output channels multiplied, in memory that is made for it.
  private func scaledFilter(_ allocate: (Shape) throws -> Tensor) throws -> Tensor {
    guard let scale else { return filter }
    let result = try allocate(filter.shape)
    func multiply<T: VectorElement>(_ type: T.Type) {
      let (source, factors) = (filter.buffer(as: T.self), scale.buffer(as: T.self))
      let target = result.mutableBuffer(as: T.self)
      for row in stride(from: 0, to: source.count, by: factors.count) {
        for channel in 0..<factors.count { target[row + channel] = source[row + channel] * factors[channel] }
      }
    }
    if filter.dtype == .float64 { multiply(Double.self) } else { multiply(Float.self) }
    return result
  }

  /// The filter of each group in panels, in memory that is made for it.
  private func packed<T: VectorElement>(
    _ type: T.Type, _ filter: Tensor, _ scale: Tensor?, _ context: KernelContext,
    _ allocate: (_ byteCount: Int) throws -> TensorStorage
  ) throws -> PackedMatrix {
    let (groups, columns) = (geometry.groups, geometry.outputChannels)
    let shape = try Shape(validating: [groups, PackedMatrix.count(T.self, k: geometry.depth, n: columns)])
    return PackedMatrix.pack(
      T.self, UnsafePointer(filter.base.assumingMemoryBound(to: T.self)),
      offsets: (0..<groups).map { $0 * columns }, row: groups * columns, column: 1, k: geometry.depth,
      n: columns, scale: scale.map { UnsafePointer($0.base.assumingMemoryBound(to: T.self)) },
      into: try allocate(shape.elementCount * MemoryLayout<T>.stride), context.workers)
  }

  private func vector<T: VectorElement>(
    _ type: T.Type, _ context: KernelContext, _ x: Tensor, _ filter: Tensor, _ output: Tensor,
    _ finish: Finish,
    _ ready: PackedMatrix?
  ) throws {
    let (depth, groups, columns) = (geometry.depth, geometry.groups, geometry.outputChannels)
    if geometry.isPointwise, groups == 1 {
      let product = MatrixProduct(
        rows: geometry.outputPixels, columns: columns, depth: depth,
        left: MatrixOperand(tensor: x, row: depth, column: 1, offsets: [0]),
        right: MatrixOperand(tensor: filter, row: columns, column: 1, offsets: [0]), finish: finish,
        packed: ready)
      return try product.run(context, into: output)
    }
    let packed =
      try ready
      ?? self.packed(T.self, filter, nil, context) {
        try context.scratch(.uint8, Shape(validating: [$0])).storage
      }
    let zeros = try context.scratch(T.dataType, [geometry.inputChannels])
    zeros.clear()
    let shape = geometry.vector
    nonisolated(unsafe) let finish = finish.vector(columns: groups * columns)
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let nothing = UnsafePointer(zeros.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    let row = groups * columns
    context.workers.forEachPart(
      rows: geometry.outputPixels, columns: row, depth: depth, hasColumnGroups: groups > 1, T.self
    ) { _, _, pixels, part in
      var shape = shape
      if groups == 1 { shape.output_channels = part.count }
      T.convolve(
        shape, source, packed: packed.elements(of: 0) + part.lowerBound * depth, zeros: nothing,
        into: target + part.lowerBound, yRow: row, pixels: pixels,
        finish.from(row: 0, column: part.lowerBound, of: T.self))
    }
  }
}

/// A constant filter, made ready.
enum PreparedFilter: Sendable {
  /// In Winograd's transformed space.
  case winograd(WinogradConvolution)
  /// In panels.
  case packed(PackedMatrix)
  /// As it is, or multiplied by a scale.
  case plain(Tensor)
}

/// A filter that is kept from run to run.
private final class Kept: Sendable {
  let filter: PreparedFilter

  init(_ filter: PreparedFilter) {
    self.filter = filter
  }
}
