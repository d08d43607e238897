import GraftGraph
import GraftKernels
import GraftTensor

/// The values that a session's variables have, and the variables that have none.
struct VariableValues {
  let resources: ResourceManager
  private(set) var uninitialized: [String] = []
  /// The variables whose nodes are in functions.
  private(set) var inFunctions: [String] = []

  init(resources: ResourceManager) {
    self.resources = resources
  }

  /// The value of a variable's node; where it has none, that is noted.
  mutating func value(of node: GraphNode, inFunction: Bool = false) -> Tensor? {
    let value = VariableBinding.resource(of: node).flatMap { container, name in
      resources.find(Variable.self, container: container, name: name)?.value
    }
    if value == nil {
      uninitialized.append(node.name)
    } else if inFunction {
      inFunctions.append(node.name)
    }
    return value
  }

  /// The error that names all variables without a value.
  func error(in snapshot: GraphSnapshot) -> GraftError? {
    guard !uninitialized.isEmpty else { return nil }
    let names = Set(uninitialized).sorted()
    let list = names.prefix(50).map { "'\($0)'" }.joined(separator: ", ")
    return GraftError(
      .uninitialized,
      "\(names.count) variables that the fetches need have no value to freeze: \(list)"
        + (names.count > 50 ? " and more." : "."),
      remedy: Initializers.remedy(for: names, in: snapshot))
  }
}
