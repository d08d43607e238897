import GraftGraph
import GraftTensor

/// Gradients of maximum pooling, and the gradients of those.
enum MaxPoolingGradientOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "MaxPoolGrad",
      "The gradient of `MaxPool`: each result's gradient goes to the first of the largest elements below it.",
      types: ["T": .reals], shape: ShapeRules.sameAsInput
    ) { node in
      let attributes = try PoolingAttributes(node, rank: 4)
      return { context in try scatter(context, attributes, toEqualOnes: false) }
    },
    OpDefinition(
      "MaxPoolGradV2", "As `MaxPoolGrad`, with the window's sizes and strides as inputs.",
      types: ["T": .reals],
      shape: ShapeRules.sameAsInput
    ) { node in
      { context in try scatter(context, try attributes(node, context), toEqualOnes: false) }
    },
    OpDefinition(
      "MaxPool3DGrad",
      "The gradient of `MaxPool3D`: each result's gradient goes to every element below it that is equal to it.",
      types: ["T": [.bfloat16, .float32], "TInput": [.bfloat16, .float32]], shape: ShapeRules.sameAsInput
    ) { node in
      let attributes = try PoolingAttributes(node, rank: 5)
      return { context in try scatter(context, attributes, toEqualOnes: true) }
    },
    OpDefinition(
      "MaxPoolGradGrad",
      "The gradient of `MaxPoolGrad` by the results' gradient: what is at the first element equal to the result.",
      types: ["T": .reals], shape: { [$0.input(1)] }
    ) { node in
      let attributes = try PoolingAttributes(node, rank: 4)
      return { context in try gather(context, attributes) }
    },
    OpDefinition(
      "MaxPoolGradGradV2", "As `MaxPoolGradGrad`, with the window's sizes and strides as inputs.",
      types: ["T": .reals], shape: { [$0.input(1)] }
    ) { node in
      { context in try gather(context, try attributes(node, context)) }
    },
    OpDefinition(
      "MaxPool3DGradGrad", "The gradient of `MaxPool3DGrad` by the results' gradient.",
      types: ["T": [.bfloat16, .float32]], shape: { [$0.input(1)] }
    ) { node in
      let attributes = try PoolingAttributes(node, rank: 5)
      return { context in try gather(context, attributes) }
    },
    OpDefinition(
      "MaxPoolGradWithArgmax", "The gradient of `MaxPoolWithArgmax`, by the places that it gave out.",
      types: ["T": .reals, "Targmax": [.int64]], shape: ShapeRules.sameAsInput
    ) { node in
      let attributes = try PoolingAttributes(node, rank: 4)
      let includesBatch = try node.bool("include_batch_in_index")
      return { context in try scatterByPlace(context, attributes, includesBatch: includesBatch) }
    },
  ]

  private static func attributes(_ node: NodeSetup, _ context: KernelContext) throws -> PoolingAttributes {
    try PoolingAttributes(
      node, rank: 4, window: try context.input(3).integers(), strides: try context.input(4).integers())
  }

  private static func check(_ geometry: PoolingGeometry, _ y: Tensor, _ gradient: Tensor, _ expected: Shape)
    throws
  {
    guard y.shape == geometry.outputShape, gradient.shape == expected else {
      throw GraftError(
        .invalidArgument,
        """
        The pooling gives a result of shape \(geometry.outputShape): one of shape \(y.shape) and a gradient of shape \
        \(gradient.shape) do not belong to it.
        """)
    }
  }

  private static func scatter(
    _ context: KernelContext, _ attributes: PoolingAttributes, toEqualOnes: Bool
  ) throws {
    let (x, y, gradient) = (try context.input(0), try context.input(1), try context.input(2))
    let geometry = try PoolingGeometry(attributes, input: x.shape)
    try check(geometry, y, gradient, geometry.outputShape)
    let output = try context.allocate(0, x.dtype, x.shape)
    guard output.elementCount > 0 else { return }
    try Images.run(context, x, into: output, attributes.order) { x, output, _ in
      try ScatterWork(
        geometry: geometry, x: x, y: try attributes.order.channelsLast(y, context),
        gradient: try attributes.order.channelsLast(gradient, context), output: output,
        toEqualOnes: toEqualOnes, workers: context.workers
      ).run(on: output.dtype)
    }
  }

  private static func gather(_ context: KernelContext, _ attributes: PoolingAttributes) throws {
    let (x, y, gradient) = (try context.input(0), try context.input(1), try context.input(2))
    let geometry = try PoolingGeometry(attributes, input: x.shape)
    try check(geometry, y, gradient, x.shape)
    let output = try context.allocate(0, x.dtype, y.shape)
    guard output.elementCount > 0 else { return }
    try Images.run(context, x, into: output, attributes.order) { x, output, _ in
      try GatherWork(
        geometry: geometry, x: x, y: try attributes.order.channelsLast(y, context),
        gradient: try attributes.order.channelsLast(gradient, context), output: output
      ).run(on: output.dtype)
    }
  }

  private static func scatterByPlace(
    _ context: KernelContext, _ attributes: PoolingAttributes, includesBatch: Bool
  ) throws {
    let (x, gradient, places) = (try context.input(0), try context.input(1), try context.input(2))
    guard x.rank == 4, gradient.rank == 4, places.shape == gradient.shape, gradient.shape[0] == x.shape[0]
    else {
      throw GraftError(
        .invalidArgument,
        "An input of shape \(x.shape), a gradient of shape \(gradient.shape) and places of shape \(places.shape) do not belong together."
      )
    }
    let expected = try PoolingGeometry(attributes, input: x.shape).outputShape
    guard gradient.shape == expected else {
      throw GraftError(
        .invalidArgument,
        "The gradient has shape \(gradient.shape), and the pooling's result is \(expected).",
        at: .init(input: 1))
    }
    let output = try context.allocate(0, x.dtype, x.shape)
    let image = x.elementCount / max(x.shape[0], 1)
    let indices = try places.integers()
    for (position, index) in indices.enumerated() {
      let limit = includesBatch ? x.elementCount : image
      guard index >= 0, index < limit else {
        throw GraftError(
          .invalidArgument,
          "Place \(position) is \(index), outside of the \(limit) elements that it may name.",
          at: .init(input: 2))
      }
    }
    try PlaceWork(
      gradient: gradient, output: output, places: indices, image: includesBatch ? 0 : image,
      perImage: gradient.elementCount / max(x.shape[0], 1)
    ).run(on: output.dtype)
  }
}

extension ChannelOrder {
  /// The tensor itself, or a copy of it with channels last.
  func channelsLast(_ tensor: Tensor, _ context: KernelContext) throws -> Tensor {
    isChannelsFirst ? try ChannelTransposition.channelsLast(tensor, context) : tensor
  }
}

private struct ScatterWork: RealElementWork {
  let geometry: PoolingGeometry
  let x: Tensor
  let y: Tensor
  let gradient: Tensor
  let output: Tensor
  let toEqualOnes: Bool
  let workers: WorkerPool

  func run<T: PoolingElement>(_ type: T.Type) {
    nonisolated(unsafe) let values = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let results = UnsafePointer(y.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let gradients = UnsafePointer(gradient.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    target.update(repeating: T.zero, count: output.elementCount)
    let (geometry, channels, toEqualOnes) = (geometry, geometry.channels, toEqualOnes)
    let blocks = (channels + PoolingGeometry.block - 1) / PoolingGeometry.block
    let pixels = geometry.outputPixels / max(geometry.batch, 1)
    // Windows of one image may have pixels in common.
    workers.forEach(geometry.batch * blocks, cost: pixels * min(channels, PoolingGeometry.block) * 4) {
      range in
      withUnsafeTemporaryAllocation(of: T.self, capacity: PoolingGeometry.block) { best in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: PoolingGeometry.block) { places in
          guard let best = best.baseAddress, let places = places.baseAddress else { return }
          for index in range {
            let (image, first) = (index / blocks, index % blocks * PoolingGeometry.block)
            let count = min(channels - first, PoolingGeometry.block)
            for pixel in image * pixels..<(image + 1) * pixels {
              let window = geometry.window(at: pixel)
              let line = pixel * channels + first
              if toEqualOnes {
                geometry.forEach(window, first) { place in
                  for channel in 0..<count where values[place + channel] == results[line + channel] {
                    target[place + channel] = T.add(target[place + channel], gradients[line + channel])
                  }
                }
              } else if window.count > 0 {
                geometry.findLargest(window, first, count, values, best, places)
                for channel in 0..<count {
                  target[places[channel]] = T.add(target[places[channel]], gradients[line + channel])
                }
              }
            }
          }
        }
      }
    }
  }
}

private struct GatherWork: RealElementWork {
  let geometry: PoolingGeometry
  let x: Tensor
  let y: Tensor
  let gradient: Tensor
  let output: Tensor

  func run<T: PoolingElement>(_ type: T.Type) {
    let (values, results) = (x.buffer(as: T.self), y.buffer(as: T.self))
    let (gradients, target) = (gradient.buffer(as: T.self), output.mutableBuffer(as: T.self))
    let channels = geometry.channels
    for pixel in 0..<geometry.outputPixels {
      let window = geometry.window(at: pixel)
      for channel in 0..<channels {
        let index = pixel * channels + channel
        var found: Int?
        geometry.forEach(window, channel) { place in
          if found == nil, values[place] == results[index] { found = place }
        }
        target[index] = found.map { gradients[$0] } ?? T.zero
      }
    }
  }
}

private struct PlaceWork: RealElementWork {
  let gradient: Tensor
  let output: Tensor
  let places: [Int]
  /// Elements from one image to the next, where places are counted in their image.
  let image: Int
  let perImage: Int

  func run<T: PoolingElement>(_ type: T.Type) {
    let (gradients, target) = (gradient.buffer(as: T.self), output.mutableBuffer(as: T.self))
    target.update(repeating: T.zero)
    for (index, place) in places.enumerated() {
      let position = place + index / max(perImage, 1) * image
      target[position] = T.add(target[position], gradients[index])
    }
  }
}
