import GraftGraph
import GraftTensor

/// Which outputs of a graph's or function's nodes are handles to variables, and of which dtype.
///
/// A handle travels through operations that pass their inputs on. In a frozen graph the variable's value
/// goes the same way.
struct HandleFlow {
  private var dtypes: [Edge: DataType] = [:]

  /// The dtype of the variable that an output is a handle to; nil for all other outputs.
  subscript(edge: Edge) -> DataType? { dtypes[edge] }

  /// Follows handles to where they lead.
  ///
  /// - Parameters:
  ///   - nodes: all nodes; edges refer to them.
  ///   - needed: the nodes to look at.
  ///   - sources: outputs that are handles, or values where handles are expected, with their dtypes.
  ///   - followsVariables: whether the handles of the variables among the nodes are followed as well.
  ///   - results: what of a called function's results are handles, given which of its node's inputs are.
  /// - Complexity: O(nodes + edges), and each node once more for each of its handles at most.
  init(
    _ nodes: [GraphNode], needed: [Int], from sources: [Edge: DataType], followsVariables: Bool = true,
    results: (_ node: GraphNode, _ inputs: [Int: DataType]) throws -> [Int: DataType]
  ) throws {
    dtypes = sources
    if followsVariables {
      for index in needed where nodes[index].op == "VarHandleOp" {
        guard case .type(let type)? = nodes[index].attribute("dtype"), let dtype = type.dtype else {
          continue
        }
        dtypes[Edge(node: Int32(index), output: 0)] = dtype
      }
    }
    var takers: [Int32: [Int]] = [:]
    for index in needed {
      for (edge, type) in zip(nodes[index].inputs, nodes[index].inputTypes) where type.dtype == .resource {
        takers[edge.node, default: []].append(index)
      }
    }
    // Each node is looked at once, and again when one of its inputs has become known as a handle.
    var waiting = needed
    var isWaiting = Set(needed)
    var next = 0
    while next < waiting.count {
      let index = waiting[next]
      next += 1
      isWaiting.remove(index)
      let outputs = try Self.outputs(of: nodes[index], inputs(of: nodes[index]), results)
      var changed = false
      for (output, dtype) in outputs
      where dtypes.updateValue(dtype, forKey: Edge(node: Int32(index), output: Int32(output))) == nil {
        changed = true
      }
      guard changed else { continue }
      for taker in takers[Int32(index)] ?? [] where isWaiting.insert(taker).inserted { waiting.append(taker) }
    }
  }

  /// The inputs of a node that are handles, with their dtypes.
  func inputs(of node: GraphNode) -> [Int: DataType] {
    var result: [Int: DataType] = [:]
    for (position, edge) in node.inputs.enumerated() where position < node.inputTypes.count {
      if node.inputTypes[position].dtype == .resource, let dtype = dtypes[edge] { result[position] = dtype }
    }
    return result
  }

  /// Operations that pass their first input on, to all of their outputs that can hold it.
  static let passing: Set<String> = [
    "Identity", "Switch", "_SwitchN", "Merge", "Enter", "Exit", "NextIteration", "StopGradient", "Snapshot",
  ]

  private static func outputs(
    of node: GraphNode, _ inputs: [Int: DataType],
    _ results: (_ node: GraphNode, _ inputs: [Int: DataType]) throws -> [Int: DataType]
  ) throws -> [Int: DataType] {
    if node.op == "IdentityN" { return inputs }
    if passing.contains(node.op) {
      guard let dtype = inputs.values.first else { return [:] }
      let places = node.outputTypes.indices.filter { node.outputTypes[$0].dtype == .resource }
      return Dictionary(uniqueKeysWithValues: places.map { ($0, dtype) })
    }
    return FunctionCall(node) == nil ? [:] : try results(node, inputs)
  }
}

/// A node that calls functions, and how its inputs are their arguments.
struct FunctionCall {
  /// The attributes that name functions.
  let functions: [String]
  /// Before which input the arguments begin.
  let firstInput: Int
  /// How many arguments the call itself makes up before those.
  let ownArguments: Int
  /// The attribute with the dtypes of the inputs from `firstInput` on.
  let inputTypes: String
  /// The attribute with the dtypes of the outputs.
  let outputTypes: String
  /// Whether outputs are those of the next round's inputs.
  let isLoop: Bool

  init?(_ node: GraphNode) {
    isLoop = ["While", "StatelessWhile", "For"].contains(node.op)
    switch node.op {
    case "PartitionedCall", "StatefulPartitionedCall":
      (functions, firstInput, ownArguments, inputTypes, outputTypes) = (["f"], 0, 0, "Tin", "Tout")
    case "If", "StatelessIf":
      (functions, firstInput, ownArguments, inputTypes, outputTypes) =
        (["then_branch", "else_branch"], 1, 0, "Tin", "Tout")
    case "Case", "StatelessCase":
      (functions, firstInput, ownArguments, inputTypes, outputTypes) = (["branches"], 1, 0, "Tin", "Tout")
    case "While", "StatelessWhile":
      (functions, firstInput, ownArguments, inputTypes, outputTypes) = (["body", "cond"], 0, 0, "T", "T")
    case "For":
      (functions, firstInput, ownArguments, inputTypes, outputTypes) = (["body"], 3, 1, "T", "T")
    default: return nil
    }
  }
}
