import GraftTensor

/// The shape of a dense feature in one record: what `dense_shapes` says.
struct DenseFeatureShape: Sendable {
  /// The sizes; without the first where records have different numbers of rows.
  let row: Shape
  /// Whether records have different numbers of rows, which are filled up to the longest.
  let isVariable: Bool
  /// The shape as it was given, for messages.
  let given: PartialShape

  /// The shapes of an attribute, of which the first size alone may be unknown.
  static func shapes(_ name: String, of node: NodeSetup) throws -> [DenseFeatureShape] {
    try node.shapes(name).enumerated().map { place, shape in
      guard let sizes = shape.dimensions else {
        throw node.invalid("Shape \(place) of '\(name)' is not known.")
      }
      let isVariable = !sizes.isEmpty && sizes[0] == nil
      let row = sizes.dropFirst(isVariable ? 1 : 0)
      let known = row.compactMap { $0 }
      guard known.count == row.count else {
        throw node.invalid(
          "Shape \(place) of '\(name)' is \(shape), and only the first size may be unknown.",
          remedy: "Use a sparse or a ragged feature.")
      }
      return DenseFeatureShape(row: try Shape(validating: known), isVariable: isVariable, given: shape)
    }
  }

  /// Checks a default, which stands for a feature that a record lacks, or fills rows up.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when it does not fit.
  func check(default value: Tensor, input: Int) throws {
    if isVariable {
      guard value.elementCount == 1 else {
        throw GraftError(
          .invalidArgument,
          "The feature has the shape \(given), so its default is the one value that fills it up; the shape "
            + "\(value.shape) was found.", at: .init(input: input))
      }
    } else if value.elementCount > 0 {
      guard given.accepts(value.shape) else {
        throw GraftError(
          .invalidArgument, "The feature has the shape \(given), and its default has \(value.shape).",
          at: .init(input: input))
      }
    }
  }
}
