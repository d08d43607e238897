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

  @Test func quantizedPicturesAreResized() throws {
    func resized(_ pixels: Tensor, aligned: Bool = false) throws -> Tensor {
      let result = try run(
        "QuantizedResizeBilinear", in: QuantizationOps.all,
        [pixels, Tensor([Int32(3), 3]), Tensor(Float(-1)), Tensor(Float(2))],
        ["align_corners": .bool(aligned), "half_pixel_centers": .bool(false)],
        types: ["T": pixels.dtype], outputs: [pixels.dtype, .float32, .float32])
      #expect(try result[1].scalars(as: Float.self) + result[2].scalars() == [-1, 2])
      return result[0]
    }
    let bytes = try Tensor(shape: [1, 2, 2, 1], scalars: [UInt8(10), 200, 30, 90]).reinterpreted(as: .quint8)
    func numbers(_ tensor: Tensor) throws -> [UInt8] { try tensor.reinterpreted(as: .uint8).scalars() }
    #expect(try numbers(resized(bytes)) == [10, 136, 200, 23, 92, 127, 30, 70, 90])
    #expect(try numbers(resized(bytes, aligned: true)) == [10, 105, 200, 20, 83, 145, 30, 60, 90])
    let wide = try Tensor(shape: [1, 2, 2, 1], scalars: [Int32(72), -53, 92, -33]).reinterpreted(as: .qint32)
    let words = try resized(wide).reinterpreted(as: .int32).scalars(as: Int32.self)
    #expect(words == [72, -10, -52, 85, 2, -39, 92, 9, -32])
    let floats = try resized(Tensor(shape: [1, 2, 2, 1], scalars: [Float(1), 2, 3, 7]))
    #expect(try floats.scalars(as: Float.self)[3...5] == [2.3333335, 4.3333335, 5.3333335])
    #expect(code { _ = try resized(Tensor(Float(1))) } == .invalidArgument)
  }

  @Test func sizesThatNoMemoryHoldsAreRefusedFirst() throws {
    func histogram(_ bins: Int32) throws -> [Int32] {
      try run(
        "HistogramFixedWidth", in: MathOps.all,
        [Tensor([Int32(3), 7, 9]), Tensor([Int32(0), 10]), Tensor(bins)], types: ["T": .int32],
        outputs: [.int32])[0].scalars()
    }
    #expect(try histogram(5) == [0, 1, 0, 1, 1])
    for bins in [0, -1] as [Int32] { #expect(code { _ = try histogram(bins) } == .invalidArgument) }
    func filled(_ rows: Int64) throws -> [Tensor] {
      try run(
        "RaggedFillEmptyRows", in: SparseOps.all,
        [Tensor([Int64(0), 2]), Tensor([Int32(5), 6]), Tensor(rows), Tensor(Int32(9))],
        types: ["T": .int32], outputs: [.int64, .int32, .bool, .int64])
    }
    let result = try filled(4)
    #expect(try result[0].scalars(as: Int64.self) == [0, 1, 2, 3])
    #expect(try result[1].scalars(as: Int32.self) == [5, 9, 6, 9])
    #expect(try result[2].scalars(as: Bool.self) == [false, true, false, true])
    #expect(try result[3].scalars(as: Int64.self) == [0, 2])
    for rows in [1, -1, .max, .min, 1 << 60] as [Int64] {
      let found = code { _ = try filled(rows) }
      #expect(found == .invalidArgument || found == .resourceExhausted)
    }
  }

  @Test func quotientsOfComplexNumbersAreThoseOfGroups() throws {
    let divisors = [
      Complex64(.infinity), Complex64(0), Complex64(1, 1), Complex64(.infinity), Complex64(2), Complex64(0),
    ]
    let dividends = [Complex64](repeating: Complex64(1, 2), count: 6)
    func quotients(_ op: String, _ inputs: [[Complex64]]) throws -> [Complex64] {
      try run(
        op, in: MathOps.all, inputs.map { try Tensor($0) }, types: ["T": .complex64], outputs: [.complex64])[
          0
        ]
        .scalars()
    }
    func isNaN(_ value: Complex64) -> Bool { value.real.isNaN && value.imaginary.isNaN }
    let divided = try quotients("RealDiv", [dividends, divisors])
    #expect([0, 1, 3].allSatisfy { isNaN(divided[$0]) })
    #expect(
      [divided[2], divided[4], divided[5]] == [
        Complex64(1.5, 0.5), Complex64(0.5, 1), Complex64(.infinity, .infinity),
      ])
    let safe = try quotients("DivNoNan", [dividends, divisors])
    #expect(isNaN(safe[0]) && safe[1] == .zero && safe[5] == .zero)
    let inverted = try quotients("Inv", [divisors])
    #expect(isNaN(inverted[0]) && isNaN(inverted[1]) && inverted[5].real == .infinity)
    #expect(inverted[2] == Complex64(0.5, -0.5))
  }

  // No kernels of TensorFlow's for processors: what the documentation says.
  @Test func theLargestDifferentNumbersOfARow() throws {
    func top(_ op: String, _ values: [Float], _ count: Int64) throws -> (values: [Float], places: [Int32]) {
      let found = try run(
        op, in: NNOps.all, [Tensor(shape: [1, values.count], scalars: values)], ["k": .int(count)],
        outputs: [.float32, .int32])
      return (try found[0].scalars(), try found[1].scalars())
    }
    let unique = try top("TopKUnique", [3, 1, 3, .nan, 2, 1], 4)
    #expect(unique.values == [3, 2, 1, -.infinity] && unique.places == [2, 4, 5, -1])
    let close = try top("TopKWithUnique", [3, 1, 3, 0], 4)
    #expect(close.places == [2, 0, 1, 3])
    #expect(zip(close.values, [3, 3, 1, 0]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(code { _ = try top("TopKUnique", [1], -1) } == .invalidArgument)
  }

  @Test func featuresAreCrossedToWhatTheOutputIs() throws {
    // tf.raw_ops.SparseCross of [[3], [4]], with num_buckets=10 and hash_key=5.
    func crossed(_ type: DataType, hashed: Bool, inner: DataType = .int64) throws -> Tensor {
      try run(
        "SparseCross", in: SparseOps.all, [Tensor(shape: [2, 1], scalars: [Int64(3), 4])],
        [
          "N": .int(0), "hashed_output": .bool(hashed), "num_buckets": .int(10), "hash_key": .int(5),
          "sparse_types": .types([]), "dense_types": .types([ElementType(.int64)]),
        ], types: ["out_type": type, "internal_type": inner], outputs: [.int64, type, .int64])[1]
    }
    #expect(try crossed(.int64, hashed: false).scalars(as: Int64.self) == [4, 3])
    #expect(try crossed(.string, hashed: true).scalars(as: Bytes.self) == ["3", "4"])
    #expect(code { _ = try crossed(.string, hashed: false, inner: .string) } == .invalidArgument)
  }
}

extension AttributeValue {
  /// A tensor as an attribute.
  fileprivate static func tensor(serialized tensor: Tensor) throws -> AttributeValue {
    .tensor(try EncodedTensor(tensor))
  }
}
