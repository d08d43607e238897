import GraftTensor

/// What gives all elements another place, and none another value.
enum ShapeGradients {
  static let rules: [String: GradientRule] = [
    "Reshape": reshape, "ExpandDims": reshape, "Squeeze": reshape,
    "Fill": { graph, node in
      let gradient = try node.gradient(in: graph)
      return [nil, try graph("Sum", gradient, axes(graph, of: gradient))]
    },
    "Transpose": transpose("Transpose"),
    "ConjugateTranspose": transpose("ConjugateTranspose"),
    "Reverse": { graph, node in [try graph("Reverse", node.gradient(in: graph), node.inputs[1])] },
    "ReverseV2": { graph, node in [try graph("ReverseV2", node.gradient(in: graph), node.inputs[1])] },
    "Pack": { graph, node in
      try graph.add(
        "Unpack", [node.gradient(in: graph)],
        node.attributes("axis").merging(["num": .int(Int64(node.inputs.count))]) { $1 })
    },
    "Unpack": { graph, node in
      let parts = try node.outputs.indices.map { try node.gradient($0, in: graph) }
      return try graph.add("Pack", parts, node.attributes("axis"))
    },
  ]

  private static let reshape: GradientRule = { graph, node in
    [try graph("Reshape", node.gradient(in: graph), graph("Shape", node.inputs[0]))]
  }

  private static func transpose(_ op: String) -> GradientRule {
    { graph, node in
      [try graph(op, node.gradient(in: graph), graph("InvertPermutation", node.inputs[1]))]
    }
  }

  /// The numbers of all axes of a value.
  static func axes(_ graph: GradientGraph, of value: Edge) throws -> Edge {
    try graph("Range", graph.integer(0), graph("Rank", value), graph.integer(1))
  }
}
