import GraftGraph
import GraftTensor
import Testing

@testable import GraftKernels

/// Infinities, NaN, empty and malformed values, as TensorFlow treats them.
struct EdgeValueTests {
  private let infinity = Float.infinity
  private let nan = Float.nan

  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:],
    types: [String: DataType] = [:], _ outputs: [DataType]
  ) throws -> [Tensor] {
    try KernelHarness.run(
      op, in: [try #require(OpRegistry.standard[op])], inputs, attributes: attributes, types: types,
      outputs: outputs)
  }

  /// Equal, NaN being equal to itself.
  private func expect<T: BinaryFloatingPoint>(
    _ found: [T], _ expected: [T], _ place: SourceLocation = #_sourceLocation
  ) {
    #expect(
      found.count == expected.count
        && zip(found, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN },
      "\(found) is not \(expected)", sourceLocation: place)
  }

  // tf.nn.softmax of float32: what is finite beside infinity has no share.
  @Test(
    arguments: [
      ([1, 2, .infinity, 3], [0, 0, .nan, 0]), ([.nan, 1, 2, 3], [.nan, 0, 0, 0]),
      ([.infinity, -.infinity, .nan, 1], [.nan, 0, .nan, 0]),
      ([-.infinity, -.infinity, -.infinity, -.infinity], [.nan, .nan, .nan, .nan]),
    ] as [([Float], [Float])])
  func sharesBesideInfinity(_ logits: [Float], _ expected: [Float]) throws {
    let input = try Tensor(shape: [1, 4], scalars: logits)
    expect(try run("Softmax", [input], types: ["T": .float32], [.float32])[0].scalars(), expected)
  }

  // tf.nn.max_pool3d(x, [1, 1, 4], 1, "VALID")
  @Test func poolingOfVolumesPassesNaNOver() throws {
    let attributes: [String: AttributeValue] = [
      "ksize": .ints([1, 1, 1, 4, 1]), "strides": .ints([1, 1, 1, 1, 1]), "padding": .string("VALID"),
      "data_format": .string("NDHWC"),
    ]
    let x = try Tensor(shape: [1, 1, 1, 4, 1], scalars: [3, nan, 2, 1])
    expect(
      try run("MaxPool3D", [x], attributes, types: ["T": .float32], [.float32])[0].scalars(), [3 as Float])
  }

  // tf.nn.local_response_normalization(x, 1, beta=0.5): infinity spoils the channels out of its reach.
  @Test func infinityReachesAllChannels() throws {
    let attributes: [String: AttributeValue] = [
      "depth_radius": .int(1), "bias": .float(1), "alpha": .float(1), "beta": .float(0.5),
    ]
    let x = try Tensor(shape: [1, 1, 1, 5], scalars: [1, infinity, 2, 3, 4])
    expect(
      try run("LRN", [x], attributes, types: ["T": .float32], [.float32])[0].scalars(), [0, nan, 0, nan, nan])
  }

  // tf.image.rgb_to_hsv
  @Test(
    arguments: [
      ([.nan, 1, 2], [.nan, 0.5, 2]), ([1, .nan, 2], [0, 0, 2]), ([1, 2, .nan], [0, 0, .nan]),
      ([.infinity, .nan, 1], [0, 0, 1]),
    ] as [([Float], [Float])])
  func huesOfNaN(_ pixel: [Float], _ expected: [Float]) throws {
    expect(
      try run("RGBToHSV", [try Tensor(pixel)], types: ["T": .float32], [.float32])[0].scalars(), expected)
  }

  // tf.raw_ops.SparseReduceMax over [0, i]
  @Test(
    arguments: [([0.5, .nan], .nan), ([.nan, 0.5], 0.5), ([1, .nan, 0.5], 0.5)] as [([Double], Double)])
  func maximumAfterNaN(_ values: [Double], _ expected: Double) throws {
    let places = values.indices.flatMap { (index: Int) -> [Int64] in [0, Int64(index)] }
    let inputs = [
      try Tensor(shape: [values.count, 2], scalars: places), try Tensor(values),
      try Tensor([1, Int64(values.count)]), try Tensor([1 as Int32]),
    ]
    let result = try run("SparseReduceMax", inputs, ["keep_dims": .bool(false)], [.float64])
    expect(try result[0].scalars(), [expected])
  }

  // tf.linalg.inv, lu and triangular_solve: NaN is no smaller pivot than a number, unless it is the first.
  @Test func matricesWithNaNAndInfinities() throws {
    func matrix(_ elements: [Double]) throws -> Tensor { try Tensor(shape: [2, 2], scalars: elements) }
    let types: [String: DataType] = ["T": .float64]
    func inverse(_ elements: [Double]) throws -> [Double] {
      try run("MatrixInverse", [try matrix(elements)], ["adjoint": .bool(false)], types: types, [.float64])[0]
        .scalars()
    }
    expect(try inverse([1, .nan, 2, 3]), [.nan, .nan, .nan, .nan])
    expect(try inverse([.infinity, 1, 2, 4]), [0, 0, 0, 0.25])
    #expect(throws: GraftError.self) { try inverse([.nan, 2, 1, 3]) }
    #expect(throws: GraftError.self) { try inverse([0, 0, 0, 1]) }
    let lu = try run(
      "Lu", [try matrix([1, 2, .nan, 3])], types: ["T": .float64, "output_idx_type": .int32],
      [.float64, .int32])
    expect(try lu[0].scalars(), [1, 2, .nan, .nan])
    let solved = try run(
      "MatrixTriangularSolve",
      [try matrix([1, 0, 2, 0]), try Tensor(shape: [2, 1], scalars: [1, 1] as [Double])],
      ["lower": .bool(true), "adjoint": .bool(false)], types: types, [.float64])
    expect(try solved[0].scalars(), [1, -Double.infinity])
  }

  // tf.linalg.sqrtm of [[1, 2], [3, 2]], whose eigenvalues are 4 and -1, and of NaN.
  @Test(arguments: [[1, 2, 3, 2], [.nan, 1, 2, 3]] as [[Double]])
  func matricesWithoutARealRoot(_ elements: [Double]) throws {
    let root = try run(
      "MatrixSquareRoot", [try Tensor(shape: [2, 2], scalars: elements)], types: ["T": .float64], [.float64])
    expect(try root[0].scalars(), [Double.nan, .nan, .nan, .nan])
  }

  // tf.raw_ops.TanhGrad and SigmoidGrad(y=0.5+0.25j, dy=1-2j)
  @Test(
    arguments: [
      ("TanhGrad", Complex64(0.3125, -1.875)), ("SigmoidGrad", Complex64(0.3125, -0.625)),
    ])
  func gradientsOfComplexFunctionsAreNotConjugated(_ op: String, _ expected: Complex64) throws {
    let inputs = [try Tensor(Complex64(0.5, 0.25)), try Tensor(Complex64(1, -2))]
    #expect(try run(op, inputs, types: ["T": .complex64], [.complex64])[0].scalars() == [expected])
  }

  // tf.nn.conv2d of float64 without channels sums up nothing.
  @Test func aConvolutionWithoutChannelsIsZero() throws {
    let inputs = [
      try Tensor(shape: [1, 2, 2, 0], scalars: [Double]()),
      try Tensor(shape: [1, 1, 2, 1], scalars: [1, 2] as [Double]),
    ]
    let result = try run("Conv2D", inputs, EdgeArgumentTests.convolution, types: ["T": .float64], [.float64])
    #expect(try result[0].scalars() == [0, 0, 0, 0] as [Double])
  }

  // tf.raw_ops.FusedBatchNormV3(is_training=False): the gradient needs the moments that were used.
  @Test func normalisationGivesOutTheMomentsThatItUsed() throws {
    let inputs = [
      try Tensor(shape: [1, 1, 1, 2], scalars: [1, 2] as [Float]), try Tensor([1 as Float, 1]),
      try Tensor([0 as Float, 0]), try Tensor([0.5 as Float, 0.25]), try Tensor([4 as Float, 9]),
    ]
    let attributes: [String: AttributeValue] = [
      "data_format": .string("NHWC"), "is_training": .bool(false), "epsilon": .float(0),
      "exponential_avg_factor": .float(1),
    ]
    let outputs = try run(
      "FusedBatchNormV3", inputs, attributes, types: ["T": .float32, "U": .float32],
      [DataType](repeating: .float32, count: 6))
    #expect(try outputs[3].scalars() == [0.5, 0.25] as [Float])
    #expect(try outputs[4].scalars() == [4, 9] as [Float])
    #expect(outputs[5].shape == [0])
  }

  // tf.raw_ops.QuantizedAvgPool over windows of 2 x 2, padded: 2.5, 3, 3.5 and 4.
  @Test func quantizedMeansAreRounded() throws {
    let pixels = try Tensor(shape: [1, 2, 2, 1], scalars: [1, 2, 3, 4] as [UInt8]).reinterpreted(as: .quint8)
    let attributes: [String: AttributeValue] = [
      "ksize": .ints([1, 2, 2, 1]), "strides": .ints([1, 1, 1, 1]), "padding": .string("SAME"),
    ]
    let outputs = try run(
      "QuantizedAvgPool", [pixels, try Tensor(0 as Float), try Tensor(1 as Float)], attributes,
      types: ["T": .quint8], [.quint8, .float32, .float32])
    #expect(try outputs[0].reinterpreted(as: .uint8).scalars() == [2, 3, 4, 4] as [UInt8])
  }

  // tf.raw_ops.CumulativeLogsumexp: what is not a number counts as the sum before it.
  @Test func sumsOfExponentialsPassNaNOver() throws {
    let inputs = [try Tensor([1, .nan, 1] as [Double]), try Tensor(0 as Int32)]
    let sums: [Double] = try run(
      "CumulativeLogsumexp", inputs, ["exclusive": .bool(false), "reverse": .bool(false)],
      types: ["T": .float64], [.float64])[0].scalars()
    #expect(zip(sums, [1, 1.6931471805599454, 2.098612288668110]).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test(arguments: ["DebugIdentity", "DebugNanCount"])
  func aGateThatNobodyOpensLetsNothingThrough(_ op: String) throws {
    let dtype: DataType = op == "DebugIdentity" ? .float32 : .int64
    let watched = try run(
      op, [try Tensor([1 as Float, .nan])], ["gated_grpc": .bool(true)], types: ["T": .float32], [dtype])
    #expect(watched[0].shape == [0])
  }

  @Test func vectorsThatNobodyWantsAreScalars() throws {
    let matrix = try Tensor(shape: [1, 1, 1], scalars: [2 as Float])
    let svd = try run(
      "Svd", [matrix], ["compute_uv": .bool(false), "full_matrices": .bool(false)], types: ["T": .float32],
      [.float32, .float32, .float32])
    #expect(svd.map(\.shape) == [[1, 1], .scalar, .scalar])
    let eigen = try run(
      "SelfAdjointEigV2", [matrix], ["compute_v": .bool(false)], types: ["T": .float32], [.float32, .float32])
    #expect(eigen.map(\.shape) == [[1, 1], .scalar])
  }

  // tf.raw_ops.CTCLoss: the share exp(-200) is nothing in float32, and something in float64.
  @Test func unlikelyLabelsCostInfinitelyMuch() throws {
    let attributes: [String: AttributeValue] = [
      "preprocess_collapse_repeated": .bool(false), "ctc_merge_repeated": .bool(true),
      "ignore_longer_outputs_than_inputs": .bool(false),
    ]
    func loss(_ logits: Tensor) throws -> Tensor {
      let inputs = [
        logits, try Tensor(shape: [1, 2], scalars: [0, 0] as [Int64]), try Tensor([0 as Int32]),
        try Tensor([2 as Int32]),
      ]
      return try run(
        "CTCLoss", inputs, attributes, types: ["T": logits.dtype], [logits.dtype, logits.dtype])[0]
    }
    let logits: [Double] = [0, 200, -5, 0, -300, 5]
    let single: [Float] = try loss(try Tensor(shape: [2, 1, 3], scalars: logits.map { Float($0) })).scalars()
    #expect(single == [infinity])
    let found: [Double] = try loss(try Tensor(shape: [2, 1, 3], scalars: logits)).scalars()
    #expect(abs(found[0] - 199.99995490) < 1e-6)
  }

  @Test func textEndsAtTheFirstZeroByte() throws {
    let text = try Tensor(Bytes([0x41, 0xFF, 0, 0x42]))
    let lower = try run("StringLower", [text], ["encoding": .string("utf-8")], [.string])
    #expect(try lower[0].scalars() == [Bytes([0x61, 0xEF, 0xBF, 0xBD])])
    let name = try run(
      "ShardedFilename", [text, try Tensor(1 as Int32), try Tensor(2 as Int32)], [:], [.string])
    #expect(try name[0].scalars() == [Bytes([0x41, 0xFF] + Array("-00001-of-00002".utf8))])
  }

  @Test func anEmptyStringHasNoParts() throws {
    let inputs = [try Tensor(shape: [2], strings: ["", "a "]), try Tensor(Bytes(" "))]
    let parts = try run("StringSplit", inputs, ["skip_empty": .bool(false)], [.int64, .string, .int64])
    #expect(try parts[1].strings() == ["a", ""])
    #expect(try parts[2].scalars() == [2, 2 as Int64])
  }
}
