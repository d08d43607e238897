import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Ops of many families that few graphs have; what is expected is what `tf.raw_ops` gives.
struct RareOpsTests {
  private func run(
    _ op: String, in ops: [OpDefinition], _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:],
    types: [String: DataType] = [:], outputs: [DataType]
  ) throws -> [Tensor] {
    try KernelHarness.run(op, in: ops, inputs, attributes: attributes, types: types, outputs: outputs)
  }

  @Test func sobolPoints() throws {
    func points(_ dimension: Int32, _ count: Int32, _ skip: Int32) throws -> [Double] {
      try run(
        "SobolSample", in: RandomOps.all, [Tensor(dimension), Tensor(count), Tensor(skip)],
        types: ["dtype": .float64], outputs: [.float64])[0].scalars()
    }
    #expect(try points(1, 5, 0) == [0.5, 0.75, 0.25, 0.375, 0.875])
    #expect(
      try points(3, 3, 7) == [0.1875, 0.3125, 0.9375, 0.6875, 0.8125, 0.4375, 0.9375, 0.0625, 0.6875])
    let last = try points(1867, 20, 3)
    #expect([1, 2, 40, 1000, 1866].map { last[$0] } == [0.375, 0.625, 0.875, 0.875, 0.125])
    #expect(try points(2, 3, Int32.max - 4).count == 6)
    for (dimension, count, skip): (Int32, Int32, Int32) in [
      (0, 1, 0), (1, 0, 0), (1, 1, -1), (1, .max, 5), (1868, 1, 0), (.min, .min, .min),
    ] {
      #expect(code { _ = try points(dimension, count, skip) } == .invalidArgument)
    }
  }

  @Test func roundingByChance() throws {
    func cast(_ values: [Float], _ algorithm: Int32 = 1) throws -> [Int8] {
      try run(
        "StochasticCastToInt", in: RandomOps.all,
        [
          Tensor(values), Tensor([81_985_529_216_486_895] as [UInt64]), Tensor([3, 4] as [UInt64]),
          Tensor(algorithm),
        ], types: ["Tin": .float32, "Tout": .int8], outputs: [.int8])[0].scalars()
    }
    #expect(try cast([.nan, .infinity, -.infinity, 4, 0, -200]) == [0, 127, -128, 4, 0, -128])
    let values: [Float] = [5.125853, 60.047035, -85.81290, 99.06533, -35.33431, 49.166519, -60.296375]
    let rounded = try cast(values)
    #expect(zip(rounded, values).allSatisfy { abs(Float($0) - $1) < 1 })
    #expect(try cast(values) == rounded)
    #expect(try cast([]) == [])
    #expect(code { _ = try cast([1], 2) } == .invalidArgument)
  }

  @Test func longFingerprints() throws {
    func prints(_ text: String) throws -> [Int64] {
      try run("SdcaFprint", in: SparseOps.all, [Tensor([Bytes(text)])], outputs: [.int64])[0].scalars()
    }
    #expect(try prints("a") == [7_969_074_168_056_553_668, 5_955_762_262_185_338_209])
    #expect(try prints("bc") == [3_522_313_747_912_070_694, -3_524_034_966_659_918_747])
    for count in 0..<400 { #expect(try prints(String(repeating: "x", count: count)).count == 2) }
  }

  @Test func integersAreHashedAsText() throws {
    func hash(_ values: Tensor, _ buckets: Int64) throws -> [Int64] {
      try run(
        "_TensorToHashBucketFast", in: OpRegistry.standard.all, [values], ["num_buckets": .int(buckets)],
        types: ["T": values.dtype], outputs: [.int64])[0].scalars()
    }
    #expect(try hash(Tensor([1, 2, 3] as [Int32]), 10) == [9, 9, 1])
    #expect(try hash(Tensor([1, -2] as [Int64]), 1000) == [849, 205])
    #expect(code { _ = try hash(Tensor([1] as [Int32]), 0) } == .invalidArgument)
  }

  @Test func numbersForADebugger() throws {
    func summary(_ mode: Int64, _ values: [Float], id: Int64 = 7) throws -> [Float] {
      try run(
        "DebugNumericSummaryV2", in: ArrayOps.all, [Tensor(values)],
        ["tensor_debug_mode": .int(mode), "tensor_id": .int(id)],
        types: ["T": .float32, "output_dtype": .float32], outputs: [.float32])[0].scalars()
    }
    let values: [Float] = [1, -2, 0, .nan, .infinity, -.infinity]
    #expect(try summary(2, values) == [7, 1])
    #expect(try summary(3, values) == [7, 6, 1, 1, 1])
    #expect(try summary(4, values) == [7, -1, 1, 1, 6, 1, 1, 1, 1, 1, 1])
    #expect(try summary(5, values) == [7, 1, 1, 6, 6, 0, 0, 0, 0, 0])
    #expect(try summary(8, [1, .infinity]) == [0, .infinity, 0])
    #expect(code { _ = try summary(6, values) } == .unimplemented)
    #expect(code { _ = try summary(2, values, id: 1 << 25) } == .invalidArgument)
  }

  @Test func zstandardIsExpanded() throws {
    // zstd --content-size of "hellohello"
    let bytes: [UInt8] = [
      0x28, 0xB5, 0x2F, 0xFD, 0x04, 0x58, 0x51, 0, 0, 0x68, 0x65, 0x6C, 0x6C, 0x6F, 0x68, 0x65, 0x6C, 0x6C,
      0x6F, 0x20, 0xBD, 0x7B, 0xDD,
    ]
    func expand(_ bytes: [UInt8]) throws -> [String] {
      try run(
        "DecodeCompressed", in: ParsingOps.all, [Tensor([Bytes(bytes)])],
        ["compression_type": .string("ZSTD")],
        outputs: [.string])[0].strings()
    }
    #expect(try expand(bytes) == ["hellohello"])
    for count in 0..<bytes.count {
      #expect(code { _ = try expand(Array(bytes.prefix(count))) } == .invalidArgument)
    }
  }

  @Test func picturesOfASummary() throws {
    func summary(_ values: [Float], _ shape: [Int], color: [UInt8] = [255, 0, 0, 255]) throws -> Int {
      let color = try AttributeValue.tensor(serialized: Tensor(color))
      let result = try run(
        "ImageSummary", in: SummaryOps.all,
        [Tensor(Bytes("t")), Tensor(shape: shape, scalars: values)],
        ["max_images": .int(3), "bad_color": color], types: ["T": .float32], outputs: [.string])
      return try #require(try result[0].scalars(as: Bytes.self).first).count
    }
    // Tag, sizes and a PNG file.
    #expect(try summary([1, .nan], [1, 1, 2, 1]) == 91)
    #expect(try summary([], [0, 1, 1, 1]) == 0)
    for shape in [[1, 1, 2], [1, 1, 1, 2], [1, 2, 0, 1]] {
      #expect(
        code { _ = try summary([Float](repeating: 0, count: shape.reduce(1, *)), shape) } == .invalidArgument)
    }
    #expect(code { _ = try summary([1, 2, 3], [1, 1, 1, 3], color: [1]) } == .invalidArgument)
  }

  @Test func generalConvolutions() throws {
    // NHWC, HWIO: batch 0, features 3, space 1 and 2 of the input and the output.
    let dimensions: [UInt8] = [
      0x18, 2, 0x20, 3, 0x32, 2, 0, 1, 0x40, 3, 0x50, 3, 0x5A, 2, 1, 2, 0x62, 2, 1, 2,
    ]
    func convolve(
      strides: [Int32] = [1, 1], padding: [Int32] = [0, 0, 0, 0], dilation: [Int32] = [1, 1],
      groups: Int32 = 1, _ dimensions: [UInt8]
    ) throws -> Tensor {
      try run(
        "XlaConvV2", in: NNOps.all,
        [
          Tensor(shape: [1, 2, 2, 1], scalars: [1, 2, 3, 4] as [Int8]),
          Tensor(shape: [2, 2, 1, 1], scalars: [1, 10, 100, 1000] as [Int16]), Tensor(strides),
          Tensor(shape: [2, 2], scalars: padding), Tensor(dilation), Tensor([1, 1] as [Int32]),
          Tensor(groups),
        ], ["dimension_numbers": .string(Bytes(dimensions)), "batch_group_count": .int(1)],
        types: ["LhsT": .int8, "RhsT": .int16, "preferred_element_type": .int32], outputs: [.int32])[0]
    }
    #expect(try convolve(dimensions).scalars() == [4321] as [Int32])
    #expect(try convolve(padding: [1, 0, 0, -1], dimensions).shape == [1, 2, 0, 1])
    #expect(try convolve(padding: [0, 0, 1, 1], dimensions).scalars() == [3010, 4321, 402] as [Int32])
    #expect(try convolve(dilation: [2, 1], dimensions).scalars() == [21, 4300] as [Int32])
    #expect(code { _ = try convolve(strides: [0, 1], dimensions) } == .invalidArgument)
    #expect(code { _ = try convolve(strides: [1], dimensions) } == .invalidArgument)
    #expect(code { _ = try convolve(groups: 0, dimensions) } == .invalidArgument)
    #expect(code { _ = try convolve(Array(dimensions.dropLast(4))) } == .invalidArgument)
    #expect(code { _ = try convolve([1, 2, 3]) } == .invalidArgument)
  }

  // MARK: - Sparse factors

  private func sparse(_ dense: [[Double]]) throws -> Tensor {
    let count = dense.count
    let indices = (0..<count * count).filter { dense[$0 / count][$0 % count] != 0 }
    return try run(
      "DenseToCSRSparseMatrix", in: SparseOps.all,
      [
        Tensor(shape: [count, count], scalars: dense.flatMap { $0 }),
        Tensor(
          shape: [indices.count, 2], scalars: indices.flatMap { [Int64($0 / count), Int64($0 % count)] }),
      ], types: ["T": .float64], outputs: [.variant])[0]
  }

  /// A matrix like an arrow: its first row and column are full.
  private let arrow: [[Double]] = [
    [10, 1, 1, 1, 1], [1, 2, 0, 0, 0], [1, 0, 2, 0, 0], [1, 0, 0, 2, 0], [1, 0, 0, 0, 2],
  ]

  private func factor(_ dense: [[Double]], _ permutation: [Int32]) throws -> [[Double]] {
    let matrix = try run(
      "SparseMatrixSparseCholesky", in: SparseOps.all, [sparse(dense), Tensor(permutation)],
      types: ["type": .float64], outputs: [.variant])
    let values = try run(
      "CSRSparseMatrixToDense", in: SparseOps.all, matrix, types: ["type": .float64], outputs: [.float64])[0]
      .scalars(as: Double.self)
    return stride(from: 0, to: values.count, by: dense.count).map { Array(values[$0..<$0 + dense.count]) }
  }

  @Test(arguments: [[0, 1, 2, 3, 4], [1, 2, 3, 4, 0], [4, 0, 3, 1, 2]] as [[Int32]])
  func sparseFactorsGiveTheMatrix(_ permutation: [Int32]) throws {
    let rows = try factor(arrow, permutation)
    for (row, place) in zip(rows, permutation) {
      for (other, column) in zip(rows, permutation) {
        let value = arrow[Int(place)][Int(column)]
        #expect(abs(zip(row, other).reduce(0) { $0 + $1.0 * $1.1 } - value) < 1e-12)
      }
    }
  }

  @Test func anOrderKeepsFactorsSparse() throws {
    let order = try run(
      "SparseMatrixOrderingAMD", in: SparseOps.all, [sparse(arrow)], outputs: [.int32])[0].scalars(
        as: Int32.self)
    #expect(order.sorted() == [0, 1, 2, 3, 4])
    #expect(try factor(arrow, order).joined().count { $0 != 0 } == 9)
    #expect(try factor(arrow, [0, 1, 2, 3, 4]).joined().count { $0 != 0 } == 15)
    #expect(code { _ = try factor(arrow, [0, 1, 2, 3, 3]) } == .invalidArgument)
    #expect(code { _ = try factor(arrow, [0, 1, 2]) } == .invalidArgument)
    #expect(code { _ = try factor([[-1, 0], [0, 1]], [0, 1]) } == .invalidArgument)
  }
}

extension AttributeValue {
  /// A tensor as an attribute.
  fileprivate static func tensor(serialized tensor: Tensor) throws -> AttributeValue {
    .tensor(try EncodedTensor(tensor))
  }
}
