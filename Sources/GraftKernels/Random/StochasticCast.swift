import GraftTensor

/// Rounding up or down by chance.
enum StochasticCastOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "StochasticCastToInt",
      "Integers next to each element, the farther one from zero with the probability that the fraction is. The "
        + "numbers are TensorFlow's for tensors that it does not split between threads.",
      types: ["Tin": .floats, "Tout": [.int8, .int16, .int32]], shape: ShapeRules.sameAsInput
    ) { node in
      let (source, target) = (try node.inputType(0), try node.outputType(0))
      return { context in
        let generator = try generator(context)
        func from<T: FloatElement>(_ type: T.Type, _ uniform: Uniform<T>) throws {
          switch target {
          case .int8: try cast(T.self, to: Int8.self, target, uniform, generator, context)
          case .int16: try cast(T.self, to: Int16.self, target, uniform, generator, context)
          default: try cast(T.self, to: Int32.self, target, uniform, generator, context)
          }
        }
        switch source {
        case .float16: try from(Float16.self, Uniform(group: 1) { [UniformNumber.half($0.0).double] })
        case .bfloat16: try from(BFloat16.self, Uniform(group: 1) { [UniformNumber.bfloat16($0.0).double] })
        case .float32:
          try from(
            Float.self,
            Uniform(group: 8) { block in
              let words: [UInt32] = [block.0, block.1, block.2, block.3]
              return words.map { UniformNumber.float($0).double }
            })
        default:
          try from(
            Double.self,
            Uniform(group: 4) {
              [UniformNumber.double($0.0, $0.1), UniformNumber.double($0.2, $0.3)]
            })
        }
      }
    }
  ]

  /// How random numbers from 0 to 1 are made of a block, and for how many elements at once.
  private struct Uniform<T> {
    let group: Int
    let numbers: (Philox.Block) -> [Double]
  }

  /// The generator: TensorFlow takes its seeds from the counter's and the key's first words.
  private static func generator(_ context: KernelContext) throws -> Philox {
    let (key, counter, algorithm) = (try context.input(1), try context.input(2), try context.input(3))
    guard key.shape == Shape([1]), counter.shape == Shape([2]) || counter.shape == Shape([1]) else {
      throw ArrayArguments.invalid(
        "A key of shape [1] and a counter of shape [2] are expected, and \(key.shape) and \(counter.shape) were "
          + "found.", input: 1)
    }
    guard try [1, 3].contains(algorithm.integer()) else {
      throw ArrayArguments.invalid("The algorithm must be Philox (1) or any (3).", input: 3)
    }
    return Philox(seed: counter.buffer(as: UInt64.self)[0], seed2: key.buffer(as: UInt64.self)[0])
  }

  private static func cast<T: FloatElement, I: FixedWidthInteger & TensorScalar>(
    _ type: T.Type, to integer: I.Type, _ dtype: DataType, _ uniform: Uniform<T>, _ start: Philox,
    _ context: KernelContext
  ) throws {
    let input = try context.input(0)
    let source = input.buffer(as: T.self)
    let target = try context.allocate(0, dtype, input.shape).mutableBuffer(as: I.self)
    var generator = start
    // The bounds as the elements' type has them, and as integers.
    let bounds = (T(T.Compute(I.min)).double, T(T.Compute(I.max)).double)
    func place(_ value: Double) -> I {
      // What the bound is rounded to may be no integer of the type.
      I(exactly: value) ?? .min
    }
    func rounded(_ value: Double, _ number: () -> Double) -> I {
      if value.isNaN { return 0 }
      if value >= bounds.1 { return place(bounds.1) }
      if value <= bounds.0 { return place(bounds.0) }
      let whole = value.rounded(.towardZero)
      if whole == value { return place(whole) }
      let fraction = (value - whole).magnitude
      return place(number() < fraction ? whole + (value < 0 ? -1 : 1) : whole)
    }
    var index = 0
    // As TensorFlow's processor code does it: groups share a block, and the elements left have one each.
    while index < target.count {
      if target.count - index >= uniform.group, uniform.group > 1 {
        let numbers = uniform.numbers(generator.next())
        for offset in 0..<uniform.group {
          target[index + offset] = rounded(source[index + offset].double) { numbers[offset % numbers.count] }
        }
        index += uniform.group
      } else {
        target[index] = rounded(source[index].double) { uniform.numbers(generator.next())[0] }
        index += 1
      }
    }
  }
}
