import GraftTensor

/// Functions of one number each.
enum UnaryGradients {
  static let rules: [String: GradientRule] = [
    "Identity": pass, "Snapshot": pass, "CheckNumerics": pass, "DebugGradientIdentity": pass,
    "IdentityN": { graph, node in try node.outputs.indices.map { try node.gradient($0, in: graph) } },
    "Neg": { graph, node in [try graph("Neg", node.gradient(in: graph))] },
    "Conj": { graph, node in [try graph("Conj", node.gradient(in: graph))] },
    "Abs": rule { graph, x in try graph("Sign", x) },
    "Square": rule { graph, x in try graph("Mul", graph.number(2, like: x), x) },
    "Sqrt": ofOutput("SqrtGrad"),
    "Rsqrt": ofOutput("RsqrtGrad"),
    "Reciprocal": ofOutput("ReciprocalGrad"),
    "Inv": ofOutput("ReciprocalGrad"),
    "Tanh": ofOutput("TanhGrad"),
    "Sigmoid": ofOutput("SigmoidGrad"),
    "Exp": { graph, node in [try graph("Mul", node.gradient(in: graph), node.outputs[0])] },
    "Expm1": rule { graph, x in try graph("Exp", x) },
    "Log": inverse { _, x in x },
    "Log1p": inverse { graph, x in try graph("AddV2", graph.number(1, like: x), x) },
    "Sinh": rule { graph, x in try graph("Cosh", x) },
    "Cosh": rule { graph, x in try graph("Sinh", x) },
    "Sin": rule { graph, x in try graph("Cos", x) },
    "Cos": rule { graph, x in try graph("Neg", graph("Sin", x)) },
    "Tan": inverse { graph, x in try graph("Square", graph("Cos", x)) },
    "Asin": inverse { graph, x in try graph("Sqrt", oneMinusSquare(graph, x)) },
    "Acos": inverse { graph, x in try graph("Neg", graph("Sqrt", oneMinusSquare(graph, x))) },
    "Atan": inverse { graph, x in try graph("AddV2", graph.number(1, like: x), graph("Square", x)) },
    "Atanh": inverse { graph, x in try oneMinusSquare(graph, x) },
    "Asinh": { graph, node in
      [try graph("RealDiv", node.gradient(in: graph), graph("Cosh", node.outputs[0]))]
    },
    "Acosh": { graph, node in
      [try graph("RealDiv", node.gradient(in: graph), graph("Sinh", node.outputs[0]))]
    },
    "Erf": rule { graph, x in
      let bell = try graph("Exp", graph("Neg", graph("Square", x)))
      return try graph("Mul", graph.number(1.1283791670955126, like: x), bell)
    },
    "Cast": { graph, node in
      [
        try graph(
          "Cast", node.gradient(in: graph), attributes: ["DstT": .type(graph.type(of: node.inputs[0]))])
      ]
    },
    "Real": { graph, node in
      let gradient = try node.gradient(in: graph)
      return [try complex(graph, gradient, graph("ZerosLike", gradient), like: node.inputs[0])]
    },
    "Imag": { graph, node in
      let gradient = try node.gradient(in: graph)
      return [try complex(graph, graph("ZerosLike", gradient), gradient, like: node.inputs[0])]
    },
    "Complex": { graph, node in
      let gradient = try node.gradient(in: graph)
      let part: [String: AttributeValue] = ["Tout": .type(graph.type(of: node.inputs[0]))]
      return try BinaryGradients.summed(
        graph, node, graph("Real", gradient, attributes: part), graph("Imag", gradient, attributes: part))
    },
  ]

  private static let pass: GradientRule = { graph, node in [try node.gradient(in: graph)] }

  /// The gradient times the derivative at the input.
  private static func rule(
    _ derivative: @escaping @Sendable (GradientGraph, Edge) throws -> Edge
  ) -> GradientRule {
    { graph, node in [try graph("Mul", node.gradient(in: graph), derivative(graph, node.inputs[0]))] }
  }

  /// The gradient divided by what the derivative is one over.
  private static func inverse(
    _ divisor: @escaping @Sendable (GradientGraph, Edge) throws -> Edge
  ) -> GradientRule {
    { graph, node in [try graph("RealDiv", node.gradient(in: graph), divisor(graph, node.inputs[0]))] }
  }

  /// An op that takes the output and its gradient. Such ops conjugate complex outputs, which TensorFlow's
  /// gradients of functions do not.
  private static func ofOutput(_ op: String) -> GradientRule {
    { graph, node in
      [try graph(op, BinaryGradients.conjugated(graph, node.outputs[0]), node.gradient(in: graph))]
    }
  }

  private static func oneMinusSquare(_ graph: GradientGraph, _ x: Edge) throws -> Edge {
    try graph("Sub", graph.number(1, like: x), graph("Square", x))
  }

  private static func complex(
    _ graph: GradientGraph, _ real: Edge, _ imaginary: Edge, like x: Edge
  ) throws -> Edge {
    try graph("Complex", real, imaginary, attributes: ["Tout": .type(graph.type(of: x))])
  }
}
