import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// What is expected is TensorFlow's, by `tf.raw_ops` with the same values, where no other word is said.
@Suite("Ops that stand by themselves")
struct SmallOpsTests {
  @Test("Fingerprints of rows, and of one string or several")
  func fingerprints() throws {
    func prints(_ data: Tensor) throws -> [UInt64] {
      let method = try Tensor(shape: [], strings: ["farmhash64"])
      let bytes = try KernelHarness.run(
        "Fingerprint", in: ArrayOps.all, [data, method], types: ["T": data.dtype], outputs: [.uint8])[0]
      let values = try bytes.scalars(as: UInt8.self)
      return stride(from: 0, to: values.count, by: 8).map { first in
        (0..<8).reduce(0) { $0 | UInt64(values[first + $1]) << (8 * $1) }
      }
    }
    let rows = try Tensor(shape: [2, 2], scalars: [1, 2, 3, 4] as [Int32])
    #expect(try prints(rows) == [788_354_958_964_363_852, 18_389_873_380_686_603_006])
    #expect(
      try prints(Tensor(shape: [2], strings: ["a", "b"])) == [
        12_917_804_110_809_363_939, 11_795_596_070_477_164_822,
      ])
    #expect(try prints(Tensor(shape: [1, 2], strings: ["a", "b"])) == [5_996_327_986_519_556_218])
    #expect(throws: GraftError.self) { try prints(Tensor(Int32(1))) }
  }

  @Test("A convolution over images of two batch dimensions")
  func convolution() throws {
    let images = try Tensor(shape: [1, 2, 3, 3, 1], scalars: (0..<18).map { Float($0) })
    let filter = try Tensor(shape: [2, 2, 1, 1], scalars: [1, 1, 1, 1] as [Float])
    var attributes: [String: AttributeValue] = [
      "strides": .ints([1, 1, 1, 1]), "padding": .string(Bytes("VALID")), "dilations": .emptyList,
      "explicit_paddings": .emptyList, "data_format": .string(Bytes("CHANNELS_LAST")), "groups": .int(1),
      "batch_dims": .int(2),
    ]
    func run() throws -> Tensor {
      try KernelHarness.run(
        "Conv", in: NNOps.all, [images, filter], attributes: attributes, types: ["T": .float32],
        outputs: [.float32])[0]
    }
    #expect(try run().shape == [1, 2, 2, 2, 1])
    #expect(try run().scalars() == [8, 12, 20, 24, 44, 48, 56, 60] as [Float])
    attributes["batch_dims"] = .int(1)
    #expect(throws: GraftError.self) { try run() }
  }

  @Test("The nearest centers, and the end of a chain of candidates")
  func clustering() throws {
    func rows(_ values: [Float]) throws -> Tensor {
      try Tensor(shape: [values.count / 2, 2], scalars: values)
    }
    let found = try KernelHarness.run(
      "NearestNeighbors", in: MathOps.all,
      [try rows([0, 0, 3, 4]), try rows([1, 1, 3, 3, 0, 5]), try Tensor(Int64(2))],
      outputs: [.int64, .float32])
    #expect(try found[0].scalars() == [0, 1, 1, 2] as [Int64])
    #expect(try found[1].scalars() == [2, 18, 1, 10] as [Float])
    for (distances, seed, end) in [([1, 2, 3, 4], 3, 3), ([5, 1, 2, 0.5, 3, 4], 8, 5)]
      as [([Float], Int64, Int64)]
    {
      let chain = try KernelHarness.run(
        "KMC2ChainInitialization", in: MathOps.all, [try Tensor(distances), try Tensor(seed)],
        outputs: [.int64])[0]
      #expect(try chain.scalars() == [end])
    }
  }

  @Test("Cutting into a grid, padded, and joining again; TensorFlow has this for TPUs only")
  func grids() throws {
    let whole = try Tensor(shape: [3, 3], scalars: (1...9).map { Float($0) })
    let blocks = try KernelHarness.run(
      "XlaSplitND", in: ArrayOps.all, [whole],
      attributes: ["N": .int(4), "num_splits": .ints([2, 2]), "paddings": .ints([1, 1])],
      types: ["T": .float32], outputs: [DataType](repeating: .float32, count: 4))
    #expect(try blocks[1].scalars() == [3, 0, 6, 0] as [Float])
    #expect(try blocks[3].scalars() == [9, 0, 0, 0] as [Float])
    func join(_ blocks: [Tensor]) throws -> Tensor {
      try KernelHarness.run(
        "XlaConcatND", in: ArrayOps.all, blocks,
        attributes: ["N": .int(4), "num_concats": .ints([2, 2]), "paddings": .ints([1, 1])],
        types: ["T": .float32], outputs: [.float32])[0]
    }
    #expect(try join(blocks).scalars() == whole.scalars(as: Float.self))
    #expect(throws: GraftError.self) { try join([whole] + blocks.dropFirst()) }
    #expect(throws: GraftError.self) {
      try KernelHarness.run(
        "XlaSplitND", in: ArrayOps.all, [whole],
        attributes: ["N": .int(4), "num_splits": .ints([2, 2]), "paddings": .emptyList],
        types: ["T": .float32], outputs: [DataType](repeating: .float32, count: 4))
    }
  }

  @Test("A reference by its number")
  func references() throws {
    let variables = (0..<2).map { Variable(name: "v\($0)", dtype: .float32, shape: .unknown) }
    func select(_ index: Int32) throws -> Tensor {
      try KernelHarness.run(
        "RefSelect", in: StateOps.all, [Tensor(index)] + variables.map { try Tensor(handle: $0) },
        outputs: [.resource])[0]
    }
    #expect(try select(1).handled(as: Variable.self) === variables[1])
    #expect(throws: GraftError.self) { try select(2) }
    #expect(throws: GraftError.self) { try select(-1) }
  }

  @Test("A temporary variable has no value, until it is assigned one, and none after it was destroyed")
  func temporaries() throws {
    let attributes: [String: AttributeValue] = [
      "dtype": .type(ElementType(.float32)), "shape": .shape(.unknown), "var_name": .string(Bytes("t")),
    ]
    let reference = try KernelHarness.run(
      "TemporaryVariable", in: StateOps.all, [], attributes: attributes, outputs: [.resource])[0]
    let variable = try #require(reference.handled(as: Variable.self))
    func destroy(_ name: String) throws -> [Float] {
      try KernelHarness.run(
        "DestroyTemporaryVariable", in: StateOps.all, [reference],
        attributes: ["var_name": .string(Bytes(name))], outputs: [.float32])[0].scalars()
    }
    #expect(throws: GraftError.self) { try destroy("t") }
    try variable.assign(try Tensor([1, 2] as [Float]))
    #expect(throws: GraftError.self) { try destroy("other") }
    #expect(try destroy("t") == [1, 2])
    #expect(throws: GraftError.self) { try destroy("t") }
  }
}

@Suite("Quantization by scales and zero points")
struct UniformQuantizationTests {
  private func run(
    _ op: String, _ input: Tensor, _ scales: Tensor, _ zeroPoints: Tensor, axis: Int64, output: DataType
  ) throws -> Tensor {
    try KernelHarness.run(
      op, in: QuantizationOps.all, [input, scales, zeroPoints],
      attributes: [
        "quantization_axis": .int(axis), "quantization_min_val": .int(-128),
        "quantization_max_val": .int(127),
      ], types: ["Tin": input.dtype, "Tout": output], outputs: [output])[0]
  }

  @Test("Halves go up, and what is no number becomes the lower bound; as TensorFlow's UniformQuantize")
  func quantizes() throws {
    let values: [Float] = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1000, -1000, .nan]
    let whole = try run(
      "UniformQuantize", try Tensor(values), try Tensor(Float(1)), try Tensor(Int32(0)), axis: -1,
      output: .qint8)
    #expect(try whole.scalars() == [-2, -1, 0, 1, 2, 3, 127, -128, -128] as [Int8])
    let columns = try run(
      "UniformQuantize", try Tensor(shape: [2, 2], scalars: [-2.5, -1.5, -0.5, 0.5] as [Float]),
      try Tensor([0.3, 0.7] as [Float]), try Tensor([1, 2] as [Int32]), axis: 1, output: .qint8)
    #expect(try columns.scalars() == [-7, 0, -1, 3] as [Int8])
  }

  @Test("And back; scales that do not fit the dimension are an error")
  func dequantizes() throws {
    let quantized = try Tensor(shape: [2, 2], scalars: [-128, 5, 7, 127] as [Int8]).reinterpreted(as: .qint8)
    func back(_ scales: [Float]) throws -> Tensor {
      try run(
        "UniformDequantize", quantized, Tensor(scales), Tensor([1, 2] as [Int32]), axis: 1, output: .float32)
    }
    try expectClose(try back([0.3, 0.7]), [-38.7, 2.1, 1.8, 87.5])
    #expect(throws: GraftError.self) { try back([0.3]) }
  }
}
