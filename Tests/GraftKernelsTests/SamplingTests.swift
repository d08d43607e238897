import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Ops that draw with seeds; what is expected is TensorFlow's: `tf.raw_ops` with the same values.
@Suite("Candidates, and regions of random sizes")
struct SamplingTests {
  private let seeds: [String: AttributeValue] = ["seed": .int(1), "seed2": .int(2)]

  private func sample(
    _ op: String, _ classes: [Int64], count: Int, range: Int, unique: Bool,
    _ more: [String: AttributeValue] = [:]
  ) throws -> (classes: [Int64], trueExpected: Tensor, expected: Tensor) {
    var attributes = seeds.merging(more) { $1 }
    attributes["num_true"] = .int(Int64(classes.count))
    attributes["num_sampled"] = .int(Int64(count))
    attributes["range_max"] = .int(Int64(range))
    attributes["unique"] = .bool(unique)
    let outputs = try KernelHarness.run(
      op, in: RandomOps.all, [try Tensor(shape: [1, classes.count], scalars: classes)],
      attributes: attributes, outputs: [.int64, .float32, .float32])
    return (try outputs[0].scalars(), outputs[1], outputs[2])
  }

  @Test("Candidates are those that TensorFlow draws")
  func candidates() throws {
    let uniform = try sample("UniformCandidateSampler", [1, 2], count: 4, range: 10, unique: true)
    #expect(uniform.classes == [9, 6, 7, 1])
    try expectClose(uniform.trueExpected, [0.4, 0.4])
    let logarithmic = try sample("LogUniformCandidateSampler", [1, 2], count: 4, range: 10, unique: true)
    #expect(logarithmic.classes == [0, 1, 8, 6])
    try expectClose(logarithmic.expected, [0.87088406, 0.670908, 0.23631494, 0.29091868])
    try expectClose(logarithmic.trueExpected, [0.670908, 0.5355096])
    let repeated = try sample("LogUniformCandidateSampler", [1, 2], count: 4, range: 10, unique: false)
    #expect(repeated.classes == [0, 1, 1, 0])
    try expectClose(repeated.trueExpected, [0.67636836, 0.47989097])
    let learned = try sample("LearnedUnigramCandidateSampler", [1, 2], count: 4, range: 10, unique: true)
    #expect(learned.classes == [9, 5, 2, 1])
    try expectClose(learned.trueExpected, [0.40951002, 0.40951002])
    let fixed = try sample(
      "FixedUnigramCandidateSampler", [1, 2], count: 4, range: 4, unique: true,
      [
        "unigrams": .floats([1, 2, 3, 4]), "vocab_file": .string(Bytes("")), "distortion": .float(1),
        "num_reserved_ids": .int(0), "num_shards": .int(1), "shard": .int(0),
      ])
    #expect(fixed.classes == [3, 1, 2, 0])
    try expectClose(fixed.expected, [0.99869394, 0.94502443, 0.9903111, 0.7458134])
  }

  @Test("What cannot be drawn is an error")
  func candidateErrors() {
    #expect(throws: GraftError.self) {
      try sample("UniformCandidateSampler", [1], count: 14, range: 10, unique: true)
    }
    #expect(throws: GraftError.self) {
      try sample("UniformCandidateSampler", [10], count: 2, range: 10, unique: true)
    }
    #expect(throws: GraftError.self) {
      try sample("UniformCandidateSampler", [1], count: 2, range: 0, unique: false)
    }
  }

  @Test("Sampled classes that are true ones")
  func accidentalHits() throws {
    let outputs = try KernelHarness.run(
      "ComputeAccidentalHits", in: RandomOps.all,
      [
        try Tensor(shape: [2, 2], scalars: [1, 2, 3, 1] as [Int64]), try Tensor([1, 3, 1] as [Int64]),
      ], attributes: ["num_true": .int(2)], outputs: [.int32, .int64, .float32])
    #expect(try outputs[0].scalars() == [0, 1, 1] as [Int32])
    #expect(try outputs[1].scalars() == [2, 1, 2] as [Int64])
  }

  private func pool(
    _ op: String, _ images: Tensor, _ ratios: [Float], pseudo: Bool, overlapping: Bool = false
  ) throws -> [Tensor] {
    try KernelHarness.run(
      op, in: NNOps.all, [images],
      attributes: [
        "pooling_ratio": .floats(ratios), "pseudo_random": .bool(pseudo), "overlapping": .bool(overlapping),
        "deterministic": .bool(true), "seed": .int(3), "seed2": .int(7),
      ], types: ["T": images.dtype], outputs: [images.dtype, .int64, .int64])
  }

  @Test("Regions are those that TensorFlow draws")
  func regions() throws {
    let images = try NNHarness.counting(1, 8, 9, 1)
    let even = try pool("FractionalMaxPool", images, [1, 2, 1.6, 1], pseudo: true)
    #expect(try even[2].scalars() == [0, 2, 4, 6, 8, 9] as [Int64])
    let random = try pool("FractionalMaxPool", images, [1, 2, 1.6, 1], pseudo: false)
    #expect(try random[1].scalars() == [0, 2, 4, 6, 8] as [Int64])
    #expect(try random[2].scalars() == [0, 1, 3, 5, 7, 9] as [Int64])
    let numbers = try Tensor(shape: [1, 8, 8, 1], scalars: (0..<64).map { Int32($0) })
    let mean = try pool("FractionalAvgPool", numbers, [1, 1.6, 1.6, 1], pseudo: true, overlapping: true)
    #expect(try mean[0].scalars(as: Int32.self).prefix(6) == [9, 11, 12, 14, 15, 25])
    #expect(throws: GraftError.self) {
      try pool("FractionalMaxPool", images, [1, 9, 1, 1], pseudo: true)
    }
    #expect(throws: GraftError.self) {
      try pool("FractionalMaxPool", images, [1, 0.5, 1, 1], pseudo: true)
    }
  }

  @Test("Gradients go to the largest, or to all")
  func gradients() throws {
    let (rows, columns) = (try Tensor([0, 2, 3] as [Int64]), try Tensor([0, 1, 3] as [Int64]))
    let images = try NNHarness.counting(1, 3, 3, 1)
    let gradient = try NNHarness.counting(1, 2, 2, 1)
    let attributes: [String: AttributeValue] = ["overlapping": .bool(false)]
    let maximum = try KernelHarness.run(
      "FractionalMaxPoolGrad", in: NNOps.all, [images, gradient, gradient, rows, columns],
      attributes: attributes, types: ["T": .float32], outputs: [.float32])[0]
    try expectClose(maximum, [0, 0, 0, 1, 0, 2, 3, 0, 4])
    let sizes = try Tensor([1, 3, 3, 1] as [Int64])
    let mean = try KernelHarness.run(
      "FractionalAvgPoolGrad", in: NNOps.all, [sizes, gradient, rows, columns], attributes: attributes,
      types: ["T": .float32], outputs: [.float32])[0]
    try expectClose(mean, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 3, 2, 2])
    #expect(throws: GraftError.self) {
      try KernelHarness.run(
        "FractionalAvgPoolGrad", in: NNOps.all, [sizes, gradient, Tensor([0, 2, 9] as [Int64]), columns],
        attributes: attributes, types: ["T": .float32], outputs: [.float32])
    }
  }

  @Test("Images through a transform, by each way of filling what lies beyond")
  func projection() throws {
    let images = try Tensor(shape: [1, 3, 4, 1], scalars: (0..<12).map { Float($0) })
    let transform = try Tensor(
      shape: [1, 8], scalars: [1, 0.25, 3, 0.1, 1, -3.75, 0.01, 0.02] as [Float])
    let expected: [String: [Float]] = [
      "REFLECT": [
        11, 11, 10.098039, 9.174757, 8.26923, 9.784314, 9.165049, 7.7596154, 6.380953, 5.0283017,
      ],
      "WRAP": [11, 8, 8.90196, 9.825243, 8, 8, 8.126213, 9.048078, 9.952381, 8],
      "NEAREST": [Float](repeating: 3, count: 10),
      "CONSTANT": [Float](repeating: 7.5, count: 10),
    ]
    for (mode, values) in expected {
      let found = try KernelHarness.run(
        "ImageProjectiveTransformV3", in: ImageOps.all,
        [images, transform, try Tensor([2, 5] as [Int32]), try Tensor(Float(7.5))],
        attributes: ["interpolation": .string(Bytes("BILINEAR")), "fill_mode": .string(Bytes(mode))],
        types: ["dtype": .float32], outputs: [.float32])[0]
      try expectClose(found, values)
    }
  }

  @Test("The best along a dimension, and as many as a recall needs")
  func approximateTopK() throws {
    func best(_ input: Tensor, _ k: Int64, axis: Int64, largest: Bool, aggregates: Bool) throws -> [Tensor] {
      try KernelHarness.run(
        "ApproxTopK", in: NNOps.all, [input],
        attributes: [
          "k": .int(k), "reduction_dimension": .int(axis), "recall_target": .float(0.95),
          "is_max_k": .bool(largest), "aggregate_to_topk": .bool(aggregates),
          "reduction_input_size_override": .int(-1),
        ], types: ["T": input.dtype], outputs: [input.dtype, .int32])
    }
    let columns = try Tensor(shape: [3, 2], scalars: [1, 2, 3, 0, 5, 1] as [Float])
    let found = try best(columns, 2, axis: 0, largest: true, aggregates: true)
    #expect(try found[0].scalars() == [5, 2, 3, 1] as [Float])
    #expect(try found[1].scalars() == [2, 0, 1, 2] as [Int32])
    let row = try NNHarness.counting(1, 5000)
    for (k, size) in [(1, 128), (5, 256), (40, 1280), (200, 5000)] {
      let many = try best(row, Int64(k), axis: -1, largest: false, aggregates: false)
      #expect(many[0].shape == [1, size])
    }
    #expect(throws: GraftError.self) { try best(columns, 4, axis: 0, largest: true, aggregates: true) }
    #expect(throws: GraftError.self) { try best(columns, 1, axis: 2, largest: true, aggregates: true) }
  }
}
