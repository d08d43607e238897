import GraftTensor

/// The elements of lists and arrays of tensors as the rounds of a loop take them.
extension Tensor {
  /// The shape of all elements of the list or the array that this is a handle to; nil where there is none.
  package var commonElementShape: Shape? {
    handled(as: TensorList.self)?.commonShape ?? handled(as: TensorArray.self)?.commonShape
  }
}

extension KernelContext {
  /// The largest element that is rather copied than looked at where it lies.
  private static let copiedBytes = 32 << 10

  /// Gives an output an element of a list or an array: a copy of a small one, in a place that stays the same from round
  /// to round of a loop, so that what reads it can be bound.
  ///
  /// - Returns: the copy; nil where there is none.
  @discardableResult
  func setElement(_ index: Int, _ element: Tensor) throws -> Tensor? {
    guard case .plain = element.dtype.layout, element.byteCount <= Self.copiedBytes else {
      try setOutput(index, element)
      return nil
    }
    let output = try allocate(index, element.dtype, element.shape)
    output.initializeElements(from: element)
    return output
  }
}
