import GraftGraph
import GraftKernels
import GraftTensor

/// Lets depthwise convolutions sum up the rows that they have just computed, where the mean of each channel is wanted
/// beside them: what a squeeze-and-excitation block begins with. The images are read once less.
///
/// It needs shapes, to know which axes are an image's.
enum ChannelMeanFusion: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    // Many networks have means, few of a depthwise convolution: the others need no order.
    let isWorthLooking = graph.nodes.contains { node in
      guard node.op == "Mean", let image = node.inputs.first.map({ graph.nodes[$0.node] }) else {
        return false
      }
      return image.op == "_FusedDepthwiseBlock" || DepthwiseBlockFusion.isDepthwise(image)
    }
    guard isWorthLooking else { return false }
    var means = ReferenceMap<ValueReference>()
    for index in try graph.order() where isMeanOfChannels(graph.nodes[index], graph, inference) {
      let image = graph.nodes[index].inputs[0].node
      guard let block = block(graph.nodes[image], graph, inference) else { continue }
      graph.nodes[image] = block
      graph.nodes[image].attributes["means"] = .bool(graph.nodes[index].isTrue("keep_dims"))
      graph.nodes[image].outputTypes.append(.float32)
      means[ValueReference(node: index, output: 0)] = ValueReference(node: image, output: 1)
    }
    guard !means.isEmpty else { return false }
    graph.replace(means)
    return true
  }

  /// Whether a node is the mean over height and width of a node's first result, which has elements.
  private static func isMeanOfChannels(
    _ node: PlanNode, _ graph: PlanGraph, _ inference: ShapeInference
  ) -> Bool {
    guard node.op == "Mean", node.constants == nil, node.controlInputs.isEmpty,
      node.outputTypes == [.float32], node.inputs[0].output == 0,
      let shape = inference.shape(of: node.inputs[0]).fullyDefined, shape.rank == 4, shape.elementCount > 0,
      let axes = graph.constant(node.inputs[1]).flatMap({ try? $0.integers() })
    else { return false }
    return axes.map { $0 < 0 ? $0 + 4 : $0 }.sorted() == [1, 2]
  }

  /// A depthwise convolution, with what is before it, as a block that has no second result yet.
  private static func block(
    _ node: PlanNode, _ graph: PlanGraph, _ inference: ShapeInference
  ) -> PlanNode? {
    if node.op == "_FusedDepthwiseBlock" {
      let isTaken = node.attributes["project_fused_ops"] != nil || node.attributes["means"] != nil
      return isTaken ? nil : node
    }
    guard DepthwiseBlockFusion.canBeBlock(node, graph, inference) else { return nil }
    var block = node
    block.becomeDepthwiseBlock()
    return block
  }
}
