import GraftTensor

/// What becomes of an element that an update meets.
enum ScatterOperation: Sendable {
  case update, add, subtract, multiply, divide, minimum, maximum
}

/// Writes rows of updates into rows of a tensor, picked by number, in the order of the updates: of several
/// for one row the last one counts, or all add up.
enum RowScatter {
  /// Combines each row of updates with the row of the target whose number stands beside it; a negative
  /// number passes it over. Where the updates are no longer than one row, it serves for all numbers.
  ///
  /// - Precondition: the numbers are int64 and within the target, and nobody else reads the target.
  static func apply(
    _ operation: ScatterOperation, _ updates: Tensor, rows: Tensor, to target: Tensor, length: Int
  ) throws {
    let places = Places(updates: updates, rows: rows, target: target, length: length)
    let dtype = target.dtype
    switch operation {
    case .update: try dtype.withElement(Update(places: places))
    case .add:
      switch dtype {
      case .bool: places.combine(Bool.self) { $0 || $1 }
      case .string: places.combine(Bytes.self) { Bytes($0.bytes + $1.bytes) }
      default: try dtype.withArithmeticElement(Add(places: places))
      }
    case .subtract:
      // What C++ makes of a difference of bools.
      if dtype == .bool { return places.combine(Bool.self) { $0 != $1 } }
      try dtype.withArithmeticElement(Subtract(places: places))
    case .multiply: try dtype.withArithmeticElement(Multiply(places: places))
    case .divide: try dtype.withArithmeticElement(Divide(places: places))
    case .minimum: try dtype.withOrderedElement(Minimum(places: places))
    case .maximum: try dtype.withOrderedElement(Maximum(places: places))
    }
  }

  private struct Places {
    let updates: Tensor
    let rows: Tensor
    let target: Tensor
    let length: Int

    /// How many elements lie between the updates of two numbers.
    var step: Int { updates.elementCount <= length ? 0 : length }

    @inline(__always)
    func combine<E>(_ type: E.Type, _ operation: (E, E) -> E) {
      let numbers = rows.buffer(as: Int64.self)
      let source = updates.element(type, 0)
      let base = target.element(type, 0)
      let step = self.step
      for (place, number) in numbers.enumerated() where number >= 0 {
        let from = source + place * step
        let to = base + Int(number) * length
        for i in 0..<length { to[i] = operation(to[i], from[i]) }
      }
    }
  }

  private struct Update: ElementTask {
    let places: Places

    func run<E: Sendable>(_ type: E.Type) throws {
      let length = places.length
      let source = places.updates.element(type, 0)
      let base = places.target.element(type, 0)
      let step = places.step
      for (place, number) in places.rows.buffer(as: Int64.self).enumerated() where number >= 0 {
        (base + Int(number) * length).copyRow(from: source + place * step, count: length)
      }
    }
  }

  private struct Add: ArithmeticElementTask {
    let places: Places
    func run<E: ArithmeticElement>(_ type: E.Type) throws { places.combine(type) { E.add($0, $1) } }
  }

  private struct Subtract: ArithmeticElementTask {
    let places: Places
    func run<E: ArithmeticElement>(_ type: E.Type) throws { places.combine(type) { E.subtract($0, $1) } }
  }

  private struct Multiply: ArithmeticElementTask {
    let places: Places
    func run<E: ArithmeticElement>(_ type: E.Type) throws { places.combine(type) { E.multiply($0, $1) } }
  }

  private struct Divide: ArithmeticElementTask {
    let places: Places
    func run<E: ArithmeticElement>(_ type: E.Type) throws { places.combine(type) { E.divide($0, $1) } }
  }

  private struct Minimum: OrderedElementTask {
    let places: Places
    func run<E: OrderedElement>(_ type: E.Type) throws { places.combine(type) { E.less($1, $0) ? $1 : $0 } }
  }

  private struct Maximum: OrderedElementTask {
    let places: Places
    func run<E: OrderedElement>(_ type: E.Type) throws { places.combine(type) { E.less($0, $1) ? $1 : $0 } }
  }
}

/// What `indices` and `updates` of ScatterNd and its kin say about a tensor of some shape.
struct ScatterPlan {
  /// The numbers of the slices, as int64.
  let rows: Tensor
  /// How many elements a slice has.
  let length: Int

  /// Checks indices and updates against each other and against the shape.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) where they do not fit.
  init(
    indices: Tensor, updates: Tensor, shape: Shape, inputs: (indices: Int, updates: Int),
    ignoresBad: Bool = false, _ context: KernelContext
  ) throws {
    for (index, tensor) in [(inputs.indices, indices), (inputs.updates, updates)] where tensor.rank == 0 {
      throw ArrayArguments.invalid(
        "Indices and updates must have one dimension or more, and a scalar was found.", input: index)
    }
    guard shape.rank > 0 else {
      throw ArrayArguments.invalid("A scalar has no places to scatter into.")
    }
    let counts = [indices.elementCount, updates.elementCount]
    guard counts == [0, 0] || shape.elementCount > 0 && !counts.contains(0) else {
      throw ArrayArguments.invalid(
        "The shapes of indices, updates and output are \(indices.shape), \(updates.shape) and \(shape): "
          + "where one is empty, indices and updates must both be.")
    }
    // A vector of indices counts as a column.
    let depth = indices.rank > 1 ? indices.shape[indices.rank - 1] : 1
    let outer = indices.rank > 1 ? Array(indices.shape.dimensions.dropLast()) : indices.shape.dimensions
    guard depth <= shape.rank, updates.shape.dimensions == outer + shape.dimensions[depth...] else {
      let expected = depth <= shape.rank ? "\(Shape(outer + shape.dimensions[depth...]))" : "none"
      throw ArrayArguments.invalid(
        "Indices of shape \(indices.shape) into a tensor of shape \(shape) want updates of shape "
          + "\(expected), and the updates' shape is \(updates.shape).", input: inputs.updates)
    }
    length = ArrayArguments.product(shape.dimensions[depth...])
    let column = indices.reshaped(unchecked: Shape(outer + [depth]))
    rows = try RowNumbers.ofSlices(
      column, in: shape, input: inputs.indices, ignoresBad: ignoresBad, context)
  }
}
