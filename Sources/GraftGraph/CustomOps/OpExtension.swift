/// An op that is not in TensorFlow's list: what a graph needs to know of it.
package protocol OpExtension: Sendable {
  /// Its arguments, attributes and flags.
  var signature: OpSignature { get }
}

extension Graph {
  /// The ops that the graph knows beyond TensorFlow's own, by name.
  package var extensions: [String: any OpExtension] { snapshot.functions.extensions }
}
