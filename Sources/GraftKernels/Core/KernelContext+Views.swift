import GraftTensor

/// Outputs that lie where an input does, or in a place that stays the same.
extension KernelContext {
  /// Gives an output the elements of an input from the given one on, in another shape, without a copy.
  func setView(_ index: Int, of tensor: Tensor, from element: Int = 0, _ shape: Shape) throws {
    try setOutput(index, tensor.view(firstElement: element, shape: shape))
  }

  /// The largest value that is rather copied to a place of its own than looked at where it lies.
  package static let copiedBytes = 32 << 10

  /// Gives an output a value that may lie elsewhere in the next run: a copy of a small one, in a place that stays the same,
  /// so that what reads it can be bound.
  ///
  /// - Returns: the copy; nil where there is none.
  @discardableResult
  func setOutput(_ index: Int, copyingSmall value: Tensor) throws -> Tensor? {
    guard case .plain = value.dtype.layout, value.byteCount <= Self.copiedBytes else {
      try setOutput(index, value)
      return nil
    }
    let output = try allocate(index, value.dtype, value.shape)
    output.initializeElements(from: value)
    return output
  }

  /// Gives an output the elements of an input from one on that other inputs name, in another shape: a view where these are
  /// constant, otherwise a copy of a few.
  func setPart(_ index: Int, of tensor: Tensor, from element: Int, _ shape: Shape, isConstant: Bool) throws {
    guard isConstant else {
      try setOutput(index, copyingSmall: tensor.view(firstElement: element, shape: shape))
      return
    }
    try setView(index, of: tensor, from: element, shape)
    keepViews()
  }

  /// Has nothing done from the next run on: for outputs that are views which depend on nothing but shapes, addresses
  /// and constants.
  func keepViews() {
    if isFixed { bind {} }
  }
}
