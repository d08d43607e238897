import GraftGraph
import GraftKernels
import GraftTensor

/// Makes one op of several that compute element by element, one from the other: the elements go through all of
/// them while they are in the cache, and a run has fewer instructions. What reduces the innermost dimensions of their
/// result joins them.
///
/// It needs shapes: all of a group have the same.
enum ElementwiseFusion: ShapePass {
  private static let mostSteps = 32
  private static let mostInputs = 16

  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    let order = try graph.order()
    let shapes = order.map { shape($0, graph, inference) }
    guard shapes.count(where: { $0 != nil }) > 1 else { return false }
    let uses = graph.uses(of: order)
    let place = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    var isTaken = [Bool](repeating: false, count: order.count)
    var isChanged = false
    for root in order.indices.reversed() where !isTaken[root] {
      var (last, reduction) = (root, Reduction?.none)
      if let found = Reduction(order[root], graph, inference), let producer = place[found.input],
        !isTaken[producer], uses.onlyReader(of: found.input) == order[root]
      {
        (last, reduction) = (producer, found)
      }
      guard let shape = shapes[last] else { continue }
      var members: Set<Int> = [last]
      var inputs = distinct(graph.nodes[order[last]].inputs)
      // From the last one back: all that read a node are decided on before it.
      var candidates = Set(graph.nodes[order[last]].inputs.compactMap { place[$0.node] })
      while let next = candidates.max(), members.count < mostSteps {
        candidates.remove(next)
        let index = order[next]
        guard !isTaken[next], shapes[next] == shape, !uses.isPinned(index),
          uses.readers(of: index).allSatisfy({ place[$0].map { members.contains($0) } == true })
        else { continue }
        let own = graph.nodes[index].inputs
        let merged = distinct(inputs.filter { $0.node != index } + own)
        guard merged.count <= mostInputs else { continue }
        inputs = merged
        members.insert(next)
        candidates.formUnion(own.compactMap { place[$0.node] })
      }
      guard members.count > 1 || reduction != nil else { continue }
      let group = members.sorted().map { order[$0] }
      guard let fused = fuse(group, reduction, graph) else { continue }
      for member in members { isTaken[member] = true }
      graph.nodes[order[root]] = fused
      isChanged = true
    }
    return isChanged
  }

  /// Each of a few values once. A set of them would have its type made at run time, which takes longer.
  private static func distinct(_ values: [ValueReference]) -> [ValueReference] {
    values.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// The shape of a node that can be part of a group.
  private static func shape(_ index: Int, _ graph: PlanGraph, _ inference: ShapeInference) -> Shape? {
    let node = graph.nodes[index]
    guard let definition = node.definition, node.constants == nil, node.controlInputs.isEmpty,
      node.outputTypes.count == 1, definition.isElementwise(node.inputTypes, node.outputTypes[0]),
      !truncates(node),
      let shape = inference.shape(of: ValueReference(node: index, output: 0)).fullyDefined,
      shape.elementCount > 1
    else { return nil }
    var scalars = 0
    for input in node.inputs {
      guard let own = inference.shape(of: input).fullyDefined else { return nil }
      if own.elementCount == 1 { scalars += 1 }
    }
    guard scalars < node.inputs.count else { return nil }
    // What chooses for all elements, or for rows of them, is no step.
    if node.inputs.count == 3 {
      let condition = inference.shape(of: node.inputs[0]).fullyDefined
      guard condition == shape || node.op == "SelectV2" && condition?.elementCount != 1 else { return nil }
    }
    return shape
  }

  /// Whether the node is a conversion that cuts instead of rounding, which is no step.
  private static func truncates(_ node: PlanNode) -> Bool {
    node.op == "Cast" && node.isTrue("Truncate")
  }

  private static func fuse(_ group: [Int], _ reduction: Reduction?, _ graph: PlanGraph) -> PlanNode? {
    guard let last = reduction?.index ?? group.last else { return nil }
    var inputs: [ValueReference] = []
    var inputTypes: [DataType] = []
    let members = Set(group)
    for index in group {
      for (input, type) in zip(graph.nodes[index].inputs, graph.nodes[index].inputTypes)
      where !members.contains(input.node) && !inputs.contains(input) {
        inputs.append(input)
        inputTypes.append(type)
      }
    }
    var numbers = ReferenceMap<Int64>()
    for (number, input) in inputs.enumerated() { numbers[input] = Int64(number) }
    for (number, index) in group.enumerated() {
      numbers[ValueReference(node: index, output: 0)] = Int64(inputs.count + number)
    }
    let nodes = group.map { graph.nodes[$0] }
    let operands = nodes.flatMap { $0.inputs.compactMap { numbers[$0] } }
    var attributes: NodeAttributes = [
      "ops": .strings(nodes.map { Bytes($0.op) }),
      "types": .types(nodes.compactMap { $0.inputTypes.last.map { ElementType($0) } }),
      "results": .types(nodes.map { ElementType($0.outputTypes[0]) }),
      "operands": .ints(operands),
    ]
    if let reduction {
      attributes["reduction"] = .string(Bytes(graph.nodes[last].op))
      attributes["axes"] = .ints(reduction.axes.map(Int64.init))
      attributes["keep_dims"] = .bool(reduction.keepsDimensions)
    }
    let op = reduction == nil ? "_FusedElementwise" : "_FusedReduction"
    return PlanNode(
      name: graph.nodes[last].name, op: op, attributes: attributes, inputs: inputs, controlInputs: [],
      inputTypes: inputTypes, outputTypes: graph.nodes[last].outputTypes,
      definition: OpRegistry.standard[op])
  }

  /// A node that reduces the innermost dimensions of what another one gives.
  private struct Reduction {
    let index: Int
    /// The node whose first output is reduced.
    let input: Int
    let axes: [Int]
    let keepsDimensions: Bool

    init?(_ index: Int, _ graph: PlanGraph, _ inference: ShapeInference) {
      let node = graph.nodes[index]
      guard node.controlInputs.isEmpty, node.constants == nil, node.inputs.count == 2,
        node.inputs[0].output == 0,
        node.outputTypes == [node.inputTypes[0]], node.definition?.reducesRows(node.inputTypes[0]) == true,
        let shape = inference.shape(of: node.inputs[0]).fullyDefined,
        let axes = graph.constant(node.inputs[1]).flatMap({ try? $0.integers() }),
        FusedReductionOps.takes(shape, axes: axes)
      else { return nil }
      (self.index, input) = (index, node.inputs[0].node)
      self.axes = axes
      keepsDimensions = node.isTrue("keep_dims")
    }
  }
}
