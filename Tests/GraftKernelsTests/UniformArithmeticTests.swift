import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Arithmetic of uniformly quantized tensors, with values of `tf.raw_ops`.
struct UniformArithmeticTests {
  private func run(
    _ op: String, _ inputs: [Tensor], _ axes: [String: Int] = [:], bounds: [String: (Int, Int)] = [:],
    _ attributes: [String: AttributeValue] = [:], output: DataType
  ) throws -> Tensor {
    var all = attributes
    for prefix in ["", "lhs_", "rhs_", "input_", "output_"] {
      all[prefix + "quantization_axis"] = .int(Int64(axes[prefix] ?? -1))
      let (low, high) = bounds[prefix] ?? (Int(Int32.min), Int(Int32.max))
      all[prefix + "quantization_min_val"] = .int(Int64(low))
      all[prefix + "quantization_max_val"] = .int(Int64(high))
    }
    all["Tout"] = .type(ElementType(output))
    return try KernelHarness.run(op, in: QuantizationOps.all, inputs, attributes: all, outputs: [output])[0]
  }

  private func quantized(_ values: [Int8], _ shape: [Int]) throws -> Tensor {
    try Tensor(shape: shape, scalars: values).reinterpreted(as: .qint8)
  }

  private func quantized(_ values: [Int32], _ shape: [Int]) throws -> Tensor {
    try Tensor(shape: shape, scalars: values).reinterpreted(as: .qint32)
  }

  private func scale(_ scale: Float, _ zero: Int32) throws -> [Tensor] {
    [try Tensor(scale), try Tensor(zero)]
  }

  @Test func sumsAreInTheScaleOfTheOutput() throws {
    let (x, y) = (
      try quantized([10, -20, 30, 40] as [Int32], [2, 2]), try quantized([5, 7] as [Int32], [2])
    )
    func sum(_ scale: Float, bounds: (Int, Int) = (Int(Int32.min), Int(Int32.max))) throws -> [Int32] {
      try run(
        "UniformQuantizedAdd", [x, y] + self.scale(0.5, 0) + self.scale(0.25, 1) + self.scale(scale, 2),
        bounds: ["output_": bounds], output: .qint32
      ).reinterpreted(as: .int32).scalars()
    }
    // 10 * 0.5 + (5 - 1) * 0.25 = 6, and so on.
    #expect(try sum(0.5) == [14, -15, 34, 45])
    #expect(try sum(0.5, bounds: (-3, 20)) == [14, -3, 20, 20])
    // Halves go up: 5.5 / 1 and -9.5 are summed from parts that are rounded by themselves.
    #expect(try sum(1) == [8, -6, 18, 24])
    #expect(code { _ = try sum(-1) } == .invalidArgument)
    #expect(code { _ = try sum(.nan) } == .invalidArgument)
    let wrong = try quantized([1, 2, 3] as [Int32], [3])
    #expect(
      code {
        _ = try run(
          "UniformQuantizedAdd", [x, wrong] + self.scale(1, 0) + self.scale(1, 0) + self.scale(1, 0),
          output: .qint32)
      } == .invalidArgument)
  }

  @Test func boundsAreThoseOfEachEntry() throws {
    let x = try quantized([-5, 5, 50, 500] as [Int32], [2, 2])
    let result = try run(
      "UniformQuantizedClipByValue",
      [x, quantized([0, 1] as [Int32], [2]), quantized([10, 20] as [Int32], [2])]
        + [Tensor([1, 1] as [Float]), Tensor([0, 0] as [Int32])],
      ["": 1], output: .qint32)
    #expect(try result.reinterpreted(as: .int32).scalars() == [0, 5, 10, 20] as [Int32])
  }

  @Test func scalesChangeWithRounding() throws {
    func requantize(_ input: Tensor, _ from: (Float, Int32), _ to: (Float, Int32)) throws -> [Int8] {
      try run(
        "UniformRequantize", [input] + scale(from.0, from.1) + scale(to.0, to.1),
        bounds: ["output_": (-128, 127)], output: .qint8
      ).reinterpreted(as: .int8).scalars()
    }
    // tf.raw_ops.UniformRequantize(Tout=tf.qint8)
    #expect(try requantize(quantized([1, 2, 3, -128] as [Int8], [4]), (0.5, 0), (1, 0)) == [1, 1, 2, -64])
    #expect(try requantize(quantized([1000, -1000, 3] as [Int32], [3]), (1, 0), (1, 5)) == [127, -128, 8])
    #expect(try requantize(quantized([] as [Int8], [0]), (0.5, 0), (1, 0)) == [])
  }

  @Test func productsOfMatrices() throws {
    let (x, y) = (
      try quantized([1, 2, 3, 4] as [Int8], [2, 2]), try quantized([5, 6, 7, 8] as [Int8], [2, 2])
    )
    func dot(_ axis: Int, _ scales: [Tensor]) throws -> [Int32] {
      try run(
        "UniformQuantizedDot", [x, y] + scale(1, 1) + scales + scale(2, 3), ["rhs_": axis], output: .qint32
      ).reinterpreted(as: .int32).scalars()
    }
    // (x - 1)(y - 2) = [[5, 6], [21, 26]]
    #expect(try dot(-1, scale(1, 2)) == [6, 6, 14, 16])
    #expect(try dot(1, [Tensor([1, 2] as [Float]), Tensor([2, 2] as [Int32])]) == [6, 9, 14, 29])
    #expect(
      code { _ = try dot(0, [Tensor([1, 2] as [Float]), Tensor([2, 2] as [Int32])]) } == .invalidArgument)
    // Rows of floats are quantized to 8 bits each: 0 to 255/64 in steps of 1/64.
    let floats = try Tensor(shape: [1, 2], scalars: [255.0 / 64, 1] as [Float])
    let hybrid = try run(
      "UniformQuantizedDotHybrid", [floats, y] + scale(1, 0), output: .float32)
    #expect(try hybrid.scalars(as: Float.self) == [255.0 / 64 * 5 + 7, 255.0 / 64 * 6 + 8])
    // Rows without an end have no scale: something comes out, and no more is said of it.
    for row: [Float] in [
      [-.infinity, .infinity], [.nan, -1e30], [-.greatestFiniteMagnitude, .greatestFiniteMagnitude],
    ] {
      let endless = try Tensor(shape: [1, 2], scalars: row)
      let result = try run("UniformQuantizedDotHybrid", [endless, y] + scale(1, 0), output: .float32)
      #expect(result.shape == [1, 2])
    }
  }

  @Test func convolutionsPadWithZero() throws {
    let x = try quantized([1, 2, 3, 4] as [Int8], [1, 1, 2, 2])
    let kernel = try quantized([1, 1, 1, 1] as [Int8], [1, 1, 2, 2])
    func convolve(_ padding: String, _ more: [String: AttributeValue] = [:]) throws -> Tensor {
      let attributes: [String: AttributeValue] = [
        "padding": .string(Bytes(padding)), "dimension_numbers": .string(""), "window_strides": .emptyList,
        "lhs_dilation": .emptyList, "rhs_dilation": .emptyList, "explicit_padding": .emptyList,
        "feature_group_count": .int(1), "batch_group_count": .int(1),
      ].merging(more) { $1 }
      return try run(
        "UniformQuantizedConvolution", [x, kernel] + scale(1, 1) + scale(1, 0) + scale(1, 0), attributes,
        output: .qint32)
    }
    // Zero is the zero point, 1.
    #expect(try convolve("VALID").reinterpreted(as: .int32).scalars() == [6] as [Int32])
    #expect(try convolve("SAME").reinterpreted(as: .int32).scalars() == [6, 4, 5, 3] as [Int32])
    let explicit = try convolve("EXPLICIT", ["explicit_padding": .ints([1, 0, 0, 0])])
    #expect(explicit.shape == [1, 1, 2, 1])
    #expect(code { _ = try convolve("FULL") } == .invalidArgument)
    #expect(code { _ = try convolve("SAME", ["window_strides": .ints([0, 1])]) } == .invalidArgument)
    #expect(code { _ = try convolve("SAME", ["feature_group_count": .int(0)]) } == .invalidArgument)
  }

  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue], output: DataType
  ) throws -> Tensor {
    try run(op, inputs, [:], bounds: [:], attributes, output: output)
  }
}
