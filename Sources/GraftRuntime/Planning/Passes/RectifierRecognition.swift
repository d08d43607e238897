import GraftGraph
import GraftKernels
import GraftTensor

/// Finds rectifiers that graphs spell out: Relu and Relu6 in bounds, one over the other, and LeakyRelu in anything
/// that is straight on both sides of zero, as max(a · x, x), relu(x) - a · relu(-x) and b · x + c · |x| are; PReLU where
/// a is one number for each channel.
enum RectifierRecognition: PlanPass {
  /// One of these is in each of the forms that graphs have.
  private static let marks: Set<String> = ["Maximum", "Minimum", "Abs", "Neg"]

  static func run(_ graph: inout PlanGraph) throws {
    guard graph.nodes.contains(where: { marks.contains($0.op) }) else { return }
    let order = try graph.order()
    let uses = graph.uses(of: order)
    for index in order {
      let node = graph.nodes[index]
      guard node.constants == nil, node.feed == nil, node.controlInputs.isEmpty,
        node.outputTypes == [.float32]
      else { continue }
      if let (op, x) = bounded(node, graph, uses) {
        graph.nodes[index] = .applying(op, to: x, name: node.name)
      } else if let (slopes, x) = slopes(below: index, graph, uses) {
        if slopes.count == 1, let alpha = slopes.first {
          graph.nodes[index] = .applying("LeakyRelu", to: x, name: node.name)
          graph.nodes[index].attributes["alpha"] = .float(Float(alpha))
        } else {
          try PlanningLimit.check()
          let name = node.name + "/slopes"
          let constant = try graph.addConstant(Tensor(slopes.map { Float($0) }), name: name)
          graph.nodes[index] = graph.nodes[x.node].fusing("PRelu", constant)
          graph.nodes[index].name = node.name
        }
      }
    }
  }

  // MARK: Bounds

  /// The rectifier that a node is, or that it makes of the bound it alone reads.
  private static func bounded(
    _ node: PlanNode, _ graph: PlanGraph, _ uses: PlanGraph.Uses
  ) -> (op: String, x: ValueReference)? {
    guard let (outer, value) = Bounds.of(node, graph) else { return nil }
    let below = graph.nodes[value.node]
    if below.controlInputs.isEmpty, uses.onlyReader(of: value.node) != nil,
      let (inner, x) = Bounds.of(below, graph),
      let op = inner.bounded(by: outer).rectifier
    {
      return (op, x)
    }
    return outer.rectifier.flatMap { $0 == node.op ? nil : ($0, value) }
  }

  /// What a value is kept between.
  private struct Bounds {
    var low = -Float.infinity
    var high = Float.infinity

    /// The bounds that a node sets, and to what.
    static func of(_ node: PlanNode, _ graph: PlanGraph) -> (bounds: Bounds, value: ValueReference)? {
      guard node.outputTypes == [.float32], node.constants == nil, let first = node.inputs.first else {
        return nil
      }
      switch (node.op, node.inputs.count) {
      case ("Relu", 1): return (Bounds(low: 0), first)
      case ("Relu6", 1): return (Bounds(low: 0, high: 6), first)
      case ("Minimum", 2): return graph.valueAndNumber(of: node).map { (Bounds(high: $0.number), $0.value) }
      case ("Maximum", 2): return graph.valueAndNumber(of: node).map { (Bounds(low: $0.number), $0.value) }
      default: return nil
      }
    }

    /// Both bounds, these first.
    func bounded(by outer: Bounds) -> Bounds {
      Bounds(
        low: min(max(low, outer.low), outer.high), high: min(max(high, outer.low), outer.high))
    }

    var rectifier: String? {
      guard low == 0 else { return nil }
      return high == 6 ? "Relu6" : high == .infinity ? "Relu" : nil
    }
  }
}

extension PlanGraph {
  /// What a node of two inputs reads beside one number, and that.
  func valueAndNumber(of node: PlanNode) -> (value: ValueReference, number: Float)? {
    guard node.inputs.count == 2 else { return nil }
    for position in 0..<2 {
      if let constant = constant(node.inputs[position]), constant.rank == 0, constant.dtype == .float32,
        let number = try? constant.scalars(as: Float.self).first, !number.isNaN
      {
        return (node.inputs[1 - position], number)
      }
    }
    return nil
  }
}
