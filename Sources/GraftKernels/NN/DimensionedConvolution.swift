import GraftTensor

/// Which dimension of a convolution's tensors means what.
struct ConvolutionDimensions: Sendable {
  /// Of the input: batch, features, then space.
  var input: [Int]
  /// Of the kernel: input features, output features, then space.
  var kernel: [Int]
  /// Of the output: batch, features, then space.
  var output: [Int]

  /// Whether each tensor's dimensions are all there once.
  func fit(rank: Int) -> Bool {
    [input, kernel, output].allSatisfy { $0.sorted() == Array(0..<rank) }
  }
}

/// A convolution over any number of dimensions in any order, with dilation of both sides and groups, as XLA
/// has it.
struct DimensionedConvolution: Sendable {
  let dimensions: ConvolutionDimensions
  let strides: [Int]
  /// What is added before and after each dimension of space; less than zero takes away.
  let padding: [(before: Int, after: Int)]
  let inputDilation: [Int]
  let kernelDilation: [Int]
  let featureGroups: Int
  let batchGroups: Int

  /// What stands for the window's place before sizes are known.
  enum Padding: Sendable {
    case same
    case valid
    case explicit([Int])
  }

  /// The padding of each dimension of space.
  static func padding(
    _ kind: Padding, input: [Int], kernel: [Int], strides: [Int], inputDilation: [Int], kernelDilation: [Int]
  ) throws -> [(before: Int, after: Int)] {
    switch kind {
    case .valid: return input.map { _ in (0, 0) }
    case .explicit(let list):
      guard list.count == 2 * input.count else {
        throw GraftError(
          .invalidArgument,
          "There are \(list.count) paddings; \(2 * input.count) are expected, two for each dimension of space."
        )
      }
      return input.indices.map { (list[2 * $0], list[2 * $0 + 1]) }
    case .same:
      return input.indices.map { axis in
        let size = extent(input[axis], inputDilation[axis])
        let window = extent(kernel[axis], kernelDilation[axis])
        let count = (size + strides[axis] - 1) / strides[axis]
        let total = max((count - 1) * strides[axis] + window - size, 0)
        return (total / 2, total - total / 2)
      }
    }
  }

  private static func extent(_ size: Int, _ dilation: Int) -> Int { size > 0 ? (size - 1) * dilation + 1 : 0 }

  /// The output's shape.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for shapes and attributes that do not go together.
  func outputShape(_ x: Shape, _ kernel: Shape) throws -> Shape {
    let rank = x.rank
    let space = rank - 2
    let limit = 0...Int(Int32.max)
    guard rank >= 2, kernel.rank == rank, dimensions.fit(rank: rank), strides.count == space,
      padding.count == space, inputDilation.count == space, kernelDilation.count == space
    else {
      throw GraftError(
        .invalidArgument,
        "An input of shape \(x) and a kernel of shape \(kernel) do not go with the dimensions, strides, paddings "
          + "and dilations of the convolution.")
    }
    guard (strides + inputDilation + kernelDilation).allSatisfy({ $0 > 0 && limit.contains($0) }),
      padding.allSatisfy({ limit.contains(abs($0.before)) && limit.contains(abs($0.after)) }),
      (x.dimensions + kernel.dimensions).allSatisfy({ limit.contains($0) }), featureGroups > 0,
      batchGroups > 0
    else {
      throw GraftError(.invalidArgument, "Strides, dilations and groups of a convolution are positive.")
    }
    let (batch, features) = (x[dimensions.input[0]], x[dimensions.input[1]])
    let (inner, outer) = (kernel[dimensions.kernel[0]], kernel[dimensions.kernel[1]])
    guard batch % batchGroups == 0, features % featureGroups == 0, features / featureGroups == inner,
      outer % featureGroups == 0, outer % batchGroups == 0
    else {
      throw GraftError(
        .invalidArgument,
        "An input of shape \(x) and a kernel of shape \(kernel) do not go together in \(featureGroups) groups of "
          + "features and \(batchGroups) of the batch.")
    }
    var sizes = [Int](repeating: 0, count: rank)
    sizes[dimensions.output[0]] = batch / batchGroups
    sizes[dimensions.output[1]] = outer
    for axis in 0..<space {
      let size =
        Self.extent(x[dimensions.input[axis + 2]], inputDilation[axis]) + padding[axis].before
        + padding[axis].after
      let window = Self.extent(kernel[dimensions.kernel[axis + 2]], kernelDilation[axis])
      sizes[dimensions.output[axis + 2]] = size < window ? 0 : (size - window) / strides[axis] + 1
    }
    return try Shape(validating: sizes)
  }

  /// Computes the output, whose shape is that of ``outputShape(_:_:)``.
  func run<T: ArithmeticElement>(
    _ x: Tensor, _ kernel: Tensor, _ y: Tensor, as type: T.Type, _ workers: WorkerPool
  ) {
    let output = dimensions.output
    let (count, features) = (y.shape[output[0]], y.shape[output[1]])
    guard y.elementCount > 0 else { return }
    let taps = max(kernel.elementCount / max(features, 1), 1)
    let perMap = max(y.elementCount / (count * features), 1)
    let (x, kernel, y) = (x, kernel, y)
    workers.forEach(count * features, cost: min(taps, 1 << 20) * min(perMap, 1 << 20)) { maps in
      for map in maps { runMap(x, kernel, y, T.self, batch: map / features, feature: map % features) }
    }
  }

  /// Computes one output feature of one entry of the batch.
  private func runMap<T: ArithmeticElement>(
    _ x: Tensor, _ kernel: Tensor, _ y: Tensor, _ type: T.Type, batch: Int, feature: Int
  ) {
    let space = x.rank - 2
    let (xSteps, kernelSteps, ySteps) = (Self.steps(x.shape), Self.steps(kernel.shape), Self.steps(y.shape))
    let (source, weights, target) = (
      x.buffer(as: T.self), kernel.buffer(as: T.self), y.mutableBuffer(as: T.self)
    )
    let inner = kernel.shape[dimensions.kernel[0]]
    let features = y.shape[dimensions.output[1]]
    let group = feature / max(features / featureGroups, 1)
    let entry =
      feature / max(features / batchGroups, 1) * (batchGroups > 1 ? y.shape[dimensions.output[0]] : 0)
    let xBase =
      (entry + batch) * xSteps[dimensions.input[0]] + group * inner * xSteps[dimensions.input[1]]
    let kernelBase = feature * kernelSteps[dimensions.kernel[1]]
    let yBase = batch * ySteps[dimensions.output[0]] + feature * ySteps[dimensions.output[1]]
    let (xStep, kernelStep) = (xSteps[dimensions.input[1]], kernelSteps[dimensions.kernel[0]])
    let outputSizes = (0..<space).map { y.shape[dimensions.output[$0 + 2]] }
    let kernelSizes = (0..<space).map { kernel.shape[dimensions.kernel[$0 + 2]] }
    var place = [Int](repeating: 0, count: space)
    repeat {
      var sum = T.zero
      var tap = [Int](repeating: 0, count: space)
      if !kernelSizes.contains(0) {
        repeat {
          var (from, with) = (xBase, kernelBase)
          var isInside = true
          for axis in 0..<space {
            let position =
              place[axis] * strides[axis] + tap[axis] * kernelDilation[axis] - padding[axis].before
            let (index, rest) = position.quotientAndRemainder(dividingBy: inputDilation[axis])
            guard position >= 0, rest == 0, index < x.shape[dimensions.input[axis + 2]] else {
              isInside = false
              break
            }
            from += index * xSteps[dimensions.input[axis + 2]]
            with += tap[axis] * kernelSteps[dimensions.kernel[axis + 2]]
          }
          if isInside {
            for channel in 0..<inner {
              sum = T.add(
                sum, T.multiply(source[from + channel * xStep], weights[with + channel * kernelStep]))
            }
          }
        } while Self.advance(&tap, kernelSizes)
      }
      var to = yBase
      for axis in 0..<space { to += place[axis] * ySteps[dimensions.output[axis + 2]] }
      target[to] = sum
    } while Self.advance(&place, outputSizes)
  }

  /// Goes to the next place; false after the last one.
  private static func advance(_ place: inout [Int], _ sizes: [Int]) -> Bool {
    for axis in place.indices.reversed() {
      place[axis] += 1
      if place[axis] < sizes[axis] { return true }
      place[axis] = 0
    }
    return false
  }

  /// How many elements lie between neighbours along each dimension.
  private static func steps(_ shape: Shape) -> [Int] {
    var steps = [Int](repeating: 1, count: shape.rank)
    for axis in stride(from: shape.rank - 2, through: 0, by: -1) {
      steps[axis] = steps[axis + 1] * shape[axis + 1]
    }
    return steps
  }
}
