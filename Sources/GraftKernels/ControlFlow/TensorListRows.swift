import GraftTensor

/// The elements of a list that nobody changes while a loop reads them, all of one small size.
final class TensorListRows {
  private let elements: [Tensor]
  private let byteCount: Int

  /// Nil where some element is not set, or not like the one given.
  init?(_ list: TensorList, like first: Tensor) {
    elements = list.elements.compactMap { $0 }
    byteCount = first.byteCount
    let isUniform = elements.allSatisfy { $0.dtype == first.dtype && $0.shape == first.shape }
    guard elements.count == list.elements.count, isUniform else { return nil }
  }

  /// Copies the element of the given number.
  ///
  /// - Returns: whether there is one; the kernel says what is wrong.
  func copy(_ number: Tensor, to target: Tensor) -> Bool {
    let index = Int(number.base.loadUnaligned(as: Int32.self))
    guard elements.indices.contains(index) else { return false }
    target.base.copyMemory(from: elements[index].base, byteCount: byteCount)
    return true
  }
}
