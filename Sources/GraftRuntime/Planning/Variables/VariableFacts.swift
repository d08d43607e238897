import GraftKernels
import GraftTensor

/// What a plan took for granted of a session's variables when it was made: which version each of them had.
struct VariableFacts: Sendable {
  private enum State {
    case version(Int, of: Variable)
    /// It had no value.
    case empty
  }

  private let resources: ResourceManager
  /// Variables that are read when the plan runs, because they change too often.
  private let unsteady: Set<VariableName>
  /// The session's epoch before the first look at a variable.
  let epoch: Int
  private var states: [(name: VariableName, state: State)] = []

  /// Nothing taken for granted yet.
  init(_ resources: ResourceManager, unsteady: Set<VariableName> = []) {
    self.resources = resources
    self.unsteady = unsteady
    epoch = resources.variableEpoch.count
  }

  /// Whether the plan depends on no variable's value.
  var isEmpty: Bool { states.isEmpty }

  /// Takes a variable's value for granted; nil where it has none, which is taken for granted then. To be asked
  /// once for each variable.
  mutating func value(of name: VariableName) -> Tensor? {
    guard !unsteady.contains(name) else { return nil }
    guard let variable = resources.variable(name), case (let value?, let version) = variable.take() else {
      states.append((name, .empty))
      return nil
    }
    states.append((name, .version(version, of: variable)))
    return value
  }

  /// Whether all is as it was.
  var hold: Bool { states.allSatisfy { holds($0.name, $0.state) } }

  /// The variables whose values are others by now.
  var changed: [VariableName] {
    states.compactMap { name, state in
      if case .version = state, !holds(name, state) { name } else { nil }
    }
  }

  private func holds(_ name: VariableName, _ state: State) -> Bool {
    switch state {
    case .version(let version, let variable): variable.version == version
    case .empty: resources.variable(name)?.value == nil
    }
  }
}
