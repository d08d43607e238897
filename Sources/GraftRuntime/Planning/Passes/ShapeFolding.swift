import GraftTensor

/// Puts values in their places that follow from the feeds' shapes, as `Shape` of a tensor.
enum ShapeFolding: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    var isChanged = false
    for index in try graph.order() {
      let node = graph.nodes[index]
      guard node.constants == nil, node.feed == nil, node.outputTypes.count == 1,
        let value = inference.value(of: ValueReference(node: index, output: 0))
      else { continue }
      graph.nodes[index].constants = [value]
      isChanged = true
    }
    return isChanged
  }
}
