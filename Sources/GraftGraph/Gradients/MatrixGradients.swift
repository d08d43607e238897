import GraftTensor

/// Products of matrices.
enum MatrixGradients {
  static let rules: [String: GradientRule] = [
    "MatMul": { graph, node in
      try product(graph, node, "MatMul", ("transpose_a", "transpose_b"))
    },
    "BatchMatMul": { graph, node in try product(graph, node, "BatchMatMul", ("adj_x", "adj_y")) },
    "BatchMatMulV2": broadcasting("BatchMatMulV2"),
    "BatchMatMulV3": broadcasting("BatchMatMulV3"),
  ]

  private static func broadcasting(_ op: String) -> GradientRule {
    { graph, node in
      let parts = try product(graph, node, op, ("adj_x", "adj_y"))
      guard let x = parts[0], let y = parts[1] else { return parts }
      let shapes = (try graph("Shape", node.inputs[0]), try graph("Shape", node.inputs[1]))
      // The batches broadcast, the matrices do not.
      let axes = try graph.add(
        "BroadcastGradientArgs", [batch(graph, shapes.0), batch(graph, shapes.1)])
      return [
        try graph("Reshape", graph("Sum", x, axes[0]), shapes.0),
        try graph("Reshape", graph("Sum", y, axes[1]), shapes.1),
      ]
    }
  }

  private static func batch(_ graph: GradientGraph, _ shape: Edge) throws -> Edge {
    try graph(
      "StridedSlice", shape, graph.integers([0]), graph.integers([-2]), graph.integers([1]),
      attributes: ["Index": .type(ElementType(.int32))])
  }

  private static func product(
    _ graph: GradientGraph, _ node: DifferentiatedNode, _ op: String, _ names: (String, String)
  ) throws -> [Edge?] {
    let (a, b) = (node.inputs[0], node.inputs[1])
    guard !graph.isComplex(a), !graph.isComplex(b) else {
      throw GraftError(.unimplemented, "The gradient of \(node.node.op) is defined for real numbers only.")
    }
    let gradient = try node.gradient(in: graph)
    func multiply(_ x: Edge, _ first: Bool, _ y: Edge, _ second: Bool, like value: Edge) throws -> Edge {
      var attributes: [String: AttributeValue] = [names.0: .bool(first), names.1: .bool(second)]
      if op == "BatchMatMulV3" { attributes["Tout"] = .type(graph.type(of: value)) }
      return try graph(op, x, y, attributes: attributes)
    }
    return switch (node.flag(names.0), node.flag(names.1)) {
    case (false, false):
      [
        try multiply(gradient, false, b, true, like: a), try multiply(a, true, gradient, false, like: b),
      ]
    case (false, true):
      [
        try multiply(gradient, false, b, false, like: a), try multiply(gradient, true, a, false, like: b),
      ]
    case (true, false):
      [
        try multiply(b, false, gradient, true, like: a), try multiply(a, false, gradient, false, like: b),
      ]
    case (true, true):
      [try multiply(b, true, gradient, true, like: a), try multiply(gradient, true, a, true, like: b)]
    }
  }
}
