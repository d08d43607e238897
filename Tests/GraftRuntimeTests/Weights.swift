import Foundation
import GraftGraph
import GraftTensor

@testable import GraftRuntime

/// How a graph holds its weights.
enum Weights: CaseIterable {
  case constants, references, resources

  /// The kinds that are variables.
  static let variables: [Weights] = [.references, .resources]
}

extension GraphText {
  /// `attr` text of a float dtype, for ops on variables.
  static let floatVariable = ["dtype": "type: DT_FLOAT"]

  /// Adds a weight. Its value is read from `name/read`; a variable gets what is fed to `name/new` from
  /// `name/Assign`, and more by it from `name/add`.
  func weight(_ name: String, _ shape: [Int], _ values: [Float], _ kind: Weights) -> GraphText {
    let declared = [
      "dtype": "type: DT_FLOAT",
      "shape": "shape { \(shape.map { "dim { size: \($0) }" }.joined(separator: " ")) }",
    ]
    switch kind {
    case .constants:
      return constant(name, shape, values).node("\(name)/read", "Identity", [name], Self.float)
    case .references:
      return node(name, "VariableV2", [], declared).node("\(name)/read", "Identity", [name], Self.float)
        .placeholder("\(name)/new")
        .node("\(name)/Assign", "Assign", [name, "\(name)/new"], Self.float)
        .node("\(name)/add", "AssignAdd", [name, "\(name)/new"], Self.float)
    case .resources:
      return node(name, "VarHandleOp", [], declared.merging(["shared_name": "s: \"\(name)\""]) { $1 })
        .node("\(name)/read", "ReadVariableOp", [name], Self.floatVariable)
        .placeholder("\(name)/new")
        .node("\(name)/Assign", "AssignVariableOp", [name, "\(name)/new"], Self.floatVariable)
        .node("\(name)/add", "AssignAddVariableOp", [name, "\(name)/new"], Self.floatVariable)
    }
  }

  /// A session on the graph, with a library of functions.
  func session(optimize: Bool = true, library: [String] = []) throws -> Session {
    let graph = Graph()
    let functions = library.map { "function { \($0) }" }.joined(separator: "\n")
    try graph.importGraphDef(bytes: Array((text + "\nlibrary { \(functions) }").utf8))
    return Session(graph: graph, options: .init(threads: 1, optimize: optimize))
  }
}

extension Session {
  /// Gives a weight a value.
  func assign(_ name: String, _ shape: [Int], _ values: [Float]) throws {
    _ = try run(
      [], feeding: ["\(name)/new": try Tensor(shape: shape, scalars: values)],
      targets: ["\(name)/Assign"])
  }

  /// The plan for some fetches, as text.
  func plan(_ fetches: [String] = ["y"], feeds: [String] = ["x"]) throws -> String {
    try callable(feeds: feeds, fetches: fetches).planDescription
  }

  /// The ops of that plan, sorted.
  func planOps(_ fetches: [String] = ["y"], feeds: [String] = ["x"]) throws -> [String] {
    try plan(fetches, feeds: feeds).split(separator: "\n").compactMap { line in
      guard let equals = line.range(of: " = ") else { return nil }
      return line[equals.upperBound...].split(separator: "(").first.map(String.init)
    }.sorted()
  }
}
