import GraftGraph
import GraftKernels
import GraftTensor

extension Planner {
  /// The part of the graph between feeds and fetches.
  ///
  /// - Parameter readsFetches: whether variables that are fetched by reference are read by a node, when all targets
  ///   have run. Otherwise what runs the plan reads them, in the end.
  func prune(
    feeds: [Endpoint], fetches: [Endpoint], targets: [Int], readsFetches: Bool = false
  ) throws -> PlanGraph {
    var result = PlanGraph()
    var feedNodes = FeedNodes(nodeCount: nodes.count)
    for (position, feed) in feeds.enumerated() {
      let node = nodes[feed.node]
      feedNodes[feed] = result.nodes.count
      result.nodes.append(
        .feed(position, name: node.name, type: node.outputTypes[feed.output].dtype ?? .float32))
    }

    // First every node that is needed gets its index, then edges can be written.
    var numbering = Numbering(first: feeds.count, nodeCount: nodes.count)
    for fetch in fetches where feedNodes[fetch] == nil { numbering.need(fetch.node) }
    for target in targets { numbering.need(target) }
    while let index = numbering.next() {
      for edge in nodes[index].inputs {
        let endpoint = Endpoint(node: Int(edge.node), output: Int(edge.output))
        if feedNodes[endpoint] == nil { numbering.need(endpoint.node) }
      }
      for control in nodes[index].controlInputs where !isFed(Int(control), feedNodes) {
        numbering.need(Int(control))
      }
    }
    let (needed, planned, fed) = (numbering.needed, numbering.places, feedNodes)
    var ops = PlannedOps(registry)
    let definitions = try check(needed, &ops)
    result.nodes.reserveCapacity(feeds.count + needed.count)

    func reference(_ endpoint: Endpoint) -> ValueReference {
      if let feed = fed[endpoint] { return ValueReference(node: feed, output: 0) }
      return ValueReference(node: planned[endpoint.node] ?? 0, output: endpoint.output)
    }
    var lists = TypeLists()
    let order = AssignmentOrder(nodes, needed, definitions, resources) { fed[$0] != nil }
    var reads = VariableReferences(nodes, needed, firstIndex: feeds.count + needed.count) { fed[$0] != nil }
    for (index, known) in zip(needed, definitions) {
      let node = nodes[index]
      if let value = constant(node) {
        result.nodes.append(PlanNode(constants: [value], name: node.name))
        continue
      }
      var controlInputs = node.controlInputs.compactMap { planned[Int($0)] }
      for assignment in order.awaited[index] ?? [] {
        if let place = planned[assignment], !controlInputs.contains(place) { controlInputs.append(place) }
      }
      let passing = reads.passing(index)
      let given = node.inputs.map { reference(Endpoint(node: Int($0.node), output: Int($0.output))) }
      var inputs = given
      for (position, edge) in node.inputs.enumerated() {
        let endpoint = Endpoint(node: Int(edge.node), output: Int(edge.output))
        let takesReference =
          node.inputTypes.indices.contains(position) && node.inputTypes[position].isReference
          || position == 0 && passing != nil
        if reads.isReference(endpoint), !takesReference {
          inputs[position] = reads.value(
            of: given[position], endpoint, for: node, inputs: given, after: controlInputs)
        }
      }
      var (definition, attributes) = (passing ?? known, NodeAttributes(of: node))
      if let definition { try ops.checkTypes(of: node, attributes, definition) }
      if definition == nil, functions[node.op] != nil {
        // A function's name as an op: a call with the node's attributes bound.
        attributes["f"] = .function(FunctionReference(name: node.op, attributes: node.ownAttributes))
        definition = registry["StatefulPartitionedCall"]
      }
      if node.op == "GraphDefVersion" { attributes[EnvironmentOps.versionAttribute] = .int(Int64(producer)) }
      result.nodes.append(
        PlanNode(
          name: node.name, op: passing?.name ?? node.op, attributes: attributes, inputs: inputs,
          controlInputs: controlInputs,
          inputTypes: lists[node.inputTypes], outputTypes: lists[node.outputTypes], definition: definition))
      let references = node.outputTypes.indices.filter { passing != nil || node.outputTypes[$0].isReference }
      if !references.isEmpty { result.nodes[result.nodes.count - 1].referenceOutputs = references }
    }
    result.targets = targets.compactMap { planned[$0] }
    // Where the run changes what references stand for, those that are fetched are read in its end.
    result.fetches = fetches.map { fetch in
      guard reads.isReference(fetch), readsFetches || !reads.areChanged else { return reference(fetch) }
      return reads.value(
        of: reference(fetch), fetch, name: nodes[fetch.node].name,
        after: reads.areChanged ? result.targets : [])
    }
    result.nodes += reads.nodes
    return result
  }

  /// The value of a constant that waits for nothing: a third of a frozen graph's nodes and more, of which nothing
  /// else is asked from here on. Nil for other nodes, and for a value that cannot be read, which ``ConstantEvaluation`` reports.
  private func constant(_ node: GraphNode) -> Tensor? {
    guard node.op == "Const", node.controlInputs.isEmpty, let value = node.constantView ?? encodedValue(node),
      node.outputTypes.first?.dtype == value.dtype
    else { return nil }
    return value
  }

  private func encodedValue(_ node: GraphNode) -> Tensor? {
    guard case .tensor(let encoded)? = node.attribute("value") else { return nil }
    return try? encoded.view()
  }

  /// A node all of whose work the feeds take over is not waited for.
  private func isFed(_ node: Int, _ feeds: FeedNodes) -> Bool {
    let outputs = nodes[node].outputTypes.count
    return outputs > 0 && (0..<outputs).allSatisfy { feeds[Endpoint(node: node, output: $0)] != nil }
  }

  /// Names everything that keeps the nodes from running, at once; the result is their ops, nil for functions.
  private func check(_ needed: [Int], _ ops: inout PlannedOps) throws -> [OpDefinition?] {
    // The functions of a function were looked at with the graph that calls it.
    let called = files == nil ? [] : CallScan.functions(calledBy: needed, of: nodes, in: functions)
    let definitions = needed.map { ops.definition(of: nodes[$0]) }
    if !called.isEmpty || definitions.contains(where: { $0 == nil }) {
      let missing = MissingKernels(
        nodes: needed.map { nodes[$0] }, calling: called, functions: functions, registry: registry)
      if !missing.isEmpty { throw missing.error }
    }
    try checkPermissions(of: needed, definitions, calling: called)
    let placeholders = needed.filter { nodes[$0].op == "Placeholder" || nodes[$0].op == "PlaceholderV2" }
      .map { nodes[$0] }
    guard placeholders.isEmpty else { throw notFed(placeholders) }
    return definitions
  }

  /// An error of all placeholders that are needed and not fed: `placeholders` are some.
  private func notFed(_ placeholders: [GraphNode]) -> GraftError {
    let placeholders = placeholders.sorted { $0.name < $1.name }
    let list = placeholders.prefix(50).map { node in
      let type = node.outputTypes.first.map(String.init(describing:)) ?? "?"
      return "'\(node.name)' (\(type), shape \(placeholderShape(node, producer: producer)))"
    }.joined(separator: ", ")
    let switches = placeholders.compactMap { node in
      ModeSwitch(node, producer: producer)?.advice(for: node.name)
    }
    return GraftError(
      .notFed,
      placeholders.count == 1
        ? "The placeholder \(list) was not fed, and a fetch needs it."
        : "\(placeholders.count) placeholders were not fed, and a fetch needs them: \(list)"
          + (placeholders.count > 50 ? " and more." : "."),
      at: .init(node: placeholders.first?.name, op: placeholders.first?.op),
      remedy: (["Feed a value for \(placeholders.count == 1 ? "it" : "each")."] + switches.prefix(5))
        .joined(separator: " "))
  }
}

/// The places that nodes of the graph get in a plan.
private struct Numbering {
  /// The place of each node; nil for those that are not needed.
  private(set) var places: [Int?]
  /// The nodes that are needed, in the order of their places.
  private(set) var needed: [Int] = []
  private let first: Int
  private var worklist: [Int] = []

  init(first: Int, nodeCount: Int) {
    self.first = first
    places = Array(repeating: nil, count: nodeCount)
  }

  mutating func need(_ node: Int) {
    guard places[node] == nil else { return }
    places[node] = first + needed.count
    needed.append(node)
    worklist.append(node)
  }

  /// A node of which nobody has asked what it needs itself.
  mutating func next() -> Int? { worklist.popLast() }
}

/// The nodes of a plan that stand for feeds.
private struct FeedNodes {
  private var nodes = ReferenceMap<Int>()
  /// Whether any output of a node is fed: hardly one is, and each edge of a graph asks.
  private var isFed: [Bool]

  init(nodeCount: Int) { isFed = Array(repeating: false, count: nodeCount) }

  subscript(endpoint: Endpoint) -> Int? {
    get { isFed[endpoint.node] ? nodes[endpoint] : nil }
    set {
      isFed[endpoint.node] = true
      nodes[endpoint] = newValue
    }
  }
}

/// The dtypes of lists of types, of which a graph has thousands that are the same: those share their memory.
private struct TypeLists {
  private var known = [(types: [ElementType], dtypes: [DataType])](repeating: ([], []), count: 64)

  subscript(types: [ElementType]) -> [DataType] {
    mutating get {
      guard let first = types.first else { return [] }
      let place = (Int(first.wireValue) &* 4 &+ types.count) & (known.count - 1)
      if known[place].types != types { known[place] = (types, types.map { $0.dtype ?? .float32 }) }
      return known[place].dtypes
    }
  }
}

/// The shape that a placeholder says it takes.
///
/// Before version 24 of GraphDef a shape of no dimensions meant that nothing was known.
package func placeholderShape(_ node: GraphNode, producer: Int32) -> PartialShape {
  guard case .shape(let shape) = node.attribute("shape") else { return .unknown }
  return shape.rank == 0 && producer < 24 && node.op == "Placeholder" ? .unknown : shape
}

extension ModeSwitch {
  /// What a placeholder is as a switch; nil for one that is none.
  ///
  /// - Parameter producer: the version of the program that wrote the graph.
  package init?(_ node: GraphNode, producer: Int32) {
    let shape = placeholderShape(node, producer: producer)
    guard node.op.hasPrefix("Placeholder"), shape.rank == nil || shape.rank == 0 else { return nil }
    self.init(node.name, node.outputTypes.first?.dtype)
  }
}
