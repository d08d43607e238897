import GraftGraph
import GraftTensor

/// Grayscale dilation: the largest sum of an element and a filter's.
enum DilationOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "Dilation2D",
      "The largest of input plus filter under each place of the filter, each channel by itself. NaN is passed over.",
      types: ["T": .reals],
      shape: { context in
        let attributes = try attributes(context.node)
        let sizes = context.input(0).dimensions ?? [Int?](repeating: nil, count: 4)
        guard sizes.count == 4 else { return [.unknown] }
        let spatial = try (0..<2).map { axis in
          try WindowAxis.outputSize(
            sizes[axis + 1], window: context.input(1)[axis], attributes: attributes, axis: axis)
        }
        return [PartialShape([sizes[0], spatial[0], spatial[1], sizes[3] ?? context.input(1)[2]])]
      }
    ) { node in
      let attributes = try attributes(node)
      let dtype = try node.type("T")
      return { context in
        let (x, filter) = (try context.input(0), try context.input(1))
        let dilation = try Dilation(attributes, x.shape, filter.shape)
        let output = try context.allocate(0, dtype, dilation.outputShape)
        guard output.elementCount > 0 else { return }
        try DilationWork(dilation: dilation, x: x, filter: filter, output: output, workers: context.workers)
          .run(on: dtype)
      }
    },
    OpDefinition(
      "Dilation2DBackpropInput", "The gradient of `Dilation2D` by its input.", types: ["T": .reals],
      shape: ShapeRules.sameAsInput
    ) { node in
      try gradientKernel(node, byFilter: false)
    },
    OpDefinition(
      "Dilation2DBackpropFilter", "The gradient of `Dilation2D` by its filter.", types: ["T": .reals],
      shape: { [$0.input(1)] }
    ) { node in
      try gradientKernel(node, byFilter: true)
    },
  ]

  private static func attributes(_ node: NodeSetup) throws -> WindowAttributes {
    WindowAttributes(
      order: .last, strides: try WindowAttributes.steps("strides", try node.ints("strides"), .last, 4, node),
      dilations: try WindowAttributes.steps("rates", try node.ints("rates"), .last, 4, node),
      padding: try WindowAttributes.padding(node, .last, 4))
  }

  private static func gradientKernel(_ node: NodeSetup, byFilter: Bool) throws -> Kernel {
    let attributes = try attributes(node)
    let dtype = try node.type("T")
    return { context in
      let (x, filter, gradient) = (try context.input(0), try context.input(1), try context.input(2))
      let dilation = try Dilation(attributes, x.shape, filter.shape)
      guard gradient.shape == dilation.outputShape else {
        throw GraftError(
          .invalidArgument,
          "The gradient has shape \(gradient.shape), and the dilation's result is \(dilation.outputShape).")
      }
      let output = try context.allocate(0, dtype, byFilter ? filter.shape : x.shape)
      try DilationGradientWork(
        dilation: dilation, x: x, filter: filter, gradient: gradient, output: output, byFilter: byFilter
      ).run(on: dtype)
    }
  }
}

/// The sizes of one dilation.
private struct Dilation {
  let batch: Int
  let height: WindowAxis
  let width: WindowAxis
  let channels: Int
  let outputShape: Shape

  init(_ attributes: WindowAttributes, _ x: Shape, _ filter: Shape) throws {
    guard x.rank == 4, filter.rank == 3 else {
      throw GraftError(
        .invalidArgument,
        "Images of 4 dimensions and a filter [height, width, channels] are expected, and shapes \(x) and \(filter) were found."
      )
    }
    guard x[3] == filter[2] else {
      throw GraftError(
        .invalidArgument, "The input has \(x[3]) channels, and the filter is for \(filter[2]).")
    }
    let axes = try (0..<2).map { axis in
      try WindowAxis(
        input: x[axis + 1], window: filter[axis], stride: attributes.strides[axis],
        dilation: attributes.dilations[axis], padding: attributes.padding, axis: axis)
    }
    (batch, height, width, channels) = (x[0], axes[0], axes[1], x[3])
    outputShape = try Shape(validating: [batch, height.output, width.output, channels])
  }

  /// Calls the body with each pixel of the input that lies under the filter at a place of the output, and the filter's
  /// position there.
  @inline(__always)
  func forEachPlace(image: Int, row: Int, column: Int, _ body: (_ pixel: Int, _ position: Int) -> Void) {
    for kh in 0..<height.window {
      let y = row * height.stride + kh * height.dilation - height.paddingBefore
      guard y >= 0, y < height.input else { continue }
      for kw in 0..<width.window {
        let z = column * width.stride + kw * width.dilation - width.paddingBefore
        guard z >= 0, z < width.input else { continue }
        body((image * height.input + y) * width.input + z, kh * width.window + kw)
      }
    }
  }

  /// The input's pixel and the filter's position that give the largest sum at a place of the output; nil where none
  /// lies under the filter.
  @inline(__always)
  func best<T: PoolingElement>(
    _ x: UnsafePointer<T>, _ filter: UnsafePointer<T>, image: Int, row: Int, column: Int, channel: Int
  ) -> (pixel: Int, position: Int)? {
    var best = T.lowestNumber
    var found: (pixel: Int, position: Int)?
    forEachPlace(image: image, row: row, column: column) { pixel, position in
      let sum = T.add(x[pixel * channels + channel], filter[position * channels + channel])
      if found == nil { found = (pixel, position) }
      if T.less(best, sum) {
        best = sum
        found = (pixel, position)
      }
    }
    return found
  }
}

private struct DilationWork: RealElementWork {
  let dilation: Dilation
  let x: Tensor
  let filter: Tensor
  let output: Tensor
  let workers: WorkerPool

  func run<T: PoolingElement>(_ type: T.Type) {
    let dilation = dilation
    nonisolated(unsafe) let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let weights = UnsafePointer(filter.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: T.self)
    let channels = dilation.channels
    let (rows, columns) = (dilation.height.output, dilation.width.output)
    workers.forEach(dilation.batch * rows, cost: columns * filter.elementCount / 2) { range in
      for line in range {
        for column in 0..<columns {
          let results = target + (line * columns + column) * channels
          results.update(repeating: T.lowestNumber, count: channels)
          dilation.forEachPlace(image: line / rows, row: line % rows, column: column) { pixel, position in
            let (values, offsets) = (source + pixel * channels, weights + position * channels)
            for channel in 0..<channels {
              let sum = T.add(values[channel], offsets[channel])
              results[channel] = T.less(results[channel], sum) ? sum : results[channel]
            }
          }
        }
      }
    }
  }
}

private struct DilationGradientWork: RealElementWork {
  let dilation: Dilation
  let x: Tensor
  let filter: Tensor
  let gradient: Tensor
  let output: Tensor
  let byFilter: Bool

  func run<T: PoolingElement>(_ type: T.Type) {
    let source = UnsafePointer(x.base.assumingMemoryBound(to: T.self))
    let weights = UnsafePointer(filter.base.assumingMemoryBound(to: T.self))
    let gradients = gradient.buffer(as: T.self)
    let target = output.mutableBuffer(as: T.self)
    target.update(repeating: T.zero)
    let (rows, columns, channels) = (dilation.height.output, dilation.width.output, dilation.channels)
    for line in 0..<dilation.batch * rows {
      for column in 0..<columns {
        for channel in 0..<channels {
          guard
            let best = dilation.best(
              source, weights, image: line / rows, row: line % rows, column: column, channel: channel)
          else { continue }
          let place = (byFilter ? best.position : best.pixel) * channels + channel
          target[place] = T.add(target[place], gradients[(line * columns + column) * channels + channel])
        }
      }
    }
  }
}
