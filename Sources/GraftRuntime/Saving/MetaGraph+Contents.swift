import GraftProto
import SwiftProtobuf

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
    var definitions = message.assetFileDef
    // Before there was a field for them they were a collection.
    if definitions.isEmpty, case .anyList(let list)? = message.collectionDef["saved_model_assets"]?.kind {
      definitions = list.value.compactMap { try? Tensorflow_AssetFileDef(serializedBytes: $0.value) }
    }
    return definitions.map { Asset(tensor: $0.tensorInfo.name, filename: $0.filename) }
  }

  /// The names of the collections, sorted.
  package var collectionNames: [String] { message.collectionDef.keys.sorted() }

  /// The operations that a graph's writer listed under a collection's name.
  package func collection(_ name: String) -> [String] {
    guard case .nodeList(let nodes)? = message.collectionDef[name]?.kind else { return [] }
    return nodes.value
  }
}
