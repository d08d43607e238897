import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Convolutions by other ways than their definition, against the definition in float64.
@Suite("Convolution algorithms")
struct NNConvolutionAlgorithmTests {
  private static func attributes(
    stride: Int64 = 1, dilations: [Int64] = [1, 1], padding: String, fused: [String] = [],
    format: String = "NHWC"
  ) -> [String: AttributeValue] {
    [
      "strides": .ints([1, stride, stride, 1]), "padding": .string(Bytes(padding)),
      "explicit_paddings": .ints([]), "dilations": .ints([1] + dilations + [1]),
      "data_format": .string(Bytes(format)), "fused_ops": .strings(fused.map { Bytes($0) }),
    ]
  }

  private func wide(_ tensor: Tensor) throws -> Tensor {
    try Tensor(
      shape: tensor.shape.dimensions, scalars: tensor.scalars(as: Float.self).map { Double($0) })
  }

  /// Compares with the float64 kernel, which knows the definition only.
  private func expectDefinition(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue], threads: Int = 1,
    within tolerance: Double = 2e-5, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let found = try NNHarness.run(op, inputs, attributes, constants: [1, 2], threads: threads)[0]
    let wanted = try NNHarness.run(op, inputs.map(wide), attributes)[0]
    #expect(found.shape == wanted.shape, sourceLocation: sourceLocation)
    for (a, b) in zip(try found.scalars(as: Float.self), try wanted.scalars(as: Double.self)) {
      #expect(abs(Double(a) - b) <= tolerance * max(1, abs(b)), sourceLocation: sourceLocation)
    }
  }

  // Sizes that are, and are not, multiples of either tile; more rows of tiles than columns; several images.
  @Test(
    "A filter of 3x3 is applied by Winograd's algorithm",
    arguments: [[1, 24, 24], [1, 25, 30], [2, 13, 9], [1, 7, 50], [3, 12, 12]], ["SAME", "VALID"])
  func winograd(size: [Int], padding: String) throws {
    let x = try NNHarness.noise(size + [16], seed: 2)
    let filter = try NNHarness.noise([3, 3, 16, 32], seed: 3)
    try expectDefinition("Conv2D", [x, filter], Self.attributes(padding: padding))
    let bias = try NNHarness.noise([32], seed: 4)
    let down = padding == "SAME" ? 0 : 2
    let addend = try NNHarness.noise([size[0], size[1] - down, size[2] - down, 32], seed: 5)
    for activation in ["Relu", "Relu6", "Swish", "HardSwish"] {
      try expectDefinition(
        "_FusedConv2D", [x, filter, bias, addend],
        Self.attributes(padding: padding, fused: ["BiasAdd", "Add", activation]))
    }
  }

  @Test("Threads that share a few tiles make columns of them", arguments: [2, 4], ["Relu", "Elu"])
  func columns(threads: Int, activation: String) throws {
    let x = try NNHarness.noise([1, 6, 8, 32], seed: 2)
    let filter = try NNHarness.noise([3, 3, 32, 96], seed: 3)
    let (bias, addend) = (try NNHarness.noise([96], seed: 4), try NNHarness.noise([1, 6, 8, 96], seed: 5))
    try expectDefinition(
      "_FusedConv2D", [x, filter, bias, addend],
      Self.attributes(padding: "SAME", fused: ["BiasAdd", "Add", activation]), threads: threads)
  }

  struct Window: Sendable, CustomTestStringConvertible {
    let size: [Int]
    let stride: Int64
    let dilations: [Int64]

    init(_ size: [Int], stride: Int64 = 1, dilations: [Int64] = [1, 1]) {
      self.size = size
      self.stride = stride
      self.dilations = dilations
    }

    var testDescription: String { "\(size), strides of \(stride), dilations of \(dilations)" }
  }

  // Of one dimension and of two, in one block of 3 or 4 elements and in several, of which the last one is cut or not.
  static let windows = [
    Window([1, 3]), Window([3, 1]), Window([1, 4]), Window([1, 7]), Window([7, 1]), Window([1, 9]),
    Window([2, 2]), Window([4, 4]), Window([5, 5]), Window([3, 5]), Window([7, 7]), Window([2, 5]),
    Window([5, 5], stride: 2), Window([4, 4], stride: 2), Window([7, 7], stride: 2),
    Window([6, 5], stride: 2), Window([7, 7], stride: 3), Window([3, 3], dilations: [2, 2]),
    Window([3, 3], dilations: [3, 1]), Window([3, 3], dilations: [6, 5]),
    Window([1, 3], dilations: [1, 4]), Window([5, 3], dilations: [2, 7]),
  ]

  @Test(
    "Filters of other sizes, strides and dilations are applied by Winograd's algorithm",
    arguments: windows, ["SAME", "VALID"])
  func winogradOfWindows(window: Window, padding: String) throws {
    let filter = try NNHarness.noise(window.size + [32, 48], seed: 3)
    let (scale, bias) = (try NNHarness.noise([48], seed: 4), try NNHarness.noise([48], seed: 5))
    let attributes = Self.attributes(
      stride: window.stride, dilations: window.dilations, padding: padding,
      fused: ["Scale", "BiasAdd", "Swish"])
    for size in [[1, 17, 17], [2, 33, 20]] {
      let x = try NNHarness.noise(size + [32], seed: 2)
      for threads in [1, 3] {
        try expectDefinition(
          "_FusedConv2D", [x, filter, scale, bias], attributes, threads: threads, within: 1e-4)
      }
    }
  }

  @Test(
    "A filter of slices of 3x3 is applied to volumes by Winograd's algorithm",
    arguments: [(3, 1, 1), (3, 2, 1), (2, 1, 1), (1, 1, 1), (3, 1, 2)], ["SAME", "VALID"])
  func winogradOfVolumes(window: (depth: Int, stride: Int64, dilation: Int64), padding: String) throws {
    let x = try NNHarness.noise([2, 6, 13, 9, 16], seed: 2)
    let filter = try NNHarness.noise([window.depth, 3, 3, 16, 32], seed: 3)
    let scale = try NNHarness.noise([32], seed: 4)
    let bias = try NNHarness.noise([32], seed: 5)
    for threads in [1, 3] {
      try expectDefinition(
        "_FusedConv3D", [x, filter, scale, bias],
        [
          "strides": .ints([1, window.stride, 1, 1, 1]), "padding": .string(Bytes(padding)),
          "dilations": .ints([1, window.dilation, 1, 1, 1]), "data_format": .string("NDHWC"),
          "fused_ops": .strings(["Scale", "BiasAdd", "Relu"]),
        ], threads: threads, within: 4e-5)
    }
  }

  @Test(
    "A filter that extends in depth alone is applied to volumes as one of rows is to images",
    arguments: [(3, 1, 1), (3, 2, 1), (2, 1, 1), (5, 1, 1), (3, 1, 2)], [true, false])
  func windowsOfDepthAlone(window: (depth: Int, stride: Int64, dilation: Int64), isPadded: Bool) throws {
    let (channels, outputs, height, width) = (16, 32, 11, 7)
    let x = try NNHarness.noise([2, 9, height, width, channels], seed: 2)
    let filter = try NNHarness.noise([window.depth, 1, 1, channels, outputs], seed: 3)
    let bias = try NNHarness.noise([outputs], seed: 5)
    // The same as the middle of a filter of 3x3, with a border of pixels that meet its zeros.
    let pixels = try x.scalars(as: Float.self)
    var framed: [Float] = []
    for layer in 0..<18 {
      for row in -1...height {
        for column in -1...width {
          let isInside = (0..<height).contains(row) && (0..<width).contains(column)
          let first = ((layer * height + row) * width + column) * channels
          framed +=
            isInside ? Array(pixels[first..<first + channels]) : [Float](repeating: 1, count: channels)
        }
      }
    }
    let weights = try filter.scalars(as: Float.self)
    let slice = channels * outputs
    let none = [Float](repeating: 0, count: 4 * slice)
    let wide = (0..<window.depth).flatMap { none + weights[$0 * slice..<($0 + 1) * slice] + none }
    let padding: [Int64] = isPadded ? [1, 2] : [0, 0]
    let attributes: [String: AttributeValue] = [
      "strides": .ints([1, window.stride, 1, 1, 1]), "padding": .string("EXPLICIT"),
      "explicit_paddings": .ints([0, 0] + padding + [0, 0, 0, 0, 0, 0]),
      "dilations": .ints([1, window.dilation, 1, 1, 1]), "data_format": .string("NDHWC"),
      "fused_ops": .strings(["BiasAdd", "Relu"]),
    ]
    let wanted = try NNHarness.run(
      "_FusedConv3D",
      [
        Tensor(shape: [2, 9, height + 2, width + 2, channels], scalars: framed.map(Double.init)),
        Tensor(shape: [window.depth, 3, 3, channels, outputs], scalars: wide.map(Double.init)),
        Tensor(bias.scalars(as: Float.self).map(Double.init)),
      ], attributes)[0].scalars(as: Double.self)
    for threads in [1, 3] {
      let found = try NNHarness.run(
        "_FusedConv3D", [x, filter, bias], attributes, constants: [1, 2], threads: threads)[0]
        .scalars(as: Float.self)
      #expect(found.count == wanted.count)
      #expect(zip(found, wanted).allSatisfy { abs(Double($0) - $1) <= 4e-5 * max(1, abs($1)) })
    }
  }

  @Test("The filter's channels are scaled when it is made ready", arguments: [1, 3])
  func scale(window: Int) throws {
    let x = try NNHarness.noise([1, 20, 20, 16], seed: 2)
    let filter = try NNHarness.noise([window, window, 16, 48], seed: 3)
    let (scale, bias) = (try NNHarness.noise([48], seed: 4), try NNHarness.noise([48], seed: 5))
    try expectDefinition(
      "_FusedConv2D", [x, filter, scale, bias],
      Self.attributes(padding: "SAME", fused: ["Scale", "BiasAdd", "Relu"]))
  }

  @Test("Threads do not change a bit", arguments: [[1, 40, 41], [1, 8, 8], [4, 6, 6]])
  func threads(size: [Int]) throws {
    let x = try NNHarness.noise(size + [32], seed: 2)
    let filter = try NNHarness.noise([3, 3, 32, 160], seed: 3)
    let row = try NNHarness.noise([1, 7, 32, 160], seed: 3)
    let depthwise = try NNHarness.noise([3, 3, 32, 1], seed: 3)
    for (op, filter) in [("Conv2D", filter), ("Conv2D", row), ("DepthwiseConv2dNative", depthwise)] {
      let results = try [1, 2, 3, 8].map { threads in
        try NNHarness.run(
          op, [x, filter], Self.attributes(padding: "SAME"), constants: [1], threads: threads)[0]
          .scalars(as: Float.self).map(\.bitPattern)
      }
      #expect(results.allSatisfy { $0 == results[0] })
    }
  }

  @Test("NaN and infinity reach the pixels around them")
  func notNumbers() throws {
    var values = try NNHarness.noise([1, 12, 12, 16]).scalars(as: Float.self)
    values[(5 * 12 + 5) * 16] = .nan
    let x = try Tensor(shape: [1, 12, 12, 16], scalars: values)
    let y = try NNHarness.run(
      "Conv2D", [x, NNHarness.noise([3, 3, 16, 16])], Self.attributes(padding: "SAME"), constants: [1])[0]
    let found = try y.scalars(as: Float.self)
    for row in 4...6 {
      for column in 4...6 { #expect(found[(row * 12 + column) * 16].isNaN) }
    }
  }

  @Test(
    "Depthwise windows of 3, 5 and 7 are applied row by row",
    arguments: [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)] as [(Int, Int64)],
    [3, 4, 7, 11, 16, 24, 37])
  func depthwise(window: (Int, Int64), channels: Int) throws {
    for (height, width) in [(9, 11), (2, 3), (16, 4), (1, 1)] {
      let x = try NNHarness.noise([2, height, width, channels], seed: 2)
      let filter = try NNHarness.noise([window.0, window.0, channels, 1], seed: 3)
      let bias = try NNHarness.noise([channels], seed: 4)
      for fused in [["BiasAdd"], ["BiasAdd", "Relu6"], ["BiasAdd", "Swish"]] {
        try expectDefinition(
          "_FusedDepthwiseConv2dNative", [x, filter, bias],
          Self.attributes(stride: window.1, padding: "SAME", fused: fused))
      }
    }
  }

  @Test(
    "Depthwise windows with gaps are applied row by row", arguments: [[1, 2], [3, 1], [2, 3], [4, 4]])
  func depthwiseWithGaps(dilations: [Int64]) throws {
    for (height, width, window) in [(9, 11, 3), (2, 3, 3), (16, 4, 5), (7, 13, 7)] {
      let x = try NNHarness.noise([2, height, width, 24], seed: 2)
      let filter = try NNHarness.noise([window, window, 24, 1], seed: 3)
      let bias = try NNHarness.noise([24], seed: 4)
      try expectDefinition(
        "_FusedDepthwiseConv2dNative", [x, filter, bias],
        Self.attributes(dilations: dilations, padding: "SAME", fused: ["BiasAdd", "Swish"]))
    }
  }

  @Test(
    "Depthwise windows of any size are applied row by row, over few channels or many",
    arguments: [(1, 1, 1), (2, 4, 1), (5, 1, 1), (1, 11, 1), (4, 4, 2), (3, 5, 2), (2, 3, 3), (33, 9, 1)]
      as [(Int, Int, Int64)], [1, 3, 10, 16, 40])
  func depthwiseOfAnyWindow(window: (height: Int, width: Int, stride: Int64), channels: Int) throws {
    for (height, width) in [(9, 37), (2, 130), (1, 64)] {
      let x = try NNHarness.noise([2, height, width, channels], seed: 2)
      let filter = try NNHarness.noise([window.height, window.width, channels, 1], seed: 3)
      let bias = try NNHarness.noise([channels], seed: 4)
      for padding in ["SAME", "VALID"] where padding == "SAME" || height >= window.height {
        for fused in [["BiasAdd"], ["BiasAdd", "Swish"]] {
          try expectDefinition(
            "_FusedDepthwiseConv2dNative", [x, filter, bias],
            Self.attributes(stride: window.stride, padding: padding, fused: fused))
        }
      }
    }
  }

  @Test(
    "Depthwise windows of any size with gaps are applied row by row", arguments: [[1, 2], [3, 1], [4, 20]])
  func depthwiseOfAnyWindowWithGaps(dilations: [Int64]) throws {
    let x = try NNHarness.noise([2, 9, 47, 3], seed: 2)
    for window in [(3, 3), (2, 4)] {
      let filter = try NNHarness.noise([window.0, window.1, 3, 1], seed: 3)
      try expectDefinition(
        "_FusedDepthwiseConv2dNative", [x, filter, try NNHarness.noise([3], seed: 4)],
        Self.attributes(dilations: dilations, padding: "SAME", fused: ["BiasAdd", "Relu"]))
    }
  }

  @Test(
    "Groups of few channels are computed row by row",
    arguments: [(1, 2), (2, 2), (3, 4), (4, 4), (2, 8), (8, 8), (1, 16), (16, 16)] as [(Int, Int)],
    [(3, 1), (3, 2), (5, 1), (7, 2)] as [(Int, Int64)])
  func groups(channels: (Int, Int), window: (Int, Int64)) throws {
    for groups in [2, 5, 16] {
      let outputs = groups * channels.1
      let x = try NNHarness.noise([2, 9, 11, groups * channels.0], seed: 2)
      let filter = try NNHarness.noise([window.0, window.0, channels.0, outputs], seed: 3)
      let (scale, bias) = (try NNHarness.noise([outputs], seed: 4), try NNHarness.noise([outputs], seed: 5))
      try expectDefinition(
        "_FusedConv2D", [x, filter, scale, bias],
        Self.attributes(stride: window.1, padding: "SAME", fused: ["Scale", "BiasAdd", "Swish"]))
      try expectDefinition(
        "_FusedConv2D", [x, filter, bias],
        Self.attributes(dilations: [2, 1], padding: "SAME", fused: ["BiasAdd", "Relu"]))
    }
  }

  @Test(
    "Rows of a window that lie within the input are read as one", arguments: [[1, 5], [3, 2]],
    [1, 2] as [Int64])
  func rowsOfWindows(window: [Int], stride: Int64) throws {
    let x = try NNHarness.noise([2, 9, 41, 40], seed: 2)
    let filter = try NNHarness.noise(window + [40, 24], seed: 3)
    for padding in ["VALID", "SAME"] {
      try expectDefinition("Conv2D", [x, filter], Self.attributes(stride: stride, padding: padding))
    }
  }

  @Test(
    "Few output channels are the same as among many", arguments: 1...4,
    [(1, 37), (3, 8), (3, 40), (9, 4), (5, 96)])
  func fewOutputChannels(count: Int, filter sizes: (window: Int, channels: Int)) throws {
    let x = try NNHarness.noise([2, 11, 13, sizes.channels], seed: 2)
    let many = try NNHarness.noise([sizes.window, sizes.window, sizes.channels, 8], seed: 3)
    let (bias, addend) = (try NNHarness.noise([8], seed: 4), try NNHarness.noise([2, 11, 13, 8], seed: 5))
    func first(_ tensor: Tensor) throws -> Tensor {
      let scalars = try tensor.scalars(as: Float.self)
      return try Tensor(
        shape: tensor.shape.dimensions.dropLast() + [count],
        scalars: scalars.indices.filter { $0 % 8 < count }.map { scalars[$0] })
    }
    let attributes = Self.attributes(padding: "SAME", fused: ["BiasAdd", "Add", "Relu"])
    let wanted = try NNHarness.run("_FusedConv2D", [x, many, bias, addend].map(wide), attributes)[0]
      .scalars(as: Double.self).enumerated().filter { $0.offset % 8 < count }.map(\.element)
    let results = try [1, 3].map { threads in
      try NNHarness.run(
        "_FusedConv2D", [x, first(many), first(bias), first(addend)], attributes, constants: [1, 2],
        threads: threads)[0].scalars(as: Float.self)
    }
    #expect(results[0].map(\.bitPattern) == results[1].map(\.bitPattern))
    #expect(results[0].count == wanted.count)
    for (a, b) in zip(results[0], wanted) { #expect(abs(Double(a) - b) <= 2e-5 * max(1, abs(b))) }
  }

  @Test("Filters of few channels are read a row of the window at a time", arguments: [1, 3, 8])
  func fewChannels(channels: Int) throws {
    for (stride, padding) in [(1, "SAME"), (2, "SAME"), (2, "VALID")] as [(Int64, String)] {
      let x = try NNHarness.noise([2, 17, 23, channels], seed: 2)
      let filter = try NNHarness.noise([7, 7, channels, 40], seed: 3)
      try expectDefinition("Conv2D", [x, filter], Self.attributes(stride: stride, padding: padding))
    }
  }
}
