import GraftGraph
import GraftKernels
import GraftTensor

/// Finds rectifiers that graphs spell out: Relu and Relu6 in bounds, one over the other, and LeakyRelu in anything
/// that is straight on both sides of zero, as max(a · x, x), relu(x) - a · relu(-x) and b · x + c · |x| are.
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
      } else if let (alpha, x) = leaky(index, graph) {
        graph.nodes[index] = .applying("LeakyRelu", to: x, name: node.name)
        graph.nodes[index].attributes["alpha"] = .float(alpha)
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

  // MARK: Slopes

  /// How far back a function is followed.
  private static let mostDepth = 4

  /// The slope below zero of a LeakyRelu that a node computes, and of what.
  ///
  /// It is one only where a product or convolution can apply it: what is left of the others runs as one loop with what is
  /// around it.
  private static func leaky(_ index: Int, _ graph: PlanGraph) -> (alpha: Float, x: ValueReference)? {
    guard ["Maximum", "Add", "AddV2", "Sub"].contains(graph.nodes[index].op) else { return nil }
    var x = ValueReference(node: index, output: 0)
    for _ in 0..<mostDepth {
      guard let next = operand(of: graph.nodes[x.node], graph) else { return nil }
      x = next
      let producer = graph.nodes[x.node]
      guard producer.fusedOps != nil, !producer.hasActivation else { continue }
      let whole = ValueReference(node: index, output: 0)
      guard let slopes = Slopes(of: whole, in: x, graph, depth: mostDepth),
        (slopes.above - 1).magnitude <= 1e-6, slopes.below > 0, slopes.below < 1 - 1e-6
      else { return nil }
      return (Float(slopes.below), x)
    }
    return nil
  }

  /// What a node is computed from, but for constants: the nearest to x where there are two.
  private static func operand(of node: PlanNode, _ graph: PlanGraph) -> ValueReference? {
    guard node.constants == nil, Slopes.ops.contains(node.op) else { return nil }
    let values = node.inputs.filter { graph.constant($0) == nil }
    return values.first { graph.nodes[$0.node].fusedOps != nil } ?? values.first
  }

  /// A function that is `above` · x where x is positive, and `below` · x where it is negative.
  private struct Slopes {
    static let ops: Set<String> = [
      "Relu", "Abs", "Neg", "Mul", "Add", "AddV2", "Sub", "Maximum", "Minimum",
    ]

    var below: Double
    var above: Double

    private init(below: Double, above: Double) {
      (self.below, self.above) = (below, above)
    }

    /// Follows a value back to x; nil where it is made of anything else.
    init?(of value: ValueReference, in x: ValueReference, _ graph: PlanGraph, depth: Int) {
      if value == x {
        self.init(below: 1, above: 1)
        return
      }
      let node = graph.nodes[value.node]
      guard depth > 0, node.constants == nil, node.controlInputs.isEmpty, node.outputTypes == [.float32],
        Self.ops.contains(node.op)
      else { return nil }
      if node.op == "Mul" {
        guard let (value, number) = graph.valueAndNumber(of: node),
          let own = Slopes(of: value, in: x, graph, depth: depth - 1)
        else { return nil }
        self.init(below: own.below * Double(number), above: own.above * Double(number))
        return
      }
      guard let first = node.inputs.first,
        let a = Slopes(of: first, in: x, graph, depth: depth - 1)
      else { return nil }
      switch node.op {
      case "Relu": self.init(below: min(a.below, 0), above: max(a.above, 0))
      case "Abs": self.init(below: -a.below.magnitude, above: a.above.magnitude)
      case "Neg": self.init(below: -a.below, above: -a.above)
      default:
        guard node.inputs.count == 2,
          let b = Slopes(of: node.inputs[1], in: x, graph, depth: depth - 1)
        else { return nil }
        switch node.op {
        case "Sub": self.init(below: a.below - b.below, above: a.above - b.above)
        case "Maximum": self.init(below: min(a.below, b.below), above: max(a.above, b.above))
        case "Minimum": self.init(below: max(a.below, b.below), above: min(a.above, b.above))
        default: self.init(below: a.below + b.below, above: a.above + b.above)
        }
      }
    }
  }
}

extension PlanGraph {
  /// What a node of two inputs reads beside one number, and that.
  fileprivate func valueAndNumber(of node: PlanNode) -> (value: ValueReference, number: Float)? {
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
