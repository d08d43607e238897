import GraftGraph
import GraftKernels
import GraftTensor

/// Lets what follows a product — bias, factors, activation, shortcut — be computed before a reshape in between
/// rather than after it, where it can be fused: dense layers of sequences reshape around their product,
/// one-dimensional convolutions squeeze. Then takes out reshapes that undo each other.
///
/// It needs shapes, to know that a reshape keeps the last axis.
struct ReshapeSinking: ShapePass {
  private var graph: PlanGraph
  private let inference: ShapeInference
  /// Shapes of what was made or moved here.
  private var shapes = ReferenceMap<Shape>()

  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard graph.nodes.contains(where: { isReshape($0) || $0.op == "BatchMatMulV2" }) else { return false }
    var pass = ReshapeSinking(graph: graph, inference: inference)
    var isChanged = try pass.flattenProducts()
    let order = try pass.graph.order()
    let uses = pass.graph.uses(of: order)
    for index in order where try pass.sink(index, uses) { isChanged = true }
    guard isChanged else { return false }
    try pass.removeInverses()
    graph = pass.graph
    return true
  }

  private init(graph: PlanGraph, inference: ShapeInference) {
    self.graph = graph
    self.inference = inference
  }

  private static func isReshape(_ node: PlanNode) -> Bool {
    ["Reshape", "Squeeze", "ExpandDims"].contains(node.op) && node.constants == nil
      && node.controlInputs.isEmpty && node.outputTypes == [.float32]
  }

  private func shape(_ value: ValueReference) -> Shape? {
    shapes[value] ?? graph.constant(value)?.shape ?? inference.shape(of: value).fullyDefined
  }

  /// Makes products of many rows with one constant matrix, in whatever dimensions the rows come, plain ones.
  private mutating func flattenProducts() throws -> Bool {
    var isChanged = false
    for index in try graph.order() {
      let node = graph.nodes[index]
      guard node.op == "BatchMatMulV2", node.constants == nil, node.outputTypes == [.float32],
        node.controlInputs.isEmpty, case .bool(false)? = node.attributes["adj_x"],
        graph.constant(node.inputs[1])?.rank == 2, let input = shape(node.inputs[0]), input.rank > 2,
        let result = shape(ValueReference(node: index, output: 0)), result.elementCount > 0,
        let depth = input.dimensions.last, depth > 0, let columns = result.dimensions.last
      else { continue }
      let rows = try reshape(
        node.inputs[0], to: [input.elementCount / depth, depth], name: node.name + "/rows")
      let product = PlanNode.product(
        of: rows, node.inputs[1], transposed: node.isTrue("adj_y"), name: node.name)
      let place = append(product, shape: [result.elementCount / columns, columns])
      graph.nodes[index] = try graph.reshaping(place, to: result, name: node.name)
      isChanged = true
    }
    return isChanged
  }

  /// Exchanges a node with the reshape that it reads.
  private mutating func sink(_ index: Int, _ uses: PlanGraph.Uses) throws -> Bool {
    let node = graph.nodes[index]
    guard node.constants == nil, node.controlInputs.isEmpty, node.outputTypes == [.float32],
      node.inputTypes.allSatisfy({ $0 == .float32 }),
      let result = shape(ValueReference(node: index, output: 0)), result.elementCount > 0
    else { return false }
    for (position, input) in node.inputs.enumerated() {
      let reshape = graph.nodes[input.node]
      guard input.output == 0, Self.isReshape(reshape),
        uses.onlyReader(of: input.node) == index, case let inner = root(of: input),
        shape(input) == result, let flat = shape(inner), belongsToProduct(inner.node),
        let moved = try moved(node, at: position, onto: inner, flat, result)
      else { continue }
      graph.nodes[input.node] = moved
      graph.nodes[index] = try graph.reshaping(input, to: result, name: node.name)
      shapes[input] = flat
      shapes[ValueReference(node: index, output: 0)] = result
      return true
    }
    return false
  }

  /// What a value is a reshape of, or a reshape of one.
  private func root(of value: ValueReference) -> ValueReference {
    var value = value
    while value.output == 0, Self.isReshape(graph.nodes[value.node]) {
      value = graph.nodes[value.node].inputs[0]
    }
    return value
  }

  private static let unary: Set<String> = [
    "Relu", "Relu6", "Elu", "LeakyRelu", "Tanh", "Sigmoid", "_Swish", "_Mish", "_GeluExact",
    "_GeluApproximate",
  ]
  private static let binary: Set<String> = ["BiasAdd", "Add", "AddV2", "Mul"]

  /// Whether a node is a product, or one of the few after it that may be fused into it.
  private func belongsToProduct(_ node: Int) -> Bool {
    var node = graph.nodes[node]
    for _ in 0..<6 {
      if node.fusedOps != nil { return true }
      guard Self.unary.contains(node.op) || Self.binary.contains(node.op), node.constants == nil,
        let first = node.inputs.first(where: { graph.constant($0) == nil })
      else { return false }
      node = graph.nodes[first.node]
    }
    return false
  }

  /// The node as it computes on what the reshape reads, of shape `flat`; nil where it does not compute element by
  /// element, or with the last axis alone.
  private mutating func moved(
    _ node: PlanNode, at position: Int, onto inner: ValueReference, _ flat: Shape, _ result: Shape
  ) throws -> PlanNode? {
    var moved = node
    moved.inputs[position] = inner
    if node.inputs.count == 1 { return Self.unary.contains(node.op) ? moved : nil }
    guard Self.binary.contains(node.op), node.inputs.count == 2 else { return nil }
    let other = node.inputs[1 - position]
    guard let constant = graph.constant(other) else {
      guard node.op == "AddV2" || node.op == "Add", shape(other) == result else { return nil }
      moved.inputs[1 - position] = try reshape(other, to: flat, name: node.name + "/shortcut")
      return moved
    }
    guard let columns = flat.dimensions.last, constant.elementCount == columns, flat.rank >= 2,
      node.op != "BiasAdd" || node.isChannelsLast
    else { return nil }
    // Axes that the reshape makes of the last one, all of them.
    let covered = Array(constant.shape.dimensions.drop { $0 == 1 })
    guard Array(result.dimensions.suffix(covered.count)) == covered else { return nil }
    if constant.rank != 1 {
      moved.inputs[1 - position] = graph.addConstant(
        constant.reshaped(unchecked: [columns]), name: node.name + "/columns")
    }
    return moved
  }

  /// Makes a reshape of a reshape one, and none where the shape is what it was.
  private mutating func removeInverses() throws {
    var replacements = ReferenceMap<ValueReference>()
    for index in try graph.order() where Self.isReshape(graph.nodes[index]) {
      let place = ValueReference(node: index, output: 0)
      let root = root(of: place)
      guard let wanted = shape(place), let found = shape(root) else { continue }
      if wanted == found {
        replacements[place] = root
      } else if root != graph.nodes[index].inputs[0] {
        graph.nodes[index] = try graph.reshaping(root, to: wanted, name: graph.nodes[index].name)
      }
    }
    graph.replace(replacements)
  }

  private mutating func reshape(_ value: ValueReference, to shape: Shape, name: String) throws
    -> ValueReference
  {
    append(try graph.reshaping(value, to: shape, name: name), shape: shape)
  }

  private mutating func append(_ node: PlanNode, shape: Shape) -> ValueReference {
    let place = graph.add(node)
    shapes[place] = shape
    return place
  }
}
