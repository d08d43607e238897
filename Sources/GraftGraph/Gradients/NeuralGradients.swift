import GraftTensor

/// Activations, losses, convolution and pooling.
enum NeuralGradients {
  static let rules: [String: GradientRule] = [
    "Relu": ofInput("ReluGrad"), "Relu6": ofInput("Relu6Grad"), "Softplus": ofInput("SoftplusGrad"),
    "Softsign": ofInput("SoftsignGrad"),
    "Elu": { graph, node in [try graph("EluGrad", node.gradient(in: graph), node.outputs[0])] },
    "Selu": { graph, node in [try graph("SeluGrad", node.gradient(in: graph), node.outputs[0])] },
    "LeakyRelu": { graph, node in
      [
        try graph(
          "LeakyReluGrad", node.gradient(in: graph), node.inputs[0], attributes: node.attributes("alpha"))
      ]
    },
    "Softmax": { graph, node in
      let (gradient, softmax) = (try node.gradient(in: graph), node.outputs[0])
      let sum = try rowSum(graph, graph("Mul", gradient, softmax))
      return [try graph("Mul", graph("Sub", gradient, sum), softmax)]
    },
    "LogSoftmax": { graph, node in
      let gradient = try node.gradient(in: graph)
      let softmax = try graph("Exp", node.outputs[0])
      return [try graph("Sub", gradient, graph("Mul", rowSum(graph, gradient), softmax))]
    },
    "CrossEntropy": crossEntropy, "SoftmaxCrossEntropyWithLogits": crossEntropy,
    "SparseSoftmaxCrossEntropyWithLogits": { graph, node in
      let column = try graph("ExpandDims", node.gradient(in: graph), graph.integer(-1))
      return [try graph("Mul", column, node.outputs[1])]
    },
    "BiasAdd": { graph, node in
      let gradient = try node.gradient(in: graph)
      return [gradient, try graph("BiasAddGrad", gradient, attributes: node.attributes("data_format"))]
    },
    "Conv2D": { graph, node in
      let attributes = node.attributes(
        "strides", "padding", "data_format", "use_cudnn_on_gpu", "dilations", "explicit_paddings")
      let gradient = try node.gradient(in: graph)
      let (input, filter) = (node.inputs[0], node.inputs[1])
      return [
        try graph(
          "Conv2DBackpropInput", graph("Shape", input), filter, gradient, attributes: attributes),
        try graph(
          "Conv2DBackpropFilter", input, graph("Shape", filter), gradient, attributes: attributes),
      ]
    },
    "MaxPool": { graph, node in
      [
        try graph(
          "MaxPoolGrad", node.inputs[0], node.outputs[0], node.gradient(in: graph),
          attributes: node.attributes("ksize", "strides", "padding", "data_format"))
      ]
    },
    "AvgPool": { graph, node in
      [
        try graph(
          "AvgPoolGrad", graph("Shape", node.inputs[0]), node.gradient(in: graph),
          attributes: node.attributes("ksize", "strides", "padding", "data_format"))
      ]
    },
  ]

  /// An op that takes the gradient of the output and the input.
  private static func ofInput(_ op: String) -> GradientRule {
    { graph, node in [try graph(op, node.gradient(in: graph), node.inputs[0])] }
  }

  /// The sum over the last axis, which stays with size 1.
  private static func rowSum(_ graph: GradientGraph, _ value: Edge) throws -> Edge {
    try graph("Sum", value, graph.integers([-1]), attributes: ["keep_dims": .bool(true)])
  }

  private static let crossEntropy: GradientRule = { graph, node in
    let column = try graph("ExpandDims", node.gradient(in: graph), graph.integer(-1))
    let labels = try graph("Neg", graph("LogSoftmax", node.inputs[0]))
    return [try graph("Mul", column, node.outputs[1]), try graph("Mul", column, labels)]
  }
}
