import GraftGraph
import GraftKernels
import GraftTensor

/// Joins depthwise convolutions with the convolutions of single pixels before and after them, or that of a picture
/// before them, where what lies between is too large to stay in a core's cache until it is read; and with those of
/// single pixels before them where images are so small that each thread can compute both for some of the channels.
///
/// It needs shapes, to know what is large.
enum DepthwiseBlockFusion: ShapePass {
  /// The least bytes between two convolutions that are worth it.
  private static let leastBytes = 512 << 10
  /// The most channels of pictures and the like.
  private static let mostChannels = 4

  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard graph.nodes.contains(where: { isDepthwise($0) }) else { return false }
    let order = try graph.order()
    let uses = graph.uses(of: order)
    var isChanged = false
    for index in order where canBeBlock(graph.nodes[index], graph, inference) {
      var block = graph.nodes[index]
      var last = index
      func isLarge(_ value: ValueReference) -> Bool {
        (inference.shape(of: value).fullyDefined?.elementCount ?? 0) * 4 >= leastBytes
      }
      let expand = block.inputs[0]
      let size = inference.shape(of: expand).fullyDefined
      let isSliced =
        size.map { $0.rank == 4 && DepthwiseBlockOps.areSliced(height: $0[1], width: $0[2]) } ?? false
      var isJoined = false
      let beginning = graph.nodes[expand.node]
      if isSliced || isLarge(expand), expand.output == 0, uses.onlyReader(of: expand.node) == index,
        beginning.fusedOps?.contains("Add") == false
      {
        let isPointwise = beginning.isPointwiseConvolution(graph, inference)
        if isPointwise || !isSliced && isFewChanneledConvolution(beginning, graph, inference) {
          block.join(beginning, as: "expand_")
          if !isPointwise { block.takeWindow(of: beginning, as: "expand_") }
          block.inputs[0] = beginning.inputs[0]
          isJoined = true
        }
      }
      let result = ValueReference(node: index, output: 0)
      if isJoined ? !isSliced : isLarge(result), let reader = uses.onlyReader(of: index),
        graph.nodes[reader].isPointwiseConvolution(graph, inference), graph.nodes[reader].inputs[0] == result
      {
        block.join(graph.nodes[reader], as: "project_")
        block.name = graph.nodes[reader].name
        last = reader
        isJoined = true
      }
      guard isJoined else { continue }
      // In the place of the last of its parts, which is no neighbour of another depthwise convolution any more.
      graph.nodes[last] = block
      isChanged = true
    }
    return isChanged
  }

  /// Whether a node is such a convolution as networks begin with: its few channels are fewer than those of its result,
  /// so that the rows which neighbouring bands both compute cost little.
  private static func isFewChanneledConvolution(
    _ node: PlanNode, _ graph: PlanGraph, _ inference: ShapeInference
  ) -> Bool {
    guard node.op == "Conv2D" || node.op == "_FusedConv2D", let fused = node.fusedOps,
      !fused.contains("FusedBatchNorm"), node.controlInputs.isEmpty, node.isChannelsLast,
      let filter = graph.constant(node.inputs[1])?.shape, filter.rank == 4, filter[2] <= mostChannels
    else { return false }
    return node.ints("dilations") ?? [1, 1, 1, 1] == [1, 1, 1, 1]
      && inference.shape(of: node.inputs[0])[3] == filter[2]
  }

  static func isDepthwise(_ node: PlanNode) -> Bool {
    node.op == "DepthwiseConv2dNative" || node.op == "_FusedDepthwiseConv2dNative"
  }

  /// Whether a node is a depthwise convolution that the kernel of blocks has.
  static func canBeBlock(_ node: PlanNode, _ graph: PlanGraph, _ inference: ShapeInference) -> Bool {
    guard isDepthwise(node), node.fusedOps != nil, node.controlInputs.isEmpty, node.isChannelsLast,
      let filter = graph.constant(node.inputs[1])?.shape, filter.rank == 4, filter[3] == 1, filter[2] >= 16,
      filter[0] <= 7, [3, 5, 7].contains(filter[1]), let strides = node.ints("strides"),
      strides == [1, 1, 1, 1] || strides == [1, 2, 2, 1]
    else { return false }
    return node.ints("dilations") ?? [1, 1, 1, 1] == [1, 1, 1, 1]
      && inference.shape(of: node.inputs[0]).fullyDefined != nil
  }
}

extension PlanNode {
  fileprivate func ints(_ name: String) -> [Int64]? {
    if case .ints(let values)? = self.attributes[name] { values } else { nil }
  }

  /// Makes a depthwise convolution a block of it alone.
  mutating func becomeDepthwiseBlock() {
    guard self.op != "_FusedDepthwiseBlock" else { return }
    self.attributes["fused_ops"] = .strings(fusedOps ?? [])
    self.op = "_FusedDepthwiseBlock"
    self.definition = OpRegistry.standard[self.op]
  }

  /// Takes in the convolution before or after this one.
  fileprivate mutating func join(_ other: PlanNode, as prefix: String) {
    becomeDepthwiseBlock()
    self.attributes[prefix + "fused_ops"] = .strings(other.fusedOps ?? [])
    self.attributes[prefix + "leakyrelu_alpha"] = other.attributes["leakyrelu_alpha"]
    self.inputs += other.inputs[1...]
    self.inputTypes += other.inputTypes[1...]
  }

  /// Takes the window of a convolution that was taken in.
  fileprivate mutating func takeWindow(of other: PlanNode, as prefix: String) {
    for name in ["strides", "padding", "explicit_paddings"] {
      self.attributes[prefix + name] = other.attributes[name]
    }
  }
}
