import GraftGraph
import GraftKernels
import GraftTensor

/// Makes one dilated convolution of a `SpaceToBatchND`, a convolution and a `BatchToSpaceND`: how TensorFlow
/// writes dilations.
///
/// It needs shapes: paddings and crops are often computed from them.
enum DilationRecognition: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard graph.nodes.contains(where: { $0.op == "BatchToSpaceND" }) else { return false }
    let order = try graph.order()
    let uses = graph.uses(of: order)
    var isChanged = false
    for index in order {
      guard graph.nodes[index].op == "BatchToSpaceND", let match = Match(index, graph, uses, inference) else {
        continue
      }
      match.apply(to: &graph, at: index)
      isChanged = true
    }
    return isChanged
  }

  /// The nodes of one such convolution.
  private struct Match {
    private let convolution: Int
    /// What adds and takes off the axis of a convolution in one dimension.
    private let expand: Int?
    private let squeeze: Int?
    private let input: ValueReference
    private let dilations: [Int64]
    private let paddings: [Int64]

    init?(
      _ index: Int, _ graph: PlanGraph, _ uses: PlanGraph.Uses, _ inference: ShapeInference
    ) {
      /// The node that gives an input, if nobody else reads it.
      func producer(_ value: ValueReference, of reader: Int) -> Int? {
        value.output == 0 && graph.nodes[value.node].constants == nil
          && graph.nodes[value.node].controlInputs.isEmpty && uses.onlyReader(of: value.node) == reader
          ? value.node : nil
      }
      func integers(_ value: ValueReference) -> [Int]? {
        inference.value(of: value).flatMap { try? $0.integers() }
      }
      let last = graph.nodes[index]
      guard last.constants == nil, last.controlInputs.isEmpty, last.outputTypes == [.float32],
        var below = producer(last.inputs[0], of: index)
      else { return nil }
      var squeeze: Int?
      if graph.nodes[below].op == "Squeeze" {
        squeeze = below
        guard let next = producer(graph.nodes[below].inputs[0], of: below) else { return nil }
        below = next
      }
      let node = graph.nodes[below]
      guard node.isImageConvolution, let fused = node.fusedOps, !fused.contains("Add"),
        !fused.contains("FusedBatchNorm"), node.isChannelsLast,
        case .string("VALID")? = node.attributes["padding"], node.isOnes("strides"), node.isOnes("dilations"),
        node.inputs[0].output == 0
      else { return nil }
      // What comes before may be read by other convolutions as well.
      var first = node.inputs[0].node
      var expand: Int?
      var axis = 0
      if squeeze != nil {
        let node = graph.nodes[first]
        guard node.op == "ExpandDims", node.constants == nil, node.controlInputs.isEmpty,
          let place = integers(node.inputs[1])?.first, node.inputs[0].output == 0
        else { return nil }
        // One axis in front of the others, of size 1.
        axis = place < 0 ? place + 4 : place
        guard axis == 1 || axis == 2 else { return nil }
        expand = first
        first = node.inputs[0].node
      }
      let spread = graph.nodes[first]
      let spatial = squeeze == nil ? 2 : 1
      guard spread.op == "SpaceToBatchND", spread.constants == nil, spread.controlInputs.isEmpty,
        let blocks = integers(spread.inputs[1]), blocks.count == spatial,
        blocks == integers(last.inputs[1]), blocks.allSatisfy({ $0 >= 1 }),
        var margins = integers(spread.inputs[2]),
        let crops = integers(last.inputs[2]), margins.count == 2 * spatial, crops.count == margins.count
      else { return nil }
      input = spread.inputs[0]
      for (place, crop) in crops.enumerated() { margins[place] -= crop }
      guard margins.allSatisfy({ $0 >= 0 }) else { return nil }
      var sizes = blocks
      if squeeze != nil {
        // The other axis has one element and a window of one.
        guard graph.constant(node.inputs[1]).map({ $0.rank == 4 && $0.shape[axis - 1] == 1 }) == true,
          case .ints(let squeezed)? = squeeze.flatMap({ graph.nodes[$0].attributes["squeeze_dims"] }),
          squeezed == [Int64(axis)] || squeezed == [Int64(axis - 4)]
        else { return nil }
        sizes.insert(1, at: axis - 1)
        margins.insert(contentsOf: [0, 0], at: 2 * (axis - 1))
      }
      convolution = below
      self.expand = expand
      self.squeeze = squeeze
      dilations = [1] + sizes.map { Int64($0) } + [1]
      paddings = [0, 0] + margins.map { Int64($0) } + [0, 0]
    }

    /// Puts the result in the place of the node at `index`.
    func apply(to graph: inout PlanGraph, at index: Int) {
      var node = graph.nodes[convolution]
      node.attributes["dilations"] = .ints(dilations)
      node.attributes["padding"] = .string("EXPLICIT")
      node.attributes["explicit_paddings"] = .ints(paddings)
      guard let expand, let squeeze else {
        node.inputs[0] = input
        graph.nodes[index] = node
        return
      }
      var expanded = graph.nodes[expand]
      expanded.inputs[0] = input
      node.inputs[0] = graph.add(expanded)
      graph.nodes[convolution] = node
      graph.nodes[index] = graph.nodes[squeeze]
    }
  }
}

extension PlanNode {
  /// Whether a list of numbers says that nothing is left out; lists that are not there say so.
  fileprivate func isOnes(_ attribute: String) -> Bool {
    guard case .ints(let values)? = self.attributes[attribute] else { return true }
    return values.allSatisfy { $0 == 1 }
  }
}
