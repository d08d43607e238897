import GraftGraph
import GraftKernels

/// The assignments that other operations wait for, though the graph does not say so: what is assigned to a
/// variable is computed when the variables that it is computed from, and that have no value yet, have been
/// assigned theirs.
///
/// An initialiser assigns many variables at once, and where the first value of one comes from another, the
/// graph leaves open which is first. TensorFlow may take either, so that now and then an initialiser says of
/// its own variables that they have no value (tensorflow#6653); here the order that works is taken.
struct AssignmentOrder {
  /// The assignments that an operation waits for, by the numbers of nodes.
  private(set) var awaited: [Int: [Int]] = [:]

  /// Finds the order among the nodes of a plan.
  ///
  /// - Parameters:
  ///   - needed: the nodes that are planned, their definitions beside them.
  ///   - resources: where the variables are; nil for a plan that is not made for a session's variables.
  ///   - isFed: whether an output's value comes from outside.
  /// - Complexity: O(nodes + edges) where variables without a value are assigned, else O(nodes).
  init(
    _ nodes: [GraphNode], _ needed: [Int], _ definitions: [OpDefinition?], _ resources: ResourceManager?,
    isFed: (Endpoint) -> Bool
  ) {
    guard let resources else { return }
    let assignments = needed.filter { index in
      let node = nodes[index]
      return node.inputs.count == 2 && (node.op == "Assign" || node.op == "AssignVariableOp")
    }
    // In control flow of TensorFlow 1 an assignment may not run at all, or in another round.
    guard assignments.count > 1, !definitions.contains(where: { $0?.traits.contains(.dataflow) == true })
    else { return }
    let first = Self.firstAssignments(assignments, nodes, resources)
    guard !first.isEmpty else { return }
    var found: [Int: [Int]] = [:]
    for (position, index) in Self.sources(of: assignments, nodes, isFed).enumerated() {
      for edge in nodes[index].inputs.dropFirst(position < assignments.count ? 1 : 0)
      where !Self.isFed(edge, isFed) {
        guard let variable = Self.variable(edge, nodes), let assignment = first[variable],
          assignment != index
        else { continue }
        found[index, default: []].append(assignment)
      }
    }
    guard !found.isEmpty else { return }
    awaited = Self.withoutCycles(found, nodes, needed)
  }

  /// The assignments that give variables their first values, by the variables' nodes.
  private static func firstAssignments(
    _ assignments: [Int], _ nodes: [GraphNode], _ resources: ResourceManager
  ) -> [Int: Int] {
    var result: [Int: Int] = [:]
    var ambiguous: Set<Int> = []
    for index in assignments {
      guard let variable = variable(nodes[index].inputs[0], nodes),
        let (container, name) = VariableBinding.resource(of: nodes[variable]),
        resources.find(Variable.self, container: container, name: name)?.value == nil
      else { continue }
      if result.updateValue(index, forKey: variable) != nil { ambiguous.insert(variable) }
    }
    // Of several assignments nobody knows which is meant.
    for variable in ambiguous { result[variable] = nil }
    return result
  }

  /// The assignments, and behind them the nodes that the assigned values come from.
  private static func sources(
    of assignments: [Int], _ nodes: [GraphNode], _ isFed: (Endpoint) -> Bool
  ) -> [Int] {
    var seen = Set(assignments)
    var result = assignments
    var position = 0
    while position < result.count {
      let node = nodes[result[position]]
      // What is assigned to is no source.
      for edge in node.inputs.dropFirst(position < assignments.count ? 1 : 0) where !Self.isFed(edge, isFed) {
        if seen.insert(Int(edge.node)).inserted { result.append(Int(edge.node)) }
      }
      position += 1
    }
    return result
  }

  /// What can be waited for without an operation's waiting for itself.
  private static func withoutCycles(
    _ found: [Int: [Int]], _ nodes: [GraphNode], _ needed: [Int]
  ) -> [Int: [Int]] {
    let isNeeded = Set(needed)
    var followers: [Int: [Int]] = [:]
    var waiting: [Int: Int] = [:]
    for index in needed {
      let sources = nodes[index].inputs.map { Int($0.node) } + nodes[index].controlInputs.map { Int($0) }
      for source in sources + (found[index] ?? []) where isNeeded.contains(source) {
        followers[source, default: []].append(index)
        waiting[index, default: 0] += 1
      }
    }
    var ready = needed.filter { waiting[$0] == nil }
    var result: [Int: [Int]] = [:]
    while let index = ready.popLast() {
      if let assignments = found[index] { result[index] = assignments }
      for follower in followers[index] ?? [] {
        waiting[follower, default: 0] -= 1
        if waiting[follower] == 0 { ready.append(follower) }
      }
    }
    return result
  }

  private static func isFed(_ edge: Edge, _ isFed: (Endpoint) -> Bool) -> Bool {
    isFed(Endpoint(node: Int(edge.node), output: Int(edge.output)))
  }

  /// The variable whose handle or reference a value is; nil for other values.
  private static func variable(_ edge: Edge, _ nodes: [GraphNode]) -> Int? {
    var index = Int(edge.node)
    // As `w/read`, which passes the reference on.
    for _ in 0..<8 {
      if VariableBinding.ops.contains(nodes[index].op) { return index }
      guard nodes[index].op.hasSuffix("Identity"), let next = nodes[index].inputs.first else { return nil }
      index = Int(next.node)
    }
    return nil
  }
}
