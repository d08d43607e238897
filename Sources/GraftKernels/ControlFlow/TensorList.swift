import GraftTensor

/// The value of a variant tensor that the TensorList ops make: tensors of one dtype.
///
/// An op that changes a list makes another one, unless nobody else holds it: see
/// `KernelContext.changeList(of:_:)`.
package final class TensorList: @unchecked Sendable {
  /// The dtype of the elements.
  package let dtype: DataType
  /// What is known of the elements' shapes.
  package let elementShape: PartialShape
  /// The elements; nil for one that was reserved and not set.
  package internal(set) var elements: [Tensor?]
  /// How many elements there may be; nil for any number.
  package let capacity: Int?

  /// A list.
  package init(dtype: DataType, elementShape: PartialShape, elements: [Tensor?], capacity: Int? = nil) {
    self.dtype = dtype
    self.elementShape = elementShape
    self.elements = elements
    self.capacity = capacity
  }

  /// The same list with other elements.
  func with(_ elements: [Tensor?]) -> TensorList {
    TensorList(dtype: dtype, elementShape: elementShape, elements: elements, capacity: capacity)
  }

  /// The shape that all elements have, those too that were not set; nil where it is not one, or not known.
  package var commonShape: Shape? {
    if let shape = elementShape.fullyDefined { return shape }
    guard let first = elements.first.flatMap({ $0?.shape }), elements.allSatisfy({ $0?.shape == first })
    else {
      return nil
    }
    return first
  }

  /// The shape of elements that were not set: what is known of it must be all.
  ///
  /// - Parameters:
  ///   - known: what the op says of it.
  ///   - others: elements that have the same shape; all of the list's where nil.
  func shape(known: PartialShape, like others: [Tensor?]? = nil) throws -> Shape {
    var merged = try merge(elementShape, known)
    for case let element? in others ?? elements { merged = try merge(merged, PartialShape(element.shape)) }
    guard let shape = merged.fullyDefined else {
      throw GraftError(
        .invalidArgument,
        "The list has elements that were not set, or none, and of its elements' shape only \(merged) is known.",
        remedy: "Give the op an element shape that is known whole.")
    }
    return shape
  }

  private func merge(_ a: PartialShape, _ b: PartialShape) throws -> PartialShape {
    guard let merged = a.merged(with: b) else {
      throw GraftError(.invalidArgument, "The list's elements have shape \(a), and \(b) is expected.")
    }
    return merged
  }
}

extension KernelContext {
  /// The list that an input holds.
  func list(_ index: Int, of dtype: DataType? = nil) throws -> TensorList {
    let tensor = try input(index)
    guard tensor.dtype == .variant, tensor.rank == 0, let list = tensor.handled(as: TensorList.self) else {
      throw GraftError(
        .invalidArgument, "A list of tensors is expected, and \(tensor.dtype)\(tensor.shape) was found.",
        at: .init(input: index))
    }
    guard dtype == nil || list.dtype == dtype else {
      throw GraftError(
        .invalidArgument,
        "A list of \(dtype.map(\.name) ?? "") is expected, and it holds \(list.dtype).",
        at: .init(input: index))
    }
    return list
  }

  /// Gives the first output the list of the first input after a change: the input's own where nobody else holds it, so
  /// that a loop that fills a list does not copy it in every round.
  func changeList(of dtype: DataType, _ change: (TensorList) throws -> Void) throws {
    var list: TensorList? = try list(0, of: dtype)
    var tensor = try takeHandle(0)
    let isOnlyReader = isKnownUniquelyReferenced(&tensor.storage)
    if isOnlyReader { tensor.mutableBuffer(as: TensorHandle.self)[0] = TensorHandle() }
    let isOnlyHolder = isKnownUniquelyReferenced(&list)
    guard let list else { throw GraftError(.internalError, "The list is gone.") }
    let changed = isOnlyHolder ? list : list.with(list.elements)
    try change(changed)
    guard isOnlyReader else { return try setOutput(0, changed) }
    tensor.mutableBuffer(as: TensorHandle.self)[0] = TensorHandle(changed)
    try setOutput(0, tensor)
  }

  /// Gives an output a list as its value.
  func setOutput(_ index: Int, _ list: TensorList) throws {
    let tensor = try Tensor(uninitialized: .variant, shape: .scalar)
    tensor.mutableBuffer(as: TensorHandle.self)[0] = TensorHandle(list)
    try setOutput(index, tensor)
  }

  /// A shape given as a tensor: -1 for what is not known, a scalar -1 for a rank that is not.
  func shapeInput(_ index: Int) throws -> PartialShape {
    let tensor = try input(index)
    let sizes = try tensor.integers()
    if tensor.rank == 0 {
      guard sizes.first == -1 else {
        throw GraftError(.invalidArgument, "A shape is a vector or the scalar -1.", at: .init(input: index))
      }
      return .unknown
    }
    guard sizes.allSatisfy({ $0 >= -1 }) else {
      throw GraftError(
        .invalidArgument, "A shape has sizes of -1 or more: \(sizes).", at: .init(input: index))
    }
    return PartialShape(sizes.map { $0 < 0 ? nil : $0 })
  }
}
