import GraftGraph
import GraftTensor
import Synchronization

/// The ops that have kernels.
package struct OpRegistry: Sendable {
  private let library: OpLibrary
  /// Ops that go before those of the library.
  private var others: [String: OpDefinition] = [:]

  /// A registry of the given families, of which each is made when the first op is asked for that none before it
  /// has: a small network needs few of them.
  ///
  /// - Parameter frequent: Parts of the families in which to look first, so that not even the families are made of
  ///   which everything needs an op or two.
  package init(
    _ families: [@Sendable () -> [OpDefinition]], frequent: [@Sendable () -> [OpDefinition]] = []
  ) {
    library = OpLibrary(families, frequent: frequent)
  }

  /// These ops and others, which go before those of the same name.
  package func adding(_ others: [OpDefinition]) -> OpRegistry {
    var result = self
    for definition in others { result.others[definition.name] = definition }
    return result
  }

  /// The op of the given type.
  package subscript(op: String) -> OpDefinition? { others[op] ?? library.definition(of: op) }

  /// The op that a graph's node names. What planning alone makes, for inputs that it has looked at, a graph may
  /// not ask for: nothing says which dtypes such a node has.
  package func definition(inGraph op: String) -> OpDefinition? {
    if let own = others[op] { return own }
    if op.utf8.first == UInt8(ascii: "_"), OpSignature.named(op) == nil { return nil }
    return library.definition(of: op)
  }

  /// All ops, by name.
  package var all: [OpDefinition] {
    library.all.definitions.merging(others) { $1 }.values.sorted { $0.name < $1.name }
  }

  /// Ops that were given more than once, which is a mistake: the last one counts.
  package var repeated: [String] { library.all.repeated }
}

/// Families of ops, made one after the other as they are needed.
private final class OpLibrary: Sendable {
  /// Families, and the ops of those that have been made.
  struct Families {
    let makers: [@Sendable () -> [OpDefinition]]
    var count = 0
    var definitions = Dictionary<String, OpDefinition>(minimumCapacity: 200)
    var repeated: [String] = []

    /// Makes the next family; false where there is none.
    mutating func makeNext() -> Bool {
      guard count < makers.count else { return false }
      for definition in makers[count]() {
        if definitions.updateValue(definition, forKey: definition.name) != nil {
          repeated.append(definition.name)
        }
      }
      count += 1
      return true
    }
  }

  private let families: Mutex<(frequent: Families, all: Families)>

  init(_ families: [@Sendable () -> [OpDefinition]], frequent: [@Sendable () -> [OpDefinition]]) {
    self.families = Mutex((Families(makers: frequent), Families(makers: families)))
  }

  func definition(of op: String) -> OpDefinition? {
    families.withLock { families in
      while true {
        if let found = families.frequent.definitions[op] ?? families.all.definitions[op] { return found }
        guard families.frequent.makeNext() || families.all.makeNext() else { return nil }
      }
    }
  }

  /// All families, made.
  var all: Families {
    families.withLock { families in
      while families.all.makeNext() {}
      return families.all
    }
  }
}
