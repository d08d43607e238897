import GraftGraph
import GraftTensor
import Synchronization

/// A session's iterator over a dataset's elements.
final class DatasetIterator: SessionResource {
  static let kind = "iterator"

  let name: String
  let container: String
  private let state: Monitor<Dataset.Elements?>

  init(name: String, container: String) {
    self.name = name
    self.container = container
    state = Monitor(nil)
  }

  /// What stands for the iterator as a string.
  var handle: Bytes { Bytes("graft:iterator:\(container):\(name)") }

  /// Begins with a dataset's first element.
  func begin(_ dataset: Dataset) {
    state.withLock { $0 = dataset.elements() }
  }

  /// Begins with the dataset's first element where it has none yet.
  func beginOnce(_ dataset: () throws -> Dataset) rethrows {
    try state.withLock { if $0 == nil { $0 = try dataset().elements() } }
  }

  /// The next element; nil at the end.
  ///
  /// - Throws: `GraftError` (`failedPrecondition`) when it was not given a dataset, and what making the element
  ///   throws.
  func next(_ context: KernelContext) throws -> [Tensor]? {
    try state.withLock { elements in
      guard let elements else {
        throw GraftError(
          .failedPrecondition, "The iterator '\(name)' has no dataset yet.",
          remedy: "Run the iterator's initializer (MakeIterator) first.")
      }
      return try elements(context)
    }
  }
}
