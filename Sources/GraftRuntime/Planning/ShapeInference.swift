import GraftGraph
import GraftKernels
import GraftTensor

/// What is known of every value's shape before a run, from the ops' own rules.
package struct ShapeInference {
  /// Values above this many elements are not followed: shapes are made of few numbers.
  private static let followedElements = 256

  private let graph: PlanGraph
  private let followsDataflow: Bool
  /// The shapes of the elements of lists and arrays, where all have the same.
  private var elements = ReferenceMap<Shape>()
  private var shapes: [[PartialShape]]
  private var values = ReferenceMap<Tensor>()
  /// The nodes that were looked at.
  private var isKnown: [Bool]
  private let evaluator = NodeEvaluator()

  /// Infers the shapes of all of a graph's outputs.
  ///
  /// A node whose inputs contradict its op's rule gets unknown shapes here; a run reports it.
  ///
  /// - Complexity: O(nodes + edges).
  package init(graph: GraphSnapshot, registry: OpRegistry) {
    var all = PlanGraph()
    all.nodes = graph.nodes.map { PlanNode($0, registry: registry) }
    all.targets = Array(graph.nodes.indices)
    self.init(all, feeds: FeedShapes([]), followsDataflow: true)
  }

  /// Infers shapes when those of the feeds are known.
  ///
  /// - Parameter followsDataflow: Whether shapes go through switches and merges too. A plan must not know
  ///   them: what it folds for their sake would never be dead.
  /// - Parameter earlier: what was inferred for the same feeds before some nodes of the graph were changed; it holds
  ///   for a node that is the same, and whose inputs are known to be what they were.
  init(
    _ graph: PlanGraph, feeds: FeedShapes, followsDataflow: Bool = false, earlier: ShapeInference? = nil
  ) {
    self.graph = graph
    self.followsDataflow = followsDataflow
    // Most nodes have one output: those share their memory until something is known.
    let one = [PartialShape.unknown]
    shapes = graph.nodes.map { node in
      let count = node.outputTypes.count
      return count == 1 ? one : [PartialShape](repeating: .unknown, count: count)
    }
    isKnown = [Bool](repeating: false, count: graph.nodes.count)
    var isSame = [Bool](repeating: false, count: graph.nodes.count)
    // A cycle that is no loop is the planner's to report.
    for index in (try? graph.order()) ?? [] {
      let node = graph.nodes[index]
      isKnown[index] = true
      if let earlier, earlier.knows(node, at: index), node.inputs.allSatisfy({ isSame[$0.node] }) {
        isSame[index] = true
        shapes[index] = earlier.shapes[index]
        for output in shapes[index].indices {
          let value = ValueReference(node: index, output: output)
          if let known = earlier.values[value] { values[value] = known }
          if !earlier.elements.isEmpty { elements[value] = earlier.elements[value] }
        }
      } else if let feed = node.feed {
        if feeds.shapes.indices.contains(feed) { shapes[index] = [PartialShape(feeds.shapes[feed])] }
        elements[ValueReference(node: index, output: 0)] = feeds.elements[feed]
      } else if let constants = node.constants {
        shapes[index] = constants.map { PartialShape($0.shape) }
      } else {
        infer(index)
        // What is computed otherwise now has the shapes that it had, mostly: nothing is inferred anew after it.
        isSame[index] = earlier?.gives(shapes[index], at: index) == true && !hasValue(index)
      }
    }
  }

  /// Whether the outputs of the node at a place were of these shapes, and of them nothing else was known.
  private func gives(_ shapes: [PartialShape], at index: Int) -> Bool {
    index < isKnown.count && isKnown[index] && self.shapes[index] == shapes
      && graph.nodes[index].constants == nil && !hasValue(index)
  }

  /// Whether the value of an output follows from shapes and constants.
  private func hasValue(_ index: Int) -> Bool {
    shapes[index].indices.contains { values[ValueReference(node: index, output: $0)] != nil }
  }

  /// Whether it was the same node that was looked at.
  private func knows(_ node: PlanNode, at index: Int) -> Bool {
    index < isKnown.count && isKnown[index] && graph.nodes[index].isIdentical(to: node)
  }

  /// The shape of an operation's output; unknown for one that is not there.
  package func shape(of endpoint: Endpoint) -> PartialShape {
    shape(of: ValueReference(node: endpoint.node, output: endpoint.output))
  }

  /// The shape of a value.
  func shape(of value: ValueReference) -> PartialShape {
    guard shapes.indices.contains(value.node), shapes[value.node].indices.contains(value.output) else {
      return .unknown
    }
    return shapes[value.node][value.output]
  }

  /// A value that follows from shapes and constants, where it is small.
  func value(of reference: ValueReference) -> Tensor? {
    graph.constant(reference) ?? values[reference]
  }

  private mutating func infer(_ index: Int) {
    let node = graph.nodes[index]
    guard let definition = node.definition else { return }
    guard followsDataflow || !definition.traits.contains(.dataflow) || node.op == "LoopCond" else { return }
    if takesElement(node), let shape = elements[node.inputs[0]] {
      shapes[index][node.outputTypes.count - 1] = PartialShape(shape)
      if node.outputTypes.count > 1 {
        shapes[index][0] = .scalar
        elements[ValueReference(node: index, output: 0)] = shape
      }
      return
    }
    let inputs = node.inputs.map { shape(of: $0) }
    let context = withoutActuallyEscaping({ (position: Int) -> Tensor? in
      node.inputs.indices.contains(position) ? self.value(of: node.inputs[position]) : nil
    }) { constant -> [PartialShape]? in
      try? definition.shape(ShapeContext(node: node.setup, inputs: inputs, constant: constant))
    }
    if let context, context.count == node.outputTypes.count { shapes[index] = context }
    follow(index, node, definition)
  }

  /// Whether a node's last output is an element of the list or array that it is given, and the output before it the rest.
  private func takesElement(_ node: PlanNode) -> Bool {
    !elements.isEmpty && !node.outputTypes.isEmpty
      && (node.op == "TensorListGetItem" || node.op == "TensorListPopBack"
        || node.op.hasPrefix("TensorArrayRead"))
  }

  // A list of traits would be put together by generic code at each call.
  private static let unfollowed = OpDefinition.Traits.impure.union(.dataflow)

  /// Computes small values that depend on constants and known shapes only.
  private mutating func follow(_ index: Int, _ node: PlanNode, _ definition: OpDefinition) {
    guard definition.traits.isDisjoint(with: Self.unfollowed), node.outputTypes.count == 1,
      node.controlInputs.isEmpty, let type = node.outputTypes.first,
      type.isInteger || type == .bool || type == .float32,
      let shape = shapes[index].first?.fullyDefined, shape.elementCount <= Self.followedElements
    else { return }
    let reference = ValueReference(node: index, output: 0)
    if node.op == "Shape" || node.op == "Size" || node.op == "Rank" {
      if let input = node.inputs.first, let known = self.shape(of: input).fullyDefined {
        values[reference] = Self.describe(known, node)
      }
      return
    }
    let inputs = node.inputs.compactMap { value(of: $0) }
    guard inputs.count == node.inputs.count, !inputs.isEmpty || node.op == "Const" else { return }
    if let outputs = try? evaluator.run(node, inputs: inputs), let value = outputs.first {
      values[reference] = value
    }
  }

  private static func describe(_ shape: Shape, _ node: PlanNode) -> Tensor? {
    let type = node.outputTypes.first ?? .int32
    switch node.op {
    case "Shape": return try? .shape(shape, as: type)
    case "Size": return scalar(shape.elementCount, type)
    default: return scalar(shape.rank, type)
    }
  }

  private static func scalar(_ number: Int, _ type: DataType) -> Tensor? {
    if type == .int64 { return try? Tensor(Int64(number)) }
    return Int32(exactly: number).flatMap { try? Tensor($0) }
  }
}

extension PlanNode {
  /// A graph's node as it stands.
  init(_ node: GraphNode, registry: OpRegistry) {
    self.init(
      name: node.name, op: node.op, attributes: NodeAttributes(of: node),
      inputs: node.inputs.map { ValueReference(node: Int($0.node), output: Int($0.output)) },
      controlInputs: node.controlInputs.map { Int($0) },
      inputTypes: node.inputTypes.map { $0.dtype ?? .float32 },
      outputTypes: node.outputTypes.map { $0.dtype ?? .float32 },
      definition: registry.definition(inGraph: node.op))
  }
}
