import GraftGraph
import GraftKernels
import GraftTensor

/// Lets products of pairs of matrices read their operands as they lie before a `Transpose`, and write their result as
/// it lies after one, as einsums: attention moves its heads before the positions and back.
///
/// It needs shapes: no side of such an einsum is broadcast.
enum TransposeAbsorption: ShapePass {
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard graph.nodes.contains(where: { $0.op == "Transpose" }), graph.nodes.contains(where: isProduct) else {
      return false
    }
    let order = try graph.order()
    let uses = graph.uses(of: order)
    var isChanged = false
    for index in order {
      guard var product = Product(graph.nodes[index], graph, inference) else { continue }
      for position in 0..<2 {
        let input = product.node.inputs[position].node
        guard uses.onlyReader(of: input) == index,
          let permutation = permutation(graph.nodes[input], graph)
        else { continue }
        product.read(position, before: permutation, graph.nodes[input].inputs[0])
      }
      var place = index
      if let reader = uses.onlyReader(of: index), graph.nodes[reader].inputs[0].node == index,
        let permutation = permutation(graph.nodes[reader], graph), product.write(after: permutation)
      {
        place = reader
      }
      guard product.isChanged else { continue }
      graph.nodes[place] = product.einsum
      isChanged = true
    }
    return isChanged
  }

  private static func isProduct(_ node: PlanNode) -> Bool {
    node.op == "BatchMatMul" || node.op == "BatchMatMulV2"
  }

  /// The constant permutation of a `Transpose`.
  private static func permutation(_ node: PlanNode, _ graph: PlanGraph) -> [Int]? {
    guard node.op == "Transpose", node.constants == nil, node.controlInputs.isEmpty,
      let values = try? graph.constant(node.inputs[1])?.integers(), values.sorted() == Array(values.indices)
    else { return nil }
    return values
  }

  /// A product with the labels of its operands' dimensions and of its result's.
  private struct Product {
    private(set) var node: PlanNode
    private(set) var isChanged = false
    private var operands: [[Int]]
    private var result: [Int]
    /// Labels of the dimensions that count pairs are lower.
    private let pairs: Int

    private static let letters = Array("abcdefghij")

    /// Products of float32, of as many matrices on both sides, neither of them constant.
    init?(_ node: PlanNode, _ graph: PlanGraph, _ inference: ShapeInference) {
      guard isProduct(node), node.constants == nil, node.controlInputs.isEmpty,
        node.outputTypes == [.float32],
        node.inputs.allSatisfy({ graph.constant($0) == nil }),
        case let shapes = node.inputs.compactMap({ inference.shape(of: $0).fullyDefined?.dimensions }),
        shapes.count == 2, shapes[0].count == shapes[1].count, 3..<Self.letters.count ~= shapes[0].count,
        shapes[0].dropLast(2) == shapes[1].dropLast(2)
      else { return nil }
      pairs = shapes[0].count - 2
      let (row, depth, column) = (pairs, pairs + 1, pairs + 2)
      let batch = Array(0..<pairs)
      operands = [
        batch + (node.isTrue("adj_x") ? [depth, row] : [row, depth]),
        batch + (node.isTrue("adj_y") ? [column, depth] : [depth, column]),
      ]
      result = batch + [row, column]
      self.node = node
    }

    /// Reads what a transposed operand is made of. Elements of a matrix that lie nowhere side by side are left alone.
    mutating func read(_ position: Int, before permutation: [Int], _ value: ValueReference) {
      var labels = operands[position]
      guard permutation.count == labels.count else { return }
      for (axis, source) in permutation.enumerated() { labels[source] = operands[position][axis] }
      guard let last = labels.last, last >= pairs else { return }
      operands[position] = labels
      node.inputs[position] = value
      isChanged = true
    }

    /// Writes what the transposed result is to be, and says whether it does.
    mutating func write(after permutation: [Int]) -> Bool {
      guard permutation.count == result.count, let last = permutation.last, result[last] >= pairs else {
        return false
      }
      result = permutation.map { result[$0] }
      isChanged = true
      return true
    }

    var einsum: PlanNode {
      func text(_ labels: [Int]) -> String { String(labels.map { Self.letters[$0] }) }
      var einsum = node
      einsum.op = "Einsum"
      einsum.definition = OpRegistry.standard[einsum.op]
      einsum.attributes = [
        "T": .type(ElementType(.float32)), "N": .int(2),
        "equation": .string(Bytes("\(text(operands[0])),\(text(operands[1]))->\(text(result))")),
      ]
      return einsum
    }
  }
}
