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
  struct Contents {
    var definitions: [String: OpDefinition] = [:]
    var repeated: [String] = []
    /// How many families have been made.
    var count = 0
    var frequent: [String: OpDefinition] = [:]
    var frequentCount = 0
  }

  private let families: [@Sendable () -> [OpDefinition]]
  private let frequent: [@Sendable () -> [OpDefinition]]
  private let contents = Mutex(Contents())

  init(_ families: [@Sendable () -> [OpDefinition]], frequent: [@Sendable () -> [OpDefinition]]) {
    self.families = families
    self.frequent = frequent
  }

  func definition(of op: String) -> OpDefinition? {
    contents.withLock { contents in
      while true {
        if let found = contents.frequent[op] ?? contents.definitions[op] { return found }
        guard makeNextFrequent(&contents) || makeNext(&contents) else { return nil }
      }
    }
  }

  private func makeNextFrequent(_ contents: inout Contents) -> Bool {
    guard contents.frequentCount < frequent.count else { return false }
    for definition in frequent[contents.frequentCount]() { contents.frequent[definition.name] = definition }
    contents.frequentCount += 1
    return true
  }

  var all: Contents {
    contents.withLock { contents in
      while makeNext(&contents) {}
      return contents
    }
  }

  private func makeNext(_ contents: inout Contents) -> Bool {
    guard contents.count < families.count else { return false }
    for definition in families[contents.count]() {
      if contents.definitions.updateValue(definition, forKey: definition.name) != nil {
        contents.repeated.append(definition.name)
      }
    }
    contents.count += 1
    return true
  }
}
