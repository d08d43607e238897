import Glibc
import GraftGraph
import GraftTensor

enum MultinomialOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Multinomial", "Draws class numbers with the probabilities that rows of logits give.",
      types: ["T": .floats, "output_dtype": .indices], traits: [.stateful, .random], shape: shape,
      prepare: { setup in
        let seeds = try RandomSeeds(setup)
        let dtype = try setup.outputType(0)
        return { context in
          try draw(context, dtype) { try seeds.stream(context).reserve(elements: $0) }
        }
      }),
    OpDefinition(
      "StatelessMultinomial", "Multinomial that draws the same numbers for the same seed.",
      types: ["T": .floats, "output_dtype": .indices], shape: shape,
      prepare: { setup in
        let dtype = try setup.outputType(0)
        return { context in
          let generator = try StatelessSeed.generator(context.input(2), input: 2)
          try draw(context, dtype) { _ in generator }
        }
      }),
  ]

  private static let shape: ShapeRule = { context in
    let samples = context.value(1).flatMap { try? $0.integer() }
    return [PartialShape([context.input(0)[0], samples.flatMap { $0 < 0 ? nil : $0 }])]
  }

  private static func draw(
    _ context: KernelContext, _ dtype: DataType, _ reserve: (Int) throws -> Philox
  ) throws {
    let logits = try context.input(0)
    guard logits.rank == 2 else {
      throw GraftError(
        .invalidArgument, "'logits' is a matrix, and the shape \(logits.shape) was found.",
        at: .init(input: 0))
    }
    let samples = try context.scalarInteger(1, named: "num_samples")
    guard samples >= 0 else {
      throw GraftError(
        .invalidArgument, "'num_samples' is \(samples); it must not be negative.", at: .init(input: 1))
    }
    let classes = logits.shape[1]
    guard classes > 0 else {
      throw GraftError(.invalidArgument, "'logits' has no classes to draw.", at: .init(input: 0))
    }
    let shape = try Shape(validating: [logits.shape[0], samples])
    let output = try context.allocate(0, dtype, shape)
    guard shape.elementCount > 0 else { return }
    let generator = try reserve(logits.shape[0] * ((samples + 3) / 4 * 4) * 2)
    var numbers = PhiloxNumbers(generator)
    var sums = [Double](repeating: 0, count: classes)
    for row in 0..<logits.shape[0] {
      try context.checkpoint()
      let total = cumulate(logits, row, &sums)
      let start = row * samples
      if dtype == .int32 {
        let target = output.mutableBuffer(as: Int32.self)
        for sample in 0..<samples {
          target[start + sample] = Int32(truncatingIfNeeded: place(of: numbers.double() * total, in: sums))
        }
      } else {
        let target = output.mutableBuffer(as: Int64.self)
        for sample in 0..<samples {
          target[start + sample] = Int64(place(of: numbers.double() * total, in: sums))
        }
      }
    }
  }

  /// The sums of the probabilities up to each class, not normalized; logits that are not finite count nothing.
  private static func cumulate(_ logits: Tensor, _ row: Int, _ sums: inout [Double]) -> Double {
    let count = sums.count
    func read<T: FloatElement>(_ type: T.Type) -> [Double] {
      let values = logits.buffer(as: T.self)
      return (0..<count).map { values[row * count + $0].double }
    }
    let values: [Double]
    switch logits.dtype {
    case .float16: values = read(Float16.self)
    case .bfloat16: values = read(BFloat16.self)
    case .float64: values = read(Double.self)
    default: values = read(Float.self)
    }
    let highest = values.lazy.filter(\.isFinite).max() ?? 0
    var total = 0.0
    for index in 0..<count {
      if values[index].isFinite { total += exp(values[index] - highest) }
      sums[index] = total
    }
    return total
  }

  /// The first place whose sum is larger.
  private static func place(of value: Double, in sums: [Double]) -> Int {
    sums.partitioningIndex { value < $0 }
  }
}
