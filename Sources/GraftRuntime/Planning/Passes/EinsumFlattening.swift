import GraftGraph
import GraftKernels
import GraftTensor

/// Makes einsums of a tensor's rows with a constant matrix plain products, which what follows can be fused into:
/// dense layers of sequences and the projections of attention are written so.
///
/// It needs shapes, for the reshapes around the product.
enum EinsumFlattening: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard graph.nodes.contains(where: { $0.op == "Einsum" }) else { return false }
    var isChanged = false
    for index in try graph.order() {
      guard let product = Product(graph.nodes[index], graph, inference) else { continue }
      try product.replace(index, &graph)
      isChanged = true
    }
    return isChanged
  }

  /// An einsum whose result has one operand's labels but the last ones, and in their place those of a constant.
  private struct Product {
    let input: ValueReference
    let shape: Shape
    let weights: Tensor
    /// Whether the constant's first dimensions are those of the result.
    let isTransposed: Bool
    let depth: Int
    let result: Shape

    init?(_ node: PlanNode, _ graph: PlanGraph, _ inference: ShapeInference) {
      guard node.op == "Einsum", node.constants == nil, node.controlInputs.isEmpty, node.inputs.count == 2,
        node.outputTypes == [.float32], node.inputTypes == [.float32, .float32],
        let position = [1, 0].first(where: { graph.constant(node.inputs[$0]) != nil }),
        let weights = graph.constant(node.inputs[position]), case let input = node.inputs[1 - position],
        let shape = inference.shape(of: input).fullyDefined,
        case .string(let text)? = node.attributes["equation"],
        let equation = try? EinsumEquation(text.string),
        let labels = try? equation.labels(
          ranks: position == 1 ? [shape.rank, weights.rank] : [weights.rank, shape.rank])
      else { return nil }
      let (own, other) = (labels.operands[1 - position], labels.operands[position])
      let rows = Array(own.prefix { !other.contains($0) })
      let depth = Array(own.dropFirst(rows.count))
      let columns = other.filter { !depth.contains($0) }
      guard !depth.isEmpty, !columns.isEmpty, other.allSatisfy({ $0 >= 0 }),
        [own, other, labels.result].allSatisfy({ Set($0).count == $0.count }),
        labels.result == rows + columns, other == depth + columns || other == columns + depth
      else { return nil }
      isTransposed = other != depth + columns
      let (ownSizes, sizes) = (shape.dimensions, weights.shape.dimensions)
      let split = isTransposed ? columns.count : depth.count
      let (first, last) = (sizes.prefix(split), sizes.dropFirst(split))
      let (inner, outer) = isTransposed ? (last, first) : (first, last)
      guard ownSizes.dropFirst(rows.count).elementsEqual(inner), shape.elementCount > 0,
        weights.elementCount > 0,
        let result = try? Shape(validating: Array(ownSizes.prefix(rows.count)) + outer)
      else { return nil }
      (self.input, self.shape, self.weights, self.result) = (input, shape, weights, result)
      self.depth = inner.reduce(1, *)
    }

    func replace(_ index: Int, _ graph: inout PlanGraph) throws {
      let name = graph.nodes[index].name
      let columns = weights.elementCount / depth
      let matrix = graph.addConstant(
        weights.reshaped(unchecked: isTransposed ? [columns, depth] : [depth, columns]),
        name: name + "/matrix")
      var rows = input
      if shape.rank != 2 {
        let flat = try Shape(validating: [shape.elementCount / depth, depth])
        rows = graph.add(try graph.reshaping(input, to: flat, name: name + "/rows"))
      }
      let product = PlanNode.product(of: rows, matrix, transposed: isTransposed, name: name)
      graph.nodes[index] =
        result.rank == 2 ? product : try graph.reshaping(graph.add(product), to: result, name: name)
    }
  }
}
