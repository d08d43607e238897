import GraftTensor

/// The elements of lists and arrays of tensors as the rounds of a loop take them.
extension Tensor {
  /// The shape of all elements of the list or the array that this is a handle to; nil where there is none.
  package var commonElementShape: Shape? {
    handled(as: TensorList.self)?.commonShape ?? handled(as: TensorArray.self)?.commonShape
  }
}
