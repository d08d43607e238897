import GraftTensor
import Synchronization

/// Tensors that were decoded into memory of their own, found again by their place in the document: sessions
/// that run the same graph share them, and the memory goes when the last of them does.
final class DecodedTensors: Sendable {
  private struct Entry: @unchecked Sendable {
    weak var storage: TensorStorage?
    let dtype: DataType
    let shape: Shape
  }

  // A bare dictionary in the lock would have its type made at run time to be let go of, empty or not.
  private struct State {
    var entries: [Int: Entry] = [:]
  }

  private let state = Mutex(State())

  /// The tensor of a place, while somebody holds it.
  func tensor(at offset: Int) -> Tensor? {
    state.withLock { state in
      guard let entry = state.entries[offset], let storage = entry.storage else { return nil }
      return Tensor(dtype: entry.dtype, shape: entry.shape, storage: storage)
    }
  }

  /// Remembers a tensor, without keeping it.
  func remember(_ tensor: Tensor, at offset: Int) {
    state.withLock {
      $0.entries[offset] = Entry(storage: tensor.storage, dtype: tensor.dtype, shape: tensor.shape)
    }
  }
}
