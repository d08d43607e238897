import GraftGraph
import GraftTensor

/// The generator that two seed numbers name, scrambled so that either of them may be small.
enum StatelessSeed {
  static func generator(_ seed: Tensor, input: Int) throws -> Philox {
    guard seed.rank == 1, seed.elementCount == 2 else {
      throw GraftError(
        .invalidArgument, "'seed' is a vector of two integers, and the shape \(seed.shape) was found.",
        at: .init(input: input))
    }
    guard seed.dtype == .int32 || seed.dtype == .int64 else {
      throw GraftError(
        .invalidArgument, "'seed' is of int32 or int64, and \(seed.dtype) was found.", at: .init(input: input)
      )
    }
    let numbers = try seed.integers().map { UInt64(bitPattern: Int64($0)) }
    var scrambler = Philox(
      counter: (
        UInt32(truncatingIfNeeded: numbers[0]), UInt32(truncatingIfNeeded: numbers[0] >> 32),
        UInt32(truncatingIfNeeded: numbers[1]), UInt32(truncatingIfNeeded: numbers[1] >> 32)
      ), key: (0x3EC8_F720, 0x0246_1E29))
    let mixed = scrambler.next()
    return Philox(counter: (0, 0, mixed.2, mixed.3), key: (mixed.0, mixed.1))
  }
}

/// The numbers by which graphs name generators.
enum RandomAlgorithm: Int {
  case philox = 1
  case threeFry = 2
  case automatic = 3

  /// The generator with the key, the counter and the algorithm of three inputs.
  static func generator(_ context: KernelContext, key: Int, counter: Int, algorithm: Int) throws -> Philox {
    let number = try context.scalarInteger(algorithm, named: "alg")
    guard let named = RandomAlgorithm(rawValue: number), named != .threeFry else {
      throw GraftError(
        .invalidArgument, "'alg' is \(number); 1 (Philox) or 3 (any) is expected.",
        at: .init(input: algorithm),
        remedy: "TensorFlow has no other generator on the CPU either.")
    }
    let keys = try context.input(key)
    let counters = try context.input(counter)
    guard keys.rank == 1, keys.elementCount == 1, keys.dtype == .uint64 else {
      throw GraftError(
        .invalidArgument, "'key' is a vector of one uint64, and \(keys.dtype)\(keys.shape) was found.",
        at: .init(input: key))
    }
    guard counters.rank == 1, counters.elementCount >= 2, counters.dtype == .uint64 else {
      throw GraftError(
        .invalidArgument,
        "'counter' is a vector of two uint64, and \(counters.dtype)\(counters.shape) was found.",
        at: .init(input: counter))
    }
    let words = counters.buffer(as: UInt64.self)
    return Philox(counterWords: (words[0], words[1]), keyWord: keys.buffer(as: UInt64.self)[0])
  }
}

enum StatelessRandomOps {
  static let all: [OpDefinition] =
    real("Uniform", "from 0 to below 1", .uniform) + real("Normal", "that are normally distributed", .normal)
    + truncated + integers + keys

  private typealias Filling = @Sendable (KernelContext, Tensor, Philox) throws -> Void

  /// The two forms of an op: with a seed, and with key, counter and algorithm.
  private static func forms(
    _ names: (first: String, second: String), _ what: String, types: [DataType], _ fill: @escaping Filling,
    secondFill: Filling? = nil
  ) -> [OpDefinition] {
    [
      OpDefinition(
        names.first, "Random numbers \(what); the same for the same seed.", types: ["dtype": types],
        shape: ShapeRules.namedByFirstInput,
        prepare: { setup in
          let dtype = try setup.outputType(0)
          return { context in
            let shape = try context.namedShape(0)
            let generator = try StatelessSeed.generator(context.input(1), input: 1)
            try fill(context, context.allocate(0, dtype, shape), generator)
          }
        }),
      OpDefinition(
        names.second, "Random numbers \(what); the same for the same key, counter and algorithm.",
        types: ["dtype": types], shape: ShapeRules.namedByFirstInput,
        prepare: { setup in
          let dtype = try setup.outputType(0)
          return { context in
            let generator = try RandomAlgorithm.generator(context, key: 1, counter: 2, algorithm: 3)
            let output = try context.allocate(0, dtype, context.namedShape(0))
            try (secondFill ?? fill)(context, output, generator)
          }
        }),
    ]
  }

  private static func real(_ name: String, _ what: String, _ distribution: RandomDistribution)
    -> [OpDefinition]
  {
    forms(
      ("StatelessRandom\(name)", "StatelessRandom\(name)V2"), what, types: .floats,
      { context, output, generator in
        RandomFill.fill(output, distribution, from: generator, context.workers)
      })
  }

  private static let truncated = forms(
    ("StatelessTruncatedNormal", "StatelessTruncatedNormalV2"),
    "that are normally distributed between -2 and 2", types: .floats,
    { context, output, generator in
      RandomFill.fill(output, .truncatedNormal, from: generator, context.workers)
    })

  private static let integers: [OpDefinition] =
    forms(
      ("StatelessRandomUniformInt", "StatelessRandomUniformIntV2"), "from `minval` to below `maxval`",
      types: .indices,
      { context, output, generator in
        try fillIntegers(context, output, generator, firstBound: 2)
      },
      secondFill: { context, output, generator in
        try fillIntegers(context, output, generator, firstBound: 4)
      })
    + forms(
      ("StatelessRandomUniformFullInt", "StatelessRandomUniformFullIntV2"), "of all bits",
      types: [.int32, .int64, .uint32, .uint64],
      { context, output, generator in
        RandomFill.fillBits(output, generator, context.workers)
      })

  private static func fillIntegers(
    _ context: KernelContext, _ output: Tensor, _ generator: Philox, firstBound: Int
  ) throws {
    // Bounds of nothing may be impossible.
    guard output.elementCount > 0 else { return }
    let bounds = try context.integerBounds(firstBound, firstBound + 1)
    RandomFill.fill(output, from: bounds.low, below: bounds.high, generator, context.workers)
  }

  private static let keys: [OpDefinition] = [
    OpDefinition(
      "StatelessRandomGetKeyCounterAlg", "The key, the counter and the algorithm that a seed names.",
      shape: { _ in [PartialShape([1]), PartialShape([2]), .scalar] },
      prepare: { _ in
        { context in
          try writeKey(context)
          let algorithm = try context.allocate(2, .int32, .scalar)
          algorithm.mutableBuffer(as: Int32.self)[0] = Int32(RandomAlgorithm.philox.rawValue)
        }
      }),
    OpDefinition(
      "StatelessRandomGetKeyCounter", "The key and the counter that a seed names.",
      shape: { _ in [PartialShape([1]), PartialShape([2])] },
      prepare: { _ in { context in try writeKey(context) } }),
    OpDefinition(
      "StatelessRandomGetAlg", "The algorithm of random numbers: Philox.", shape: ShapeRules.scalar,
      prepare: { _ in
        { context in
          let algorithm = try context.allocate(0, .int32, .scalar)
          algorithm.mutableBuffer(as: Int32.self)[0] = Int32(RandomAlgorithm.philox.rawValue)
        }
      }),
  ]

  private static func writeKey(_ context: KernelContext) throws {
    let generator = try StatelessSeed.generator(context.input(0), input: 0)
    try context.allocate(0, .uint64, [1]).mutableBuffer(as: UInt64.self)[0] = generator.keyWord
    let counter = try context.allocate(1, .uint64, [2]).mutableBuffer(as: UInt64.self)
    counter[0] = generator.counterWords.0
    counter[1] = generator.counterWords.1
  }
}
