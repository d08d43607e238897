/// Makes nodes of the loops and conditionals of TensorFlow 1 that are well formed.
enum StructuredControlFlow: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    guard graph.hasDataflow else { return }
    for takesLoops in [true, false] {
      var structured = graph
      if takesLoops { try LoopExtraction.run(&structured) }
      try extractConditionals(&structured)
      // What depends on its own result after all was no conditional of its own, and a body is not interpreted.
      guard (try? structured.order()) != nil, !structured.nodes.contains(where: \.hasDataflowInside) else {
        continue
      }
      graph = structured
      return
    }
  }

  /// Conditionals stand in the bodies of loops, too.
  private static func extractConditionals(_ graph: inout PlanGraph) throws {
    for index in graph.nodes.indices where graph.nodes[index].structured == .whileLoop {
      var bodies = graph.nodes[index].bodies
      for position in bodies.indices { try extractConditionals(&bodies[position]) }
      graph.nodes[index].setBodies(bodies)
    }
    var changed = graph
    try ConditionalExtraction.run(&changed)
    if (try? changed.order()) != nil { graph = changed }
  }
}

extension PlanNode {
  /// Whether a body of a loop or conditional has control flow that is neither.
  fileprivate var hasDataflowInside: Bool {
    self.bodies.contains { $0.hasDataflow || $0.nodes.contains(where: \.hasDataflowInside) }
  }
}
