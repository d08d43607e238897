import GraftTensor

/// Ops that put the surroundings of each place of a picture or volume into its depth.
enum PatchOps {
  static let all: [OpDefinition] = [
    definition(
      "ExtractImagePatches", "For each place of a picture, the places around it one behind the other.",
      types: .numbers, space: 2, hasRates: true),
    definition(
      "ExtractVolumePatches", "For each place of a volume, the places around it one behind the other.",
      types: .reals, space: 3, hasRates: false),
  ]

  /// How a window walks over the dimensions of the space.
  private struct Window {
    let sizes: [Int]
    let strides: [Int]
    let rates: [Int]
    let isSame: Bool
    /// Whether windows that leave gaps lie in the middle of what they leave out, and not at its beginning:
    /// that is how TensorFlow's kernel for volumes places them.
    let isCentered: Bool

    /// The window's extent along a dimension, the gaps between its places included.
    func extent(_ axis: Int) -> Int { sizes[axis] + (sizes[axis] - 1) * (rates[axis] - 1) }

    /// How often the window fits along a dimension, and how far before its beginning it begins.
    func places(_ axis: Int, size: Int) -> (count: Int, before: Int) {
      let stride = strides[axis]
      guard isSame else { return (max((size - extent(axis) + stride) / stride, 0), 0) }
      let count = (size + stride - 1) / stride
      let missing = (count - 1) * stride + extent(axis) - size
      return (count, (isCentered ? missing : max(missing, 0)) / 2)
    }
  }

  private static func window(_ setup: NodeSetup, space: Int, hasRates: Bool) throws -> Window {
    func middle(_ name: String) throws -> [Int] {
      let values = try setup.ints(name)
      guard values.count == space + 2 else {
        throw setup.invalid(
          "The attribute '\(name)' must have \(space + 2) elements, and has \(values.count).")
      }
      guard values[0] == 1, values[space + 1] == 1 else {
        throw setup.unimplemented(
          "The attribute '\(name)' is \(values): it must be 1 for the batch and the depth.")
      }
      let result = Array(values[1...space])
      // What is below 2^30 can be multiplied and added up without a check.
      guard result.allSatisfy({ $0 > 0 && $0 < 1 << 30 }) else {
        throw setup.invalid("The attribute '\(name)' must be positive, and is \(values).")
      }
      return result
    }
    let padding = try setup.string("padding")
    guard padding == "SAME" || padding == "VALID" else {
      throw setup.invalid("The padding '\(padding)' is neither SAME nor VALID.")
    }
    return Window(
      sizes: try middle("ksizes"), strides: try middle("strides"),
      rates: hasRates ? try middle("rates") : [Int](repeating: 1, count: space), isSame: padding == "SAME",
      isCentered: space == 3)
  }

  private static func definition(
    _ name: String, _ summary: String, types: [DataType], space: Int, hasRates: Bool
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": types],
      shape: { context in
        guard let sizes = context.input(0).dimensions, sizes.count == space + 2,
          let window = try? window(context.node, space: space, hasRates: hasRates)
        else { return [.unknown] }
        var result = sizes
        for axis in 0..<space {
          result[axis + 1] = sizes[axis + 1].map { window.places(axis, size: $0).count }
        }
        result[space + 1] = sizes[space + 1].map {
          window.sizes.reduce($0) { ArrayArguments.saturatingProduct($0, $1) }
        }
        return [PartialShape(result)]
      },
      prepare: { setup in
        let window = try window(setup, space: space, hasRates: hasRates)
        return { context in
          let input = try context.input(0)
          guard input.rank == space + 2 else {
            throw ArrayArguments.invalid(
              "The input must have \(space + 2) dimensions, and its shape is \(input.shape).", input: 0)
          }
          try extract(input, window, context)
        }
      })
  }

  private static func extract(_ input: Tensor, _ window: Window, _ context: KernelContext) throws {
    let space = window.sizes.count
    let depth = input.shape[space + 1]
    for axis in 0..<space where !window.isSame {
      guard input.shape[axis + 1] - window.extent(axis) + window.strides[axis] > -window.strides[axis] else {
        throw ArrayArguments.invalid(
          "Dimension \(axis + 1) has size \(input.shape[axis + 1]), too small for a window over "
            + "\(window.extent(axis)) places.", input: 0)
      }
    }
    let places = (0..<space).map { window.places($0, size: input.shape[$0 + 1]) }
    let patch = window.sizes.reduce(depth) { ArrayArguments.saturatingProduct($0, $1) }
    let shape = try Shape(validating: [input.shape[0]] + places.map(\.count) + [patch])
    let output = try context.allocate(0, input.dtype, shape)
    guard shape.elementCount > 0 else { return }
    if window.isSame { output.clear() }
    let from = input.shape.strides
    let to = shape.strides
    var offsets = [Int](repeating: 0, count: space)
    for number in 0..<ArrayArguments.product(window.sizes) {
      var sizes = shape.dimensions
      var steps = from
      sizes[space + 1] = depth
      var source = 0
      var target = number * depth
      for axis in 0..<space {
        let size = input.shape[axis + 1]
        let stride = window.strides[axis]
        // Place p of the output looks at place p * stride + shift of the input.
        let shift = offsets[axis] * window.rates[axis] - places[axis].before
        let first = shift < 0 ? (-shift + stride - 1) / stride : 0
        let end = min(size > shift ? (size - shift + stride - 1) / stride : 0, places[axis].count)
        sizes[axis + 1] = max(end - first, 0)
        steps[axis + 1] = from[axis + 1] &* stride
        source = source &+ (first &* stride &+ shift) &* from[axis + 1]
        target = target &+ first &* to[axis + 1]
      }
      if !sizes.contains(0) {
        try StridedCopy(sizes: sizes, sourceSteps: steps, targetSteps: to)
          .run(from: input, at: source, to: output, startingAt: target, context.workers)
      }
      var axis = space - 1
      while axis >= 0 {
        offsets[axis] += 1
        if offsets[axis] < window.sizes[axis] { break }
        offsets[axis] = 0
        axis -= 1
      }
    }
  }
}
