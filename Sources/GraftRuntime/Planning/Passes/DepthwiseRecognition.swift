import GraftGraph
import GraftKernels
import GraftTensor

/// Makes depthwise convolutions of those in as many groups as there are channels: how newer graphs write them.
///
/// It needs shapes: only the input says how many channels there are.
enum DepthwiseRecognition: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    var isChanged = false
    for index in try graph.order() {
      let node = graph.nodes[index]
      guard let op = forms[node.op], node.constants == nil, let fused = node.fusedOps,
        !fused.contains("FusedBatchNorm"), let weights = graph.constant(node.inputs[1]),
        weights.rank == 4, weights.shape[2] == 1,
        let input = inference.shape(of: node.inputs[0]).fullyDefined, input.rank == 4,
        case let channels = input[node.isChannelsLast ? 3 : 1], channels > 1,
        weights.shape[3].isMultiple(of: channels)
      else { continue }
      var filter = try weights.aligned()
      var changed = node
      changed.op = op
      changed.definition = OpRegistry.standard[op]
      if fused.first == "Scale" {
        guard let factors = graph.constant(node.inputs[2]) else { continue }
        filter = try filter.scalingColumns(by: factors.scalars(as: Float.self))
        changed.inputs.remove(at: 2)
        changed.inputTypes.remove(at: 2)
        changed.attributes["fused_ops"] = .strings(Array(fused.dropFirst()))
        changed.attributes["num_args"] = .int(Int64(changed.inputs.count - 2))
      }
      changed.inputs[1] = graph.addConstant(
        filter.reshaped(
          unchecked: [weights.shape[0], weights.shape[1], channels, weights.shape[3] / channels]),
        name: node.name + "/depthwise")
      graph.nodes[index] = changed
      isChanged = true
    }
    return isChanged
  }

  private static let forms = [
    "Conv2D": "DepthwiseConv2dNative", "_FusedConv2D": "_FusedDepthwiseConv2dNative",
  ]
}
