import GraftGraph
import GraftKernels
import GraftTensor

/// Makes one operation of what follows the matrix products in an LSTM cell, as Keras and TensorFlow write it:
/// `c' = σ(f) · c + σ(i) · tanh(g)` and `h = σ(o) · tanh(c')`, of a `Split` into `i`, `f`, `g` and `o`.
enum RecurrentCellFusion: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    guard graph.nodes.contains(where: { $0.op == "Split" }) else { return }
    let order = try graph.order()
    let uses = graph.uses(of: order)
    var replacements = ReferenceMap<ValueReference>()
    for index in order {
      guard let cell = Cell(graph, uses, output: index) else { continue }
      graph.nodes.append(
        PlanNode(
          name: graph.nodes[index].name, op: "_LSTMGates",
          attributes: [
            "T": .type(ElementType(.float32)), "gates": .ints(cell.places.map { Int64($0) }),
            "forget_bias": .float(cell.forgetBias),
          ],
          inputs: [cell.sums, cell.state], controlInputs: [], inputTypes: [.float32, .float32],
          outputTypes: [.float32, .float32], definition: OpRegistry.standard["_LSTMGates"], constants: nil,
          feed: nil))
      let fused = graph.nodes.count - 1
      replacements[ValueReference(node: index, output: 0)] = ValueReference(node: fused, output: 0)
      replacements[cell.next] = ValueReference(node: fused, output: 1)
    }
    graph.replace(replacements)
  }

  /// The parts of a cell, found from its output backwards.
  private struct Cell {
    let sums: ValueReference
    let state: ValueReference
    let next: ValueReference
    /// Where the gates' sums are: input, forget, new values, output.
    let places: [Int]
    let forgetBias: Float

    init?(_ graph: PlanGraph, _ uses: PlanGraph.Uses, output: Int) {
      func node(_ value: ValueReference, _ op: String...) -> PlanNode? {
        let node = graph.nodes[value.node]
        return op.contains(node.op) && node.constants == nil && node.controlInputs.isEmpty
          && node.outputTypes.first == .float32 ? node : nil
      }
      /// The input of an activation that nobody else reads.
      func inside(_ op: String, _ value: ValueReference) -> ValueReference? {
        guard uses.onlyReader(of: value.node) != nil else { return nil }
        return node(value, op)?.inputs.first
      }
      /// The two inputs of a product, the one with the given activation first.
      func factors(_ value: ValueReference, _ op: String) -> (inner: ValueReference, other: ValueReference)? {
        guard let product = node(value, "Mul"), product.inputs.count == 2 else { return nil }
        for position in 0...1 {
          if let inner = inside(op, product.inputs[position]) { return (inner, product.inputs[1 - position]) }
        }
        return nil
      }
      guard let result = factors(ValueReference(node: output, output: 0), "Sigmoid"),
        let next = inside("Tanh", result.other), let sum = node(next, "AddV2", "Add"), sum.inputs.count == 2
      else { return nil }
      let orders = [(sum.inputs[0], sum.inputs[1]), (sum.inputs[1], sum.inputs[0])]
      for (kept, added) in orders {
        guard let new = factors(added, "Sigmoid"), let candidate = inside("Tanh", new.other),
          let old = factors(kept, "Sigmoid")
        else { continue }
        var (forget, bias) = (old.inner, Float(0))
        if let biased = node(forget, "AddV2", "Add"), biased.inputs.count == 2,
          let position = biased.inputs.firstIndex(where: { graph.constant($0)?.rank == 0 }),
          let value = graph.constant(biased.inputs[position]), value.dtype == .float32
        {
          (forget, bias) = (biased.inputs[1 - position], (try? value.scalars(as: Float.self))?.first ?? 0)
        }
        let gates = [new.inner, forget, candidate, result.inner]
        guard Set(gates.map(\.node)).count == 1, Set(gates.map(\.output)) == [0, 1, 2, 3],
          let split = node(gates[0], "Split"), split.outputTypes.count == 4, split.inputs.count == 2,
          let axis = try? graph.constant(split.inputs[0])?.integer(), axis == 1 || axis == -1,
          graph.isMatrix(split.inputs[1])
        else { continue }
        (sums, state, self.next) = (split.inputs[1], old.other, next)
        places = gates.map(\.output)
        forgetBias = bias
        return
      }
      return nil
    }
  }
}

extension PlanGraph {
  /// Whether a value is a matrix for certain: a product, a list's element that is said to be one, or a
  /// sum with one, a few operations away.
  fileprivate func isMatrix(_ value: ValueReference, within steps: Int = 6) -> Bool {
    let node = nodes[value.node]
    guard node.constants == nil, steps > 0 else { return constant(value)?.rank == 2 }
    switch node.op {
    case "MatMul", "_FusedMatMul": return true
    case "TensorListGetItem": return node.inputs.count == 3 && constant(node.inputs[2])?.elementCount == 2
    case "BiasAdd": return node.inputs.first.map { isMatrix($0, within: steps - 1) } ?? false
    case "Add", "AddV2":
      let matrices = node.inputs.map { isMatrix($0, within: steps - 1) }
      let isSmall = zip(node.inputs, matrices).allSatisfy { $1 || (constant($0)?.rank ?? 3) <= 2 }
      return isSmall && matrices.contains(true)
    default: return false
    }
  }
}
