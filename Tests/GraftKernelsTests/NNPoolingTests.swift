import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Pooling")
struct NNPoolingTests {
  private static func attributes(
    _ window: [Int64], _ strides: [Int64], padding: String = "VALID", explicit: [Int64] = [],
    format: String = "NHWC"
  ) -> [String: AttributeValue] {
    [
      "ksize": .ints(window), "strides": .ints(strides), "padding": .string(Bytes(padding)),
      "explicit_paddings": .ints(explicit), "data_format": .string(Bytes(format)),
    ]
  }

  @Test("NaN is passed over, unless it comes first for an argmax", arguments: [1, 8])
  func notANumber(channels: Int) throws {
    let nan = Float.nan
    for (values, largest, kept) in [
      ([nan, 1], 1, nan), ([1, nan], 1, 1), ([nan, nan], -.greatestFiniteMagnitude, nan),
      ([nan, 5, 1, 2], 5, nan),
      ([-.infinity, -.infinity], -.greatestFiniteMagnitude, -.infinity),
    ] as [([Float], Float, Float)] {
      let x = try Tensor(
        shape: [1, 1, values.count, channels],
        scalars: values.flatMap { [Float](repeating: $0, count: channels) })
      let attributes = Self.attributes([1, 1, Int64(values.count), 1], [1, 1, 1, 1])
      try expectClose(
        NNHarness.run("MaxPool", [x], attributes)[0], [Float](repeating: largest, count: channels))
      let both = try NNHarness.run(
        "MaxPoolWithArgmax", [x],
        attributes.merging(["Targmax": .type(ElementType(.int64)), "include_batch_in_index": .bool(false)]) {
          $1
        },
        outputs: [.float32, .int64])
      try expectClose(both[0], [Float](repeating: kept, count: channels))
    }
  }

  @Test("An argmax counts within its image, or within the batch")
  func argmax() throws {
    let x = try NNHarness.counting(2, 3, 3, 2)
    func indices(_ includesBatch: Bool) throws -> [Int64] {
      let outputs = try NNHarness.run(
        "MaxPoolWithArgmax", [x],
        Self.attributes([1, 2, 2, 1], [1, 2, 2, 1], padding: "SAME").merging([
          "Targmax": .type(ElementType(.int64)), "include_batch_in_index": .bool(includesBatch),
        ]) { $1 }, outputs: [.float32, .int64])
      try expectClose(
        Tensor(Array(outputs[0].scalars(as: Float.self).prefix(8))), [9, 10, 11, 12, 15, 16, 17, 18])
      return try outputs[1].scalars()
    }
    #expect(try indices(false) == [8, 9, 10, 11, 14, 15, 16, 17, 8, 9, 10, 11, 14, 15, 16, 17])
    #expect(try indices(true) == [8, 9, 10, 11, 14, 15, 16, 17, 26, 27, 28, 29, 32, 33, 34, 35])
  }

  @Test("Means do not count padding")
  func means() throws {
    let x = try NNHarness.counting(1, 2, 2, 1)
    let attributes = Self.attributes([1, 2, 2, 1], [1, 1, 1, 1], padding: "SAME")
    try expectClose(NNHarness.run("AvgPool", [x], attributes)[0], [2.5, 3, 3.5, 4])
    let halves = try Tensor(shape: [1, 2, 2, 1], scalars: [Float16(1), 2, 3, 4])
    #expect(try NNHarness.run("AvgPool", [halves], attributes)[0].scalars() == [Float16(2.5), 3, 3.5, 4])
  }

  @Test("Both data formats, on the CPU too")
  func formats() throws {
    let x = try NNHarness.noise([2, 5, 4, 3])
    let moved = try Tensor(shape: [2, 3, 5, 4], scalars: channelsFirst(x.scalars(), [2, 5, 4, 3]))
    for op in ["MaxPool", "AvgPool"] {
      let last = try NNHarness.run(op, [x], Self.attributes([1, 3, 2, 1], [1, 2, 1, 1], padding: "SAME"))[0]
      let first = try NNHarness.run(
        op, [moved], Self.attributes([1, 1, 3, 2], [1, 1, 2, 1], padding: "SAME", format: "NCHW"))[0]
      #expect(first.shape == [2, 3, 3, 4])
      #expect(try first.scalars() == channelsFirst(last.scalars(), [2, 3, 4, 3]))
    }
  }

  private func channelsFirst(_ values: [Float], _ s: [Int]) -> [Float] {
    (0..<values.count).map { index in
      let pixels = s[1] * s[2]
      let (image, channel, pixel) = (index / (pixels * s[3]), index / pixels % s[3], index % pixels)
      return values[(image * pixels + pixel) * s[3] + channel]
    }
  }

  @Test(
    "Windows that overlap or not, over few channels or many, are those of the definition",
    arguments: [(2, 2, 2), (3, 3, 1), (3, 3, 2), (5, 5, 1), (1, 4, 1), (4, 1, 3), (9, 7, 1), (2, 3, 5)]
      as [(Int64, Int64, Int64)], [1, 3, 16, 21, 70])
  func definition(window: (height: Int64, width: Int64, stride: Int64), channels: Int) throws {
    for (height, width) in [(9, 11), (12, 40), (1, 7)] where height >= window.height {
      var values = try NNHarness.noise([2, height, width, channels]).scalars(as: Float.self)
      values[values.count / 2] = .nan
      let x = try Tensor(shape: [2, height, width, channels], scalars: values)
      let wide = try Tensor(shape: x.shape.dimensions, scalars: values.map { Double($0) })
      for (op, padding) in [
        ("MaxPool", "SAME"), ("MaxPool", "VALID"), ("AvgPool", "SAME"), ("AvgPool", "VALID"),
      ] {
        let attributes = Self.attributes(
          [1, window.height, window.width, 1], [1, window.stride, window.stride, 1], padding: padding)
        // The kernels of float64 go pixel by pixel.
        let found = try NNHarness.run(op, [x], attributes, threads: 2)[0]
        let wanted = try NNHarness.run(op, [wide], attributes)[0]
        #expect(found.shape == wanted.shape)
        for (a, b) in zip(try found.scalars(as: Float.self), try wanted.scalars(as: Double.self)) {
          #expect(a.isNaN && b.isNaN || abs(Double(a) - b) <= 1e-6 * max(1, abs(b)))
        }
      }
    }
  }

  @Test("Explicit padding, windows over channels, integers")
  func variants() throws {
    let x = try NNHarness.counting(1, 2, 2, 1)
    let explicit = try NNHarness.run(
      "MaxPool", [x],
      Self.attributes([1, 2, 2, 1], [1, 1, 1, 1], padding: "EXPLICIT", explicit: [0, 0, 1, 1, 1, 0, 0, 0]))[0]
    #expect(explicit.shape == [1, 3, 2, 1])
    try expectClose(explicit, [1, 2, 3, 4, 3, 4])
    let channels = try NNHarness.run(
      "MaxPool", [NNHarness.counting(1, 1, 2, 4)], Self.attributes([1, 1, 1, 2], [1, 1, 1, 2]))[0]
    #expect(channels.shape == [1, 1, 2, 2])
    try expectClose(channels, [2, 4, 6, 8])
    let bytes = try Tensor(shape: [1, 1, 2, 1], scalars: [Int8(1), -5])
    #expect(
      try NNHarness.run("MaxPool", [bytes], Self.attributes([1, 1, 2, 1], [1, 1, 1, 1], padding: "SAME"))[0]
        .scalars() == [Int8(1), -5])
    let inputs = [x, try Tensor([1, 2, 2, 1] as [Int32]), try Tensor([1, 1, 1, 1] as [Int32])]
    let second = try NNHarness.run(
      "MaxPoolV2", inputs,
      ["T": .type(ElementType(.float32)), "padding": .string("VALID"), "data_format": .string("NHWC")],
      outputs: [.float32])[0]
    try expectClose(second, [4])
  }

  @Test("Windows that do not fit, and windows over the batch, are errors; empty results are not")
  func edges() throws {
    let x = try NNHarness.counting(1, 2, 2, 1)
    #expect(
      try NNHarness.run("MaxPool", [x], Self.attributes([1, 3, 3, 1], [1, 1, 1, 1]))[0].shape == [1, 0, 0, 1])
    for (window, strides) in [
      ([1, 5, 5, 1], [1, 1, 1, 1]), ([2, 1, 1, 1], [1, 1, 1, 1]), ([1, 2, 2, 1], [1, 0, 1, 1]),
    ] as [([Int64], [Int64])] {
      #expect(throws: GraftError.self) { try NNHarness.run("MaxPool", [x], Self.attributes(window, strides)) }
    }
    #expect(throws: GraftError.self) {
      try NNHarness.run(
        "MaxPool", [NNHarness.counting(2, 2, 1)], Self.attributes([1, 2, 2, 1], [1, 1, 1, 1]))
    }
  }
}
