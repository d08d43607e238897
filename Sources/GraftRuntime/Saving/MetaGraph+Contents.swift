import GraftProto

extension MetaGraph {
  /// A file that the graph reads when it is loaded, as a vocabulary.
  package struct Asset: Sendable {
    /// The tensor that holds the file's path.
    package let tensor: String
    /// The file's name in the folder `assets`.
    package let filename: String
  }

  /// The files that the graph reads when it is loaded.
  package var assets: [Asset] {
    message.assetFileDef.map { Asset(tensor: $0.tensorInfo.name, filename: $0.filename) }
  }

  /// The names of the collections, sorted.
  package var collectionNames: [String] { message.collectionDef.keys.sorted() }

  /// The operations that a graph's writer listed under a collection's name.
  package func collection(_ name: String) -> [String] {
    guard case .nodeList(let nodes)? = message.collectionDef[name]?.kind else { return [] }
    return nodes.value
  }
}
