import GraftTensor

/// Rows that were added up: their numbers, sorted, how many of each there were, and their sums.
struct SparseSum: Sendable {
  var indices: [Int64]
  var counts: [Int]
  var values: Tensor

  /// The sum with rows of another gradient, whose numbers are sorted, too.
  func adding(_ other: SparseSum) throws -> SparseSum {
    guard values.shape.dimensions.dropFirst() == other.values.shape.dimensions.dropFirst() else {
      throw GraftError(
        .invalidArgument, "Rows of \(values.shape) and of \(other.values.shape) cannot be added.")
    }
    var merged: [(index: Int64, mine: Int?, theirs: Int?)] = []
    var (mine, theirs) = (0, 0)
    while mine < indices.count || theirs < other.indices.count {
      let (a, b) = (
        mine < indices.count ? indices[mine] : nil, theirs < other.indices.count ? other.indices[theirs] : nil
      )
      let takesMine = a.map { a in b.map { a <= $0 } ?? true } ?? false
      let takesTheirs = b.map { b in a.map { b <= $0 } ?? true } ?? false
      merged.append(
        ((takesMine ? a : b) ?? 0, takesMine ? mine : nil, takesTheirs ? theirs : nil))
      if takesMine { mine += 1 }
      if takesTheirs { theirs += 1 }
    }
    let tail = Array(values.shape.dimensions.dropFirst())
    let sums = try Tensor(
      uninitialized: values.dtype, shape: try Shape(validating: [merged.count] + tail))
    let (myRows, theirRows) = (values.rows(), other.values.rows())
    for (row, source) in zip(sums.rows(), merged) {
      if let place = source.mine ?? source.theirs {
        row.initializeElements(from: source.mine == nil ? theirRows[place] : myRows[place])
      }
      if source.mine != nil, let place = source.theirs { try row.add(theirRows[place]) }
    }
    return SparseSum(
      indices: merged.map(\.index),
      counts: merged.map { source in
        (source.mine.map { counts[$0] } ?? 0) + (source.theirs.map { other.counts[$0] } ?? 0)
      }, values: sums)
  }
}

/// Adds up gradients that have values in some rows only.
typealias SparseAccumulator = Accumulator<SparseSum>

enum SparseAccumulatorOps {
  static let all: [OpDefinition] = [
    SparseAccumulator.definition(
      "SparseConditionalAccumulator", "The session's accumulator of sparse gradients of that name."),
    apply, take,
  ]

  private static let apply = OpDefinition(
    "SparseAccumulatorApplyGradient", "Adds a gradient's rows, where it is not of an earlier step.",
    traits: [.stateful, .keepsInputs], shape: { _ in [] }
  ) { node in
    let hasKnownShape = try node.bool("has_known_shape")
    return { context in
      let accumulator = try context.resource(0, as: SparseAccumulator.self)
      let step = Int64(try ArrayArguments.scalar(context, 1, "local_step"))
      let indices = try ArrayArguments.vector(context, 2, "gradient_indices")
      let values = try context.input(3).persistent()
      try check(indices, values, accumulator)
      if hasKnownShape {
        let shape = try ArrayArguments.vector(context, 4, "gradient_shape")
        guard accumulator.shape.accepts(try Shape(validating: shape)), shape.count == values.rank,
          shape.dropFirst() == values.shape.dimensions.dropFirst(),
          indices.allSatisfy({ $0 < shape.first ?? 0 })
        else { throw mismatch(shape, values, accumulator) }
      }
      let gradient = SparseSum(
        indices: indices.map { Int64($0) }, counts: Array(repeating: 1, count: indices.count), values: values)
      try accumulator.apply(step: step) { try $0?.adding(gradient) ?? gradient }
    }
  }

  private static func check(_ indices: [Int], _ values: Tensor, _ accumulator: SparseAccumulator) throws {
    guard values.dtype == accumulator.dtype, let rows = values.shape.dimensions.first,
      rows == indices.count, !indices.isEmpty
    else {
      throw GraftError(
        .invalidArgument,
        "\(indices.count) rows of \(accumulator.dtype) are expected, and the values are "
          + "\(values.dtype)\(values.shape).", at: .init(input: 3))
    }
    guard let known = accumulator.shape.dimensions else { return }
    let fits =
      known.count == values.rank
      && zip(known.dropFirst(), values.shape.dimensions.dropFirst()).allSatisfy { $0 == nil || $0 == $1 }
    let limit = known.first.flatMap { $0 } ?? .max
    guard fits, indices.allSatisfy({ (0..<limit).contains($0) }) else {
      throw mismatch(values.shape.dimensions, values, accumulator)
    }
  }

  private static func mismatch(_ shape: [Int], _ values: Tensor, _ accumulator: SparseAccumulator)
    -> GraftError
  {
    GraftError(
      .invalidArgument,
      "The accumulator takes gradients of shape \(accumulator.shape), and one of shape \(shape) with values "
        + "\(values.shape), or rows outside of it, was given.")
  }

  private static let take = OpDefinition(
    "SparseAccumulatorTakeGradient",
    "The rows of the sum or average of the gradients so far, when there are enough.",
    traits: [.stateful, .waits], shape: { _ in [PartialShape([nil]), .unknown, PartialShape([nil])] }
  ) { node in
    let dtype = try node.type("dtype")
    return { context in
      let accumulator = try context.resource(0, as: SparseAccumulator.self)
      guard accumulator.dtype == dtype else {
        throw GraftError(.invalidArgument, "It adds up \(accumulator.dtype), and \(dtype) is taken.")
      }
      let (sum, _) = try accumulator.take(
        required: try ArrayArguments.scalar(context, 1, "num_required"), context)
      let values = try sum.values.copied()
      // Every row has its own count: it is the average of the gradients that had it.
      if accumulator.isMean { try values.divideRows(sum.counts) }
      var shape = values.shape.dimensions.map { Int64($0) }
      shape[0] = Int64(accumulator.shape[0] ?? -1)
      try context.setOutput(0, try Tensor(sum.indices))
      try context.setOutput(1, values)
      try context.setOutput(2, try Tensor(shape))
    }
  }
}
