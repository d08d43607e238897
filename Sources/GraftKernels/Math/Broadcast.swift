import GraftTensor

/// How the elements of several operands meet when they are broadcast to one shape.
///
/// Dimensions along which all operands either move on or stay are merged into one, so that most cases have
/// one or two, and those of size one are left out.
struct Broadcast {
  /// The shape that the operands broadcast to.
  let shape: Shape
  /// The sizes of the merged dimensions, outermost first.
  let sizes: [Int]
  /// For each operand how many elements a step along each merged dimension skips: zero where it stays.
  let strides: [[Int]]

  /// - Throws: `GraftError` (`invalidArgument`) when the shapes do not broadcast to one, as TensorFlow
  ///   says it: two sizes of a dimension are equal, or one of them is one.
  /// - Complexity: O(rank · operands).
  init(_ shapes: [Shape]) throws(GraftError) {
    guard let dimensions = Self.dimensions(shapes) else {
      throw GraftError(
        .invalidArgument,
        "Incompatible shapes: \(shapes.map(\.description).joined(separator: " vs. ")).",
        remedy: "From the right, the sizes of each dimension must be equal, or one of them 1.")
    }
    shape = try Shape(validating: dimensions)
    var sizes: [Int] = []
    var strides = [[Int]](repeating: [], count: shapes.count)
    var elements = [Int](repeating: 1, count: shapes.count)
    // From the innermost dimension outwards; turned round at the end.
    for position in 0..<dimensions.count {
      let size = dimensions[dimensions.count - 1 - position]
      if size == 1 { continue }
      var steps: [Int] = []
      for (operand, shape) in shapes.enumerated() {
        let own = position < shape.rank ? shape[shape.rank - 1 - position] : 1
        steps.append(own == 1 ? 0 : elements[operand])
        elements[operand] *= own
      }
      let merges =
        !sizes.isEmpty
        && steps.indices.allSatisfy { steps[$0] == strides[$0][sizes.count - 1] * sizes[sizes.count - 1] }
      if merges {
        sizes[sizes.count - 1] *= size
      } else {
        sizes.append(size)
        for operand in steps.indices { strides[operand].append(steps[operand]) }
      }
    }
    if sizes.isEmpty {
      sizes = [shape.elementCount]
      strides = [[Int]](repeating: [1], count: shapes.count)
    }
    self.sizes = sizes.reversed()
    self.strides = strides.map { $0.reversed() }
  }

  /// The sizes that the shapes broadcast to; nil where they do not.
  static func dimensions(_ shapes: [Shape]) -> [Int]? {
    let rank = shapes.map(\.rank).max() ?? 0
    var result = [Int](repeating: 1, count: rank)
    for shape in shapes {
      for (axis, size) in shape.dimensions.enumerated() where size != 1 {
        let place = rank - shape.rank + axis
        if result[place] == 1 {
          result[place] = size
        } else if result[place] != size {
          return nil
        }
      }
    }
    return result
  }

  /// How many elements the innermost merged dimension has.
  var rowLength: Int { sizes[sizes.count - 1] }

  /// How many rows there are: the product of the sizes of the other merged dimensions.
  var rowCount: Int { sizes.dropLast().reduce(1, *) }

  /// How many elements a step along the innermost merged dimension skips: one, or zero.
  func innerStride(_ operand: Int) -> Int { strides[operand][sizes.count - 1] }

  /// Calls the body for rows, in order, with each operand's first element of the row.
  @inline(__always)
  func forEachRow(
    _ rows: Range<Int>, _ body: (_ row: Int, _ starts: UnsafePointer<Int>) -> Void
  ) {
    guard !rows.isEmpty else { return }
    let outer = sizes.count - 1
    var starts = [Int](repeating: 0, count: strides.count)
    if outer == 1 {
      let steps = strides.map { $0[0] }
      starts.withUnsafeMutableBufferPointer { starts in
        guard let base = starts.baseAddress else { return }
        for operand in steps.indices { base[operand] = rows.lowerBound * steps[operand] }
        for row in rows {
          body(row, base)
          for operand in steps.indices { base[operand] += steps[operand] }
        }
      }
      return
    }
    var index = [Int](repeating: 0, count: outer)
    var rest = rows.lowerBound
    for axis in stride(from: outer - 1, through: 0, by: -1) {
      index[axis] = rest % sizes[axis]
      rest /= sizes[axis]
      for operand in strides.indices { starts[operand] += index[axis] * strides[operand][axis] }
    }
    for row in rows {
      starts.withUnsafeBufferPointer { if let base = $0.baseAddress { body(row, base) } }
      var axis = outer - 1
      while axis >= 0 {
        index[axis] += 1
        for operand in strides.indices { starts[operand] += strides[operand][axis] }
        if index[axis] < sizes[axis] { break }
        for operand in strides.indices { starts[operand] -= strides[operand][axis] * sizes[axis] }
        index[axis] = 0
        axis -= 1
      }
    }
  }

  /// Calls the body for the elements of rows, in order, with the places of two operands' elements that meet there.
  @inline(__always)
  func forEachPair(_ rows: Range<Int>, _ body: (_ place: Int, _ left: Int, _ right: Int) -> Void) {
    let (length, left, right) = (rowLength, innerStride(0), innerStride(1))
    forEachRow(rows) { row, starts in
      for column in 0..<length {
        body(row * length + column, starts[0] + column * left, starts[1] + column * right)
      }
    }
  }
}
