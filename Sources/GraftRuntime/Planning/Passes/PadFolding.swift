import GraftGraph
import GraftKernels
import GraftTensor

/// Makes a convolution pad for itself: `Pad` with zeros before one that pads with nothing, or explicitly, goes into
/// `EXPLICIT` padding. In front of a one-dimensional convolution an axis is added in between.
enum PadFolding: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    for index in try graph.order() {
      let convolution = graph.nodes[index]
      guard let below = convolution.inputs.first?.node, isPadOrExpansion(graph.nodes[below]),
        let present = explicitPadding(of: convolution)
      else { continue }
      var pad = below
      var expand: PlanNode?
      if graph.nodes[below].op == "ExpandDims", graph.nodes[below].constants == nil,
        graph.nodes[below].controlInputs.isEmpty
      {
        expand = graph.nodes[below]
        pad = graph.nodes[below].inputs[0].node
      }
      guard var amounts = amounts(graph.nodes[pad], graph) else { continue }
      if let expand {
        guard amounts.count == 6, let axes = graph.constant(expand.inputs[1]), axes.elementCount == 1,
          let axis = try axes.integers().first
        else { continue }
        amounts.insert(contentsOf: [0, 0], at: 2 * (axis < 0 ? axis + 4 : axis))
      }
      let channel = convolution.isChannelsLast ? 3 : 1
      guard amounts.count == 8, amounts[0] == 0, amounts[1] == 0, amounts[2 * channel] == 0,
        amounts[2 * channel + 1] == 0
      else { continue }
      graph.nodes[index].attributes["padding"] = .string("EXPLICIT")
      graph.nodes[index].attributes["explicit_paddings"] = .ints(zip(amounts, present).map { Int64($0) + $1 })
      guard var expand else {
        graph.nodes[index].inputs[0] = graph.nodes[pad].inputs[0]
        continue
      }
      // One of its own: others may read what is padded.
      expand.inputs[0] = graph.nodes[pad].inputs[0]
      graph.nodes[index].inputs[0] = graph.add(expand)
    }
  }

  private static func isPadOrExpansion(_ node: PlanNode) -> Bool {
    node.op == "Pad" || node.op == "ExpandDims"
  }

  /// How many zeros a `Pad` puts before and after each axis.
  private static func amounts(_ node: PlanNode, _ graph: PlanGraph) -> [Int]? {
    guard node.op == "Pad", node.constants == nil, node.controlInputs.isEmpty, node.inputs.count == 2,
      let padding = graph.constant(node.inputs[1]), padding.rank == 2, padding.shape[1] == 2,
      let amounts = try? padding.integers(), amounts.allSatisfy({ 0...(1 << 30) ~= $0 })
    else { return nil }
    return amounts
  }

  /// By how much a convolution pads each axis, where that is said in numbers.
  private static func explicitPadding(of node: PlanNode) -> [Int64]? {
    guard node.isImageConvolution, let fused = node.fusedOps, !fused.contains("Add"),
      node.controlInputs.isEmpty
    else { return nil }
    if case .string("VALID")? = node.attributes["padding"] { return [Int64](repeating: 0, count: 8) }
    guard case .string("EXPLICIT")? = node.attributes["padding"],
      case .ints(let amounts)? = node.attributes["explicit_paddings"], amounts.count == 8,
      amounts.allSatisfy({ 0...(1 << 30) ~= $0 })
    else { return nil }
    return amounts
  }
}
