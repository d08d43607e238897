import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Gradients of convolutions against their definition: each product of the convolution, to what it counts for.
@Suite("Gradients of convolutions")
struct NNConvolutionGradientTests {
  struct Case: CustomTestStringConvertible {
    var image = [2, 9, 11]
    var channels = 4
    var outputs = 6
    var groups = 1
    var window = [3, 3]
    var strides = [1, 1]
    var dilations = [1, 1]
    /// Before and after, of height and width.
    var padding = [1, 1, 1, 1]

    var testDescription: String {
      "\(image)x\(channels) to \(outputs) in \(groups), \(window) by \(strides), \(dilations) apart, \(padding) around"
    }

    var output: [Int] {
      (0..<2).map {
        (image[$0 + 1] + padding[2 * $0] + padding[2 * $0 + 1] - (window[$0] - 1) * dilations[$0] - 1)
          / strides[$0] + 1
      }
    }

    var attributes: [String: AttributeValue] {
      [
        "strides": .ints([1] + strides.map { Int64($0) } + [1]),
        "dilations": .ints([1] + dilations.map { Int64($0) } + [1]),
        "padding": .string("EXPLICIT"), "data_format": .string("NHWC"),
        "explicit_paddings": .ints([0, 0] + padding.map { Int64($0) } + [0, 0]),
      ]
    }

    var filter: [Int] { window + [channels / groups, outputs] }

    /// Calls the body with the places of input, filter and output of each product.
    func forEachProduct(_ body: (Int, Int, Int) -> Void) {
      let (inputs, results) = (channels / groups, outputs / groups)
      for pixel in 0..<image[0] * output[0] * output[1] {
        let (row, column) = (pixel / output[1], pixel % output[1])
        let (batch, line) = (row / output[0], row % output[0])
        for position in 0..<window[0] * window[1] {
          let y = line * strides[0] + position / window[1] * dilations[0] - padding[0]
          let x = column * strides[1] + position % window[1] * dilations[1] - padding[2]
          guard y >= 0, y < image[1], x >= 0, x < image[2] else { continue }
          let place = ((batch * image[1] + y) * image[2] + x) * channels
          for output in 0..<outputs {
            for input in 0..<inputs {
              body(
                place + output / results * inputs + input, (position * inputs + input) * outputs + output,
                pixel * outputs + output)
            }
          }
        }
      }
    }
  }

  static let cases = [
    Case(), Case(image: [3, 8, 8], channels: 16, outputs: 32),
    Case(image: [1, 7, 40], channels: 3, outputs: 17),
    Case(strides: [2, 2]), Case(strides: [2, 3], padding: [0, 1, 2, 0]),
    Case(window: [1, 1], padding: [0, 0, 0, 0]),
    Case(window: [1, 1], strides: [2, 2], padding: [0, 0, 0, 0]),
    Case(window: [2, 5], strides: [1, 4], padding: [0, 0, 2, 2]),
    Case(window: [4, 4], strides: [2, 2], padding: [1, 1, 1, 1]),
    Case(window: [2, 2], strides: [3, 3], padding: [0, 0, 0, 0]),
    Case(dilations: [2, 3], padding: [2, 2, 3, 3]),
    Case(strides: [2, 2], dilations: [3, 2], padding: [3, 3, 2, 2]),
    Case(strides: [4, 2], dilations: [2, 2], padding: [2, 2, 2, 2]),
    // Padding of more than the window.
    Case(padding: [4, 3, 5, 3]), Case(strides: [2, 2], padding: [3, 4, 5, 5]),
    Case(groups: 2), Case(channels: 8, outputs: 8, groups: 4, strides: [2, 1]),
    Case(channels: 32, outputs: 32, groups: 32),
    Case(image: [1, 3, 700], window: [1, 7], padding: [0, 0, 3, 3]),
    Case(image: [40, 1, 1], window: [1, 1], padding: [0, 0, 0, 0]),
  ]

  private func expect(_ found: Tensor, _ expected: [Double], within tolerance: Double) throws {
    let values =
      found.dtype == .float64
      ? try found.scalars(as: Double.self) : try found.scalars(as: Float.self).map { Double($0) }
    #expect(values.count == expected.count)
    let largest = expected.map(abs).max() ?? 0
    for (a, b) in zip(values, expected) { #expect(abs(a - b) <= tolerance * max(1, largest)) }
  }

  private func sizes(_ dimensions: [Int]) throws -> Tensor { try Tensor(dimensions.map { Int32($0) }) }

  private func widened(_ tensor: Tensor) throws -> Tensor {
    try Tensor(shape: tensor.shape.dimensions, scalars: tensor.scalars(as: Float.self).map { Double($0) })
  }

  @Test("By the filter", arguments: cases)
  func byFilter(_ sizes: Case) throws {
    let x = try NNHarness.noise(sizes.image + [sizes.channels])
    let gradient = try NNHarness.noise([sizes.image[0]] + sizes.output + [sizes.outputs], seed: 7)
    let (a, g) = (try x.scalars(as: Float.self), try gradient.scalars(as: Float.self))
    var expected = [Double](repeating: 0, count: sizes.filter.reduce(1, *))
    sizes.forEachProduct { input, weight, output in expected[weight] += Double(a[input]) * Double(g[output]) }
    var bits: [[Float]] = []
    for threads in [1, 3] {
      let found = try NNHarness.run(
        "Conv2DBackpropFilter", [x, self.sizes(sizes.filter), gradient], sizes.attributes,
        outputs: [.float32],
        threads: threads)[0]
      try expect(found, expected, within: 1e-5)
      bits.append(try found.scalars())
    }
    #expect(bits[0] == bits[1], "another number of threads gives other bits")
    let doubles = try NNHarness.run(
      "Conv2DBackpropFilter", [widened(x), self.sizes(sizes.filter), widened(gradient)], sizes.attributes,
      outputs: [.float64])[0]
    try expect(doubles, expected, within: 1e-12)
  }

  @Test("By filter and input where the window fits nowhere: zeros")
  func nothingFits() throws {
    let sizes = Case(image: [1, 2, 2], padding: [0, 0, 0, 0])
    #expect(sizes.output == [0, 0])
    let x = try NNHarness.noise(sizes.image + [sizes.channels])
    let gradient = try Tensor(shape: [1, 0, 0, sizes.outputs], scalars: [Float]())
    let byFilter = try NNHarness.run(
      "Conv2DBackpropFilter", [x, self.sizes(sizes.filter), gradient], sizes.attributes, outputs: [.float32])[
        0]
    #expect(try byFilter.scalars() == [Float](repeating: 0, count: sizes.filter.reduce(1, *)))
    let byInput = try NNHarness.run(
      "Conv2DBackpropInput",
      [self.sizes(x.shape.dimensions), NNHarness.noise(sizes.filter), gradient], sizes.attributes,
      outputs: [.float32])[0]
    #expect(try byInput.scalars() == [Float](repeating: 0, count: x.elementCount))
  }

  @Test("By the input", arguments: cases)
  func byInput(_ sizes: Case) throws {
    let filter = try NNHarness.noise(sizes.filter, seed: 3)
    let gradient = try NNHarness.noise([sizes.image[0]] + sizes.output + [sizes.outputs], seed: 7)
    let (w, g) = (try filter.scalars(as: Float.self), try gradient.scalars(as: Float.self))
    let shape = sizes.image + [sizes.channels]
    var expected = [Double](repeating: 0, count: shape.reduce(1, *))
    sizes.forEachProduct { input, weight, output in expected[input] += Double(w[weight]) * Double(g[output]) }
    for constants in [[], [1]] as [Set<Int>] {
      var bits: [[Float]] = []
      for threads in [1, 3] {
        let found = try NNHarness.run(
          "Conv2DBackpropInput", [self.sizes(shape), filter, gradient], sizes.attributes, outputs: [.float32],
          constants: constants, threads: threads)[0]
        try expect(found, expected, within: 1e-5)
        bits.append(try found.scalars())
      }
      #expect(bits[0] == bits[1], "another number of threads gives other bits")
      let doubles = try NNHarness.run(
        "Conv2DBackpropInput", [self.sizes(shape), widened(filter), widened(gradient)], sizes.attributes,
        outputs: [.float64], constants: constants)[0]
      try expect(doubles, expected, within: 1e-12)
    }
  }

  @Test(
    "Of depthwise convolutions", arguments: [1, 5, 24, 67],
    [
      (1, [3, 3], [1, 1]), (1, [3, 3], [2, 2]), (1, [5, 7], [1, 1]), (1, [2, 1], [3, 3]),
      (2, [3, 3], [2, 2]),
    ]
      as [(Int, [Int], [Int])])
  func depthwise(channels: Int, window: (Int, [Int], [Int])) throws {
    let sizes = Case(
      channels: channels, outputs: channels * window.0, groups: channels, window: window.1, strides: window.2)
    let x = try NNHarness.noise(sizes.image + [channels])
    let filter = try NNHarness.noise(window.1 + [channels, window.0], seed: 3)
    let gradient = try NNHarness.noise([sizes.image[0]] + sizes.output + [sizes.outputs], seed: 7)
    let (a, w, g) = (
      try x.scalars(as: Float.self), try filter.scalars(as: Float.self), try gradient.scalars(as: Float.self)
    )
    var byInput = [Double](repeating: 0, count: a.count)
    var byFilter = [Double](repeating: 0, count: w.count)
    sizes.forEachProduct { input, weight, output in
      byInput[input] += Double(w[weight]) * Double(g[output])
      byFilter[weight] += Double(a[input]) * Double(g[output])
    }
    for isWide in [false, true] {
      let values = try isWide ? [x, filter, gradient].map(widened) : [x, filter, gradient]
      let dtype: DataType = isWide ? .float64 : .float32
      for threads in [1, 3] {
        let first = try NNHarness.run(
          "DepthwiseConv2dNativeBackpropInput", [self.sizes(x.shape.dimensions), values[1], values[2]],
          sizes.attributes, outputs: [dtype], threads: threads)[0]
        try expect(first, byInput, within: isWide ? 1e-12 : 1e-5)
        let second = try NNHarness.run(
          "DepthwiseConv2dNativeBackpropFilter", [values[0], self.sizes(filter.shape.dimensions), values[2]],
          sizes.attributes, outputs: [dtype], threads: threads)[0]
        try expect(second, byFilter, within: isWide ? 1e-12 : 1e-5)
      }
    }
  }
}
