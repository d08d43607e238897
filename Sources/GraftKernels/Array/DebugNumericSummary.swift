import GraftTensor

/// What a debugger of numbers asks of a tensor.
enum DebugNumericSummary {
  static let definition = OpDefinition(
    "DebugNumericSummaryV2",
    "Counts about a tensor: by `tensor_debug_mode` whether there are infinities or NaN (2), how many of each (3), "
      + "with signs and zeros (4), the shape (5), or the infinities and NaN themselves where there are such (8).",
    types: ["T": .reals + [.bool], "output_dtype": [.float32, .float64]], shape: ShapeRules.unknown
  ) { node in
    let (mode, identifier) = (try node.int("tensor_debug_mode"), try node.int("tensor_id"))
    let (source, target) = (try node.inputType(0), try node.outputType(0))
    guard [2, 3, 4, 5, 8].contains(mode) else {
      throw node.unimplemented("There is no debug mode \(mode): 2, 3, 4, 5 and 8 are known.")
    }
    guard identifier <= 1 << (target == .float32 ? 24 : 53) else {
      throw node.invalid("tensor_id is \(identifier), which \(target) cannot hold exactly.")
    }
    return { context in
      let input = try context.input(0)
      let counts = Counts(input)
      let count = Double(input.elementCount)
      var numbers: [Double]
      switch mode {
      case 2: numbers = [counts.isHealthy ? 0 : 1]
      case 3: numbers = [count, counts.negativeInfinities, counts.infinities, counts.notNumbers]
      case 4:
        // The second number is the device, of which nothing is known.
        numbers = [
          -1, Double(source.rawValue), Double(input.rank), count, counts.negativeInfinities,
          counts.infinities,
          counts.notNumbers, counts.negative, counts.zeros, counts.positive,
        ]
      case 5:
        let sizes = input.shape.dimensions.suffix(6).map { Double($0) }
        numbers = [Double(source.rawValue), Double(input.rank), count] + sizes
        numbers += [Double](repeating: 0, count: 6 - sizes.count)
      default:
        numbers = [
          counts.negativeInfinities > 0 ? -.infinity : 0, counts.infinities > 0 ? .infinity : 0,
          counts.notNumbers > 0 ? .nan : 0,
        ]
      }
      if mode != 8 { numbers.insert(Double(identifier), at: 0) }
      try context.setOutput(0, try target == .float32 ? Tensor(numbers.map { Float($0) }) : Tensor(numbers))
    }
  }

  /// How many elements there are of each kind.
  private struct Counts {
    var negativeInfinities = 0.0
    var infinities = 0.0
    var notNumbers = 0.0
    var negative = 0.0
    var zeros = 0.0
    var positive = 0.0

    var isHealthy: Bool { negativeInfinities + infinities + notNumbers == 0 }

    init(_ tensor: Tensor) {
      switch tensor.dtype {
      case .float16: count(tensor, Float16.self)
      case .bfloat16: count(tensor, BFloat16.self)
      case .float32: count(tensor, Float.self)
      case .float64: count(tensor, Double.self)
      case .int8: count(tensor, Int8.self)
      case .int16: count(tensor, Int16.self)
      case .int32: count(tensor, Int32.self)
      case .int64: count(tensor, Int64.self)
      case .uint16: count(tensor, UInt16.self)
      case .uint32: count(tensor, UInt32.self)
      case .uint64: count(tensor, UInt64.self)
      // Bools are bytes of 0 and 1.
      default: count(tensor.reinterpreted(as: .uint8), UInt8.self)
      }
    }

    private mutating func count<T: OrderedElement>(_ tensor: Tensor, _ type: T.Type) {
      for element in tensor.buffer(as: type) {
        let value = element.double
        if value.isNaN {
          notNumbers += 1
        } else if value.isInfinite {
          if value < 0 { negativeInfinities += 1 } else { infinities += 1 }
        } else if value == 0 {
          zeros += 1
        } else if value < 0 {
          negative += 1
        } else {
          positive += 1
        }
      }
    }
  }
}
