import GraftTensor

/// Ops that reorder a tensor's dimensions.
enum TransposeOps {
  static let all: [OpDefinition] = [
    transpose("Transpose", "The input with its dimensions in the order of `perm`.", conjugates: false),
    transpose(
      "ConjugateTranspose",
      "The input with its dimensions in the order of `perm`, complex numbers conjugated.",
      conjugates: true),
  ]

  private static func transpose(_ name: String, _ summary: String, conjugates: Bool) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["T": .anything + .smallFloats],
      shape: { context in
        guard let dimensions = context.input(0).dimensions else {
          return [context.input(1)[0].map { PartialShape.ofRank($0) } ?? .unknown]
        }
        guard let values = context.ints(1), let order = try? order(values, rank: dimensions.count) else {
          return [.ofRank(dimensions.count)]
        }
        return [PartialShape(order.map { dimensions[$0] })]
      },
      prepare: { setup in
        let isComplex = try setup.inputType(0).isComplex && conjugates
        return { context in
          let input = try context.input(0)
          let perm = try context.input(1)
          guard perm.rank == 1 else {
            throw ArrayArguments.invalid("'perm' must be a vector, and its shape is \(perm.shape).", input: 1)
          }
          let order = try order(try perm.integers(), rank: input.rank)
          let shape = Shape(order.map { input.shape[$0] })
          let strides = input.shape.strides
          let copy = StridedCopy(
            sizes: shape.dimensions, sourceSteps: order.map { strides[$0] }, targetSteps: shape.strides)
          if copy.isContiguous, !isComplex {
            return try context.setView(0, of: input, shape)
          }
          let output = try context.allocate(0, input.dtype, shape)
          try context.perform([BlockCopy(block: copy, source: input, target: output)], binds: !isComplex)
          if isComplex { conjugate(output) }
        }
      })
  }

  /// The permutation counted from the beginning.
  private static func order(_ values: [Int], rank: Int) throws -> [Int] {
    guard values.count == rank else {
      throw ArrayArguments.invalid(
        "'perm' has \(values.count) elements, and the input has \(rank) dimensions.", input: 1)
    }
    var seen = [Bool](repeating: false, count: rank)
    var order: [Int] = []
    for value in values {
      guard let axis = ArrayArguments.axis(value, rank: rank) else {
        throw ArrayArguments.invalid(
          "'perm' names dimension \(value), out of range [0 .. \(rank)).", input: 1)
      }
      seen[axis] = true
      order.append(axis)
    }
    if let missing = seen.firstIndex(of: false) {
      throw ArrayArguments.invalid(
        "Dimension \(missing) is missing from 'perm', which is \(values).", input: 1)
    }
    return order
  }

  private static func conjugate(_ tensor: Tensor) {
    if tensor.dtype == .complex64 {
      let buffer = tensor.mutableBuffer(as: Complex64.self)
      for index in buffer.indices { buffer[index].imaginary = -buffer[index].imaginary }
    } else {
      let buffer = tensor.mutableBuffer(as: Complex128.self)
      for index in buffer.indices { buffer[index].imaginary = -buffer[index].imaginary }
    }
  }
}
