import GraftCheckpoint
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

/// A graph with its variables' values in it as constants: what runs without a checkpoint.
public struct FrozenGraph: Sendable {
  /// The serialized GraphDef.
  public let graphDef: [UInt8]
  /// How many operations it has, those in functions not counted.
  public let operationCount: Int
  /// The variables that became constants.
  public let variables: [String]
  /// The tables whose contents are in the graph.
  public let tables: [String]
  /// What is other than in the graph that was frozen, as sentences: operations that changed variables.
  public let notes: [String]

  /// The frozen graph, imported.
  ///
  /// - Throws: `GraftError` as an import.
  public func graph() throws -> Graph {
    let graph = Graph()
    try graph.importGraphDef(bytes: graphDef)
    return graph
  }

  /// Writes the GraphDef as a file: aside first, then in place of what is there.
  ///
  /// - Throws: `GraftError` for what the system refuses.
  public func write(to path: String, asText: Bool = false) throws {
    try FileSystem.makeFolder(of: path)
    guard asText else { return try StagedFile.write(graphDef, to: path) }
    let text = try Tensorflow_GraphDef(serializedBytes: graphDef).textFormatString()
    try StagedFile.write(Array(text.utf8), to: path)
  }
}

extension Session {
  /// Freezes what some tensors need: variables become constants with the values that the session has now,
  /// also those that functions and control flow read, and operations that nobody needs are left out.
  ///
  /// References to variables become values (`RefSwitch` becomes `Switch`), and operations that change variables
  /// are left out, or give the value that they would give. Initialised tables get their contents.
  ///
  /// - Parameter fetches: the names of tensors or operations that will be fetched.
  /// - Throws: `GraftError`: `notFound` for a name that is not there, with the likely results; `uninitialized`
  ///   with all variables and tables that have no value; `unimplemented` for what cannot be frozen.
  public func freeze(_ fetches: [String]) throws -> FrozenGraph {
    var freezer = Freezer(snapshot: graph.snapshot, resources: resources)
    return try freezer.freeze(fetches)
  }
}

extension SavedModel {
  /// Freezes what a signature's results need.
  ///
  /// - Throws: as ``Session/freeze(_:)``.
  public func freeze(signature key: String = "serving_default") throws -> FrozenGraph {
    let outputs = try signature(key).definition.outputs
    return try session.freeze(outputs.sorted { $0.key < $1.key }.map(\.value.name))
  }
}
