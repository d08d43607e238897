import GraftGraph
import GraftTensor

/// Ops that call one function.
enum FunctionCalls {
  static let all: [OpDefinition] = [
    call("PartitionedCall", "Calls a function."),
    call("BatchFunction", "Calls a function on its inputs, which it is given as one batch."),
    call("StatefulPartitionedCall", "Calls a function that may read and write what the session keeps."),
    call(
      "RemoteCall", "Calls a function. All devices are this one: `target` says nothing.", firstArgument: 1),
    gradient,
  ]

  private static let gradient = OpDefinition(
    "SymbolicGradient",
    "The gradients of a function's arguments for its arguments and the gradients of its results. Ops without "
      + "a gradient are named by an error.",
    traits: [.stateful, .keepsInputs], shape: ShapeRules.unknown
  ) { node in
    let function = try node.function("f")
    return { context in
      try context.setOutputs(try context.functions.gradient(of: function)(try context.inputs()))
    }
  }

  private static func call(_ name: String, _ summary: String, firstArgument: Int = 0) -> OpDefinition {
    OpDefinition(name, summary, traits: [.stateful, .keepsInputs], shape: ShapeRules.unknown) { node in
      let function = try node.function("f")
      return { context in
        try context.setOutputs(
          try context.functions.function(function)(Array(try context.inputs()[firstArgument...])))
      }
    }
  }
}

extension KernelContext {
  /// Gives all outputs their values.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when there are not as many values as outputs.
  func setOutputs(_ values: [Tensor]) throws {
    guard values.count == outputCount else {
      throw GraftError(
        .invalidArgument,
        "A function gave \(values.count) results, and the node that called it has \(outputCount) outputs.")
    }
    for (index, value) in values.enumerated() { try setOutput(index, value) }
  }
}
