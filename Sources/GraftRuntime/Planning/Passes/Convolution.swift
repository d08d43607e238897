import GraftGraph
import GraftTensor

/// A node of a plan that multiplies by weights, as far as passes treat them alike.
@dynamicMemberLookup
struct Convolution {
  let node: PlanNode

  /// A 2-D convolution or a depthwise one.
  init?(_ node: PlanNode) {
    guard node.op == "Conv2D" || node.op == "DepthwiseConv2dNative", node.inputs.count == 2 else {
      return nil
    }
    self.node = node
  }

  subscript<T>(dynamicMember path: KeyPath<PlanNode, T>) -> T { node[keyPath: path] }

  /// Which axis of its result counts channels.
  var channelAxis: Int { PlanNode.channelAxis(node) }
}
