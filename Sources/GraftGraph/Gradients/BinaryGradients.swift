import GraftTensor

/// Functions of two numbers each, whose shapes broadcast.
enum BinaryGradients {
  static let rules: [String: GradientRule] = [
    "Add": { graph, node in
      let gradient = try node.gradient(in: graph)
      return try summed(graph, node, gradient, gradient)
    },
    "AddV2": { graph, node in
      let gradient = try node.gradient(in: graph)
      return try summed(graph, node, gradient, gradient)
    },
    "Sub": { graph, node in
      let gradient = try node.gradient(in: graph)
      return try summed(graph, node, gradient, graph("Neg", gradient))
    },
    "Mul": rule { graph, gradient, x, y in
      (try graph("Mul", gradient, conjugated(graph, y)), try graph("Mul", conjugated(graph, x), gradient))
    },
    "MulNoNan": rule { graph, gradient, x, y in
      (
        try graph("MulNoNan", gradient, conjugated(graph, y)),
        try graph("MulNoNan", conjugated(graph, x), gradient)
      )
    },
    "Div": quotient("Div"),
    "RealDiv": quotient("RealDiv"),
    "DivNoNan": quotient("DivNoNan"),
    "Pow": rule { graph, gradient, x, y in
      let less = try graph("Pow", x, graph("Sub", y, graph.number(1, like: y)))
      // Where x is 0, or negative, the logarithm is not taken.
      let zeros = try graph("ZerosLike", x)
      let isTaken =
        try graph.isComplex(x) ? graph("NotEqual", x, zeros) : graph("Greater", x, zeros)
      let logarithm = try graph(
        "Select", isTaken, graph("Log", graph("Select", isTaken, x, graph("OnesLike", x))), zeros)
      return (
        try graph("Mul", gradient, graph("Mul", y, less)),
        try graph("Mul", gradient, graph("Mul", graph("Pow", x, y), logarithm))
      )
    },
    "Maximum": choice("GreaterEqual"),
    "Minimum": choice("LessEqual"),
    "SquaredDifference": rule { graph, gradient, x, y in
      let twice = try graph("Mul", graph.number(2, like: x), graph("Sub", x, y))
      let change = try graph("Mul", gradient, twice)
      return (change, try graph("Neg", change))
    },
    "Xlogy": rule { graph, gradient, x, y in
      let isZero = try notZero(graph, x)
      return (
        try graph("Mul", gradient, graph("Xlogy", isZero, y)),
        try graph("Mul", gradient, graph("Xdivy", x, y))
      )
    },
    "Xlog1py": rule { graph, gradient, x, y in
      let isZero = try notZero(graph, x)
      let more = try graph("AddV2", y, graph.number(1, like: y))
      return (
        try graph("Mul", gradient, graph("Xlog1py", isZero, y)),
        try graph("Mul", gradient, graph("Xdivy", x, more))
      )
    },
    "Xdivy": rule { graph, gradient, x, y in
      let isZero = try notZero(graph, x)
      let second = try graph("Xdivy", graph("Neg", x), graph("Square", y))
      return (
        try graph("Mul", gradient, graph("Xdivy", isZero, y)), try graph("Mul", gradient, second)
      )
    },
    "Select": { graph, node in
      let gradient = try node.gradient(in: graph)
      let zeros = try graph("ZerosLike", gradient)
      return [
        nil, try graph("Select", node.inputs[0], gradient, zeros),
        try graph("Select", node.inputs[0], zeros, gradient),
      ]
    },
    "SelectV2": { graph, node in
      let gradient = try node.gradient(in: graph)
      let zeros = try graph("ZerosLike", gradient)
      return [
        nil, try reduced(graph, graph("SelectV2", node.inputs[0], gradient, zeros), to: node.inputs[1]),
        try reduced(graph, graph("SelectV2", node.inputs[0], zeros, gradient), to: node.inputs[2]),
      ]
    },
    "AddN": { graph, node in
      let gradient = try node.gradient(in: graph)
      return node.inputs.map { _ in gradient }
    },
    "BroadcastTo": { graph, node in
      [try reduced(graph, node.gradient(in: graph), to: node.inputs[0])]
    },
  ]

  /// A rule that gives the gradients of both inputs before they are summed over what was broadcast.
  private static func rule(
    _ gradients: @escaping @Sendable (GradientGraph, Edge, Edge, Edge) throws -> (Edge, Edge)
  ) -> GradientRule {
    { graph, node in
      let (x, y) = try gradients(graph, node.gradient(in: graph), node.inputs[0], node.inputs[1])
      return try summed(graph, node, x, y)
    }
  }

  private static func quotient(_ op: String) -> GradientRule {
    rule { graph, gradient, x, y in
      let change = try graph(op, graph(op, graph("Neg", x), y), y)
      return (try graph(op, gradient, y), try graph("Mul", gradient, change))
    }
  }

  private static func choice(_ comparison: String) -> GradientRule {
    rule { graph, gradient, x, y in
      let zeros = try graph("ZerosLike", gradient)
      let isFirst = try graph(comparison, x, y)
      return (
        try graph("Select", isFirst, gradient, zeros), try graph("Select", isFirst, zeros, gradient)
      )
    }
  }

  private static func notZero(_ graph: GradientGraph, _ x: Edge) throws -> Edge {
    let isZero = try graph("NotEqual", x, graph("ZerosLike", x))
    return try graph("Cast", isZero, attributes: ["DstT": .type(graph.type(of: x))])
  }

  /// Of complex numbers the conjugate; others as they are.
  static func conjugated(_ graph: GradientGraph, _ x: Edge) throws -> Edge {
    try graph.isComplex(x) ? graph("Conj", x) : x
  }

  // MARK: - Broadcasting

  /// The gradients of a node's two inputs, summed over the axes along which each was repeated.
  static func summed(
    _ graph: GradientGraph, _ node: DifferentiatedNode, _ x: Edge, _ y: Edge
  ) throws -> [Edge?] {
    let shapes = (try graph("Shape", node.inputs[0]), try graph("Shape", node.inputs[1]))
    let axes = try graph.add("BroadcastGradientArgs", [shapes.0, shapes.1])
    return [
      try graph("Reshape", graph("Sum", x, axes[0]), shapes.0),
      try graph("Reshape", graph("Sum", y, axes[1]), shapes.1),
    ]
  }

  /// A gradient, summed over the axes along which the value was repeated.
  static func reduced(_ graph: GradientGraph, _ gradient: Edge, to value: Edge) throws -> Edge {
    let shape = try graph("Shape", value)
    let axes = try graph.add("BroadcastGradientArgs", [shape, graph("Shape", gradient)])
    return try graph("Reshape", graph("Sum", gradient, axes[0]), shape)
  }
}
