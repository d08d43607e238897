import GraftGraph
import GraftKernels
import GraftTensor

/// Multiplies rows before they are gathered, not each copy of them after: networks on graphs put what they know of the
/// two nodes of an edge beside what they know of the edge, and have several edges for a node.
///
/// A product of parts side by side is a sum of products, so `[e, gather(n, i)] · W` is `e · W₁ + gather(n · W₂, i)`.
/// It needs shapes: what is gathered has more rows than what it is gathered from.
enum GatherSinking: ShapePass {
  /// How many multiplications each element of the result has to be spared, that it pays to fetch and add a product's.
  private static let leastSpared = 16.0

  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool {
    guard graph.nodes.contains(where: isGather) else { return false }
    let order = try graph.order()
    let uses = graph.uses(of: order)
    var isChanged = false
    for index in order where isProduct(graph.nodes[index]) {
      let input = graph.nodes[index].inputs[0].node
      if isGather(graph.nodes[input]) {
        isChanged = sink(index, Part(graph.nodes[index].inputs[0], graph, inference), &graph) || isChanged
      } else if uses.onlyReader(of: input) == index, let parts = parts(of: input, graph, inference) {
        isChanged = try sink(index, parts, &graph) || isChanged
      }
    }
    return isChanged
  }

  private static func isGather(_ node: PlanNode) -> Bool {
    (node.op == "GatherV2" || node.op == "Gather") && node.constants == nil
  }

  /// Whether this is a product of float32 that can add what is gathered.
  private static func isProduct(_ node: PlanNode) -> Bool {
    guard node.op == "MatMul" || node.op == "_FusedMatMul", node.controlInputs.isEmpty,
      let fused = node.fusedOps
    else { return false }
    return !fused.contains("Add") && !fused.contains("Scale") && !node.isTrue("transpose_a")
      && !node.isTrue("transpose_b")
  }

  // MARK: Parts

  /// Some columns of what is multiplied.
  private struct Part {
    let value: ValueReference
    let rows: Int
    let columns: Int
    /// The node that gathers them, and how many rows there are to gather from.
    let gather: (node: Int, rows: Int)?

    init?(_ value: ValueReference, _ graph: PlanGraph, _ inference: ShapeInference) {
      guard let shape = inference.shape(of: value).fullyDefined, shape.rank == 2 else { return nil }
      self.value = value
      (rows, columns) = (shape[0], shape[1])
      let node = graph.nodes[value.node]
      guard isGather(node), node.controlInputs.isEmpty, gathersRows(node, graph),
        let table = inference.shape(of: node.inputs[0]).fullyDefined, table.rank == 2
      else {
        gather = nil
        return
      }
      gather = (value.node, table[0])
    }

    var isWorthSinking: Bool {
      guard let gather, gather.rows < rows else { return false }
      return Double(rows - gather.rows) * Double(columns) >= leastSpared * Double(rows)
    }
  }

  /// Whether a gathering takes whole rows, and one dimension of them.
  private static func gathersRows(_ node: PlanNode, _ graph: PlanGraph) -> Bool {
    guard node.op == "GatherV2" else { return true }
    if case .int(let dimensions)? = node.attributes["batch_dims"], dimensions != 0 { return false }
    return (try? graph.constant(node.inputs[2])?.integers()) == [0]
  }

  /// The parts side by side that a node puts together.
  private static func parts(of index: Int, _ graph: PlanGraph, _ inference: ShapeInference) -> [Part]? {
    let node = graph.nodes[index]
    guard node.op == "ConcatV2", node.constants == nil, node.controlInputs.isEmpty,
      let axis = node.inputs.last.flatMap({ try? graph.constant($0)?.integers() }),
      axis == [1] || axis == [-1]
    else { return nil }
    let values = node.inputs.dropLast()
    let parts = values.compactMap { Part($0, graph, inference) }
    return parts.count == values.count ? parts : nil
  }

  // MARK: Rewriting

  /// Gathers what a product gives, with all that is fused into it.
  private static func sink(_ index: Int, _ part: Part?, _ graph: inout PlanGraph) -> Bool {
    guard let part, part.isWorthSinking, let gather = part.gather else { return false }
    var product = graph.nodes[index]
    var gathered = graph.nodes[gather.node]
    gathered.name = product.name
    product.name += "/product"
    product.inputs[0] = gathered.inputs[0]
    gathered.inputs[0] = graph.add(product)
    graph.nodes[index] = gathered
    return true
  }

  /// Makes a product one of the parts that stay, to which it adds what is gathered of products of the others.
  private static func sink(_ index: Int, _ parts: [Part], _ graph: inout PlanGraph) throws -> Bool {
    let product = graph.nodes[index]
    var sunk = parts.indices.filter { parts[$0].isWorthSinking }
    // One part stays, for the product that adds the others.
    if sunk.count == parts.count { sunk.removeFirst() }
    guard !sunk.isEmpty, let weights = graph.constant(product.inputs[1]), weights.dtype == .float32,
      weights.rank == 2, weights.shape[0] == parts.reduce(0, { $0 + $1.columns })
    else { return false }
    let starts = parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.columns) }
    func weightRows(_ numbers: [Int], name: String) throws -> ValueReference {
      graph.addConstant(
        try rows(numbers.map { starts[$0]..<starts[$0 + 1] }, of: weights), name: "\(name)/weights")
    }

    var sum: ValueReference?
    for number in sunk {
      guard let gather = parts[number].gather else { continue }
      let name = "\(product.name)/\(number)"
      var gathered = graph.nodes[gather.node]
      gathered.name = name
      gathered.inputs[0] = graph.add(
        .product(
          of: gathered.inputs[0], try weightRows([number], name: name), transposed: false,
          name: name + "/product"))
      let term = graph.add(gathered)
      sum = sum.map { graph.add(.combining("AddV2", $0, term, .float32, name: name + "/sum")) } ?? term
    }
    let rest = parts.indices.filter { !sunk.contains($0) }
    var merged = product
    merged.inputs[0] = parts[rest[0]].value
    if rest.count > 1 {
      var together = graph.nodes[product.inputs[0].node]
      guard let axis = together.inputs.last else { return false }
      together.inputs = rest.map { parts[$0].value } + [axis]
      together.inputTypes = rest.map { _ in .float32 } + together.inputTypes.suffix(1)
      together.attributes["N"] = .int(Int64(rest.count))
      together.name = product.name + "/rest"
      merged.inputs[0] = graph.add(together)
    }
    merged.inputs[1] = try weightRows(rest, name: product.name)
    if let sum { graph.nodes[index] = merged.adding(sum) }
    return sum != nil
  }

  /// Some rows of a matrix, without a copy where they lie one behind the other.
  private static func rows(_ ranges: [Range<Int>], of matrix: Tensor) throws -> Tensor {
    let columns = matrix.shape[1]
    func view(_ range: Range<Int>) -> Tensor {
      matrix.view(firstElement: range.lowerBound * columns, shape: [range.count, columns])
    }
    guard let first = ranges.first, let last = ranges.last else { return view(0..<0) }
    if zip(ranges, ranges.dropFirst()).allSatisfy({ $0.upperBound == $1.lowerBound }) {
      return view(first.lowerBound..<last.upperBound)
    }
    let copy = try Tensor(
      uninitialized: .float32, shape: [ranges.reduce(0) { $0 + $1.count }, columns])
    var row = 0
    for range in ranges {
      copy.view(firstElement: row * columns, shape: [range.count, columns])
        .initializeElements(from: view(range))
      row += range.count
    }
    return copy
  }
}
