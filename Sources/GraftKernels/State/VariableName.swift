import GraftGraph
import GraftTensor

/// Where a variable lives in a session.
package struct VariableName: Sendable, Hashable {
  package let container: String
  package let name: String

  package init(container: String, name: String) {
    self.container = container
    self.name = name
  }

  /// The place that the attributes of a variable's node give; nil for a variable that nobody shares.
  package init?(_ node: NodeSetup) throws {
    let sharedName = try node.string("shared_name")
    if node.op == "VarHandleOp", sharedName == Self.anonymous { return nil }
    self.init(container: try node.string("container"), name: sharedName.isEmpty ? node.name : sharedName)
  }

  /// TensorFlow's spelling of a variable that nobody shares.
  private static let anonymous = "cd2c89b7-88b7-44c8-ad83-06c2a9158347"
}

extension ResourceManager {
  /// The variable of that name, made now where there is none yet.
  package func variable(_ place: VariableName, dtype: DataType, shape: PartialShape) throws -> Variable {
    try resource(Variable.self, container: place.container, name: place.name) {
      Variable(name: place.name, dtype: dtype, shape: shape, epoch: variableEpoch)
    }
  }

  /// The variable of that name, where there is one.
  package func variable(_ place: VariableName) -> Variable? {
    find(Variable.self, container: place.container, name: place.name)
  }
}
