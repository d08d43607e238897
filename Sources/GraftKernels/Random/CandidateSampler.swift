import Glibc
import GraftTensor
import Synchronization

/// A distribution over classes from which candidates are drawn.
protocol CandidateDistribution: Sendable {
  /// A class.
  mutating func draw(_ numbers: inout PhiloxNumbers) -> Int
  /// How likely a class is drawn; zero for what is none.
  func probability(_ value: Int) -> Float
  /// Learns from the true classes of a batch.
  mutating func learn(_ values: UnsafeBufferPointer<Int64>)
}

extension CandidateDistribution {
  mutating func learn(_ values: UnsafeBufferPointer<Int64>) {}
}

/// Each class as likely as the other.
struct UniformCandidates: CandidateDistribution {
  let range: Int

  func draw(_ numbers: inout PhiloxNumbers) -> Int { Int(numbers.uniform64(below: UInt64(range))) }
  func probability(_ value: Int) -> Float { 1 / Float(range) }
}

/// Zipf's distribution: a class about as likely as one over its number.
struct LogUniformCandidates: CandidateDistribution {
  let range: Int
  private let scale: Double

  init(range: Int) {
    self.range = range
    scale = log1p(Double(range))
  }

  func draw(_ numbers: inout PhiloxNumbers) -> Int {
    (Int(exp(numbers.double() * scale)) - 1) % range
  }

  func probability(_ value: Int) -> Float {
    Float(log((Double(value) + 2) / (Double(value) + 1)) / scale)
  }
}

/// Classes as likely as given weights say, by Walker's alias method.
struct WeightedCandidates: CandidateDistribution {
  private let weights: [Float]
  private let total: Float
  /// For each place how much of it is the place's own class, and which other one has the rest.
  private var shares: [(own: Float, other: Int)]

  init(weights: [Float]) {
    self.weights = weights
    total = weights.reduce(0, +)
    let sum = weights.reduce(0.0) { $0 + Double($1) }
    var parts = weights.map { Double($0 * Float(weights.count)) / sum }
    shares = parts.indices.map { (1, $0) }
    var high: [Int] = []
    var low: [Int] = []
    for (place, part) in parts.enumerated() { if part < 1 { low.append(place) } else { high.append(place) } }
    while let poor = low.last, let rich = high.last {
      low.removeLast()
      high.removeLast()
      shares[poor] = (Float(parts[poor]), rich)
      parts[rich] -= 1 - parts[poor]
      if parts[rich] < 1 { low.append(rich) } else { high.append(rich) }
    }
  }

  func draw(_ numbers: inout PhiloxNumbers) -> Int {
    let share = numbers.float()
    let place = Int(numbers.uniform(below: UInt32(weights.count)))
    return share < shares[place].own ? place : shares[place].other
  }

  func probability(_ value: Int) -> Float { weights.indices.contains(value) ? weights[value] / total : 0 }
}

/// Classes as likely as they came before, each once at the beginning.
struct LearnedCandidates: CandidateDistribution {
  /// Sums of counts: those of all classes first, then of halves, quarters and so on.
  private var sums: [Int32]
  private let width: Int
  private let range: Int

  init(range: Int) {
    self.range = range
    var width = 1
    while width < range { width *= 2 }
    self.width = width
    sums = [Int32](repeating: 0, count: 2 * width)
    for place in 0..<range { sums[width + place] = 1 }
    for place in stride(from: width - 1, to: 0, by: -1) {
      sums[place] = sums[2 * place] + sums[2 * place + 1]
    }
  }

  func draw(_ numbers: inout PhiloxNumbers) -> Int {
    var rest = Int32(numbers.uniform(below: UInt32(sums[1])))
    var place = 1
    while place < width {
      place *= 2
      if rest >= sums[place] {
        rest -= sums[place]
        place += 1
      }
    }
    return place - width
  }

  func probability(_ value: Int) -> Float {
    (0..<range).contains(value) ? Float(sums[width + value]) / Float(sums[1]) : 0
  }

  mutating func learn(_ values: UnsafeBufferPointer<Int64>) {
    for value in values where value >= 0 && value < range && sums[1] < .max {
      var place = width + Int(value)
      while place > 0 {
        sums[place] += 1
        place /= 2
      }
    }
  }
}

/// A distribution that a session keeps for an operation, since it may learn.
final class CandidateSampler: SessionResource {
  static let kind = "candidate sampler"
  private let distribution: Mutex<any CandidateDistribution>

  init(_ distribution: any CandidateDistribution) {
    self.distribution = Mutex(distribution)
  }

  /// What is drawn: the classes, how often each is to be expected, and how often each true class is.
  struct Sample {
    var classes: [Int64]
    var expected: [Float]
    var trueExpected: [Float]
  }

  /// Draws classes, all different ones where `isUnique`.
  ///
  /// - Throws: what `checkpoint` throws, which is asked now and then.
  func sample(
    _ count: Int, isUnique: Bool, trueClasses: UnsafeBufferPointer<Int64>, _ generator: Philox,
    checkpoint: () throws -> Void
  ) throws -> Sample {
    try distribution.withLock { distribution in
      var numbers = PhiloxNumbers(generator)
      var classes: [Int64] = []
      classes.reserveCapacity(count)
      var seen: Set<Int64> = []
      var tries = 0
      while classes.count < count {
        tries += 1
        if tries % 65_536 == 0 { try checkpoint() }
        guard tries < Int(Int32.max) else {
          throw GraftError(.resourceExhausted, "There are not \(count) classes that are likely at all.")
        }
        let value = Int64(distribution.draw(&numbers))
        if !isUnique || seen.insert(value).inserted { classes.append(value) }
      }
      func expected(_ value: Int64) -> Float {
        let probability = distribution.probability(Int(value))
        if tries == count { return probability * Float(count) }
        return Float(-expm1(Double(tries) * log1p(-Double(probability))))
      }
      let sample = Sample(
        classes: classes, expected: classes.map(expected), trueExpected: trueClasses.map(expected))
      distribution.learn(trueClasses)
      return sample
    }
  }
}
