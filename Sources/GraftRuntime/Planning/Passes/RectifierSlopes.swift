import GraftGraph
import GraftKernels
import GraftTensor

extension RectifierRecognition {
  /// How far back a function is followed.
  private static let mostDepth = 5
  /// Readers of a value on the way, at most: those of one rectifier, so that no value is followed again and again.
  private static let mostReaders = 4

  /// The slope below zero of a rectifier that a node computes, one for all channels or one for each, and of what.
  ///
  /// It is one only where a product or convolution can apply it: what is left of the others runs as one loop with what is
  /// around it.
  static func slopes(
    below index: Int, _ graph: PlanGraph, _ uses: PlanGraph.Uses
  ) -> (slopes: [Double], x: ValueReference)? {
    guard ["Maximum", "Add", "AddV2", "Sub"].contains(graph.nodes[index].op) else { return nil }
    let whole = ValueReference(node: index, output: 0)
    var x = whole
    for _ in 0..<mostDepth {
      guard let next = operand(of: graph.nodes[x.node], graph) else { return nil }
      x = next
      let producer = graph.nodes[x.node]
      guard producer.fusedOps != nil, !producer.hasActivation else { continue }
      let channels = uses.readers(of: x.node).count <= mostReaders ? producer.channels(graph) : nil
      var walk = Walk(graph: graph, uses: uses, x: x, channels: channels)
      guard let slopes = walk.slopes(of: whole, depth: mostDepth),
        slopes.above.allSatisfy({ ($0 - 1).magnitude <= 1e-6 }), slopes.below.allSatisfy({ $0.isFinite })
      else { return nil }
      if slopes.below.count == 1 {
        return slopes.below.allSatisfy { $0 > 0 && $0 < 1 - 1e-6 } ? (slopes.below, x) : nil
      }
      // It takes the place of the product, which nobody else may read.
      let isAlone = walk.passed.subtracting([index]).union([x.node]).allSatisfy { node in
        !uses.isPinned(node) && uses.readers(of: node).allSatisfy(walk.passed.contains)
      }
      return isAlone ? (slopes.below, x) : nil
    }
    return nil
  }

  /// What a node is computed from, but for constants: the nearest to x where there are two.
  private static func operand(of node: PlanNode, _ graph: PlanGraph) -> ValueReference? {
    guard node.constants == nil, Walk.ops.contains(node.op) else { return nil }
    let values = node.inputs.filter { graph.constant($0) == nil }
    return values.first { graph.nodes[$0.node].fusedOps != nil } ?? values.first
  }

  /// A function that is `above` · x where x is positive, and `below` · x where it is negative; one number for all
  /// channels or one for each.
  private struct Slopes {
    var below: [Double]
    var above: [Double]

    /// This and another function, combined on both sides of zero.
    func combined(
      with other: Slopes, below: (Double, Double) -> Double, above: (Double, Double) -> Double
    ) -> Slopes {
      Slopes(below: both(self.below, other.below, below), above: both(self.above, other.above, above))
    }
  }

  /// Follows values back to x.
  private struct Walk {
    static let ops: Set<String> = [
      "Relu", "Abs", "Neg", "Mul", "Add", "AddV2", "Sub", "Maximum", "Minimum",
    ]

    let graph: PlanGraph
    let uses: PlanGraph.Uses
    let x: ValueReference
    let channels: Channels?
    /// The nodes on the way.
    var passed: Set<Int> = []

    /// A value as a function of x; nil where it is made of anything else.
    mutating func slopes(of value: ValueReference, depth: Int) -> Slopes? {
      if value == x { return Slopes(below: [1], above: [1]) }
      if let constant = graph.constant(value) {
        guard constant.rank == 0, constant.dtype == .float32, (try? constant.scalars(as: Float.self)) == [0]
        else { return nil }
        return Slopes(below: [0], above: [0])
      }
      let node = graph.nodes[value.node]
      guard depth > 0, node.controlInputs.isEmpty, node.outputTypes == [.float32], Self.ops.contains(node.op),
        passed.isEmpty || uses.readers(of: value.node).count <= mostReaders
      else { return nil }
      passed.insert(value.node)
      if node.op == "Mul" {
        guard let (value, factors) = graph.valueAndFactors(of: node, channels),
          let own = slopes(of: value, depth: depth - 1)
        else { return nil }
        return own.combined(with: Slopes(below: factors, above: factors), below: *, above: *)
      }
      guard let first = node.inputs.first, let a = slopes(of: first, depth: depth - 1) else { return nil }
      switch node.op {
      case "Relu": return Slopes(below: a.below.map { min($0, 0) }, above: a.above.map { max($0, 0) })
      case "Abs": return Slopes(below: a.below.map { -$0.magnitude }, above: a.above.map(\.magnitude))
      case "Neg": return Slopes(below: a.below.map { -$0 }, above: a.above.map { -$0 })
      default: break
      }
      guard node.inputs.count == 2, let b = slopes(of: node.inputs[1], depth: depth - 1) else { return nil }
      switch node.op {
      case "Sub": return a.combined(with: b, below: -, above: -)
      case "Maximum": return a.combined(with: b, below: min, above: max)
      case "Minimum": return a.combined(with: b, below: max, above: min)
      default: return a.combined(with: b, below: +, above: +)
      }
    }
  }
}

/// The last axis of a convolution's or product's result.
private struct Channels {
  let count: Int
  /// Dimensions of the result.
  let rank: Int
}

/// Pairs of numbers combined, of which one may stand for all.
private func both(_ a: [Double], _ b: [Double], _ combine: (Double, Double) -> Double) -> [Double] {
  if a.count == 1 { return b.map { combine(a[0], $0) } }
  if b.count == 1 { return a.map { combine($0, b[0]) } }
  return zip(a, b).map(combine)
}

extension PlanNode {
  /// The channels of the result of a convolution or product; nil where they are not its last axis, or not known.
  fileprivate func channels(_ graph: PlanGraph) -> Channels? {
    guard isChannelsLast, let filter = graph.constant(self.inputs[1])?.shape else { return nil }
    switch (self.op, filter.rank) {
    case ("MatMul", 2), ("_FusedMatMul", 2):
      return Channels(count: filter[self.isTrue("transpose_b") ? 0 : 1], rank: 2)
    case ("DepthwiseConv2dNative", 4), ("_FusedDepthwiseConv2dNative", 4):
      return Channels(count: filter[2] * filter[3], rank: 4)
    case ("Conv2D", 4), ("_FusedConv2D", 4): return Channels(count: filter[3], rank: 4)
    default: return nil
    }
  }
}

extension PlanGraph {
  /// What a node of two inputs reads beside numbers, and those: one, or one for each of the channels.
  fileprivate func valueAndFactors(
    of node: PlanNode, _ channels: Channels?
  ) -> (value: ValueReference, factors: [Double])? {
    if let (value, number) = valueAndNumber(of: node) { return (value, [Double(number)]) }
    guard let channels, channels.count > 1, node.inputs.count == 2 else { return nil }
    for position in 0..<2 {
      if let constant = constant(node.inputs[position]), constant.dtype == .float32,
        constant.rank <= channels.rank, constant.shape.dimensions.last == channels.count,
        constant.elementCount == channels.count, let numbers = try? constant.scalars(as: Float.self)
      {
        return (node.inputs[1 - position], numbers.map { Double($0) })
      }
    }
    return nil
  }
}
