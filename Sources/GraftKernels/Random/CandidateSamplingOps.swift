import Glibc
import GraftTensor

/// Ops that draw classes to train against.
enum CandidateSamplingOps {
  static let all: [OpDefinition] = [
    sampler("UniformCandidateSampler", "each as likely as the other") { _, range in
      { _ in UniformCandidates(range: range) }
    },
    sampler("LogUniformCandidateSampler", "low ones more likely than high ones, as words in a language are") {
      _, range in { _ in LogUniformCandidates(range: range) }
    },
    sampler(
      "LearnedUnigramCandidateSampler", "as likely as they were among the true classes so far", learned),
    sampler(
      "ThreadUnsafeUnigramCandidateSampler", "as likely as they were among the true classes so far", learned),
    sampler(
      "FixedUnigramCandidateSampler", "as likely as `unigrams` or the lines of `vocab_file` say", fixedUnigram
    ),
    allClasses,
    accidentalHits,
  ]

  private typealias Factory =
    @Sendable (NodeSetup, Int) throws -> (
      @Sendable (KernelContext) throws -> any CandidateDistribution
    )

  private static func learned(
    _ setup: NodeSetup, _ range: Int
  ) throws -> @Sendable (KernelContext) throws -> any CandidateDistribution {
    guard range < 1 << 28 else { throw setup.invalid("The attribute 'range_max' is too large: \(range).") }
    return { _ in
      try MemoryAccount.requireRoom(for: range, bytesEach: 4 * MemoryLayout<Int32>.stride)
      return LearnedCandidates(range: range)
    }
  }

  private static func sampler(
    _ name: String, _ likelihood: String, _ distribution: @escaping Factory
  ) -> OpDefinition {
    OpDefinition(
      name,
      "Draws `num_sampled` of `range_max` classes, \(likelihood), and says how often each of them and each "
        + "true class is to be expected.",
      traits: name == "FixedUnigramCandidateSampler"
        ? [.stateful, .random, .readsFiles] : [.stateful, .random],
      shape: shape
    ) { setup in
      let arguments = try Arguments(setup)
      let range = try setup.int("range_max")
      guard range > 0 else {
        throw setup.invalid("The attribute 'range_max' is \(range), and must be 1 or more.")
      }
      guard !arguments.isUnique || arguments.count <= range else {
        throw setup.invalid(
          "There are \(range) classes, and \(arguments.count) different ones are asked for.")
      }
      let seeds = try RandomSeeds(setup)
      let make = try distribution(setup, range)
      let key = "\(setup.op) \(setup.name)"
      return { context in
        let trueClasses = try arguments.trueClasses(context)
        for value in trueClasses.buffer(as: Int64.self) where value < 0 || value >= range {
          throw GraftError(
            .invalidArgument, "A true class is \(value), and classes are in [0, \(range)).",
            at: .init(input: 0))
        }
        let made = try context.resources.resource(CandidateSampler.self, container: "", name: key) {
          CandidateSampler(try make(context))
        }
        // As many numbers as TensorFlow sets aside, since unique classes may take many tries.
        let generator = try seeds.stream(context).reserve(blocks: 512 * arguments.count)
        let sample = try made.sample(
          arguments.count, isUnique: arguments.isUnique, trueClasses: trueClasses.buffer(as: Int64.self),
          generator, checkpoint: context.checkpoint)
        try context.setOutput(0, try Tensor(sample.classes))
        try context.setOutput(
          1, try Tensor(shape: trueClasses.shape.dimensions, scalars: sample.trueExpected))
        try context.setOutput(2, try Tensor(sample.expected))
      }
    }
  }

  private static let allClasses = OpDefinition(
    "AllCandidateSampler", "All classes from 0 to `num_sampled`, each expected once.", shape: shape
  ) { setup in
    let arguments = try Arguments(setup)
    return { context in
      let trueClasses = try arguments.trueClasses(context)
      let ones = [Float](repeating: 1, count: trueClasses.elementCount)
      try context.setOutput(0, try Tensor((0..<arguments.count).map { Int64($0) }))
      try context.setOutput(1, try Tensor(shape: trueClasses.shape.dimensions, scalars: ones))
      try context.setOutput(2, try Tensor([Float](repeating: 1, count: arguments.count)))
    }
  }

  private static let shape: ShapeRule = { context in
    let count = try context.node.int("num_sampled")
    let trueCount = try context.node.int("num_true")
    return [
      PartialShape([count]), PartialShape([context.input(0)[0], trueCount]), PartialShape([count]),
    ]
  }

  /// What all samplers are told.
  private struct Arguments: Sendable {
    let count: Int
    let trueCount: Int
    let isUnique: Bool

    init(_ setup: NodeSetup) throws {
      count = try setup.int("num_sampled")
      trueCount = try setup.int("num_true")
      isUnique = try setup.bool("unique")
      guard count > 0, count <= 1 << 28, trueCount > 0 else {
        throw setup.invalid(
          "The attributes 'num_sampled' and 'num_true' must be positive, and are \(count) and \(trueCount).")
      }
    }

    /// The true classes, after a look whether there is room for those that are to be drawn.
    func trueClasses(_ context: KernelContext) throws -> Tensor {
      // A class, what it is expected to be, and among different ones its place in a set.
      try MemoryAccount.requireRoom(for: count, bytesEach: isUnique ? 64 : 24)
      let classes = try context.input(0)
      guard classes.rank == 2, classes.shape[1] == trueCount else {
        throw GraftError(
          .invalidArgument,
          "'true_classes' must be a matrix with \(trueCount) columns, and its shape is \(classes.shape).",
          at: .init(input: 0))
      }
      return classes
    }
  }

  private static let accidentalHits = OpDefinition(
    "ComputeAccidentalHits",
    "Where a sampled class is a true one: the row, the place among the samples, and the lowest float, which "
      + "added to the logit takes it out.", traits: [],
    shape: { _ in
      [PartialShape([nil]), PartialShape([nil]), PartialShape([nil])]
    }
  ) { setup in
    let trueCount = try setup.int("num_true")
    return { context in
      let classes = try context.input(0)
      let sampled = try context.input(1)
      guard classes.rank == 2, classes.shape[1] == trueCount else {
        throw GraftError(
          .invalidArgument,
          "'true_classes' must be a matrix with \(trueCount) columns, and its shape is \(classes.shape).",
          at: .init(input: 0))
      }
      guard sampled.rank == 1 else {
        throw GraftError(
          .invalidArgument, "'sampled_candidates' must be a vector, and its shape is \(sampled.shape).",
          at: .init(input: 1))
      }
      var places: [Int64: Int64] = [:]
      for (place, value) in sampled.buffer(as: Int64.self).enumerated() { places[value] = Int64(place) }
      var rows: [Int32] = []
      var hits: [Int64] = []
      for (index, value) in classes.buffer(as: Int64.self).enumerated() {
        guard let place = places[value] else { continue }
        rows.append(Int32(truncatingIfNeeded: index / trueCount))
        hits.append(place)
      }
      try context.setOutput(0, try Tensor(rows))
      try context.setOutput(1, try Tensor(hits))
      try context.setOutput(
        2, try Tensor([Float](repeating: -.greatestFiniteMagnitude, count: hits.count)))
    }
  }

  // MARK: FixedUnigramCandidateSampler

  private static func fixedUnigram(
    _ setup: NodeSetup, _ range: Int
  ) throws -> @Sendable (KernelContext) throws -> any CandidateDistribution {
    let file = try setup.string("vocab_file")
    let unigrams = try setup.floats("unigrams")
    let distortion = try setup.float("distortion")
    let reserved = try setup.int("num_reserved_ids")
    let (shards, shard) = (try setup.int("num_shards"), try setup.int("shard"))
    guard file.isEmpty != unigrams.isEmpty else {
      throw setup.invalid("One of the attributes 'vocab_file' and 'unigrams' must be given, and not both.")
    }
    guard reserved >= 0, reserved <= range, shards > 0, shard >= 0, shard < shards else {
      throw setup.invalid(
        "The attributes 'num_reserved_ids' (\(reserved)), 'num_shards' (\(shards)) and 'shard' (\(shard)) do "
          + "not fit.")
    }
    return { context in
      let numbers = try file.isEmpty ? unigrams : counts(inLinesOf: file, context)
      try MemoryAccount.requireRoom(for: reserved, bytesEach: MemoryLayout<Float>.stride)
      var weights = [Float](repeating: 0, count: reserved)
      for (place, count) in numbers.enumerated() where (reserved + place) % shards == shard {
        weights.append(Float(pow(Double(count), Double(distortion))))
      }
      guard weights.count == range else {
        throw GraftError(
          .invalidArgument,
          "The attribute 'range_max' is \(range), and there are \(weights.count) words in the vocabulary.")
      }
      guard weights.allSatisfy({ $0 >= 0 && $0.isFinite }), weights.contains(where: { $0 > 0 }) else {
        throw GraftError(.invalidArgument, "The weights of the words must be positive, finite numbers.")
      }
      return WeightedCandidates(weights: weights)
    }
  }

  /// The numbers behind the last comma of each line.
  private static func counts(inLinesOf path: String, _ context: KernelContext) throws -> [Float] {
    let place = try context.files.placeForReading(path)
    return try FileBytes.read(place).split(separator: UInt8(ascii: "\n")).map { line in
      let field = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).last ?? line
      guard let value = Float(String(decoding: field, as: UTF8.self)) else {
        throw GraftError(
          .invalidArgument, "A line of the vocabulary does not end in a number.", at: .init(file: path))
      }
      return value
    }
  }
}
