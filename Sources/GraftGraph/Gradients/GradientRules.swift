/// A node of which the gradients are asked for.
package struct DifferentiatedNode {
  /// The node.
  package let node: GraphNode
  /// Its outputs.
  package let outputs: [Edge]
  /// The gradients of its outputs: what the result changes by for a change of them. Nil is zero.
  let given: [Edge?]

  /// Its inputs.
  package var inputs: [Edge] { node.inputs }

  /// The gradient of an output, zeros included.
  package func gradient(_ output: Int = 0, in graph: GradientGraph) throws -> Edge {
    try given[output] ?? graph("ZerosLike", outputs[output])
  }

  /// A flag of the node.
  func flag(_ name: String) -> Bool {
    if case .bool(true)? = node.attribute(name) { true } else { false }
  }

  /// The attributes of the node of these names, for a node that takes the same.
  func attributes(_ names: String...) -> [String: AttributeValue] {
    var result: [String: AttributeValue] = [:]
    for name in names { result[name] = node.attribute(name) }
    return result
  }
}

/// Adds the nodes that compute the gradients of a node's inputs from those of its outputs.
///
/// - Returns: a gradient for each input; nil, or nothing at the end, for inputs that the result does not
///   depend on in a way that can be told.
package typealias GradientRule =
  @Sendable (_ graph: GradientGraph, _ node: DifferentiatedNode) throws -> [Edge?]

/// The gradients of ops, in the form of other ops. The formulas are those of calculus; where there is a choice,
/// as for the larger of two equal numbers, they go as TensorFlow's do.
package enum GradientRules {
  /// The rule of an op; nil where there is none.
  package static func rule(of op: String) -> GradientRule? { table[op] }

  private static let table: [String: GradientRule] = [
    UnaryGradients.rules, BinaryGradients.rules, ReductionGradients.rules, MatrixGradients.rules,
    ShapeGradients.rules, PartGradients.rules, NeuralGradients.rules, constants,
  ].reduce(into: [:]) { $0.merge($1) { $1 } }

  /// What gives the same for a small change of its inputs, or nothing that changes in small steps.
  private static let constants: [String: GradientRule] = Dictionary(
    uniqueKeysWithValues: [
      "Shape", "ShapeN", "Rank", "Size", "ZerosLike", "OnesLike", "Const", "StopGradient", "EditDistance",
      "Less",
      "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual", "LogicalAnd", "LogicalOr", "LogicalNot",
      "Floor", "Ceil", "Round", "Rint", "FloorDiv", "TruncateDiv", "Sign", "ArgMax", "ArgMin", "Range",
      "LinSpace",
      "BroadcastGradientArgs", "BroadcastArgs", "IsNan", "IsInf", "IsFinite", "All", "Any",
      "InvertPermutation",
      "ConcatOffset", "RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt",
      "RandomShuffle", "Multinomial",
    ].map { ($0, { @Sendable _, _ in [] }) })
}
