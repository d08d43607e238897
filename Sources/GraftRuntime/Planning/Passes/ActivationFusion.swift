import GraftGraph
import GraftTensor

/// Makes fused convolutions and matrix products apply the activation that follows.
enum ActivationFusion: PlanPass {
  /// The activations, by op, and their names in `fused_ops`.
  private static let activations = [
    "Relu": "Relu", "Relu6": "Relu6", "Elu": "Elu", "LeakyRelu": "LeakyRelu", "Tanh": "Tanh",
    "Sigmoid": "Sigmoid", "_Swish": "Swish", "_HardSwish": "HardSwish", "_Mish": "Mish",
    "_GeluExact": "GeluExact", "_GeluApproximate": "GeluApproximate",
  ]

  static func run(_ graph: inout PlanGraph) throws {
    let order = try graph.order()
    let uses = graph.uses(of: order)
    for index in order {
      let node = graph.nodes[index]
      guard let name = activations[node.op], node.controlInputs.isEmpty, node.inputs.count == 1,
        node.inputTypes == [.float32], case let producer = node.inputs[0].node,
        uses.onlyReader(of: producer) == index, graph.nodes[producer].fusedOps != nil,
        !graph.nodes[producer].hasActivation
      else { continue }
      var merged = graph.nodes[producer].fusing(name)
      merged.name = node.name
      if node.op == "LeakyRelu" {
        merged.attributes["leakyrelu_alpha"] = node.attributes["alpha"] ?? .float(0.2)
      }
      graph.nodes[index] = merged
    }
  }
}
