import GraftGraph
import GraftTensor

/// Batches of tensors, and what they are made of.
package enum TensorBatch {
  /// The tuples that lie along the components' first dimension, as views.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for scalars, and for components of different lengths.
  package static func slices(of components: [Tensor]) throws -> [[Tensor]] {
    guard let count = components.first?.shape.dimensions.first else {
      throw GraftError(.invalidArgument, "Components to be sliced have one dimension at least.")
    }
    for component in components where component.shape.dimensions.first != count {
      throw GraftError(
        .invalidArgument,
        "Components are sliced along the first dimension, and their shapes differ there: "
          + "\(components.map { "\($0.shape)" }.joined(separator: ", ")).")
    }
    let rows = components.map { $0.rows() }
    return (0..<count).map { index in rows.map { $0[index] } }
  }

  /// A tensor with the given ones along a new first dimension. All have one shape, which `shape` says where
  /// there are none.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for tensors of different shapes.
  package static func stacked(_ parts: [Tensor], _ dtype: DataType, _ shape: PartialShape) throws -> Tensor {
    let part = parts.first?.shape ?? known(shape)
    for (index, other) in parts.enumerated() where other.shape != part || other.dtype != dtype {
      throw GraftError(
        .invalidArgument,
        "A batch has elements of one shape: the first is \(dtype)\(part), and number \(index) is "
          + "\(other.dtype)\(other.shape).")
    }
    let result = try Tensor(uninitialized: dtype, shape: try batchShape(parts.count, part))
    for (index, tensor) in parts.enumerated() {
      result.view(firstElement: index * part.elementCount, shape: part).initializeElements(from: tensor)
    }
    return result
  }

  /// A tensor with the given ones along a new first dimension, each padded at its ends to the largest.
  ///
  /// - Parameters:
  ///   - shape: what every part has at least; nil sizes are those of the largest part.
  ///   - padding: a scalar; zeros, false or empty strings unless told.
  /// - Throws: `GraftError` (`invalidArgument`) for other ranks, and for parts that are larger than the shape.
  package static func padded(
    _ parts: [Tensor], _ dtype: DataType, _ shape: PartialShape, padding: Tensor? = nil
  ) throws -> Tensor {
    var sizes = known(shape).dimensions
    if let first = parts.first, shape.rank == nil { sizes = [Int](repeating: 0, count: first.rank) }
    for part in parts {
      guard part.rank == sizes.count, part.dtype == dtype else {
        throw GraftError(
          .invalidArgument,
          "A part of a batch is \(part.dtype)\(part.shape), and \(dtype)\(shape) is expected.")
      }
      for (axis, size) in part.shape.dimensions.enumerated() where size > sizes[axis] {
        if let limit = shape.dimensions?[axis] {
          throw GraftError(
            .invalidArgument,
            "A part of shape \(part.shape) is larger than \(limit), to which axis \(axis) is padded.")
        }
        sizes[axis] = size
      }
    }
    let part = Shape(sizes)
    let result = try Tensor(uninitialized: dtype, shape: try batchShape(parts.count, part)).cleared()
    if let padding { fill(result, with: padding) }
    for (index, tensor) in parts.enumerated() {
      copy(tensor, into: result.view(firstElement: index * part.elementCount, shape: part))
    }
    return result
  }

  private static func known(_ shape: PartialShape) -> Shape {
    Shape((shape.dimensions ?? []).map { $0 ?? 0 })
  }

  private static func batchShape(_ count: Int, _ part: Shape) throws -> Shape {
    try Shape(validating: [count] + part.dimensions)
  }

  private static func fill(_ target: Tensor, with scalar: Tensor) {
    guard scalar.elementCount == 1, scalar.dtype == target.dtype else { return }
    for index in 0..<target.elementCount {
      target.view(firstElement: index, shape: .scalar).initializeElements(
        from: scalar.reshaped(unchecked: .scalar))
    }
  }

  /// Copies row by row along the last axis.
  private static func copy(_ source: Tensor, into target: Tensor) {
    guard source.elementCount > 0 else { return }
    let width = source.shape.dimensions.last ?? 1
    let row = Shape([width])
    var index = [Int](repeating: 0, count: max(source.rank - 1, 0))
    for number in 0..<source.elementCount / width {
      var place = 0
      for (axis, position) in index.enumerated() { place = place * target.shape[axis] + position }
      place *= target.shape.dimensions.last ?? 1
      target.view(firstElement: place, shape: row)
        .initializeElements(from: source.view(firstElement: number * width, shape: row))
      for axis in index.indices.reversed() {
        index[axis] += 1
        if index[axis] < source.shape[axis] { break }
        index[axis] = 0
      }
    }
  }
}
