import GraftTensor

/// The ops that have kernels.
package struct OpRegistry: Sendable {
  private var definitions: [String: OpDefinition] = [:]
  /// Ops that were given more than once, which is a mistake: the last one counts.
  package private(set) var repeated: [String] = []

  /// A registry of the given ops.
  package init(_ families: [[OpDefinition]]) {
    definitions.reserveCapacity(families.reduce(0) { $0 + $1.count })
    for definition in families.joined() {
      if definitions.updateValue(definition, forKey: definition.name) != nil {
        repeated.append(definition.name)
      }
    }
  }

  /// These ops and others, which go before those of the same name.
  package func adding(_ others: [OpDefinition]) -> OpRegistry {
    var result = self
    for definition in others { result.definitions[definition.name] = definition }
    return result
  }

  /// The op of the given type.
  package subscript(op: String) -> OpDefinition? { definitions[op] }

  /// All ops, by name.
  package var all: [OpDefinition] { definitions.values.sorted { $0.name < $1.name } }
}
