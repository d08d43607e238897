import Glibc
import GraftGraph
import GraftTensor

/// Gives the numbers of one kind that blocks of random bits make, of each block the last one first.
struct BlockNumbers {
  private var pending: Double?

  /// A uniform number from 0 to below 1.
  mutating func uniform(_ generator: inout Philox) -> Double {
    if let number = pending {
      pending = nil
      return number
    }
    let block = generator.next()
    pending = UniformNumber.double(block.0, block.1)
    return UniformNumber.double(block.2, block.3)
  }

  /// A normally distributed number.
  mutating func normal(_ generator: inout Philox) -> Double {
    if let number = pending {
      pending = nil
      return number
    }
    let pair = NormalNumbers.doubles(generator.next())
    pending = pair.0
    return pair.1
  }
}

/// The gamma distribution, by the method of Marsaglia and Tsang (2000).
private struct GammaSampler {
  private let alpha: Double
  private let d: Double
  private let c: Double

  init(_ alpha: Double) {
    self.alpha = alpha
    d = alpha + (alpha < 1 ? 2.0 / 3 : -1.0 / 3)
    c = 1.0 / 3 / d.squareRoot()
  }

  func sample(_ start: Philox) -> Double {
    // There is no such distribution, and no end to looking for a number.
    guard !c.isNaN else { return .nan }
    var generator = start
    if alpha == 1 {
      var numbers = BlockNumbers()
      return -log1p(-numbers.uniform(&generator))
    }
    var normals = BlockNumbers()
    var uniforms = BlockNumbers()
    while true {
      let x = normals.normal(&generator)
      let root = 1 + c * x
      if root <= 0 { continue }
      let v = root * root * root
      let u = uniforms.uniform(&generator)
      guard u < 1 - 0.0331 * (x * x) * (x * x) || log(u) < 0.5 * x * x + d * (1 - v + log(v)) else {
        continue
      }
      return alpha < 1 ? d * v * pow(uniforms.uniform(&generator), 1 / alpha) : d * v
    }
  }
}

enum RandomGammaOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "RandomGamma", "Random numbers of gamma distributions, `shape` of them for each element of `alpha`.",
      types: ["T": .floats], traits: [.stateful, .random],
      shape: { [PartialShape.joined($0.namedShape(0), $0.input(1))] },
      prepare: { setup in
        let seeds = try RandomSeeds(setup)
        return { context in
          let alpha = try context.input(1)
          let samples = try context.namedShape(0)
          let shape = try Shape(validating: samples.dimensions + alpha.shape.dimensions)
          let output = try context.allocate(0, alpha.dtype, shape)
          guard output.elementCount > 0 else { return }
          try fill(context, output, alpha, try seeds.stream(context).reserve(elements: output.elementCount))
        }
      }),
    OpDefinition(
      "StatelessRandomGammaV2", "Random numbers of gamma distributions; the same for the same seed.",
      types: ["dtype": .floats], shape: ShapeRules.namedByFirstInput,
      prepare: { _ in
        { context in
          try stateless(context, alpha: 2, StatelessSeed.generator(context.input(1), input: 1))
        }
      }),
    OpDefinition(
      "StatelessRandomGammaV3",
      "Random numbers of gamma distributions; the same for the same key, counter and algorithm.",
      types: ["dtype": .floats], shape: ShapeRules.namedByFirstInput,
      prepare: { _ in
        { context in
          try stateless(
            context, alpha: 4, RandomAlgorithm.generator(context, key: 1, counter: 2, algorithm: 3))
        }
      }),
  ]

  private static func stateless(_ context: KernelContext, alpha: Int, _ generator: Philox) throws {
    let alphas = try context.input(alpha)
    let shape = try context.namedShape(0)
    guard shape.dimensions.suffix(alphas.rank) == alphas.shape.dimensions[...] else {
      throw GraftError(
        .invalidArgument, "'shape' is \(shape), and must end with that of 'alpha', \(alphas.shape).")
    }
    let output = try context.allocate(0, alphas.dtype, shape)
    guard output.elementCount > 0 else { return }
    try fill(context, output, alphas, generator)
  }

  /// Each number has a region of the stream, and takes as many blocks of it as it needs.
  private static func fill(
    _ context: KernelContext, _ output: Tensor, _ alphas: Tensor, _ generator: Philox
  ) throws {
    func fill<T: FloatElement>(_ type: T.Type, _ rounded: (Double) -> T) throws {
      let source = alphas.buffer(as: T.self)
      let target = output.mutableBuffer(as: T.self)
      let samples = target.count / source.count
      for (place, alpha) in source.enumerated() {
        try context.checkpoint()
        let sampler = GammaSampler(alpha.double)
        for sample in 0..<samples {
          var start = generator
          start.skip(UInt64(RandomFill.reservedBlocks) &* UInt64(place * samples + sample))
          target[sample * source.count + place] = rounded(sampler.sample(start))
        }
      }
    }
    switch output.dtype {
    case .float16: try fill(Float16.self) { Float16($0) }
    case .bfloat16: try fill(BFloat16.self) { BFloat16(Float($0)) }
    case .float64: try fill(Double.self) { $0 }
    default: try fill(Float.self) { Float($0) }
    }
  }
}

extension PartialShape {
  /// The dimensions of one shape, then those of another.
  static func joined(_ first: PartialShape, _ second: PartialShape) -> PartialShape {
    guard let first = first.dimensions, let second = second.dimensions else { return .unknown }
    return PartialShape(first + second)
  }
}
