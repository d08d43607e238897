import GraftGraph
import GraftKernels
import GraftTensor

/// Computes once what several nodes compute from the same values, and leaves out what gives its input again.
enum CommonSubexpressions: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    let order = try graph.order()
    // By what must be the same, hashed, the last node so far, and for each node the one before of the same hash. One
    // table for all kinds of nodes: each type of table takes a program time to set up.
    var latest = Dictionary<Int, Int>(minimumCapacity: order.count)
    var earlier = [Int?](repeating: nil, count: graph.nodes.count)
    var replacements = ReferenceMap<ValueReference>()
    func inputs(of node: PlanNode) -> [ValueReference] { node.inputs.map { replacements[$0] ?? $0 } }
    for index in order {
      let node = graph.nodes[index]
      var hasher = Hasher()
      let isSame: (PlanNode) -> Bool
      if let values = node.constants {
        guard let value = values.first, values.count == 1, isSmall(value) else { continue }
        value.withUnsafeBytes { hasher.combine(bytes: $0) }
        isSame = { $0.constants?.first.map { hold(value, $0) } ?? false }
      } else {
        guard isMergeable(node) else { continue }
        let own = inputs(of: node)
        if idempotent.contains(node.op), own.count == 2, own[0] == own[1] {
          replacements[ValueReference(node: index, output: 0)] = own[0]
          continue
        }
        hasher.combine(node.op)
        hasher.combine(own)
        isSame = {
          $0.constants == nil && $0.op == node.op && $0.outputTypes == node.outputTypes
            && inputs(of: $0) == own
            && $0.hasAttributes(of: node)
        }
      }
      let hash = hasher.finalize()
      var candidate = latest[hash]
      var tries = 1
      while let other = candidate, !isSame(graph.nodes[other]) {
        candidate = tries < mostCandidates ? earlier[other] : nil
        tries += 1
      }
      if let same = candidate {
        for output in node.outputTypes.indices {
          replacements[ValueReference(node: index, output: output)] = ValueReference(
            node: same, output: output)
        }
      } else {
        earlier[index] = latest.updateValue(index, forKey: hash)
      }
    }
    graph.replace(replacements)
  }

  /// With how many of the last nodes of its op and inputs one is compared: a graph may have a hundred thousand that
  /// differ in their attributes alone.
  private static let mostCandidates = 16

  /// What gives the value of two inputs that are the same.
  private static let idempotent: Set<String> = ["LogicalAnd", "LogicalOr", "Minimum", "Maximum"]

  /// Handles are left alone: whoever is the only one to hold one may change what it refers to.
  private static func isMergeable(_ node: PlanNode) -> Bool {
    node.feed == nil && node.definition != nil && node.isPure && node.controlInputs.isEmpty
      && node.bodies.isEmpty && !node.inputs.isEmpty
      && node.outputTypes.allSatisfy { if case .handle = $0.layout { false } else { true } }
  }

  /// Whether a constant is compared by its value.
  private static func isSmall(_ tensor: Tensor) -> Bool {
    if case .plain = tensor.dtype.layout { tensor.byteCount <= 64 } else { false }
  }

  /// Whether two constants hold the same bits.
  private static func hold(_ tensor: Tensor, _ other: Tensor) -> Bool {
    tensor.dtype == other.dtype && tensor.shape == other.shape
      && tensor.withUnsafeBytes { bytes in other.withUnsafeBytes { bytes.elementsEqual($0) } }
  }
}

extension PlanNode {
  /// Whether the attributes are the same; those that are tensors or functions are not compared.
  fileprivate func hasAttributes(of other: PlanNode) -> Bool {
    let (own, others) = (self.attributes.all, other.attributes.all)
    return own.count == others.count
      && own.allSatisfy { name, value in
        guard let same = others[name] else { return false }
        switch (value, same) {
        case (.tensor, _), (.tensors, _), (.function, _), (.functions, _): return false
        case (.string(let value), .string(let same)): return value == same
        case (.strings(let value), .strings(let same)): return value == same
        default: return value.kind == same.kind && value.description == same.description
        }
      }
  }
}
