import GraftGraph
import GraftTensor

/// A tensor as one element of a variant tensor.
private final class TensorBox: Sendable {
  let tensor: Tensor

  init(_ tensor: Tensor) {
    self.tensor = tensor
  }
}

/// Sparse tensors as three elements each, strings or variants: indices, values and shape.
enum SerializeSparseOps {
  static let all: [OpDefinition] = [
    serialize, serializeMany,
    deserialize("DeserializeSparse", "The sparse tensors that SerializeSparse has written, as one."),
    deserialize(
      "DeserializeManySparse", "The rows that SerializeManySparse has written, as one sparse tensor."),
  ]

  private static let serialize = OpDefinition(
    "SerializeSparse", "A sparse tensor as three strings or variants: indices, values and shape.",
    types: ["T": .anything], traits: [.keepsInputs], shape: { _ in [PartialShape([3])] },
    prepare: { node in
      let type = try node.outputType(0)
      return { context in
        let parts = try context.inputs()
        guard parts[0].rank == 2, parts[1].rank == 1, parts[2].rank == 1 else {
          throw ArrayArguments.invalid(
            "A sparse tensor is a matrix of indices and two vectors, and the shapes are \(parts[0].shape), "
              + "\(parts[1].shape) and \(parts[2].shape).", input: 0)
        }
        let output = try context.allocate(0, type, Shape([3]))
        try write(parts, to: output, at: 0)
      }
    })

  private static let serializeMany = OpDefinition(
    "SerializeManySparse", "Each row of a sparse tensor as three strings or variants.",
    types: ["T": .anything], traits: [.keepsInputs],
    shape: { [PartialShape([$0.ints(2)?.first, 3])] },
    prepare: { node in
      let type = try node.outputType(0)
      return { context in
        let input = try SparseInput(context, indices: 0, values: 1, shape: 2)
        let rank = input.rank
        guard rank >= 2, input.shape[0] >= 0 else {
          throw ArrayArguments.invalid(
            "The sparse tensor must have two dimensions or more, and its shape is \(input.shape).", input: 2)
        }
        try checkOrder(input)
        let shape = try Tensor(input.shape.dropFirst().map { Int64($0) })
        let output = try context.allocate(0, type, Shape(validating: [input.shape[0], 3]))
        var start = 0
        for row in 0..<input.shape[0] {
          var end = start
          while end < input.count, input.indices[end * rank] == row { end += 1 }
          let indices = (start..<end).flatMap { input.row($0).dropFirst().map { Int64($0) } }
          try write(
            [
              try Tensor(shape: [end - start, rank - 1], scalars: indices),
              input.values.view(firstElement: start, shape: Shape([end - start])), shape,
            ], to: output, at: 3 * row)
          start = end
        }
      }
    })

  private static func deserialize(_ name: String, _ summary: String) -> OpDefinition {
    OpDefinition(
      name, summary, types: ["dtype": .anything],
      shape: { _ in [.ofRank(2), .ofRank(1), .ofRank(1)] },
      prepare: { node in
        let dtype = try node.type("dtype")
        return { context in
          let input = try context.input(0)
          let sizes = input.shape.dimensions
          guard sizes.last == 3, input.elementCount > 0 else {
            throw ArrayArguments.invalid(
              "Serialized sparse tensors have three elements each, at least one of them must be there, and the "
                + "shape is \(input.shape).", input: 0)
          }
          let parts = try (0..<input.elementCount / 3).map { try read(input, $0, dtype) }
          try combine(parts, prefix: Array(sizes.dropLast()), dtype, context)
        }
      })
  }

  // MARK: Parts

  private static func write(_ parts: [Tensor], to output: Tensor, at start: Int) throws {
    for (place, part) in parts.enumerated() {
      if output.dtype == .string {
        output.mutableBuffer(as: Bytes.self)[start + place] = Bytes(try part.serialized(joinsStrings: true))
      } else {
        output.mutableBuffer(as: TensorHandle.self)[start + place] =
          TensorHandle(TensorBox(try part.persistent()))
      }
    }
  }

  /// - Throws: `GraftError` (`invalidArgument`) where indices are out of bounds, or do not ascend.
  private static func checkOrder(_ input: SparseInput) throws {
    for place in 0..<input.count {
      let row = input.row(place)
      guard zip(row, input.shape).allSatisfy({ $0 >= 0 && $0 < $1 }) else {
        throw ArrayArguments.invalid(
          "The indices \(Array(row)) of value \(place) are out of bounds for the shape \(input.shape).",
          input: 0)
      }
      guard place == 0 || input.row(place - 1).lexicographicallyPrecedes(row) else {
        throw ArrayArguments.invalid(
          "The indices \(Array(row)) of value \(place) do not come after those before them.", input: 0,
          remedy: "Bring the sparse tensor into order with tf.sparse.reorder.")
      }
    }
  }

  private static func read(_ input: Tensor, _ number: Int, _ dtype: DataType) throws -> SparseInput {
    let parts = try (0..<3).map { part -> Tensor in
      let place = 3 * number + part
      guard input.dtype != .string else {
        return try Tensor(serialized: input.buffer(as: Bytes.self)[place].bytes)
      }
      guard let box = input.buffer(as: TensorHandle.self)[place].object as? TensorBox else {
        throw ArrayArguments.invalid("Element \(place) holds no part of a sparse tensor.", input: 0)
      }
      return box.tensor
    }
    guard parts[0].rank == 2, parts[0].dtype == .int64, parts[1].rank == 1, parts[2].rank == 1,
      parts[2].dtype == .int64, parts[0].shape[0] == parts[1].elementCount,
      parts[0].shape[1] == parts[2].elementCount
    else {
      throw ArrayArguments.invalid(
        "Sparse tensor \(number) has indices \(parts[0].dtype)\(parts[0].shape), values of shape "
          + "\(parts[1].shape) and a shape \(parts[2].dtype)\(parts[2].shape), which do not fit.", input: 0)
    }
    guard parts[1].dtype == dtype else {
      throw ArrayArguments.invalid(
        "Sparse tensor \(number) has values of \(parts[1].dtype), and \(dtype) is asked for.", input: 0)
    }
    return SparseInput(
      indices: try parts[0].integers(), values: parts[1], shape: try parts[2].integers())
  }

  /// Gives the outputs one sparse tensor of all, with the dimensions in which they were arranged before theirs.
  private static func combine(
    _ parts: [SparseInput], prefix: [Int], _ dtype: DataType, _ context: KernelContext
  ) throws {
    var shape = parts[0].shape
    var indices: [Int] = []
    for (number, part) in parts.enumerated() {
      guard part.rank == shape.count else {
        throw ArrayArguments.invalid(
          "Sparse tensor \(number) has \(part.rank) dimensions, and those before it \(shape.count).", input: 0
        )
      }
      shape = zip(shape, part.shape).map { max($0, $1) }
      var rest = number
      var position: [Int] = []
      for size in prefix.reversed() {
        position.insert(rest % size, at: 0)
        rest /= size
      }
      for place in 0..<part.count { indices += position + part.row(place) }
    }
    let total = parts.reduce(0) { $0 + $1.count }
    let rank = prefix.count + shape.count
    try context.setIntegers(0, .int64, Shape([total, rank]), indices)
    let values = try context.allocate(1, dtype, Shape([total]))
    var start = 0
    for part in parts {
      values.copyElements(of: part.values, at: start)
      start += part.count
    }
    try context.setIntegers(2, .int64, Shape([rank]), prefix + shape)
  }
}
