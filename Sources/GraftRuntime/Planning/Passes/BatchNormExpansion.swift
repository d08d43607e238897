import GraftGraph
import GraftKernels
import GraftTensor

/// Makes batch normalisations with fixed statistics that no convolution took into its weights a product and a sum,
/// which are fused with what else computes element by element.
///
/// It needs shapes, for the axis of the channels.
enum BatchNormExpansion: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    func isNormalization(_ index: Int) -> Bool { graph.nodes[index].op.hasPrefix("FusedBatchNorm") }
    guard graph.nodes.indices.contains(where: isNormalization) else { return false }
    let order = try graph.order()
    let uses = graph.uses(of: order)
    var isChanged = false
    for index in order where isNormalization(index) {
      let node = graph.nodes[index]
      guard node.constants == nil, node.controlInputs.isEmpty,
        let affine = BatchNormFolding.Affine(node, graph, uses, index), let offsets = affine.offsets,
        let shape = inference.shape(of: affine.input).fullyDefined, shape.rank >= 4,
        shape[affine.isChannelsLast ? shape.rank - 1 : 1] == offsets.count
      else { continue }
      let channels =
        [offsets.count] + (affine.isChannelsLast ? [] : [Int](repeating: 1, count: shape.rank - 2))
      let factors = graph.addConstant(
        try Tensor(shape: channels, scalars: affine.factors), name: node.name + "/factors")
      let bias = graph.addConstant(try Tensor(shape: channels, scalars: offsets), name: node.name + "/offset")
      let product = graph.add(.combining("Mul", affine.input, factors, .float32, name: node.name + "/scaled"))
      graph.nodes[index] = .combining("AddV2", product, bias, .float32, name: node.name)
      isChanged = true
    }
    return isChanged
  }
}
