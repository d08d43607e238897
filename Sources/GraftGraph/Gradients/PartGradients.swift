import GraftTensor

/// What puts tensors together, and takes parts of them.
enum PartGradients {
  static let rules: [String: GradientRule] = [
    "Concat": { graph, node in try concatenation(graph, node, axis: 0) },
    "ConcatV2": { graph, node in try concatenation(graph, node, axis: node.inputs.count - 1) },
    "Split": { graph, node in
      let parts = try node.outputs.indices.map { try node.gradient($0, in: graph) }
      return [nil, try graph.add("ConcatV2", parts + [node.inputs[0]])[0]]
    },
    "SplitV": { graph, node in
      let parts = try node.outputs.indices.map { try node.gradient($0, in: graph) }
      return [try graph.add("ConcatV2", parts + [node.inputs[2]])[0]]
    },
    "Slice": { graph, node in
      let gradient = try node.gradient(in: graph)
      let type: [String: AttributeValue] = ["out_type": .type(graph.type(of: node.inputs[1]))]
      let shape = try graph("Shape", node.inputs[0], attributes: type)
      let after = try graph(
        "Sub", graph("Sub", shape, node.inputs[1]), graph("Shape", gradient, attributes: type))
      let paddings = try graph.add("Pack", [node.inputs[1], after], ["axis": .int(1)])
      return [try graph("Pad", gradient, paddings[0])]
    },
    "Pad": padding, "PadV2": padding,
    "StridedSlice": { graph, node in
      let shape = try graph(
        "Shape", node.inputs[0], attributes: ["out_type": .type(graph.type(of: node.inputs[1]))])
      return [
        try graph(
          "StridedSliceGrad", shape, node.inputs[1], node.inputs[2], node.inputs[3], node.gradient(in: graph),
          attributes: masks(node))
      ]
    },
    "StridedSliceGrad": { graph, node in
      [
        nil, nil, nil, nil,
        try graph(
          "StridedSlice", node.gradient(in: graph), node.inputs[1], node.inputs[2], node.inputs[3],
          attributes: masks(node)),
      ]
    },
    "GatherNd": { graph, node in
      let shape = try graph(
        "Shape", node.inputs[0], attributes: ["out_type": .type(graph.type(of: node.inputs[1]))])
      return [try graph("ScatterNd", node.inputs[1], node.gradient(in: graph), shape)]
    },
  ]

  private static func masks(_ node: DifferentiatedNode) -> [String: AttributeValue] {
    node.attributes("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
  }

  private static let padding: GradientRule = { graph, node in
    let type: [String: AttributeValue] = ["out_type": .type(graph.type(of: node.inputs[1]))]
    // The column of what was added before.
    let begin = try graph(
      "StridedSlice", node.inputs[1], graph.integers([0, 0]), graph.integers([0, 1]), graph.integers([1, 1]),
      attributes: [
        "Index": .type(ElementType(.int32)), "begin_mask": .int(1), "end_mask": .int(1),
        "shrink_axis_mask": .int(2),
      ])
    let gradient = try graph(
      "Slice", node.gradient(in: graph), begin, graph("Shape", node.inputs[0], attributes: type))
    guard node.inputs.count > 2 else { return [gradient] }
    let all = try graph("Sum", node.gradient(in: graph), ShapeGradients.axes(graph, of: node.outputs[0]))
    return [
      gradient, nil, try graph("Sub", all, graph("Sum", gradient, ShapeGradients.axes(graph, of: gradient))),
    ]
  }

  /// Takes the gradient apart again.
  private static func concatenation(
    _ graph: GradientGraph, _ node: DifferentiatedNode, axis: Int
  ) throws -> [Edge?] {
    var parts = node.inputs
    let axisValue = parts.remove(at: axis)
    let gradient = try node.gradient(in: graph)
    let number = try graph("Cast", axisValue, attributes: ["DstT": .type(ElementType(.int32))])
    let rank = try graph("Rank", gradient)
    let positive = try graph("FloorMod", graph("AddV2", number, rank), rank)
    let shapes = try parts.map { try graph("Shape", $0) }
    let begins = try graph.add("ConcatOffset", [positive] + shapes, ["N": .int(Int64(parts.count))])
    var gradients: [Edge?] = try zip(begins, shapes).map { try graph("Slice", gradient, $0, $1) }
    gradients.insert(nil, at: axis)
    return gradients
  }
}
