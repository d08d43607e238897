import GraftGraph
import GraftKernels
import GraftTensor

/// Brings constants that are added to a product's columns together, next to the product: two in a row become
/// one, and one that is added after a shortcut goes before it.
enum BiasMerging: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    let order = try graph.order()
    let uses = graph.uses(of: order)
    for index in order {
      guard let outer = Bias(index, graph), case let producer = outer.input.node,
        uses.onlyReader(of: producer) == index
      else { continue }
      if let inner = Bias(producer, graph), inner.isAlongLastAxis == outer.isAlongLastAxis,
        inner.values.count == outer.values.count
      {
        // Of the higher rank, which may give the result its own.
        let shape = inner.shape.rank > outer.shape.rank ? inner.shape : outer.shape
        let sums = try Tensor(
          shape: shape.dimensions, scalars: zip(inner.values, outer.values).map { $0 + $1 })
        let constant = graph.addConstant(sums, name: graph.nodes[index].name + "/merged")
        if inner.shape.rank > 1 { graph.nodes[index] = graph.nodes[producer].named(graph.nodes[index].name) }
        graph.nodes[index].inputs = [inner.input, constant]
      } else {
        try hoist(outer, index, uses, &graph)
      }
    }
  }

  /// (product + x) + bias becomes (product + bias) + x.
  private static func hoist(
    _ outer: Bias, _ index: Int, _ uses: PlanGraph.Uses, _ graph: inout PlanGraph
  ) throws {
    let sum = graph.nodes[outer.input.node]
    guard sum.op == "AddV2" || sum.op == "Add", sum.constants == nil, sum.inputs.count == 2,
      sum.controlInputs.isEmpty, sum.inputTypes == [.float32, .float32], outer.isAlongLastAxis
    else { return }
    for position in [0, 1] {
      let product = sum.inputs[position]
      let node = graph.nodes[product.node]
      guard node.isLinear,
        uses.onlyReader(of: product.node) == outer.input.node,
        BiasFusion.channels(of: node, graph) == outer.values.count,
        node.op == "MatMul" ? outer.shape.rank <= 2 : node.isChannelsLast
      else { continue }
      // The two nodes change places: the inner one is the bias now.
      let constant = graph.addConstant(try Tensor(outer.values), name: graph.nodes[index].name + "/hoisted")
      graph.nodes[outer.input.node] = PlanNode(
        name: graph.nodes[index].name, op: "AddV2", attributes: ["T": .type(ElementType(.float32))],
        inputs: [product, constant], controlInputs: [], inputTypes: [.float32, .float32],
        outputTypes: [.float32], definition: OpRegistry.standard["AddV2"])
      graph.nodes[index] = sum
      graph.nodes[index].inputs[position] = outer.input
      return
    }
  }
}

/// A node that adds a constant to each channel of its input.
struct Bias {
  let input: ValueReference
  let values: [Float]
  /// The constant's shape.
  let shape: Shape
  /// Whether the last axis counts the channels; the second one does otherwise.
  let isAlongLastAxis: Bool

  init?(_ index: Int, _ graph: PlanGraph) {
    let node = graph.nodes[index]
    guard node.constants == nil, node.controlInputs.isEmpty, node.inputs.count == 2,
      node.outputTypes == [.float32]
    else { return nil }
    let position: Int
    switch node.op {
    case "BiasAdd": position = 1
    case "Add", "AddV2": position = graph.constant(node.inputs[1]) != nil ? 1 : 0
    default: return nil
    }
    guard graph.constant(node.inputs[1 - position]) == nil,
      let constant = graph.constant(node.inputs[position]),
      constant.dtype == .float32, constant.isAlongLastAxis, let values = try? constant.scalars(as: Float.self)
    else { return nil }
    input = node.inputs[1 - position]
    self.values = values
    shape = constant.shape
    isAlongLastAxis = node.op != "BiasAdd" || node.isChannelsLast
  }
}

extension PlanNode {
  /// The same under another name.
  fileprivate func named(_ name: String) -> PlanNode {
    var node = self
    node.name = name
    return node
  }
}
