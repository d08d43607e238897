import GraftTensor

/// Ops that call back into the program that runs the graph.
package enum HostFunctionOps {
  /// A function of the program, in the place of one of Python's.
  package typealias Function = @Sendable ([Tensor]) throws -> [Tensor]

  static let all = definitions(calling: [:])

  /// The ops, calling functions by the token that a node has.
  package static func definitions(calling functions: [String: Function]) -> [OpDefinition] {
    ["PyFunc", "PyFuncStateless", "EagerPyFunc"].map { definition($0, calling: functions) }
  }

  private static func definition(_ name: String, calling functions: [String: Function]) -> OpDefinition {
    OpDefinition(
      name,
      "Calls the closure that the session's `hostFunctions` bind to the node's token, in the place of the "
        + "Python function that was not saved with the graph.",
      traits: [.stateful, .keepsInputs], shape: ShapeRules.unknown
    ) { node in
      let token = try node.string("token")
      guard let function = functions[token] else {
        throw GraftError(
          .notFound,
          "The node calls a Python function, which is not saved with a graph: token '\(token)', "
            + "\(Self.list(node.inputTypes)) → \(Self.list(node.outputTypes)).",
          at: .init(node: node.name, op: node.op),
          remedy: "Bind a closure that does the same: SessionOptions(hostFunctions: [\"\(token)\": { … }]).")
      }
      let types = node.outputTypes
      return { context in
        let results = try function(try context.inputs().map { try $0.persistent() })
        guard results.map(\.dtype) == types else {
          throw GraftError(
            .invalidArgument,
            "The closure bound to '\(token)' gave \(Self.list(results.map(\.dtype))), and the node has the "
              + "outputs \(Self.list(types)).")
        }
        for (index, result) in results.enumerated() { try context.setOutput(index, result) }
      }
    }
  }

  private static func list(_ types: [DataType]) -> String {
    "(\(types.map(\.name).joined(separator: ", ")))"
  }
}
