import GraftTensor

/// Sums, means and extremes over axes.
enum ReductionGradients {
  static let rules: [String: GradientRule] = [
    "Sum": { graph, node in
      let (shape, kept) = try shapes(graph, node)
      let gradient = try graph("Reshape", node.gradient(in: graph), kept)
      return [try graph("BroadcastTo", gradient, shape), nil]
    },
    "Mean": { graph, node in
      let (shape, kept) = try shapes(graph, node)
      let count = try graph(
        "FloorDiv", graph("Size", node.inputs[0]),
        graph("Maximum", graph("Size", node.outputs[0]), graph.integer(1)))
      let gradient = try node.gradient(in: graph)
      let scaled = try graph(
        "RealDiv", gradient, graph("Cast", count, attributes: ["DstT": .type(graph.type(of: gradient))]))
      return [try graph("BroadcastTo", graph("Reshape", scaled, kept), shape), nil]
    },
    "Max": extreme, "Min": extreme,
  ]

  /// The gradient is shared by all elements that are the extreme.
  private static let extreme: GradientRule = { graph, node in
    let (_, kept) = try shapes(graph, node)
    let isExtreme = try graph("Equal", node.inputs[0], graph("Reshape", node.outputs[0], kept))
    let indicator = try graph(
      "Cast", isExtreme, attributes: ["DstT": .type(graph.type(of: node.inputs[0]))])
    let count = try graph("Reshape", graph("Sum", indicator, node.inputs[1]), kept)
    let gradient = try graph("Reshape", node.gradient(in: graph), kept)
    return [try graph("Mul", graph("Div", indicator, count), gradient), nil]
  }

  /// The shape of what is reduced, and the same with the reduced axes of size 1.
  private static func shapes(_ graph: GradientGraph, _ node: DifferentiatedNode) throws -> (Edge, Edge) {
    let (value, axes) = (node.inputs[0], node.inputs[1])
    let shape = try graph("Shape", value)
    let rank = try graph("Rank", value)
    let reduced = try graph(
      "FloorMod",
      graph("AddV2", graph("Cast", axes, attributes: ["DstT": .type(ElementType(.int32))]), rank), rank)
    let all = try graph("Range", graph.integer(0), rank, graph.integer(1))
    let kept = try graph.add(
      "DynamicStitch", [all, reduced, shape, graph("OnesLike", reduced)], ["N": .int(2)])
    return (shape, kept[0])
  }
}
