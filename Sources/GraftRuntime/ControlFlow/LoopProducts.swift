import GraftGraph
import GraftKernels
import GraftTensor

/// Takes products of a tensor's rows with constant matrices out of loops, as recurrent layers have them:
/// `row(i) · w` in every round becomes a row of one large product, which reads the weights once.
enum LoopProducts {
  /// Rewrites a loop.
  ///
  /// - Returns: whether there was anything to take out.
  static func takeOut(of index: Int, _ graph: inout PlanGraph) throws -> Bool {
    var isChanged = false
    for inner in try graph.nodes[index].bodies[1].order() {
      guard let product = Product(graph, loop: index, inner) else { continue }
      try product.takeOut(&graph)
      isChanged = true
    }
    return isChanged
  }

  /// A product that depends on the round only through the row that it takes.
  private struct Product {
    let loop: Int
    /// The product in the loop's body.
    let inner: Int
    let type: DataType
    let weights: Tensor
    /// What takes the row out of the list, in the body.
    let item: PlanNode
    /// What makes the list, outside of the loop.
    let list: PlanNode

    init?(_ graph: PlanGraph, loop: Int, _ inner: Int) {
      let node = graph.nodes[loop]
      let body = node.bodies[1]
      let product = body.nodes[inner]
      guard product.op == "MatMul", product.isPlain, product.inputs.count == 2,
        let type = product.outputTypes.first, type == .float32 || type == .float64,
        !product.isTrue("transpose_a"), !product.isTrue("transpose_b"),
        let weights = body.constant(product.inputs[1]), weights.rank == 2
      else { return nil }
      let item = body.nodes[product.inputs[0].node]
      guard item.op == "TensorListGetItem", item.isPlain, item.inputs.count == 3,
        let feed = body.nodes[item.inputs[0].node].feed, feed >= node.outputTypes.count,
        feed < node.inputs.count
      else { return nil }
      let list = graph.nodes[node.inputs[feed].node]
      // Rows that are sure to fit: a product that fails in the loop must fail there, or not at all.
      guard list.op == "TensorListFromTensor", list.isPlain, list.inputTypes.first == type,
        let sizes = try? graph.constant(list.inputs[1])?.integers(), sizes.count == 2,
        sizes[1] == weights.shape[0]
      else { return nil }
      (self.loop, self.inner, self.type, self.weights) = (loop, inner, type, weights)
      (self.item, self.list) = (item, list)
    }

    func takeOut(_ graph: inout PlanGraph) throws {
      let name = graph.nodes[loop].bodies[1].nodes[inner].name
      let elementShape = try Tensor([-1, Int32(clamping: weights.shape[1])])
      let matrix = graph.addConstant(weights, name: name + "/weights")
      let products = graph.add(
        PlanNode(
          name: name, op: "BatchMatMulV2",
          attributes: ["T": .type(ElementType(type)), "adj_x": .bool(false), "adj_y": .bool(false)],
          inputs: [list.inputs[0], matrix], controlInputs: [], inputTypes: [type, type],
          outputTypes: [type], definition: OpRegistry.standard["BatchMatMulV2"]))
      let shape = graph.addConstant(elementShape, name: name + "/element_shape")
      var rows = list
      rows.name = name + "/rows"
      rows.inputs = [products, shape]
      rows.inputTypes = [type, .int32]
      rows.attributes["shape_type"] = .type(ElementType(.int32))

      let feed = graph.nodes[loop].inputs.count
      graph.nodes[loop].inputs.append(graph.add(rows))
      graph.nodes[loop].inputTypes.append(.variant)
      var bodies = graph.nodes[loop].bodies
      for position in bodies.indices {
        bodies[position].nodes.append(.feed(feed, name: rows.name, type: .variant))
      }
      let source = ValueReference(node: bodies[1].nodes.count - 1, output: 0)
      var row = item
      row.name = name
      let rowShape = bodies[1].addConstant(elementShape, name: name + "/element_shape")
      row.inputs = [source, item.inputs[1], rowShape]
      row.inputTypes = [.variant, .int32, .int32]
      bodies[1].nodes[inner] = row
      graph.nodes[loop].setBodies(bodies)
    }
  }
}

extension PlanNode {
  /// Whether it computes its outputs in every run and waits for nothing but its inputs.
  fileprivate var isPlain: Bool { self.constants == nil && self.controlInputs.isEmpty }
}
