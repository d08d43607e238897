import GraftGraph
import GraftKernels
import GraftTensor

/// Explains a run that read a variable without a value: which others would have been read, and what would
/// fill them. It is asked only after such a run.
struct UninitializedReads: Sendable {
  let graph: GraphSnapshot
  let feeds: [Endpoint]
  let fetches: [String]
  let targets: [String]
  let resources: ResourceManager

  /// An error with all variables that have no value, in place of one with the first of them.
  func explained(_ error: GraftError) -> GraftError {
    if error.code == .failedPrecondition { return withTableInitializers(error) }
    guard error.code == .uninitialized else { return error }
    let names = variables().sorted()
    guard !names.isEmpty else { return error }
    let list = names.prefix(50).map { "'\($0)'" }.joined(separator: ", ")
    // A plan may read a reference by an op of its own.
    var place = error.place
    if let node = place.node, place.function == nil, let index = graph.nodeIndex(named: node) {
      place.op = graph.nodes[index].op
    }
    return GraftError(
      .uninitialized,
      (names.count == 1
        ? "The variable \(list) has no value, and the fetches need it."
        : "\(names.count) variables that the fetches need have no value: \(list)"
          + (names.count > 50 ? " and more." : ".")),
      at: place, remedy: Initializers.remedy(for: names, in: graph), cause: error)
  }

  /// An error of a node that uses a table, with the operations that fill the table where the graph has any.
  private func withTableInitializers(_ error: GraftError) -> GraftError {
    guard error.place.function == nil, let name = error.place.node, let index = graph.nodeIndex(named: name),
      let table = graph.nodes[index].inputs.first?.node, graph.nodes[Int(table)].op.contains("HashTable")
    else { return error }
    let fillers = graph.nodes.filter {
      ($0.op.hasPrefix("InitializeTable") || $0.op.hasPrefix("LookupTableImport"))
        && $0.inputs.first?.node == table
    }
    guard !fillers.isEmpty else { return error }
    let list = fillers.prefix(3).map { "'\($0.name)' (\($0.op))" }.joined(separator: ", ")
    return GraftError(
      error.code, error.message, at: error.place,
      remedy: "Fill the tables with Session.initializeTables(), or run \(list) as a target first.",
      cause: error)
  }

  /// The names of the variables' nodes that the run reads, and that have no value.
  private func variables() -> Set<String> {
    let roots =
      fetches.compactMap { try? Int(graph.edge(named: $0).node) }
      + targets.compactMap { graph.nodeIndex(named: $0) }
    let fed = Set(feeds)
    var seen = Set(roots)
    var worklist = roots
    var found: Set<String> = []
    while let index = worklist.popLast() {
      let node = graph.nodes[index]
      collect(node, in: graph.nodes, &found)
      let inputs = node.inputs.map { Endpoint(node: Int($0.node), output: Int($0.output)) }
      for next in inputs.filter({ !fed.contains($0) }).map(\.node) + node.controlInputs.map({ Int($0) })
      where seen.insert(next).inserted { worklist.append(next) }
    }
    return found
  }

  /// Notes the variables that a node reads, and those in functions that it calls.
  private func collect(_ node: GraphNode, in nodes: [GraphNode], _ found: inout Set<String>) {
    // What only gives a variable its value, or asks whether it has one, reads none.
    let isHarmless = ["Assign", "AssignVariableOp", "VarIsInitializedOp", "IsVariableInitialized"].contains(
      node.op)
    if !isHarmless {
      for edge in node.inputs { note(nodes[Int(edge.node)], &found) }
    }
    if VariableBinding.ops.contains(node.op),
      fetches.contains(where: { $0 == node.name || $0 == node.name + ":0" })
    {
      note(node, &found)
    }
    guard let call = FunctionCall(node) else { return }
    for attribute in call.functions {
      guard case .function(let reference)? = node.attribute(attribute),
        let body = try? graph.functions.body(of: reference)
      else { continue }
      for inner in body.nodes where VariableBinding.ops.contains(inner.op) { note(inner, &found) }
    }
  }

  private func note(_ node: GraphNode, _ found: inout Set<String>) {
    guard let (container, name) = VariableBinding.resource(of: node),
      resources.find(Variable.self, container: container, name: name)?.value == nil
    else { return }
    found.insert(node.name)
  }
}
