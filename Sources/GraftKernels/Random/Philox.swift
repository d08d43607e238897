import GraftTensor
import Synchronization

/// The generator Philox 4x32-10 (Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011), whose
/// numbers are those of TensorFlow for the same key and counter.
struct Philox: Sendable {
  /// Four random numbers.
  typealias Block = (UInt32, UInt32, UInt32, UInt32)

  private(set) var counter: Block
  let key: (UInt32, UInt32)

  /// A generator that stands at a counter of its stream.
  init(counter: Block, key: (UInt32, UInt32)) {
    self.counter = counter
    self.key = key
  }

  /// The generator that an op's two seed attributes name.
  init(seed: UInt64, seed2: UInt64) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    counter = (0, 0, UInt32(truncatingIfNeeded: seed2), UInt32(truncatingIfNeeded: seed2 >> 32))
  }

  /// The generator whose counter and key lie in 64-bit words, low halves first.
  init(counterWords: (UInt64, UInt64), keyWord: UInt64) {
    counter = (
      UInt32(truncatingIfNeeded: counterWords.0), UInt32(truncatingIfNeeded: counterWords.0 >> 32),
      UInt32(truncatingIfNeeded: counterWords.1), UInt32(truncatingIfNeeded: counterWords.1 >> 32)
    )
    key = (UInt32(truncatingIfNeeded: keyWord), UInt32(truncatingIfNeeded: keyWord >> 32))
  }

  /// The counter as 64-bit words, low halves first.
  var counterWords: (UInt64, UInt64) {
    (UInt64(counter.0) | UInt64(counter.1) << 32, UInt64(counter.2) | UInt64(counter.3) << 32)
  }

  /// The key as a 64-bit word.
  var keyWord: UInt64 { UInt64(key.0) | UInt64(key.1) << 32 }

  /// Goes over blocks of the stream.
  mutating func skip(_ blocks: UInt64) {
    let low = UInt32(truncatingIfNeeded: blocks)
    var high = UInt32(truncatingIfNeeded: blocks >> 32)
    counter.0 &+= low
    if counter.0 < low { high &+= 1 }
    counter.1 &+= high
    if counter.1 < high {
      counter.2 &+= 1
      if counter.2 == 0 { counter.3 &+= 1 }
    }
  }

  /// The same, so many blocks further in the stream.
  func at(block: Int) -> Philox {
    var generator = self
    generator.skip(UInt64(block))
    return generator
  }

  /// Calls the body with the counter's four words and the key's two.
  func withWords(_ body: (UnsafePointer<UInt32>, UnsafePointer<UInt32>) -> Void) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 6) { words in
      guard let base = words.baseAddress else { return }
      for (index, word) in [counter.0, counter.1, counter.2, counter.3, key.0, key.1].enumerated() {
        words.initializeElement(at: index, to: word)
      }
      body(base, base + 4)
    }
  }

  /// The next block of the stream.
  @inline(__always)
  mutating func next() -> Block {
    var block = counter
    var key = self.key
    for round in 0..<10 {
      if round > 0 {
        key.0 &+= 0x9E37_79B9
        key.1 &+= 0xBB67_AE85
      }
      let first = UInt64(block.0) &* 0xD251_1F53
      let second = UInt64(block.2) &* 0xCD9E_8D57
      block = (
        UInt32(truncatingIfNeeded: second >> 32) ^ block.1 ^ key.0, UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ block.3 ^ key.1, UInt32(truncatingIfNeeded: first)
      )
    }
    counter.0 &+= 1
    if counter.0 == 0 {
      counter.1 &+= 1
      if counter.1 == 0 {
        counter.2 &+= 1
        if counter.2 == 0 { counter.3 &+= 1 }
      }
    }
    return block
  }
}

/// Gives the numbers of a generator one by one.
struct PhiloxNumbers {
  private var generator: Philox
  private var block: Philox.Block = (0, 0, 0, 0)
  private var used = 4

  init(_ generator: Philox) {
    self.generator = generator
  }

  @inline(__always)
  mutating func next() -> UInt32 {
    if used == 4 {
      block = generator.next()
      used = 0
    }
    used += 1
    switch used {
    case 1: return block.0
    case 2: return block.1
    case 3: return block.2
    default: return block.3
    }
  }

  /// A number from 0 to below `bound`, each equally likely.
  mutating func uniform(below bound: UInt32) -> UInt32 {
    if bound & (bound &- 1) == 0 { return bound == 0 ? next() &* 0 : next() & (bound - 1) }
    let remainder = UInt32.max % bound + 1
    while true {
      let number = next()
      if number >= remainder { return number % bound }
    }
  }

  /// A number of 64 bits.
  mutating func next64() -> UInt64 {
    let low = UInt64(next())
    return low | UInt64(next()) << 32
  }

  /// A number of 64 bits from 0 to below `bound`, each equally likely; zero where the bound is.
  mutating func uniform64(below bound: UInt64) -> UInt64 {
    if bound & (bound &- 1) == 0 { return bound == 0 ? 0 : next64() & (bound - 1) }
    let remainder = UInt64.max % bound + 1
    while true {
      let number = next64()
      if number >= remainder { return number % bound }
    }
  }

  /// A number from 0 to below 1.
  mutating func float() -> Float { UniformNumber.float(next()) }

  /// A number from 0 to below 1.
  mutating func double() -> Double {
    let first = next()
    return UniformNumber.double(first, next())
  }
}

/// The random stream of an operation with seed attributes: each run goes on where the last one ended. It
/// belongs to a session.
final class RandomStream: SessionResource {
  static let kind = "random stream"
  private let generator: Mutex<Philox>

  init(_ generator: Philox) {
    self.generator = Mutex(generator)
  }

  /// A part of the stream for the caller alone, of so many blocks of four numbers.
  func reserve(blocks: Int) -> Philox {
    generator.withLock { generator in
      let start = generator
      generator.skip(UInt64(truncatingIfNeeded: blocks))
      return start
    }
  }
}

/// Finds an operation's random stream.
struct RandomSeeds: Sendable {
  private let name: String
  private let seed: Int
  private let seed2: Int

  /// The seeds that a node's attributes give; both zero: other numbers in every session.
  init(_ setup: NodeSetup) throws {
    seed = try setup.int("seed")
    seed2 = try setup.int("seed2")
    // Nodes of one name in different functions have streams of their own where they have other seeds.
    name = "\(setup.op) \(setup.name) \(seed) \(seed2)"
  }

  /// The stream in the run's session.
  func stream(_ context: KernelContext) throws -> RandomStream {
    try context.resources.resource(RandomStream.self, container: "", name: name) {
      if seed == 0 && seed2 == 0 {
        var system = SystemRandomNumberGenerator()
        return RandomStream(Philox(seed: system.next(), seed2: system.next()))
      }
      return RandomStream(
        Philox(seed: UInt64(bitPattern: Int64(seed)), seed2: UInt64(bitPattern: Int64(seed2))))
    }
  }
}
