import GraftTensor

/// A graph as it was after an import: it does not change any more.
package struct GraphSnapshot: Sendable {
  /// Counts the imports; another one means that there is more in the graph.
  package let version: Int
  /// The operations, in the order in which they were imported; loops keep them from a topological one.
  package let nodes: [GraphNode]
  /// The functions that nodes call by name.
  package let functions: FunctionLibrary
  /// Who wrote the graph, and who may read it.
  package let versions: GraphVersions
  /// Parts of the imported messages that mean nothing to a run, kept for the export.
  let remainder: GraphRemainder
  /// The nodes by name.
  let names: NameTable
  /// What sessions of the graph made of its constants.
  package let derived: DerivedConstants
  /// The files that the graph was read from and that are still mapped, each once.
  package let files: [MappedFile]

  /// A graph with nothing in it.
  static func empty(extensions: [String: any OpExtension]) -> GraphSnapshot {
    GraphSnapshot(
      version: 0, nodes: [], functions: FunctionLibrary(extensions: extensions), versions: GraphVersions(),
      remainder: GraphRemainder(), names: NameTable(), derived: DerivedConstants(), files: [])
  }

  /// The index of a node; nil where there is none of that name.
  ///
  /// - Complexity: O(1).
  package func nodeIndex(named name: String) -> Int? {
    names.find(NameTable.hash(name)) { nodes[$0].name == name }
  }
}

/// The versions of a `GraphDef`: numbers that TensorFlow raises when the meaning of graphs changes.
package struct GraphVersions: Sendable, Equatable {
  /// The version of the program that wrote the graph; 0 where it does not say.
  package var producer: Int32 = 0
  /// The oldest program that may read it.
  package var minConsumer: Int32 = 0
  /// Programs that are known to get it wrong.
  package var badConsumers: [Int32] = []
  /// Whether the message was there.
  var isPresent = false
  /// Fields of later versions, with their tags.
  var unknownFields: [UInt8] = []
}

/// Parts of imported messages that mean nothing to a run.
struct GraphRemainder: Sendable {
  /// Fields of `GraphDef` with their tags, as they stood.
  var graphFields: [(document: GraphBytes, range: ByteRange)] = []
  /// Fields of `FunctionDefLibrary` other than functions.
  var libraryFields: [(document: GraphBytes, range: ByteRange)] = []
  /// Whether there was a library, if only an empty one.
  var hasLibrary = false
}
