import GraftGraph
import GraftKernels
import GraftTensor

/// Makes convolutions and matrix products add the bias themselves, where it is constant.
enum BiasFusion: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    let order = try graph.order()
    let uses = graph.uses(of: order)
    for index in order {
      let node = graph.nodes[index]
      guard node.controlInputs.isEmpty, node.outputTypes == [.float32], node.inputs.count == 2 else {
        continue
      }
      for position in biasPositions(of: node) {
        let product = node.inputs[1 - position]
        let producer = graph.nodes[product.node]
        guard producer.isLinear, uses.onlyReader(of: product.node) == index,
          let bias = graph.constant(node.inputs[position]), bias.dtype == .float32, bias.isAlongLastAxis,
          let channels = channels(of: producer, graph), channels == bias.elementCount,
          addsToChannels(bias, node, producer)
        else { continue }
        let flat =
          bias.rank == 1
          ? node.inputs[position]
          : graph.addConstant(bias.reshaped(unchecked: [bias.elementCount]), name: node.name + "/bias")
        graph.nodes[index] = producer.fusing("BiasAdd", flat)
        graph.nodes[index].name = node.name
        break
      }
    }
  }

  /// Which inputs may be the bias.
  private static func biasPositions(of node: PlanNode) -> [Int] {
    switch node.op {
    case "BiasAdd": [1]
    case "Add", "AddV2": [1, 0]
    default: []
    }
  }

  /// How many channels the product has: what the bias must have, or it would be broadcast otherwise.
  static func channels(of producer: PlanNode, _ graph: PlanGraph) -> Int? {
    guard let weights = graph.constant(producer.inputs[1]) else { return nil }
    switch producer.op {
    case "DepthwiseConv2dNative": return weights.rank == 4 ? weights.shape[2] * weights.shape[3] : nil
    case "MatMul":
      guard weights.rank == 2 else { return nil }
      return weights.shape[producer.isTrue("transpose_b") ? 0 : 1]
    default: return weights.rank >= 4 ? weights.shape[weights.rank - 1] : nil
    }
  }

  private static func addsToChannels(_ bias: Tensor, _ node: PlanNode, _ producer: PlanNode) -> Bool {
    if producer.op == "MatMul" { return bias.rank <= 2 }
    return producer.isChannelsLast == (node.op != "BiasAdd" || node.isChannelsLast)
  }
}
