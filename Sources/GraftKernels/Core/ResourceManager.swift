import GraftTensor
import Synchronization

/// Something that a session owns and operations refer to by a handle: a variable, a table, a queue.
package protocol SessionResource: AnyObject, Sendable {
  /// What it is, for messages: "variable", "table".
  static var kind: String { get }
}

/// What one session's operations keep from run to run, by container and name.
package final class ResourceManager: Sendable {
  private struct Key: Hashable {
    let type: ObjectIdentifier
    let container: String
    let name: String
  }

  /// The session's runs.
  package let activity = RunActivity()
  /// The changes of the session's variables.
  package let variableEpoch = VariableEpoch()
  // A bare dictionary in the lock would have its type made at run time to be let go of, empty or not.
  private struct State {
    var resources: [Key: any SessionResource] = [:]
  }
  private let state = Mutex(State())

  /// A session's, with nothing in it.
  package init() {}

  /// The resource of that name, made now where there is none yet.
  package func resource<R: SessionResource>(
    _ type: R.Type, container: String, name: String, make: () throws -> R
  ) throws -> R {
    let key = Key(type: ObjectIdentifier(type), container: container, name: name)
    return try state.withLock { state in
      if let found = state.resources[key] as? R { return found }
      let made = try make()
      state.resources[key] = made
      return made
    }
  }

  /// The resource of that name, where there is one.
  package func find<R: SessionResource>(_ type: R.Type, container: String, name: String) -> R? {
    let key = Key(type: ObjectIdentifier(type), container: container, name: name)
    return state.withLock { $0.resources[key] as? R }
  }

  /// Forgets a resource; handles to it that are still about keep it alive.
  package func remove(_ resource: any SessionResource) {
    state.withLock { state in
      for (key, value) in state.resources where value === resource { state.resources[key] = nil }
    }
  }

  /// All resources of a kind.
  package func all<R: SessionResource>(_ type: R.Type) -> [R] {
    state.withLock { $0.resources.values.compactMap { $0 as? R } }
  }
}
