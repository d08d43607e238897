import GraftTensor

/// Makes of a function's body one that computes the gradients of the arguments.
struct FunctionGradient {
  private let body: FunctionBody
  private let graph: GradientGraph
  /// What contributes to a value's gradient.
  private var parts: [Edge: [Edge]] = [:]

  /// - Parameter library: where the functions are that the body calls.
  init(of body: FunctionBody, library: FunctionLibrary) {
    self.body = body
    var nodes = Array(body.nodes.prefix(body.argumentCount))
    for (position, type) in body.resultTypes.enumerated() {
      nodes.append(.argument(nodes.count, "gradient_\(position)", type))
    }
    let shift = Int32(body.resultTypes.count)
    let first = Int32(body.argumentCount)
    for node in body.nodes.dropFirst(body.argumentCount) {
      nodes.append(node.renumbered { $0 < first ? $0 : $0 + shift })
    }
    graph = GradientGraph(nodes, library: library)
  }

  /// The body: its arguments are the function's and the gradients of its results, its results the gradients
  /// of the function's arguments.
  ///
  /// - Throws: `GraftError` (`notFound`) for an op that the results depend on and that has no rule.
  mutating func make() throws -> FunctionBody {
    let (first, shift) = (Int32(body.argumentCount), Int32(body.resultTypes.count))
    for (position, result) in body.results.enumerated() {
      let value = Edge(node: result.node < first ? result.node : result.node + shift, output: result.output)
      parts[value, default: []].append(Edge(node: first + Int32(position), output: 0))
    }
    let order = order()
    var dependent = [Bool](repeating: false, count: graph.nodes.count)
    for index in 0..<body.argumentCount { dependent[index] = true }
    for index in order {
      if graph.nodes[index].inputs.contains(where: { dependent[Int($0.node)] }) { dependent[index] = true }
    }
    for index in order.reversed() where index >= Int(first + shift) && dependent[index] {
      try differentiate(index)
    }
    let gradients = try (0..<first).map { argument in
      let value = Edge(node: argument, output: 0)
      return try sum(value) ?? graph("ZerosLike", value)
    }
    return FunctionBody(
      name: body.name, nodes: graph.nodes, argumentCount: Int(first + shift), results: gradients,
      resultTypes: body.argumentTypes, controlResults: [], isStateful: body.isStateful, names: NameTable())
  }

  /// The gradient of a value; nil for zero.
  private func sum(_ value: Edge) throws -> Edge? {
    guard let parts = parts[value], let first = parts.first else { return nil }
    return parts.count == 1 ? first : try graph.add("AddN", parts)[0]
  }

  private mutating func differentiate(_ index: Int) throws {
    let node = graph.nodes[index]
    let outputs = node.outputTypes.indices.map { Edge(node: Int32(index), output: Int32($0)) }
    let given = try outputs.map(sum)
    guard given.contains(where: { $0 != nil }) else { return }
    let gradients: [Edge?]
    do {
      let differentiated = DifferentiatedNode(node: node, outputs: outputs, given: given)
      if let rule = GradientRules.rule(of: node.op) {
        guard node.signature?.inputs.isEmpty == true || !node.inputs.isEmpty else { return }
        gradients = try rule(graph, differentiated)
      } else if let function = node.calledFunction {
        gradients = try call(function, differentiated)
      } else {
        throw GraftError(
          .notFound, "No gradient is defined for the op '\(node.op)'.",
          remedy: "Write the function with other ops, or give it a gradient function in the graph's library.")
      }
    } catch let error as GraftError {
      throw error.at(.init(node: node.name, op: node.op, function: body.name))
    }
    for (input, gradient) in zip(node.inputs, gradients) {
      if let gradient { parts[input, default: []].append(gradient) }
    }
  }

  /// The gradients of a call are those of the function.
  private func call(_ function: FunctionReference, _ node: DifferentiatedNode) throws -> [Edge?] {
    let gradients = try node.outputs.indices.map { try node.gradient($0, in: graph) }
    let results: [AttributeValue] = [.types(node.inputs.map(graph.type))]
    return try graph.add(
      "SymbolicGradient", node.inputs + gradients, ["f": .function(function), "Tout": results[0]])
  }

  /// All nodes, each after those that it takes values of, but for the rounds of loops.
  private func order() -> [Int] {
    var order: [Int] = []
    var isSeen = [Bool](repeating: false, count: graph.nodes.count)
    var stack: [(node: Int, next: Int)] = []
    for root in graph.nodes.indices where !isSeen[root] {
      isSeen[root] = true
      stack.append((root, 0))
      while let top = stack.last {
        let inputs = graph.nodes[top.node].inputs
        guard top.next < inputs.count else {
          order.append(top.node)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let input = Int(inputs[top.next].node)
        guard !isSeen[input] else { continue }
        isSeen[input] = true
        stack.append((input, 0))
      }
    }
    return order
  }
}

extension GraphNode {
  /// The function that the node calls, by its op or by an attribute.
  fileprivate var calledFunction: FunctionReference? {
    switch op {
    case "PartitionedCall", "StatefulPartitionedCall":
      if case .function(let reference)? = attribute("f") { reference } else { nil }
    default:
      OpSignature.named(op) == nil && signature != nil
        ? FunctionReference(name: op, attributes: ownAttributes) : nil
    }
  }

  /// A node that stands for an argument of a function.
  static func argument(_ index: Int, _ name: String, _ type: ElementType) -> GraphNode {
    GraphNode(
      name: name, op: "_Arg", device: "", inputs: [], controlInputs: [], inputTypes: [], outputTypes: [type],
      signature: OpSignature.named("_Arg"), source: nil,
      overrides: ["T": .type(type), "index": .int(Int64(index))], isChanged: true)
  }

  /// The same node among nodes of other numbers.
  fileprivate func renumbered(_ number: (Int32) -> Int32) -> GraphNode {
    GraphNode(
      name: name, op: op, device: device,
      inputs: inputs.map { Edge(node: number($0.node), output: $0.output) },
      controlInputs: controlInputs.map(number), inputTypes: inputTypes, outputTypes: outputTypes,
      signature: signature, source: source, overrides: overrides, isChanged: true)
  }
}
