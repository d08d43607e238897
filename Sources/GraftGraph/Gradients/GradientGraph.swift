import GraftTensor

/// A graph that grows by the nodes that compute gradients.
package final class GradientGraph {
  /// The nodes, those that were there first.
  package private(set) var nodes: [GraphNode]
  private let library: FunctionLibrary

  /// A graph that begins with the given nodes.
  package init(_ nodes: [GraphNode], library: FunctionLibrary) {
    self.nodes = nodes
    self.library = library
  }

  /// The type of a value.
  package func type(of value: Edge) -> ElementType {
    let types = nodes.indices.contains(Int(value.node)) ? nodes[Int(value.node)].outputTypes : []
    return types.indices.contains(Int(value.output)) ? types[Int(value.output)] : .unknown
  }

  /// Whether a value is made of complex numbers.
  package func isComplex(_ value: Edge) -> Bool { type(of: value).dtype?.isComplex == true }

  /// Adds a node. Attributes of types and of counts follow from the inputs where they are not given.
  ///
  /// - Returns: the node's outputs.
  /// - Throws: `GraftError` (`internalError`) for an op that is not known, or takes other inputs.
  package func add(
    _ op: String, _ inputs: [Edge], _ attributes: [String: AttributeValue] = [:]
  ) throws -> [Edge] {
    guard let signature = library.signature(of: op) else {
      throw GraftError(.internalError, "A gradient is made of '\(op)', which is no op.")
    }
    let values = try complete(attributes, signature, inputs.map(type))
    var types: [ElementType] = []
    for argument in signature.outputs {
      guard let given = signature.types(of: argument, values) else {
        throw GraftError(.internalError, "The attributes of a gradient's '\(op)' are incomplete.")
      }
      types += given
    }
    let index = Int32(nodes.count)
    nodes.append(
      GraphNode(
        name: "gradient/\(op)_\(index)", op: op, device: "", inputs: inputs, controlInputs: [],
        inputTypes: inputs.map(type), outputTypes: types, signature: signature, source: nil,
        overrides: values,
        isChanged: true))
    return types.indices.map { Edge(node: index, output: Int32($0)) }
  }

  /// Adds a node of one output.
  package func callAsFunction(
    _ op: String, _ inputs: Edge..., attributes: [String: AttributeValue] = [:]
  ) throws -> Edge {
    let outputs = try add(op, inputs, attributes)
    guard let first = outputs.first, outputs.count == 1 else {
      throw GraftError(
        .internalError, "A gradient takes the one output of '\(op)', which has \(outputs.count).")
    }
    return first
  }

  /// Adds a value that is known.
  package func constant(_ tensor: Tensor) throws -> Edge {
    try self(
      "Const",
      attributes: ["dtype": .type(ElementType(tensor.dtype)), "value": .tensor(EncodedTensor(tensor))])
  }

  /// Adds int32 scalars and vectors.
  package func integer(_ value: Int32) throws -> Edge { try constant(Tensor(value)) }
  package func integers(_ values: [Int32]) throws -> Edge { try constant(Tensor(values)) }

  /// Adds a number of the type that another value has.
  package func number(_ value: Double, like other: Edge) throws -> Edge {
    try self("Cast", try constant(Tensor(value)), attributes: ["DstT": .type(type(of: other))])
  }

  private func complete(
    _ attributes: [String: AttributeValue], _ signature: OpSignature, _ types: [ElementType]
  ) throws -> [String: AttributeValue] {
    var values = attributes
    var next = 0
    for argument in signature.inputs {
      var count = 1
      let isTypeList = if case .list = argument.type { true } else { false }
      if argument.count != nil || isTypeList {
        // The ops that gradients are made of have one such argument at most.
        count = types.count - (signature.inputs.count - 1)
        if let attribute = argument.count,
          case .int(let given)? = values[signature.attributes[attribute].name]
        {
          count = Int(given)
        }
      }
      guard count >= 0, count <= types.count - next else {
        throw GraftError(
          .internalError, "A gradient gives \(types.count) inputs to '\(signature.name)'.")
      }
      let own = types[next..<next + count]
      next += count
      func set(_ index: Int, _ value: AttributeValue) {
        let name = signature.attributes[index].name
        if values[name] == nil { values[name] = value }
      }
      if let attribute = argument.count { set(attribute, .int(Int64(count))) }
      switch argument.type {
      case .attribute(let index): if let first = own.first { set(index, .type(first)) }
      case .list(let index): set(index, .types(Array(own)))
      case .fixed: break
      }
    }
    return values
  }
}
