import GraftGraph
import GraftKernels
import GraftTensor

/// Makes sums of a few tensors sums of two, one after the other as `AddN` takes them, which are fused with what else
/// computes element by element.
///
/// It needs shapes: what is fused has a known one.
enum SumExpansion: ShapePass {
  /// Up to so many inputs `AddN` adds from the first one to the last.
  private static let mostInputs = 9

  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard let addition = OpRegistry.standard["AddV2"] else { return false }
    var isChanged = false
    for index in try graph.order() where graph.nodes[index].op == "AddN" {
      let node = graph.nodes[index]
      guard node.constants == nil, node.controlInputs.isEmpty, 2...mostInputs ~= node.inputs.count,
        let dtype = node.outputTypes.first, addition.isElementwise([dtype, dtype], dtype),
        case let shapes = node.inputs.map({ inference.shape(of: $0).fullyDefined }),
        let shape = shapes[0], shape.elementCount > 1, shapes.allSatisfy({ $0 == shape })
      else { continue }
      var sum = node.inputs[0]
      for (position, input) in node.inputs.enumerated().dropFirst().dropLast() {
        sum = graph.add(.combining("AddV2", sum, input, dtype, name: "\(node.name)/\(position)"))
      }
      graph.nodes[index] = .combining(
        "AddV2", sum, node.inputs[node.inputs.count - 1], dtype, name: node.name)
      isChanged = true
    }
    return isChanged
  }
}
