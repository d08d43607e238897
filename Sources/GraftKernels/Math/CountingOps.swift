import GraftTensor

/// How often numbers come up.
extension MathOps {
  static let counting: [OpDefinition] = [
    OpDefinition(
      "Bincount",
      "How often each number below `size` comes up in `arr`, or the sum of the weights at its places.",
      types: ["T": [.int32, .int64, .float32, .float64]],
      shape: { [PartialShape([countedSize($0, 1)])] },
      prepare: { setup in
        let dtype = try setup.outputType(0)
        return { context in
          let (numbers, weights) = (try context.input(0), try context.input(2))
          let size = try binCount(context, 1)
          guard weights.elementCount == 0 || weights.elementCount == numbers.elementCount else {
            throw ArrayArguments.invalid(
              "There are \(numbers.elementCount) numbers and \(weights.elementCount) weights.", input: 2,
              remedy: "Give a weight for each number, or none.")
          }
          let y = try context.allocate(0, dtype, try Shape(validating: [size]))
          try count(dtype, try numbers.integers(), rows: 1, size, weights, y, isBinary: false)
        }
      }),
    OpDefinition(
      "DenseBincount",
      "How often each number below `size` comes up in the input, or in each of its rows; or the sum of the "
        + "weights at its places; or, with `binary_output`, whether it comes up.",
      types: ["Tidx": .indices, "T": [.int32, .int64, .float32, .float64]],
      shape: { context in
        guard let rank = context.input(0).rank else { return [.unknown] }
        let size = countedSize(context, 1)
        return [PartialShape(rank == 2 ? [context.input(0)[0], size] : [size])]
      },
      prepare: { setup in
        let dtype = try setup.outputType(0)
        let isBinary = try setup.bool("binary_output")
        return { context in
          let (numbers, weights) = (try context.input(0), try context.input(2))
          let size = try binCount(context, 1)
          guard numbers.rank <= 2 else {
            throw ArrayArguments.invalid(
              "The input has \(numbers.rank) dimensions, and may have no more than 2.", input: 0)
          }
          guard weights.elementCount == 0 || weights.shape == numbers.shape else {
            throw ArrayArguments.invalid(
              "The weights have shape \(weights.shape), and the input has \(numbers.shape).", input: 2,
              remedy: "Give a weight for each number, or none.")
          }
          let rows = numbers.rank == 2 ? numbers.shape[0] : 1
          let shape = numbers.rank == 2 ? [rows, size] : [size]
          let y = try context.allocate(0, dtype, try Shape(validating: shape))
          try count(dtype, try numbers.integers(), rows: rows, size, weights, y, isBinary: isBinary)
        }
      }),
    OpDefinition(
      "HistogramFixedWidth",
      "How many values fall into each of `nbins` intervals of equal width; values outside of the range count "
        + "for the first or the last.",
      types: ["T": [.int32, .int64, .float32, .float64], "dtype": .indices],
      shape: { [PartialShape([countedSize($0, 2).flatMap { $0 > 0 ? $0 : nil }])] },
      prepare: { setup in
        let (dtype, output) = (try setup.inputType(0), try setup.outputType(0))
        return { context in
          let bins = try ArrayArguments.scalar(context, 2, "nbins")
          guard bins > 0 else {
            throw ArrayArguments.invalid("nbins must be positive, and is \(bins).", input: 2)
          }
          let (values, range) = (try context.input(0), try context.input(1))
          guard range.rank == 1, range.elementCount == 2 else {
            throw ArrayArguments.invalid(
              "value_range must be a vector of 2 elements, and has shape \(range.shape).", input: 1)
          }
          let y = try context.allocate(0, output, try Shape(validating: [bins]))
          switch dtype {
          case .float32: try histogram(Float.self, values, range, bins, y)
          case .float64: try histogram(Double.self, values, range, bins, y)
          case .int32: try histogram(Int32.self, values, range, bins, y)
          default: try histogram(Int64.self, values, range, bins, y)
          }
        }
      }),
  ]

  /// The value of an input that says how many places an output has, where it is known.
  private static func countedSize(_ context: ShapeContext, _ input: Int) -> Int? {
    context.ints(input).flatMap { $0.count == 1 && $0[0] >= 0 ? $0[0] : nil }
  }

  private static func binCount(_ context: KernelContext, _ input: Int) throws -> Int {
    let size = try ArrayArguments.scalar(context, input, "size")
    guard size >= 0 else {
      throw ArrayArguments.invalid("size must not be negative, and is \(size).", input: input)
    }
    return size
  }

  private static func count(
    _ dtype: DataType, _ numbers: [Int], rows: Int, _ size: Int, _ weights: Tensor, _ y: Tensor,
    isBinary: Bool
  ) throws {
    if let place = numbers.firstIndex(where: { $0 < 0 }) {
      throw ArrayArguments.invalid(
        "The number \(numbers[place]) at place \(place) is negative.", input: 0,
        remedy: "Only numbers from 0 on are counted.")
    }
    func run<T: ArithmeticElement>(_ type: T.Type) {
      let (weights, counts) = (weights.buffer(as: T.self), y.mutableBuffer(as: T.self))
      counts.update(repeating: .zero)
      let length = rows == 0 ? 0 : numbers.count / rows
      for row in 0..<rows {
        for index in row * length..<(row + 1) * length where numbers[index] < size {
          let place = row * size + numbers[index]
          if isBinary {
            counts[place] = .one
          } else {
            counts[place] = .add(counts[place], weights.isEmpty ? .one : weights[index])
          }
        }
      }
    }
    switch dtype {
    case .float32: run(Float.self)
    case .float64: run(Double.self)
    case .int32: run(Int32.self)
    default: run(Int64.self)
    }
  }

  private static func histogram<T: OrderedElement>(
    _ type: T.Type, _ values: Tensor, _ range: Tensor, _ bins: Int, _ y: Tensor
  ) throws {
    let (low, high) = (range.buffer(as: T.self)[0], range.buffer(as: T.self)[1])
    guard T.less(low, high) else {
      throw ArrayArguments.invalid(
        "The range must rise, and goes from \(low.double) to \(high.double).", input: 1)
    }
    try MemoryAccount.requireRoom(for: bins, bytesEach: MemoryLayout<Int>.stride)
    var counts = [Int](repeating: 0, count: bins)
    let step = T.subtract(high, low).double / Double(bins)
    for value in values.buffer(as: T.self) {
      guard !value.isNotANumber else {
        throw ArrayArguments.invalid("The values hold NaN, which falls into no interval.", input: 0)
      }
      let place = T.subtract(T.less(value, low) ? low : value, low).double / step
      counts[place < Double(bins - 1) ? max(Int(place), 0) : bins - 1] += 1
    }
    if y.dtype == .int32 {
      let target = y.mutableBuffer(as: Int32.self)
      for i in target.indices { target[i] = Int32(truncatingIfNeeded: counts[i]) }
    } else {
      let target = y.mutableBuffer(as: Int64.self)
      for i in target.indices { target[i] = Int64(counts[i]) }
    }
  }
}
