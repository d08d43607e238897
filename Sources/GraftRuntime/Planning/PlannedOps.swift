import GraftGraph
import GraftKernels
import GraftTensor

/// The ops of the nodes that are planned: what is known of an op is found once for the hundreds of nodes that have it.
struct PlannedOps {
  private struct Op {
    let signature: OpSignature
    let definition: OpDefinition?
    let limits: [TypeLimit]
  }

  private let registry: OpRegistry
  // Each at a place that follows from where its signature lies: a dictionary would have to be set up for them.
  private var known = [Op?](repeating: nil, count: 64)

  init(_ registry: OpRegistry) { self.registry = registry }

  /// What computes a node; nil for an op without a kernel.
  mutating func definition(of node: GraphNode) -> OpDefinition? {
    guard let signature = node.signature else { return registry.definition(inGraph: node.op) }
    return op(node, signature).definition
  }

  /// TensorFlow has kernels for some dtypes only, and so has Graft.
  ///
  /// - Parameter definition: What computes the node, its op's own or another.
  /// - Throws: `GraftError` (`unimplemented`) for a dtype without a kernel.
  mutating func checkTypes(
    of node: GraphNode, _ attributes: NodeAttributes, _ definition: OpDefinition
  ) throws {
    let known = node.signature.map { signature in op(node, signature) }
    let limits = known?.definition === definition ? known?.limits ?? [] : definition.limits(node.signature)
    for limit in limits { try limit.check(node, attributes) }
  }

  private mutating func op(_ node: GraphNode, _ signature: OpSignature) -> Op {
    let place = (Int(bitPattern: ObjectIdentifier(signature)) >> 5) & (known.count - 1)
    if let op = known[place], op.signature === signature { return op }
    let definition = registry.definition(inGraph: node.op)
    let op = Op(
      signature: signature, definition: definition, limits: definition?.limits(signature) ?? [])
    known[place] = op
    return op
  }
}

/// The dtypes of an attribute that an op has kernels for.
private struct TypeLimit {
  let attribute: String
  let allowed: [DataType]
  /// An input that has the attribute's type; nil where only the attribute says it.
  let input: Int?

  func check(_ node: GraphNode, _ attributes: NodeAttributes) throws {
    if let input, input < node.inputTypes.count, let type = node.inputTypes[input].dtype,
      allowed.contains(type)
    {
      return
    }
    let found: [ElementType]
    switch attributes[attribute] {
    case .type(let type): found = [type]
    case .types(let types): found = types
    default: return
    }
    for type in found {
      guard let dtype = type.dtype, allowed.contains(dtype) else {
        throw GraftError(
          .unimplemented,
          "\(node.op) has no kernel for \(attribute)=\(type).",
          at: .init(node: node.name, op: node.op),
          remedy: "It has kernels for \(allowed.map(\.name).sorted().joined(separator: ", ")).")
      }
    }
  }
}

extension OpDefinition {
  /// The dtypes that it has kernels for.
  ///
  /// - Parameter signature: That of the nodes that it computes.
  fileprivate func limits(_ signature: OpSignature?) -> [TypeLimit] {
    types.map { attribute, allowed in
      TypeLimit(attribute: attribute, allowed: allowed, input: signature?.input(ofType: attribute))
    }
  }
}

extension OpSignature {
  /// The place of an input whose type a type attribute says; nil where there is none at a place that is always the
  /// same.
  fileprivate func input(ofType name: String) -> Int? {
    for (position, argument) in inputs.enumerated() {
      guard argument.count == nil else { return nil }
      switch argument.type {
      case .attribute(let index) where attributes[index].name == name: return position
      case .list: return nil
      default: continue
      }
    }
    return nil
  }
}
