import Glibc
import GraftGraph
import GraftTensor

/// Pooling by regions of unequal sizes, which are drawn at random (Graham, "Fractional max-pooling", 2014).
enum FractionalPoolingOps {
  static let all: [OpDefinition] = [
    pooling("FractionalMaxPool", "The largest element", isMean: false),
    pooling("FractionalAvgPool", "The mean", isMean: true),
    OpDefinition(
      "FractionalMaxPoolGrad",
      "The gradient of FractionalMaxPool, given to the first largest of each region.",
      types: ["T": types], shape: ShapeRules.sameAsInput
    ) { node in
      let isOverlapping = try node.bool("overlapping")
      let dtype = try node.type("T")
      return { context in
        let (input, output, gradient) = (try context.input(0), try context.input(1), try context.input(2))
        guard output.shape == gradient.shape else {
          throw invalid("The gradient's shape is \(gradient.shape), and the pooling's \(output.shape).", 2)
        }
        let regions = try FractionalRegions(
          input: input.shape, output: gradient.shape, rows: try context.input(3),
          columns: try context.input(4), isOverlapping: isOverlapping)
        let result = try context.allocate(0, dtype, input.shape)
        result.clear()
        try FractionalMaximumGradient(regions: regions, input: input, gradient: gradient, result: result)
          .run(on: dtype)
      }
    },
    OpDefinition(
      "FractionalAvgPoolGrad", "The gradient of FractionalAvgPool, shared equally by each region's elements.",
      types: ["T": types],
      shape: { [$0.ints(0).map { PartialShape($0.map { $0 < 0 ? nil : $0 }) } ?? .ofRank(4)] }
    ) { node in
      let isOverlapping = try node.bool("overlapping")
      let dtype = try node.type("T")
      return { context in
        let shape = try Shape(validating: try ArrayArguments.vector(context, 0, "orig_input_tensor_shape"))
        let gradient = try context.input(1)
        let regions = try FractionalRegions(
          input: shape, output: gradient.shape, rows: try context.input(2), columns: try context.input(3),
          isOverlapping: isOverlapping)
        let result = try context.allocate(0, dtype, shape)
        result.clear()
        try FractionalMeanGradient(regions: regions, gradient: gradient, result: result).run(on: dtype)
      }
    },
  ]

  private static let types: [DataType] = [.float32, .float64, .int32, .int64]

  fileprivate static func invalid(_ message: String, _ input: Int? = nil) -> GraftError {
    GraftError(.invalidArgument, message, at: .init(input: input))
  }

  private static func pooling(_ name: String, _ what: String, isMean: Bool) -> OpDefinition {
    OpDefinition(
      name,
      "\(what) of each of the regions that rows and columns are divided into at random; and where the regions "
        + "begin, for rows and columns.", types: ["T": types], traits: [.random],
      shape: { context in
        let ratios = try context.node.floats("pooling_ratio")
        guard let sizes = context.input(0).dimensions, sizes.count == 4, ratios.count == 4 else {
          return [.ofRank(4), .ofRank(1), .ofRank(1)]
        }
        let result = zip(sizes, ratios).map { size, ratio -> Int? in
          guard let size, ratio >= 1 else { return nil }
          return Int((Float(size) / ratio).rounded(.down))
        }
        return [
          PartialShape(result), PartialShape([result[1].map { $0 + 1 }]),
          PartialShape([result[2].map { $0 + 1 }]),
        ]
      }
    ) { node in
      let sampler = try FractionalSampler(node)
      let dtype = try node.type("T")
      return { context in
        let input = try context.input(0)
        guard input.rank == 4 else {
          throw invalid("Images have four dimensions, and the shape \(input.shape) was found.", 0)
        }
        let regions = try sampler.regions(of: input.shape)
        let output = try context.allocate(0, dtype, regions.output)
        let work = FractionalPooling(regions: regions, isMean: isMean, input: input, result: output)
        if output.elementCount > 0 { try work.run(on: dtype) }
        try context.setOutput(1, try Tensor(regions.rows.map { Int64($0) }))
        try context.setOutput(2, try Tensor(regions.columns.map { Int64($0) }))
      }
    }
  }
}

/// Draws regions.
private struct FractionalSampler: Sendable {
  let ratios: [Float]
  let isPseudoRandom: Bool
  let isOverlapping: Bool
  /// The seeds; nil for other regions in every run.
  let seeds: (UInt64, UInt64)?

  init(_ node: NodeSetup) throws {
    ratios = try node.floats("pooling_ratio")
    isPseudoRandom = try node.bool("pseudo_random")
    isOverlapping = try node.bool("overlapping")
    guard ratios.count == 4, ratios.allSatisfy({ $0 >= 1 && $0.isFinite }) else {
      throw node.invalid(
        "The attribute 'pooling_ratio' is \(ratios); four numbers of 1 or more are expected.")
    }
    guard ratios[0] == 1, ratios[3] == 1 else {
      throw node.unimplemented(
        "The attribute 'pooling_ratio' is \(ratios): batch and channels are not pooled.")
    }
    let (seed, seed2) = (try node.int("seed"), try node.int("seed2"))
    if try node.bool("deterministic") {
      seeds =
        seed == 0 && seed2 == 0
        ? nil : (UInt64(bitPattern: Int64(seed)), UInt64(bitPattern: Int64(seed2)))
    } else {
      guard seed == 0, seed2 == 0 else {
        throw node.invalid("Seeds have no meaning where the attribute 'deterministic' is false.")
      }
      seeds = nil
    }
  }

  func regions(of input: Shape) throws -> FractionalRegions {
    let sizes = zip(input.dimensions, ratios).map { Int((Float($0) / $1).rounded(.down)) }
    guard sizes.allSatisfy({ $0 > 0 }) else {
      throw FractionalPoolingOps.invalid(
        "Images of shape \(input) pooled by \(ratios) leave nothing: \(Shape(sizes)).", 0)
    }
    var system = SystemRandomNumberGenerator()
    let (seed, seed2) = seeds ?? (system.next(), system.next())
    let stream = RandomStream(Philox(seed: seed, seed2: seed2))
    return FractionalRegions(
      input: input, output: Shape(sizes), rows: bounds(input[1], sizes[1], stream),
      columns: bounds(input[2], sizes[2], stream), isOverlapping: isOverlapping)
  }

  /// Where the regions begin, and the end of the last one.
  private func bounds(_ input: Int, _ output: Int, _ stream: RandomStream) -> [Int] {
    let whole = input / output
    var lengths: [Int]
    if isPseudoRandom {
      let alpha = Double(input) / Double(output)
      let limit = min(
        Double(whole + 2) / alpha - 1, Double(input + 1 - whole) / alpha - Double(output - 1))
      var numbers = PhiloxNumbers(stream.reserve(blocks: 1))
      let shift = numbers.double() * limit
      var starts = (0...output).map { Int((alpha * (Double($0) + shift)).rounded(.up)) }
      (starts[0], starts[output]) = (1, input + 1)
      lengths = (0..<output).map { starts[$0 + 1] - starts[$0] }
    } else {
      lengths = (0..<output).map { $0 < input % output ? whole + 1 : whole }
      var numbers = PhiloxNumbers(stream.reserve(blocks: (output + 3) / 4))
      for place in 0..<output - 1 {
        lengths.swapAt(place, place + Int(numbers.next() % UInt32(output - place)))
      }
    }
    return lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
  }
}

/// How images are divided into regions.
private struct FractionalRegions: Sendable {
  let input: Shape
  let output: Shape
  let rows: [Int]
  let columns: [Int]
  let isOverlapping: Bool

  init(input: Shape, output: Shape, rows: [Int], columns: [Int], isOverlapping: Bool) {
    (self.input, self.output, self.rows, self.columns) = (input, output, rows, columns)
    self.isOverlapping = isOverlapping
  }

  /// The regions that two inputs of a gradient say.
  init(input: Shape, output: Shape, rows: Tensor, columns: Tensor, isOverlapping: Bool) throws {
    guard input.rank == 4, output.rank == 4, input[0] == output[0], input[3] == output[3] else {
      throw FractionalPoolingOps.invalid("Images of shape \(input) are not pooled to \(output).")
    }
    func bounds(_ tensor: Tensor, _ axis: Int) throws -> [Int] {
      let bounds = try tensor.integers()
      let isFit = zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }
      guard tensor.rank == 1, bounds.count == output[axis] + 1, isFit, (bounds.first ?? 0) >= 0,
        (bounds.last ?? 0) <= input[axis]
      else {
        throw FractionalPoolingOps.invalid(
          "The bounds of regions of shape \(tensor.shape) do not divide \(input[axis]) pixels into "
            + "\(output[axis]) regions.")
      }
      return bounds
    }
    self.init(
      input: input, output: output, rows: try bounds(rows, 1), columns: try bounds(columns, 2),
      isOverlapping: isOverlapping)
  }

  /// Calls the closure for each region with the output pixel and the input pixels.
  func forEach(_ body: (_ output: Int, _ pixels: [Int]) -> Void) {
    var pixels: [Int] = []
    var place = 0
    for batch in 0..<input[0] {
      for row in 0..<output[1] {
        let rowEnd = max(min(isOverlapping ? rows[row + 1] : rows[row + 1] - 1, input[1] - 1), 0)
        for column in 0..<output[2] {
          let end = max(min(isOverlapping ? columns[column + 1] : columns[column + 1] - 1, input[2] - 1), 0)
          pixels.removeAll(keepingCapacity: true)
          for y in min(rows[row], rowEnd)...rowEnd {
            let line = (batch * input[1] + y) * input[2]
            for x in min(columns[column], end)...end { pixels.append(line + x) }
          }
          body(place, pixels)
          place += 1
        }
      }
    }
  }
}

private struct FractionalPooling: RealElementWork {
  let regions: FractionalRegions
  let isMean: Bool
  let input: Tensor
  let result: Tensor

  func run<T: PoolingElement>(_ type: T.Type) {
    let (source, target) = (input.buffer(as: T.self), result.mutableBuffer(as: T.self))
    let channels = input.shape[3]
    regions.forEach { place, pixels in
      for channel in 0..<channels {
        var value = isMean ? T.zero : T.lowestNumber
        for pixel in pixels {
          let element = source[pixel * channels + channel]
          value = isMean ? T.add(value, element) : T.less(value, element) ? element : value
        }
        target[place * channels + channel] = isMean ? T.divide(value, T(integer: pixels.count)) : value
      }
    }
  }
}

private struct FractionalMaximumGradient: RealElementWork {
  let regions: FractionalRegions
  let input: Tensor
  let gradient: Tensor
  let result: Tensor

  func run<T: PoolingElement>(_ type: T.Type) {
    let (source, gradients) = (input.buffer(as: T.self), gradient.buffer(as: T.self))
    let target = result.mutableBuffer(as: T.self)
    let channels = input.shape[3]
    regions.forEach { place, pixels in
      for channel in 0..<channels {
        var best = T.lowestNumber
        var found: Int?
        for pixel in pixels where T.less(best, source[pixel * channels + channel]) {
          best = source[pixel * channels + channel]
          found = pixel
        }
        guard let pixel = found ?? pixels.first else { continue }
        let element = pixel * channels + channel
        target[element] = T.add(target[element], gradients[place * channels + channel])
      }
    }
  }
}

private struct FractionalMeanGradient: RealElementWork {
  let regions: FractionalRegions
  let gradient: Tensor
  let result: Tensor

  func run<T: PoolingElement>(_ type: T.Type) {
    let gradients = gradient.buffer(as: T.self)
    let channels = gradient.shape[3]
    // Summed up in float64, and cut to integers at the end.
    var sums = [Double](repeating: 0, count: result.elementCount)
    regions.forEach { place, pixels in
      for channel in 0..<channels {
        let share = gradients[place * channels + channel].double / Double(pixels.count)
        for pixel in pixels { sums[pixel * channels + channel] += share }
      }
    }
    switch result.dtype {
    case .int32: store(Int32.self, sums)
    case .int64: store(Int64.self, sums)
    default: DoubleConversion.write(sums, into: result)
    }
  }

  private func store<T: FixedWidthInteger>(_ type: T.Type, _ sums: [Double]) {
    let target = result.mutableBuffer(as: type)
    for (index, sum) in sums.enumerated() { target[index] = T(exactly: sum.rounded(.towardZero)) ?? .min }
  }
}
