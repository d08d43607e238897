import GraftGraph
import GraftKernels
import GraftTensor

/// How a graph's references to variables are read where an operation takes a value.
///
/// In TensorFlow a reference's value is the variable's own memory, and so is what an operation gives that only passes
/// it on, as `w/read` does: whoever computes with it sees what was assigned in between. A run that changes no variable
/// cannot tell; in one that does, what passes a value on passes the reference on, and the variable is read when the
/// operation runs that computes with it.
struct VariableReferences {
  /// Operations that pass the memory of their first input on, and the op that passes on a reference in their place.
  private static let passing = [
    "Identity": "RefIdentity", "StopGradient": "RefIdentity", "PreventGradient": "RefIdentity",
    "Snapshot": "RefIdentity", "Switch": "RefSwitch", "Enter": "RefEnter",
  ]
  /// Operations that take a reference and change nothing.
  private static let readers: Set = [
    "RefIdentity", "RefSwitch", "RefEnter", "RefMerge", "RefExit", "RefNextIteration", "RefSelect",
    "IsVariableInitialized",
  ]

  private let graph: [GraphNode]
  private let firstIndex: Int
  private let isFed: (Endpoint) -> Bool
  /// Whether an operation of the plan changes a variable by a reference.
  let areChanged: Bool
  /// Of the nodes that were asked for: whether they pass a reference on.
  private var passesReference: [Int: Bool] = [:]
  /// The nodes that read variables.
  private(set) var nodes: [PlanNode] = []

  /// - Parameters:
  ///   - needed: the nodes of the graph that are planned.
  ///   - firstIndex: the place of `nodes` in the plan.
  ///   - isFed: whether an output's value comes from outside.
  init(_ graph: [GraphNode], _ needed: [Int], firstIndex: Int, isFed: @escaping (Endpoint) -> Bool) {
    self.graph = graph
    self.firstIndex = firstIndex
    self.isFed = isFed
    areChanged = needed.contains { index in
      graph[index].inputTypes.contains(where: \.isReference) && !Self.readers.contains(graph[index].op)
    }
  }

  /// Whether a value is a reference, and no feed.
  mutating func isReference(_ endpoint: Endpoint) -> Bool {
    let types = graph[endpoint.node].outputTypes
    guard types.indices.contains(endpoint.output) else { return false }
    return (types[endpoint.output].isReference || passesOn(endpoint.node)) && !isFed(endpoint)
  }

  /// What passes a reference on in the place of a node that gives its value; nil for other nodes.
  mutating func passing(_ node: Int) -> OpDefinition? {
    guard passesOn(node) else { return nil }
    return passingOp(node).flatMap { OpRegistry.standard[$0] }
  }

  private func passingOp(_ node: Int) -> String? {
    // A loop's variable is merged with what its rounds give, which is no reference: it is read before the loop.
    if graph[node].op == "Enter" {
      guard case .bool(true)? = graph[node].attribute("is_constant") else { return nil }
    }
    return Self.passing[graph[node].op]
  }

  /// Whether a node passes the value of a reference on, perhaps through others that do.
  private mutating func passesOn(_ node: Int) -> Bool {
    guard areChanged, passingOp(node) != nil else { return false }
    var (path, node) = ([Int](), node)
    var result = false
    while true {
      if let known = passesReference[node] {
        result = known
        break
      }
      // Once on the path it is known, so that a circle ends.
      passesReference[node] = false
      guard passingOp(node) != nil, let edge = graph[node].inputs.first else { break }
      path.append(node)
      let input = Endpoint(node: Int(edge.node), output: Int(edge.output))
      let types = graph[input.node].outputTypes
      guard !isFed(input), types.indices.contains(input.output) else { break }
      if types[input.output].isReference {
        result = true
        break
      }
      node = input.node
    }
    for node in path { passesReference[node] = result }
    return result
  }

  /// A node that reads the variable for an operation, when all that it waits for and computes with has run.
  mutating func value(
    of reference: ValueReference, _ endpoint: Endpoint, for node: GraphNode, inputs: [ValueReference],
    after controlInputs: [Int]
  ) -> ValueReference {
    // A merge runs with the first of its inputs.
    let others = areChanged && node.op != "Merge" ? inputs.map(\.node).filter { $0 != reference.node } : []
    return value(of: reference, endpoint, name: node.name, after: controlInputs + others)
  }

  /// A node that reads the variable when others have run.
  mutating func value(
    of reference: ValueReference, _ endpoint: Endpoint, name: String, after controlInputs: [Int] = []
  ) -> ValueReference {
    let dtype = graph[endpoint.node].outputTypes[endpoint.output].dtype ?? .float32
    nodes.append(
      PlanNode(
        name: name, op: "_Dereference", attributes: [:], inputs: [reference], controlInputs: controlInputs,
        inputTypes: [dtype], outputTypes: [dtype], definition: OpRegistry.standard["_Dereference"]))
    return ValueReference(node: firstIndex + nodes.count - 1, output: 0)
  }
}

extension ValueType {
  /// What a run gives for a fetched value of this type: for a reference the variable's value, now that all has run.
  func fetched(_ value: Tensor) throws -> Tensor {
    guard isReference, let variable = value.handled(as: Variable.self) else { return value }
    return try variable.read()
  }
}
