import Foundation
import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Normalisation, softmax, losses and selection")
struct NNLossTests {
  // MARK: - Batch normalisation

  private func batchNorm(
    _ x: Tensor, training: Bool, mean: [Float], variance: [Float], factor: Float = 1, format: String = "NHWC"
  ) throws -> [Tensor] {
    let parameters = try [[2, 2], [1, 1], mean, variance].map { try Tensor($0 as [Float]) }
    return try NNHarness.run(
      "FusedBatchNormV3", [x] + parameters,
      [
        "T": .type(ElementType(x.dtype)), "U": .type(ElementType(.float32)), "epsilon": .float(0.001),
        "is_training": .bool(training), "data_format": .string(Bytes(format)),
        "exponential_avg_factor": .float(factor),
      ], outputs: [x.dtype] + [DataType](repeating: .float32, count: 5))
  }

  @Test("Inference uses the given mean and variance")
  func inference() throws {
    let x = try NNHarness.counting(1, 2, 2, 2)
    let expected: [Float] = [1.70693, 3.12079, 4.53465, 5.948511, 7.362371, 8.776232, 10.190091, 11.603951]
    let outputs = try batchNorm(x, training: false, mean: [0.5, 0.5], variance: [2, 2])
    try expectClose(outputs[0], expected)
    try expectClose(outputs[1], [0.5, 0.5])
    try expectClose(outputs[2], [2, 2])
    let volume = x.reshaped(unchecked: [1, 1, 2, 2, 2])
    try expectClose(
      batchNorm(volume, training: false, mean: [0.5, 0.5], variance: [2, 2], format: "NDHWC")[0], expected)
    try expectClose(
      batchNorm(x, training: false, mean: [0.5, 0.5], variance: [2, 2], format: "NCHW")[0], expected)
  }

  @Test("Training gives the batch's mean, the variance over one less, and moving averages")
  func training() throws {
    let x = try NNHarness.counting(1, 2, 2, 2)
    let outputs = try batchNorm(x, training: true, mean: [], variance: [])
    try expectClose(
      outputs[0], [-1.683013, -1.683013, 0.105662, 0.105662, 1.894338, 1.894338, 3.683013, 3.683013])
    try expectClose(outputs[1], [4, 5])
    try expectClose(outputs[2], [6.666667, 6.666667])
    try expectClose(outputs[3], [4, 5])
    try expectClose(outputs[4], [5, 5])
    let moving = try batchNorm(x, training: true, mean: [0.5, 0.5], variance: [2, 2], factor: 0.3)
    try expectClose(moving[1], [1.55, 1.85])
    try expectClose(moving[2], [3.4, 3.4])
    let first = try batchNorm(x, training: true, mean: [], variance: [], format: "NCHW")
    try expectClose(first[1], [2.5, 6.5])
    try expectClose(first[2], [1.6666667, 1.6666667])
    try expectClose(
      batchNorm(NNHarness.counting(1, 1, 1, 2), training: true, mean: [], variance: [])[2], [0, 0])
    let empty = try batchNorm(
      Tensor(shape: [0, 1, 1, 2], scalars: [Float]()), training: true, mean: [], variance: [])
    try expectClose(empty[1], [.nan, .nan])
  }

  @Test("Parameters must be one for each channel")
  func parameters() throws {
    let x = try NNHarness.counting(1, 2, 2, 2)
    #expect(throws: GraftError.self) { try batchNorm(x, training: false, mean: [], variance: []) }
    #expect(throws: GraftError.self) {
      try batchNorm(x, training: false, mean: [1, 1, 1], variance: [1, 1])
    }
    #expect(throws: GraftError.self) {
      try batchNorm(NNHarness.counting(2, 2, 2), training: false, mean: [1, 1], variance: [1, 1])
    }
  }

  @Test("Local response normalisation, radius beyond the channels included")
  func localResponse() throws {
    func run(_ x: Tensor, _ radius: Int64, _ beta: Float) throws -> Tensor {
      try NNHarness.run(
        "LRN", [x],
        ["depth_radius": .int(radius), "bias": .float(1), "alpha": .float(0.1), "beta": .float(beta)])[0]
    }
    try expectClose(
      run(NNHarness.counting(1, 1, 1, 7), 2, 0.5),
      [0.645497, 1, 1.176697, 1.264911, 1.313064, 1.626978, 2.020726])
    try expectClose(run(NNHarness.counting(1, 1, 1, 3), 10, 0.75), [0.518611, 1.037222, 1.555832])
    try expectClose(run(NNHarness.counting(1, 1, 1, 3), 0, 0.75), [0.931012, 1.553939, 1.853771])
  }

  // MARK: - Softmax

  @Test("Softmax of NaN, infinities and halves")
  func softmax() throws {
    let x = try Tensor(
      shape: [4, 2], scalars: [.nan, 1, .infinity, 1, -.infinity, -.infinity, -.infinity, 1] as [Float])
    let nan = Float.nan
    try expectClose(NNHarness.run("Softmax", [x])[0], [nan, 0, nan, 0, nan, nan, 0, 1])
    try expectClose(NNHarness.run("LogSoftmax", [x])[0], [nan, nan, nan, nan, nan, nan, -.infinity, 0])
    try expectClose(NNHarness.run("Softmax", [Tensor([1, 2] as [Float])])[0], [0.2689414, 0.7310586])
    try expectClose(NNHarness.run("Softmax", [Tensor([1, 2] as [Double])])[0], [0.2689414, 0.7310586])
    #expect(throws: GraftError.self) { try NNHarness.run("Softmax", [Tensor(Float(1))]) }
  }

  @Test("Softmax of rows of any length", arguments: [1, 2, 16, 24, 25, 31, 32, 33, 47, 64, 65, 196])
  func softmaxRows(width: Int) throws {
    let x = try NNHarness.noise([5, width])
    let expected = try expectAsWide("Softmax", x) { 1e-6 * $0 }
    var values = try x.scalars(as: Float.self)
    values[width * 3 - 1] = .infinity
    let shares = try NNHarness.run("Softmax", [Tensor(shape: [5, width], scalars: values)])[0]
      .scalars(as: Float.self)
    #expect(shares[width * 2..<width * 3 - 1].allSatisfy { $0 == 0 } && shares[width * 3 - 1].isNaN)
    #expect(zip(shares[..<(width * 2)], expected).allSatisfy { abs(Double($0) - $1) < 1e-6 * $1 })
  }

  @Test("Logarithms of softmax, of rows of any length", arguments: [1, 2, 10, 16, 24, 25, 33, 65])
  func logarithmsOfSoftmax(width: Int) throws {
    // More rows than are taken at a time, and some that are left.
    try expectAsWide("LogSoftmax", try NNHarness.noise([37, width])) { 1e-6 * (1 + abs($0)) }
  }

  /// Expects what float64 gives, which is the result, within a bound for each element.
  @discardableResult
  private func expectAsWide(_ op: String, _ x: Tensor, within bound: (Double) -> Double) throws -> [Double] {
    let wide = try Tensor(
      shape: x.shape.dimensions, scalars: x.scalars(as: Float.self).map { Double($0) })
    let expected = try NNHarness.run(op, [wide])[0].scalars(as: Double.self)
    for threads in [1, 3] {
      let found = try NNHarness.run(op, [x], threads: threads)[0].scalars(as: Float.self)
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < bound($1) })
    }
    return expected
  }

  @Test("Cross entropy with labels as probabilities broadcasts")
  func crossEntropy() throws {
    func run(_ logits: Tensor, _ labels: Tensor) throws -> [Tensor] {
      try NNHarness.run("SoftmaxCrossEntropyWithLogits", [logits, labels], outputs: [.float32, .float32])
    }
    let logits = try NNHarness.counting(2, 2)
    let full = try run(logits, Tensor(shape: [2, 2], scalars: [0, 1, 0.5, 0.5] as [Float]))
    try expectClose(full[0], [0.3132617, 0.8132616])
    try expectClose(full[1], [0.2689414, -0.2689414, -0.2310586, 0.2310586])
    let column = try run(
      Tensor(shape: [2, 1], scalars: [1, 3] as [Float]),
      Tensor(shape: [2, 2], scalars: [0, 1, 0.5, 0.5] as [Float]))
    try expectClose(column[0], [0.6931472, 0.6931472])
    try expectClose(column[1], [0.5, -0.5, 0, 0])
    #expect(throws: GraftError.self) { try run(NNHarness.counting(2, 3), NNHarness.counting(2, 4)) }
    #expect(throws: GraftError.self) { try run(NNHarness.counting(2), NNHarness.counting(2)) }
  }

  @Test("Cross entropy with classes, which must be classes")
  func sparseCrossEntropy() throws {
    func run(_ logits: Tensor, _ labels: [Int32]) throws -> [Tensor] {
      try NNHarness.run(
        "SparseSoftmaxCrossEntropyWithLogits", [logits, Tensor(labels)],
        ["T": .type(ElementType(.float32)), "Tlabels": .type(ElementType(.int32))],
        outputs: [.float32, .float32])
    }
    let outputs = try run(NNHarness.counting(2, 2), [0, 1])
    try expectClose(outputs[0], [1.3132616, 0.3132617])
    try expectClose(outputs[1], [-0.7310586, 0.7310586, 0.2689414, -0.2689414])
    let error = #expect(throws: GraftError.self) { try run(NNHarness.counting(2, 2), [0, 2]) }
    #expect(error?.message.contains("row 1 is 2") == true)
    #expect(throws: GraftError.self) { try run(NNHarness.counting(2, 2), [0]) }
    #expect(throws: GraftError.self) { try run(Tensor(shape: [0, 0], scalars: [Float]()), []) }
  }

  @Test("Cross entropy of rows of any length", arguments: [1, 7, 8, 19, 100])
  func crossEntropyRows(width: Int) throws {
    let rows = 3
    let (logits, labels) = (try NNHarness.noise([rows, width]), try NNHarness.noise([rows, width], seed: 2))
    let (values, shares) = (try logits.scalars(as: Float.self), try labels.scalars(as: Float.self))
    var (losses, gradients, classLosses): ([Float], [Float], [Float]) = ([], [], [])
    for row in 0..<rows {
      let places = row * width..<(row + 1) * width
      let logarithm = log(places.reduce(0.0) { $0 + exp(Double(values[$1])) })
      losses.append(Float(places.reduce(0.0) { $0 + Double(shares[$1]) * (logarithm - Double(values[$1])) }))
      gradients += places.map { Float(exp(Double(values[$0]) - logarithm)) - shares[$0] }
      classLosses.append(Float(logarithm - Double(values[row * width + width / 2])))
    }
    let dense = try NNHarness.run(
      "SoftmaxCrossEntropyWithLogits", [logits, labels], outputs: [.float32, .float32])
    try expectClose(dense[0], losses, within: 5e-6)
    try expectClose(dense[1], gradients, within: 1e-6)
    let sparse = try NNHarness.run(
      "SparseSoftmaxCrossEntropyWithLogits",
      [logits, Tensor([Int32](repeating: Int32(width / 2), count: rows))],
      ["T": .type(ElementType(.float32)), "Tlabels": .type(ElementType(.int32))],
      outputs: [.float32, .float32])
    try expectClose(sparse[0], classLosses, within: 5e-6)
    let total = try sparse[1].scalars(as: Float.self).reduce(0, +)
    #expect(abs(total) < 1e-5)
  }

  // MARK: - Selection

  private func topK(_ values: [Float], _ count: Int32, sorted: Bool = true) throws -> (
    values: [Float], indices: [Int32]
  ) {
    let outputs = try NNHarness.run(
      "TopKV2", [Tensor(values), Tensor(count)],
      ["T": .type(ElementType(.float32)), "sorted": .bool(sorted)], outputs: [.float32, .int32])
    return (try outputs[0].scalars(), try outputs[1].scalars())
  }

  @Test("The largest come with the lower index first; unsorted as TensorFlow's heap leaves them")
  func largest() throws {
    #expect(try topK([1, 3, 3, 2, 3], 4) == ([3, 3, 3, 2], [1, 2, 4, 3]))
    #expect(try topK([1, 2], 0) == ([], []))
    let values: [Float] = [1, 3, 3, 2, 3, 7, 0, 9]
    #expect(try topK(values, 4, sorted: false) == ([3, 3, 7, 9], [2, 1, 5, 7]))
    #expect(try topK(values, 1, sorted: false) == ([9], [7]))
    #expect(try topK(values, 8, sorted: false) == ([9, 7, 3, 3, 3, 2, 1, 0], [7, 5, 1, 2, 4, 3, 0, 6]))
    #expect(try topK(values, 7, sorted: false) == ([1, 2, 3, 3, 3, 7, 9], [0, 3, 2, 1, 4, 5, 7]))
    #expect(try topK([.nan, 1, 3, 2, .nan, 5], 1).indices == [5])
    #expect(throws: GraftError.self) { try topK([1, 2], 3) }
    #expect(throws: GraftError.self) { try topK([1, 2], -1) }
  }

  @Test(
    "Rows that are sorted as a whole keep the order of equal elements",
    arguments: [2, 8, 16, 17, 40, 64, 65, 200])
  func sortedRows(count: Int) throws {
    var values = (0..<200).map { Float(($0 * 7919) % 61 - 30) / 4 }
    (values[3], values[50], values[51], values[52]) = (.infinity, -.infinity, -0.0, 0)
    let order = values.indices.sorted { values[$0] > values[$1] || values[$0] == values[$1] && $0 < $1 }
    let found = try topK(values, Int32(count))
    #expect(found.indices == order[..<count].map { Int32($0) })
    #expect(found.values == order[..<count].map { values[$0] })
    values[7] = .nan
    let withNaN = try topK(values, Int32(count)).indices
    #expect(Set(withNaN).count == count && withNaN.allSatisfy { (0..<200).contains($0) })
  }

  @Test("Grayscale dilation adds a filter and passes over NaN")
  func dilation() throws {
    func run(_ x: Tensor, _ filter: Tensor) throws -> Tensor {
      try NNHarness.run(
        "Dilation2D", [x, filter],
        [
          "strides": NNHarness.ints(1, 1, 1, 1), "rates": NNHarness.ints(1, 1, 1, 1),
          "padding": .string("SAME"),
        ])[0]
    }
    try expectClose(
      run(NNHarness.counting(1, 3, 3, 1), NNHarness.counting(2, 2, 1)), [9, 10, 9, 12, 13, 12, 10, 11, 10])
    try expectClose(
      run(Tensor(shape: [1, 1, 3, 1], scalars: [.nan, 1, 2] as [Float]), NNHarness.counting(1, 2, 1)),
      [3, 4, 3])
    let bytes = try run(
      Tensor(shape: [1, 1, 2, 1], scalars: [UInt8(250), 250]),
      Tensor(shape: [1, 2, 1], scalars: [UInt8(5), 10]))
    #expect(try bytes.scalars() == [UInt8(255), 255])
  }

  @Test("A bias is added to each channel, in both data formats")
  func bias() throws {
    func run(_ x: Tensor, _ bias: [Float], _ format: String = "NHWC") throws -> Tensor {
      try NNHarness.run("BiasAdd", [x, Tensor(bias)], ["data_format": .string(Bytes(format))])[0]
    }
    try expectClose(run(NNHarness.counting(2, 3), [1, 2, 3]), [2, 4, 6, 5, 7, 9])
    try expectClose(run(NNHarness.counting(1, 2, 1, 3), [1, 2], "NCHW"), [2, 3, 4, 6, 7, 8])
    try expectClose(run(NNHarness.counting(1, 2, 3), [1, 2], "NCHW"), [2, 3, 4, 6, 7, 8])
    try expectClose(run(NNHarness.counting(1, 2, 1, 1, 1, 2), [1, 2], "NCHW"), [2, 3, 5, 6])
    #expect(throws: GraftError.self) { try run(NNHarness.counting(2, 3), [1, 2]) }
    #expect(throws: GraftError.self) { try run(NNHarness.counting(3), [1, 2, 3]) }
  }
}
