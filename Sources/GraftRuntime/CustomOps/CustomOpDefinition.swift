import GraftGraph
import GraftKernels
import GraftTensor

/// A custom op as the graph and the registry of ops know it.
struct CustomOpDefinition: OpExtension {
  let signature: OpSignature
  let definition: OpDefinition

  init(_ op: any CustomOp) throws {
    let declaration = op.declaration
    let isTensorFlows = OpSignature.named(declaration.name) != nil
    guard !isTensorFlows, OpRegistry.standard[declaration.name] == nil else {
      throw GraftError(
        .alreadyExists,
        "'\(declaration.name)' is an op of \(isTensorFlows ? "TensorFlow" : "Graft")'s own, and cannot be given another meaning.",
        at: .init(op: declaration.name), remedy: "Give the op another name, here and in the graph.")
    }
    signature = try OpSignature(
      declaring: declaration.name, inputs: declaration.inputs, outputs: declaration.outputs,
      attributes: declaration.attributes, isStateful: declaration.isStateful)
    definition = OpDefinition(
      declaration.name, "An op of the program's own.",
      // What a closure does with its inputs is unknown: they may be kept.
      traits: declaration.isStateful ? [.stateful, .keepsInputs] : .keepsInputs,
      shape: { try op.outputShapes(CustomOpNode($0.node), inputs: $0.inputs) }
    ) { setup in
      let node = CustomOpNode(setup)
      return { context in
        let results = try op.run(node, inputs: try context.inputs().map { try $0.persistent() })
        guard results.map(\.dtype) == node.outputTypes else {
          throw GraftError(
            .invalidArgument,
            "The op gave outputs of \(results.map(\.dtype.name)), and its declaration says "
              + "\(node.outputTypes.map(\.name)).")
        }
        for (index, result) in results.enumerated() { try context.setOutput(index, result) }
      }
    }
  }
}

extension Graph {
  /// A graph with nothing in it, whose nodes may have ops of your own.
  ///
  /// - Throws: `GraftError`: `invalidArgument` for a declaration that cannot be understood, `alreadyExists` for
  ///   an op that is TensorFlow's own or is given twice.
  public convenience init(customOps: [any CustomOp]) throws {
    var extensions: [String: any OpExtension] = [:]
    for op in customOps {
      let definition = try CustomOpDefinition(op)
      guard extensions.updateValue(definition, forKey: definition.signature.name) == nil else {
        throw GraftError(
          .alreadyExists, "The op '\(definition.signature.name)' is given twice.",
          at: .init(op: definition.signature.name))
      }
    }
    self.init(extensions: extensions)
  }
}

extension OpRegistry {
  /// The ops that a session on the graph has kernels for.
  init(graph: Graph, hostFunctions: [String: HostFunction]) {
    let custom = graph.extensions.values.compactMap { ($0 as? CustomOpDefinition)?.definition }
    let bound = hostFunctions.isEmpty ? [] : HostFunctionOps.definitions(calling: hostFunctions)
    self = OpRegistry.standard.adding(custom + bound)
  }
}
