import Glibc
import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Convolutions")
struct NNConvolutionTests {
  private static func attributes(
    strides: [Int64] = [1, 1, 1, 1], padding: String = "VALID", explicit: [Int64] = [],
    dilations: [Int64] = [1, 1, 1, 1], format: String = "NHWC"
  ) -> [String: AttributeValue] {
    [
      "strides": .ints(strides), "padding": .string(Bytes(padding)), "explicit_paddings": .ints(explicit),
      "dilations": .ints(dilations), "data_format": .string(Bytes(format)),
    ]
  }

  // MARK: - Values from TensorFlow

  @Test("Groups read their own channels, for every dtype")
  func groups() throws {
    let expected: [Float] = [11, 14, 37, 44, 35, 46, 77, 92, 59, 78, 117, 140, 83, 110, 157, 188]
    let (x, filter) = (try NNHarness.counting(1, 2, 2, 4), try NNHarness.counting(1, 1, 2, 4))
    for constants in [[], [1]] as [Set<Int>] {
      let y = try NNHarness.run("Conv2D", [x, filter], Self.attributes(), constants: constants)[0]
      #expect(y.shape == [1, 2, 2, 4])
      try expectClose(y, expected)
    }
    let integers = try [x, filter].map {
      try Tensor(shape: $0.shape.dimensions, scalars: $0.scalars(as: Float.self).map { Int32($0) })
    }
    #expect(
      try NNHarness.run("Conv2D", integers, Self.attributes())[0].scalars() == expected.map { Int32($0) })
    let halves = try [x, filter].map {
      try Tensor(shape: $0.shape.dimensions, scalars: $0.scalars(as: Float.self).map { Float16($0) })
    }
    #expect(
      try NNHarness.run("Conv2D", halves, Self.attributes())[0].scalars() == expected.map { Float16($0) })
  }

  @Test("Dilations spread the filter")
  func dilations() throws {
    let y = try NNHarness.run(
      "Conv2D", [NNHarness.counting(1, 5, 5, 1), NNHarness.counting(2, 2, 1, 1)],
      Self.attributes(dilations: [1, 2, 2, 1]))[0]
    try expectClose(y, [92, 102, 112, 142, 152, 162, 192, 202, 212])
  }

  @Test("A transposed convolution takes the input's shape, or its height and width")
  func transposed() throws {
    let expected: [Float] = [
      14, 32, 50, 68, 32, 77, 122, 167, 86, 104, 122, 140, 212, 257, 302, 347, 50, 122, 194, 266, 68, 167,
      266, 365,
    ]
    let (filter, gradient) = (try NNHarness.counting(2, 2, 2, 3), try NNHarness.counting(1, 2, 2, 3))
    for sizes in [[1, 4, 4, 2], [4, 4]] as [[Int32]] {
      for constants in [[], [1]] as [Set<Int>] {
        let y = try NNHarness.run(
          "Conv2DBackpropInput", [Tensor(sizes), filter, gradient],
          Self.attributes(strides: [1, 2, 2, 1], padding: "SAME"), outputs: [.float32], constants: constants)[
            0]
        #expect(y.shape == [1, 4, 4, 2])
        try expectClose(Tensor(Array(y.scalars(as: Float.self).prefix(24))), expected)
      }
    }
  }

  // MARK: - Against the definition

  /// A convolution as its definition says, in double precision.
  private func reference(
    _ x: Tensor, _ filter: Tensor, strides: [Int], dilations: [Int], before: [Int], output: [Int]
  ) throws -> [Float] {
    let (xs, fs) = (x.shape.dimensions, filter.shape.dimensions)
    let (values, weights) = (try x.scalars(as: Float.self), try filter.scalars(as: Float.self))
    let groups = xs[3] / fs[2]
    let columns = fs[3] / groups
    var result: [Float] = []
    for n in 0..<xs[0] {
      for oh in 0..<output[0] {
        for ow in 0..<output[1] {
          for o in 0..<fs[3] {
            var sum = 0.0
            for kh in 0..<fs[0] {
              for kw in 0..<fs[1] {
                let (h, w) = (
                  oh * strides[0] + kh * dilations[0] - before[0],
                  ow * strides[1] + kw * dilations[1] - before[1]
                )
                guard h >= 0, h < xs[1], w >= 0, w < xs[2] else { continue }
                for c in 0..<fs[2] {
                  let value = values[((n * xs[1] + h) * xs[2] + w) * xs[3] + o / columns * fs[2] + c]
                  sum += Double(value) * Double(weights[((kh * fs[1] + kw) * fs[2] + c) * fs[3] + o])
                }
              }
            }
            result.append(Float(sum))
          }
        }
      }
    }
    return result
  }

  struct Sizes: Sendable, CustomTestStringConvertible {
    var image = [1, 9, 8]
    var channels = 4
    var groups = 1
    var outputs = 5
    var kernel = [3, 3]
    var strides = [1, 1]
    var dilations = [1, 1]
    var before = [1, 2]
    var after = [0, 1]
    var tolerance: Float = 5e-5

    var testDescription: String {
      "\(image) \(channels) \(groups) \(outputs) \(kernel) \(strides) \(dilations) \(before)"
    }
  }

  @Test(
    "Every path gives what the definition says: whatever the sizes, threads, data format and constants",
    arguments: [
      Sizes(), Sizes(channels: 3, outputs: 17),
      Sizes(image: [2, 13, 11], channels: 40, outputs: 33, strides: [2, 3]),
      Sizes(channels: 12, groups: 3, outputs: 9, dilations: [2, 1]),
      Sizes(channels: 64, groups: 2, outputs: 64, kernel: [1, 1], before: [0, 0], after: [0, 0]),
      Sizes(channels: 33, outputs: 16, kernel: [1, 1], before: [0, 0], after: [0, 0]),
      Sizes(channels: 800, outputs: 32, kernel: [1, 2], before: [0, 0], after: [0, 0]),
      Sizes(
        image: [1, 15, 15], channels: 3, outputs: 64, kernel: [7, 7], strides: [2, 2], before: [3, 3],
        after: [3, 3]),
      Sizes(image: [1, 2, 2], channels: 2, kernel: [5, 5], before: [4, 4], after: [4, 4]),
      // Sums of a thousand products are around 10, and Winograd's algorithm makes them.
      Sizes(
        image: [3, 12, 12], channels: 32, outputs: 48, kernel: [6, 6], before: [2, 2], after: [2, 2],
        tolerance: 1e-4),
    ])
  func agreesWithDefinition(_ sizes: Sizes) throws {
    let x = try NNHarness.noise(sizes.image + [sizes.channels])
    let filter = try NNHarness.noise(sizes.kernel + [sizes.channels / sizes.groups, sizes.outputs], seed: 7)
    let output = (0..<2).map { axis in
      let extent = (sizes.kernel[axis] - 1) * sizes.dilations[axis] + 1
      return (sizes.image[axis + 1] + sizes.before[axis] + sizes.after[axis] - extent) / sizes.strides[axis]
        + 1
    }
    let expected = try reference(
      x, filter, strides: sizes.strides, dilations: sizes.dilations, before: sizes.before, output: output)
    let (s, d) = (sizes.strides.map { Int64($0) }, sizes.dilations.map { Int64($0) })
    let pads = zip(sizes.before, sizes.after).flatMap { [Int64($0), Int64($1)] }
    let last = Self.attributes(
      strides: [1, s[0], s[1], 1], padding: "EXPLICIT", explicit: [0, 0] + pads + [0, 0],
      dilations: [1, d[0], d[1], 1])
    var bits: [[Float]] = []
    for threads in [1, 3] {
      for constants in [[], [1]] as [Set<Int>] {
        let y = try NNHarness.run("Conv2D", [x, filter], last, constants: constants, threads: threads)[0]
        #expect(y.shape == Shape([sizes.image[0]] + output + [sizes.outputs]))
        try expectClose(y, expected, within: sizes.tolerance)
        if constants.isEmpty { bits.append(try y.scalars()) }
      }
    }
    #expect(bits[0] == bits[1], "another number of threads gives other bits")

    let doubles = try [x, filter].map {
      try Tensor(shape: $0.shape.dimensions, scalars: $0.scalars(as: Float.self).map { Double($0) })
    }
    try expectClose(try NNHarness.run("Conv2D", doubles, last)[0], expected)

    let first = Self.attributes(
      strides: [1, 1] + s, padding: "EXPLICIT", explicit: [0, 0, 0, 0] + pads, dilations: [1, 1] + d,
      format: "NCHW")
    let y = try NNHarness.run("Conv2D", [channelsFirst(x), filter], first)[0]
    #expect(
      try y.scalars(as: Float.self)
        == channelsFirst(Tensor(shape: [sizes.image[0]] + output + [sizes.outputs], scalars: bits[0]))
        .scalars())
  }

  private func channelsFirst(_ x: Tensor) throws -> Tensor {
    let s = x.shape.dimensions
    let values = try x.scalars(as: Float.self)
    var result: [Float] = []
    for n in 0..<s[0] {
      for c in 0..<s[3] {
        for pixel in 0..<s[1] * s[2] { result.append(values[(n * s[1] * s[2] + pixel) * s[3] + c]) }
      }
    }
    return try Tensor(shape: [s[0], s[3], s[1], s[2]], scalars: result)
  }

  @Test(
    "Depthwise convolution, with one filter for each channel or several",
    arguments: [(1, 2), (1, 3), (2, 3), (3, 2), (3, 3), (8, 3)] as [(Int, Int)], [1, 3, 24, 29])
  func depthwise(sizes: (multiplier: Int, window: Int), channels: Int) throws {
    let (multiplier, window) = sizes
    let x = try NNHarness.noise([2, 7, 7, channels])
    let filter = try NNHarness.noise([3, window, channels, multiplier], seed: 3)
    // The same as a grouped convolution, whose filter has one input channel.
    let grouped = Tensor(
      dtype: .float32, shape: try Shape(validating: [3, window, 1, channels * multiplier]),
      storage: filter.storage)
    let expected = try reference(
      x, grouped, strides: [2, 2], dilations: [1, 1], before: [1, window - 2], output: [4, 4])
    for constants in [[], [1]] as [Set<Int>] {
      for threads in [1, 2] {
        let y = try NNHarness.run(
          "DepthwiseConv2dNative", [x, filter], Self.attributes(strides: [1, 2, 2, 1], padding: "SAME"),
          constants: constants, threads: threads)[0]
        #expect(y.shape == Shape([2, 4, 4, channels * multiplier]))
        try expectClose(y, expected)
      }
    }
  }

  @Test("The gradients by input and filter are the transposes of the convolution")
  func gradients() throws {
    // <conv(x, w), g> = <x, gradient by input> = <w, gradient by filter>
    for (groups, strides, dilations) in [
      (1, [1, 2, 1, 1], [1, 1, 1, 1]), (2, [1, 1, 1, 1], [1, 2, 1, 1]),
    ] as [(Int, [Int64], [Int64])] {
      let x = try NNHarness.noise([2, 6, 7, 4])
      let filter = try NNHarness.noise([3, 2, 4 / groups, 6], seed: 5)
      let attributes = Self.attributes(strides: strides, padding: "SAME", dilations: dilations)
      let y = try NNHarness.run("Conv2D", [x, filter], attributes)[0]
      let g = try NNHarness.noise(y.shape.dimensions, seed: 11)
      let byInput = try NNHarness.run(
        "Conv2DBackpropInput", [Tensor([2, 6, 7, 4] as [Int32]), filter, g], attributes, outputs: [.float32])[
          0]
      let byFilter = try NNHarness.run(
        "Conv2DBackpropFilter", [x, Tensor(filter.shape.dimensions.map { Int32($0) }), g], attributes,
        outputs: [.float32])[0]
      let sums = try [(y, g), (x, byInput), (filter, byFilter)].map { a, b in
        try zip(a.scalars(as: Float.self), b.scalars(as: Float.self)).reduce(0.0) {
          $0 + Double($1.0) * Double($1.1)
        }
      }
      #expect(abs(sums[0] - sums[1]) < 1e-4)
      #expect(abs(sums[0] - sums[2]) < 1e-4)
    }
  }

  // MARK: - Fused

  @Test("What is fused is what follows: bias, addend and activation", arguments: Activation.names.sorted())
  func fused(activation: String) throws {
    for (channels, outputs) in [(3, 20), (40, 48)] {
      let x = try NNHarness.noise([1, 6, 6, channels])
      let filter = try NNHarness.noise([3, 3, channels, outputs], seed: 3)
      let bias = try NNHarness.noise([outputs], seed: 4)
      let addend = try NNHarness.noise([1, 6, 6, outputs], seed: 5)
      let attributes = Self.attributes(padding: "SAME")
      let sums = try NNHarness.run("Conv2D", [x, filter], attributes)[0].scalars(as: Float.self)
      let (b, a) = (try bias.scalars(as: Float.self), try addend.scalars(as: Float.self))
      let slopes = try NNHarness.noise([outputs], seed: 6)
      let slope = try slopes.scalars(as: Float.self)
      let expected = sums.indices.map {
        apply(activation, Double(sums[$0] + b[$0 % outputs] + a[$0]), slope: slope[$0 % outputs])
      }
      for constants in [[], [1]] as [Set<Int>] {
        let y = try NNHarness.run(
          "_FusedConv2D", [x, filter, bias, addend] + (activation == "PRelu" ? [slopes] : []),
          attributes.merging([
            "fused_ops": .strings(["BiasAdd", "Add", Bytes(activation)]), "leakyrelu_alpha": .float(0.3),
          ]) { $1 }, constants: constants)[0]
        try expectClose(y, expected, within: 1e-5)
      }
    }
  }

  @Test(
    "Each kernel applies each channel's own slope",
    arguments: [
      // Products, Winograd's, few channels, many positions, groups; depthwise ones by rows and by pixels.
      ([1, 1, 24, 40], false, 24), ([3, 3, 32, 48], false, 32), ([3, 3, 3, 2], false, 3),
      ([5, 2, 7, 20], false, 7),
      ([3, 3, 4, 32], false, 32), ([3, 3, 2, 6], false, 4), ([3, 3, 24, 1], true, 24),
      ([3, 3, 3, 1], true, 3),
      ([2, 3, 24, 1], true, 24), ([3, 3, 5, 4], true, 5),
    ] as [([Int], Bool, Int)])
  func slopes(filter sizes: [Int], isDepthwise: Bool, channels: Int) throws {
    let op = isDepthwise ? "DepthwiseConv2dNative" : "Conv2D"
    let outputs = isDepthwise ? sizes[2] * sizes[3] : sizes[3]
    let x = try NNHarness.noise([2, 17, 16, channels])
    let filter = try NNHarness.noise(sizes, seed: 3)
    let (bias, slopes) = (try NNHarness.noise([outputs], seed: 4), try NNHarness.noise([outputs], seed: 6))
    let (b, slope) = (try bias.scalars(as: Float.self), try slopes.scalars(as: Float.self))
    let attributes = Self.attributes(padding: "SAME")
    for constants in [[], [1, 2, 3]] as [Set<Int>] {
      let sums = try NNHarness.run(op, [x, filter], attributes, constants: constants)[0].scalars(
        as: Float.self)
      let expected = sums.indices.map { place in
        let value = sums[place] + b[place % outputs]
        return value > 0 ? value : value * slope[place % outputs]
      }
      let y = try NNHarness.run(
        "_Fused" + op, [x, filter, bias, slopes],
        attributes.merging(["fused_ops": .strings(["BiasAdd", "PRelu"])]) { $1 }, constants: constants,
        threads: 2)[0]
      try expectClose(y, expected, within: 1e-5)
    }
  }

  @Test("Slopes that are missing, or as many as there are no channels, are an error")
  func wrongSlopes() throws {
    let (x, filter) = (try NNHarness.noise([1, 4, 4, 3]), try NNHarness.noise([1, 1, 3, 5], seed: 3))
    let attributes = Self.attributes(padding: "SAME").merging(["fused_ops": .strings(["PRelu"])]) { $1 }
    #expect(throws: GraftError.self) { try NNHarness.run("_FusedConv2D", [x, filter], attributes) }
    #expect(throws: GraftError.self) {
      try NNHarness.run("_FusedConv2D", [x, filter, NNHarness.noise([4], seed: 5)], attributes)
    }
  }

  private func apply(_ activation: String, _ x: Double, slope: Float) -> Float {
    switch activation {
    case "PRelu": Float(x > 0 ? x : Double(slope) * x)
    case "Relu": Float(max(x, 0))
    case "Relu6": Float(min(max(x, 0), 6))
    case "LeakyRelu": Float(x > 0 ? x : Double(Float(0.3)) * x)
    case "Elu": Float(x > 0 ? x : exp(x) - 1)
    case "Tanh": Float(tanh(x))
    case "Sigmoid": Float(1 / (1 + exp(-x)))
    case "Swish": Float(x / (1 + exp(-x)))
    case "HardSwish": Float(x * min(max(x + 3, 0), 6) / 6)
    case "Mish": Float(x * tanh(log1p(exp(x))))
    case "GeluExact": Float(x * 0.5 * erfc(-x / 2.0.squareRoot()))
    case "GeluApproximate":
      Float(0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))))
    default: .nan
    }
  }

  // MARK: - Edges

  @Test("Empty batches and results are empty; windows that do not fit are errors")
  func edges() throws {
    let pointwise = try NNHarness.counting(1, 1, 2, 2)
    let empty = try Tensor(shape: [0, 3, 3, 2], scalars: [Float]())
    #expect(try NNHarness.run("Conv2D", [empty, pointwise], Self.attributes())[0].shape == [0, 3, 3, 2])
    let noRows = try Tensor(shape: [1, 0, 3, 2], scalars: [Float]())
    #expect(
      try NNHarness.run("Conv2D", [noRows, pointwise], Self.attributes(padding: "SAME"))[0].shape == [
        1, 0, 3, 2,
      ])
    let small = try NNHarness.counting(1, 2, 2, 1)
    #expect(
      try NNHarness.run("Conv2D", [small, NNHarness.counting(3, 3, 1, 1)], Self.attributes())[0].shape == [
        1, 0, 0, 1,
      ])
    #expect(throws: GraftError.self) {
      try NNHarness.run("Conv2D", [small, NNHarness.counting(4, 4, 1, 1)], Self.attributes())
    }
  }

  @Test("What does not fit together is said: channels, groups, ranks, strides")
  func mistakes() throws {
    let x = try NNHarness.counting(1, 2, 2, 3)
    func message(_ filter: Tensor, _ attributes: [String: AttributeValue]) -> String? {
      do {
        _ = try NNHarness.run("Conv2D", [x, filter], attributes)
        return nil
      } catch {
        return "\(error)"
      }
    }
    #expect(try message(NNHarness.counting(1, 1, 2, 1), Self.attributes())?.contains("3 channels") == true)
    #expect(
      try message(NNHarness.counting(1, 1, 1, 4), Self.attributes())?.contains("no multiple of the 3 groups")
        == true)
    #expect(try message(NNHarness.counting(1, 3, 4), Self.attributes())?.contains("[1,3,4]") == true)
    let filter = try NNHarness.counting(1, 1, 3, 1)
    #expect(
      message(filter, Self.attributes(strides: [2, 1, 1, 1]))?.contains("must be 1 for the batch") == true)
    #expect(message(filter, Self.attributes(strides: [1, 0, 1, 1]))?.contains("positive") == true)
    #expect(
      message(filter, Self.attributes(explicit: [0, 0, 1, 1, 1, 1, 0, 0]))?.contains("not EXPLICIT") == true)
    #expect(
      message(filter, Self.attributes(padding: "EXPLICIT", explicit: [0, 0, -1, 1, 1, 1, 0, 0]))?.contains(
        "negative") == true)
  }
}
