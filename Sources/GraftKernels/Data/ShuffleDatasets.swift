import GraftGraph
import GraftTensor
import Synchronization

/// Datasets in a random order, that of TensorFlow for the same seeds.
enum ShuffleDatasets {
  static let all: [OpDefinition] = [
    .dataset("ShuffleDataset", "The elements in a random order, each chosen from a buffer.") { node in
      let reshuffles = try node.bool("reshuffle_each_iteration")
      return { context in
        try shuffled(
          try context.dataset(0), try context.number(1),
          SeedGenerator(try context.number(2), try context.number(3), reshuffles: reshuffles))
      }
    },
    .dataset("ShuffleDatasetV2", "The elements in a random order, each chosen from a buffer.") { _ in
      return { context in
        try shuffled(
          try context.dataset(0), try context.number(1), try context.resource(2, as: SeedGenerator.self))
      }
    },
    .dataset("ShuffleDatasetV3", "The elements in a random order, each chosen from a buffer.") { node in
      let reshuffles = try node.bool("reshuffle_each_iteration")
      return { context in
        let shared = try context.input(4).handled(as: SeedGenerator.self)
        return try shuffled(
          try context.dataset(0), try context.number(1),
          shared ?? SeedGenerator(try context.number(2), try context.number(3), reshuffles: reshuffles))
      }
    },
    shuffleAndRepeat("ShuffleAndRepeatDataset"), shuffleAndRepeat("ShuffleAndRepeatDatasetV2"),
    OpDefinition(
      "AnonymousSeedGenerator", "The seeds of a shuffled dataset's rounds.", traits: [.stateful],
      shape: { _ in [.scalar, .scalar] }
    ) { node in
      let reshuffles = try node.bool("reshuffle")
      return { context in
        let generator = SeedGenerator(
          try context.number(0), try context.number(1), reshuffles: reshuffles)
        try context.setOutput(0, try Tensor(handle: generator))
        try context.setOutput(1, try Tensor(uninitialized: .variant, shape: .scalar))
      }
    },
    OpDefinition(
      "DummySeedGenerator", "A generator of seeds that gives none.", traits: [.stateful],
      shape: ShapeRules.scalar
    ) { _ in
      return { context in
        try context.setOutput(0, try Tensor(handle: SeedGenerator(0, 0, reshuffles: true)))
      }
    },
    OpDefinition(
      "DeleteSeedGenerator", "Forgets a generator of seeds.", traits: [.stateful], shape: { _ in [] }
    ) { _ in
      return { _ in }
    },
  ]

  private static func shuffleAndRepeat(_ name: String) -> OpDefinition {
    .dataset(name, "The elements in a random order, again and again.") { node in
      let reshuffles = try node.bool("reshuffle_each_iteration")
      return { context in
        let source = try shuffled(
          try context.dataset(0), try context.number(1),
          SeedGenerator(try context.number(2), try context.number(3), reshuffles: reshuffles))
        return OrderDatasets.repeated(source, try context.number(4))
      }
    }
  }

  private static func shuffled(
    _ source: Dataset, _ bufferSize: Int, _ seeds: SeedGenerator
  ) throws -> Dataset {
    guard bufferSize > 0 || bufferSize == -1 else {
      throw GraftError(
        .invalidArgument, "buffer_size is \(bufferSize); a shuffle needs a buffer of one at least.")
    }
    let size = bufferSize == -1 ? Int.max : bufferSize
    return Dataset(source.cardinality) {
      let elements = source.elements()
      var numbers: PhiloxNumbers?
      var buffer: [[Tensor]] = []
      // The buffer is a ring that begins at `start`; a chosen element leaves a free place there.
      var start = 0
      var isFree = false
      var isOver = false
      return { context in
        if isFree {
          isFree = false
          if !isOver, let element = try elements(context) {
            buffer[start] = element
            start = (start + 1) % buffer.count
          } else {
            isOver = true
            buffer = Array(buffer[(start + 1)...] + buffer[..<start])
            start = 0
          }
        }
        while !isOver, buffer.count < size {
          try context.checkpoint()
          guard let element = try elements(context) else {
            isOver = true
            break
          }
          buffer.append(element)
        }
        guard !buffer.isEmpty else { return nil }
        var generator = numbers ?? PhiloxNumbers(seeds.next())
        let index = (start + Int(generator.next()) % buffer.count) % buffer.count
        numbers = generator
        let chosen = buffer[index]
        buffer[index] = buffer[start]
        isFree = true
        return chosen
      }
    }
  }
}

/// Gives the seeds of each round of a shuffled dataset.
final class SeedGenerator: SessionResource {
  static let kind = "generator of seeds"

  private let first: (UInt64, UInt64)
  private let reshuffles: Bool
  private let numbers: Mutex<PhiloxNumbers>

  init(_ seed: Int, _ seed2: Int, reshuffles: Bool) {
    let isRandom = seed == 0 && seed2 == 0
    first =
      isRandom
      ? (.random(in: 0...(.max)), .random(in: 0...(.max)))
      : (UInt64(bitPattern: Int64(seed)), UInt64(bitPattern: Int64(seed2)))
    self.reshuffles = reshuffles
    numbers = Mutex(PhiloxNumbers(Philox(seed: first.0, seed2: first.1)))
  }

  /// The generator of the next round.
  func next() -> Philox {
    guard reshuffles else { return Philox(seed: first.0, seed2: first.1) }
    return numbers.withLock { numbers in
      let seed = UInt64(numbers.next())
      return Philox(seed: seed, seed2: UInt64(numbers.next()))
    }
  }
}
