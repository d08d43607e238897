import Synchronization

/// Counts the changes of all of a session's variables, so that one look tells that none was changed.
package final class VariableEpoch: Sendable {
  private let changes = Atomic<Int>(0)

  /// An epoch in which nothing has changed yet.
  package init() {}

  /// How many changes there were. What a change wrote is seen by those who see it counted.
  package var count: Int { changes.load(ordering: .acquiring) }

  /// Counts a change.
  func advance() { changes.wrappingAdd(1, ordering: .releasing) }
}
