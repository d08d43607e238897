import GraftGraph
import GraftKernels
import GraftTensor

/// Makes convolutions and matrix products add what a shortcut brings: what every block of a residual network
/// ends with.
///
/// It needs shapes: a tensor that would be broadcast is not added in place.
enum ResidualFusion: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    let order = try graph.order()
    let uses = graph.uses(of: order)
    let place = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    var isChanged = false
    for index in order {
      let node = graph.nodes[index]
      guard node.op == "AddV2" || node.op == "Add", node.constants == nil,
        node.inputTypes == [.float32, .float32],
        node.controlInputs.isEmpty, let shape = inference.shape(of: node.inputs[0]).fullyDefined,
        inference.shape(of: node.inputs[1]).fullyDefined == shape
      else { continue }
      // The one that is computed last takes the other in.
      let positions = [0, 1].sorted { place[node.inputs[$0].node] ?? 0 > place[node.inputs[$1].node] ?? 0 }
      guard
        let position = positions.first(where: { position in
          let producer = node.inputs[position].node
          return uses.onlyReader(of: producer) == index && accepts(graph.nodes[producer])
        })
      else { continue }
      var merged = graph.nodes[node.inputs[position].node].fusing("Add", node.inputs[1 - position])
      merged.name = node.name
      graph.nodes[index] = merged
      isChanged = true
    }
    return isChanged
  }

  private static func accepts(_ node: PlanNode) -> Bool {
    guard let fused = node.fusedOps, node.op != "DepthwiseConv2dNative",
      node.op != "_FusedDepthwiseConv2dNative"
    else { return false }
    return !fused.contains("Add") && !node.hasActivation
  }
}
