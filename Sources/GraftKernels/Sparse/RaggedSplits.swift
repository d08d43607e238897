import GraftTensor

/// Where the rows of a ragged dimension begin and end among the values.
struct RaggedSplits {
  /// The places at which rows begin, and the end of the last one.
  let places: [Int]

  /// How many rows there are.
  var rowCount: Int { max(places.count - 1, 0) }

  /// Reads splits, which must not decrease, nor point before or behind the values.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for what is none.
  init(_ tensor: Tensor, values: Int, input: Int) throws {
    guard tensor.rank == 1, tensor.elementCount > 0 else {
      throw ArrayArguments.invalid(
        "Ragged splits must be a vector of one element or more, and their shape is "
          + "\(tensor.shape).", input: input)
    }
    places = try tensor.integers()
    guard places[0] >= 0 else {
      throw ArrayArguments.invalid(
        "Ragged splits must be non-negative, and begin with "
          + "\(places[0]).", input: input)
    }
    for (before, after) in zip(places, places.dropFirst()) where after < before {
      throw ArrayArguments.invalid(
        "Ragged splits must be sorted, and \(before) is followed by \(after).", input: input)
    }
    guard let last = places.last, last <= values else {
      throw ArrayArguments.invalid(
        "Ragged splits must not point past the values, of which there are \(values); the last one is "
          + "\(places[places.count - 1]).", input: input)
    }
  }

  /// Reads the splits of nested ragged dimensions, outermost first.
  ///
  /// - Parameter isWhole: Whether each must cover all rows of the next, and the last all values.
  static func nested(
    _ context: KernelContext, _ inputs: Range<Int>, values: Tensor, isWhole: Bool
  ) throws -> [RaggedSplits] {
    guard values.rank > 0 else {
      throw ArrayArguments.invalid("The values of a ragged tensor must have one dimension or more.")
    }
    var inner = values.shape[0]
    var result: [RaggedSplits] = []
    for index in inputs.reversed() {
      let tensor = try context.input(index)
      let splits = try RaggedSplits(tensor, values: inner, input: index)
      guard !isWhole || splits.places.first == 0 else {
        throw ArrayArguments.invalid(
          "The first ragged split must be 0, and is "
            + "\(splits.places[0]).", input: index)
      }
      guard !isWhole || splits.places.last == inner else {
        throw ArrayArguments.invalid(
          "The last ragged split must be the number of the rows or values further in, \(inner), and is "
            + "\(splits.places[splits.rowCount]).", input: index)
      }
      result.insert(splits, at: 0)
      inner = splits.rowCount
    }
    return result
  }
}
