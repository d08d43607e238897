import GraftTensor

extension FunctionLibrary {
  /// The body of the gradient of a function, or of an op: for the arguments, then the gradients of the results,
  /// the gradients of the arguments. It is the one that the library names, else it follows from the body.
  ///
  /// - Throws: `GraftError`: `notFound` for a function that is not there, and for an op without a rule.
  /// - Complexity: O(size of the function); nothing is kept.
  package func gradient(of reference: FunctionReference) throws -> FunctionBody {
    if let gradient = gradients[reference.name] {
      return try body(of: FunctionReference(name: gradient, attributes: reference.attributes))
    }
    let body =
      if self[reference.name] == nil, let signature = OpSignature.named(reference.name) {
        try Self.body(calling: signature, reference.attributes)
      } else {
        try self.body(of: reference)
      }
    var gradient = FunctionGradient(of: body, library: self)
    return try gradient.make()
  }

  /// A function that does nothing but one op.
  private static func body(
    calling signature: OpSignature, _ attributes: [String: AttributeValue]
  ) throws -> FunctionBody {
    func types(_ arguments: [OpSignature.Argument]) throws -> [ElementType] {
      try arguments.flatMap { argument in
        guard let types = signature.types(of: argument, attributes) else {
          throw GraftError(
            .invalidArgument, "The attributes do not say of which type '\(argument.name)' is.",
            at: .init(op: signature.name))
        }
        return types
      }
    }
    let (inputs, outputs) = (try types(signature.inputs), try types(signature.outputs))
    var nodes: [GraphNode] = []
    for type in inputs { nodes.append(.argument(nodes.count, "argument_\(nodes.count)", type)) }
    nodes.append(
      GraphNode(
        name: signature.name, op: signature.name, device: "",
        inputs: inputs.indices.map { Edge(node: Int32($0), output: 0) }, controlInputs: [],
        inputTypes: inputs,
        outputTypes: outputs, signature: signature, source: nil, overrides: attributes, isChanged: true))
    return FunctionBody(
      name: signature.name, nodes: nodes, argumentCount: inputs.count,
      results: outputs.indices.map { Edge(node: Int32(inputs.count), output: Int32($0)) },
      resultTypes: outputs,
      controlResults: [], isStateful: signature.isStateful, names: NameTable())
  }
}
