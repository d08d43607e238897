import GraftGraph
import GraftKernels
import GraftTensor

/// Computes once what several nodes compute from the same values, and leaves out what gives its input again.
enum CommonSubexpressions: PlanPass {
  static func run(_ graph: inout PlanGraph) throws {
    var found: [Key: [Int]] = [:]
    var constants: [ConstantKey: ValueReference] = [:]
    var replacements: [ValueReference: ValueReference] = [:]
    for index in try graph.order() {
      let node = graph.nodes[index]
      let first = ValueReference(node: index, output: 0)
      if let values = node.constants {
        guard values.count == 1, let key = ConstantKey(values[0]) else { continue }
        if let known = constants[key] { replacements[first] = known } else { constants[key] = first }
        continue
      }
      guard isMergeable(node) else { continue }
      let inputs = node.inputs.map { replacements[$0] ?? $0 }
      if idempotent.contains(node.op), inputs.count == 2, inputs[0] == inputs[1] {
        replacements[first] = inputs[0]
        continue
      }
      let key = Key(op: node.op, inputs: inputs, outputTypes: node.outputTypes)
      if let same = found[key]?.first(where: { graph.nodes[$0].hasAttributes(of: node) }) {
        for output in node.outputTypes.indices {
          replacements[ValueReference(node: index, output: output)] = ValueReference(
            node: same, output: output)
        }
      } else {
        found[key, default: []].append(index)
      }
    }
    graph.replace(replacements)
  }

  /// What gives the value of two inputs that are the same.
  private static let idempotent: Set<String> = ["LogicalAnd", "LogicalOr", "Minimum", "Maximum"]

  /// Handles are left alone: whoever is the only one to hold one may change what it refers to.
  private static func isMergeable(_ node: PlanNode) -> Bool {
    node.feed == nil && node.definition != nil && node.isPure && node.controlInputs.isEmpty
      && node.bodies.isEmpty && !node.inputs.isEmpty
      && node.outputTypes.allSatisfy { if case .handle = $0.layout { false } else { true } }
      && node.attributes.values.allSatisfy { value in
        switch value {
        case .tensor, .tensors, .function, .functions: false
        default: true
        }
      }
  }

  private struct Key: Hashable {
    let op: String
    let inputs: [ValueReference]
    let outputTypes: [DataType]
  }

  /// A small constant, by its value.
  private struct ConstantKey: Hashable {
    let dtype: DataType
    let shape: Shape
    let bytes: [UInt8]

    init?(_ tensor: Tensor) {
      guard case .plain = tensor.dtype.layout, tensor.byteCount <= 64 else { return nil }
      (dtype, shape) = (tensor.dtype, tensor.shape)
      bytes = tensor.withUnsafeBytes { Array($0) }
    }
  }
}

extension PlanNode {
  fileprivate func hasAttributes(of other: PlanNode) -> Bool {
    attributes.count == other.attributes.count
      && attributes.allSatisfy { name, value in
        guard let same = other.attributes[name] else { return false }
        switch (value, same) {
        case (.string(let value), .string(let same)): return value == same
        case (.strings(let value), .strings(let same)): return value == same
        default: return value.kind == same.kind && value.description == same.description
        }
      }
  }
}
