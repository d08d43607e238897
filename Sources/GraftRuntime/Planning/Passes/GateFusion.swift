import GraftGraph
import GraftKernels
import GraftTensor

/// Makes convolutions of single pixels multiply their input's channels by a gate themselves: what ends a
/// squeeze-and-excitation block. The product of image and gate needs no memory then, and no pass of its own.
///
/// It needs shapes, to tell the gate from what it multiplies.
enum GateFusion: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard graph.nodes.contains(where: { $0.op == "Mul" }) else { return false }
    let order = try graph.order()
    let uses = graph.uses(of: order)
    var isChanged = false
    for index in order where graph.nodes[index].isPointwiseConvolution(graph, inference) {
      let input = graph.nodes[index].inputs[0]
      let multiplication = graph.nodes[input.node]
      guard multiplication.op == "Mul", multiplication.constants == nil, multiplication.controlInputs.isEmpty,
        multiplication.inputTypes == [.float32, .float32], uses.onlyReader(of: input.node) == index,
        let position = positionOfGate(multiplication, inference)
      else { continue }
      var node = graph.nodes[index]
      node.attributes["fused_ops"] = .strings(node.fusedOps ?? [])
      node.op = "_GatedConv2D"
      node.definition = OpRegistry.standard[node.op]
      node.inputs[0] = multiplication.inputs[1 - position]
      node.inputs.append(multiplication.inputs[position])
      node.inputTypes.append(.float32)
      graph.nodes[index] = node
      isChanged = true
    }
    return isChanged
  }

  /// Which factor has one element for each channel of each image of the other.
  private static func positionOfGate(_ node: PlanNode, _ inference: ShapeInference) -> Int? {
    let shapes = node.inputs.map { inference.shape(of: $0).fullyDefined }
    guard let first = shapes[0], let second = shapes[1], first.rank == 4, second.rank == 4, first != second
    else {
      return nil
    }
    let position = first[1] == 1 && first[2] == 1 ? 0 : 1
    let (gate, image) = position == 0 ? (first, second) : (second, first)
    return gate == [image[0], 1, 1, image[3]] ? position : nil
  }
}

extension PlanNode {
  /// Whether this is a convolution of each pixel by itself, channels last and all in one group, with a constant
  /// filter.
  func isPointwiseConvolution(_ graph: PlanGraph, _ inference: ShapeInference) -> Bool {
    guard self.op == "Conv2D" || self.op == "_FusedConv2D", let fused = fusedOps,
      !fused.contains("FusedBatchNorm"), self.controlInputs.isEmpty, isChannelsLast,
      case .ints([1, 1, 1, 1])? = self.attributes["strides"],
      let filter = graph.constant(self.inputs[1])?.shape
    else { return false }
    if case .string("EXPLICIT")? = self.attributes["padding"] { return false }
    return filter.rank == 4 && filter[0] == 1 && filter[1] == 1
      && inference.shape(of: self.inputs[0])[3] == filter[2]
  }
}
