/// Makes nodes of the loops and conditionals of TensorFlow 1 that are well formed.
enum StructuredControlFlow: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    guard graph.hasDataflow else { return }
    var structured = graph
    try LoopExtraction.run(&structured)
    try extractConditionals(&structured)
    // What depends on its own result after all was no conditional of its own.
    guard (try? structured.order()) != nil else { return }
    graph = structured
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
