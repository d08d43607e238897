import GraftGraph
import GraftTensor

/// Finds functions of the graph's library for kernels that call them.
package protocol FunctionRunner: Sendable {
  /// A function, planned and ready to be called any number of times.
  ///
  /// - Throws: `GraftError`: `notFound` for a function that the library has not, `resourceExhausted` when
  ///   calls are nested too deeply.
  func function(_ reference: FunctionReference) throws -> any RunnableFunction

  /// The gradient of a function, which takes its arguments and the gradients of its results, and gives those of
  /// the arguments.
  ///
  /// - Throws: as ``function(_:)``; `notFound` for an op in it that no gradient is defined for.
  func gradient(of reference: FunctionReference) throws -> any RunnableFunction
}

/// A function that can be called.
package protocol RunnableFunction {
  /// The results for the given arguments.
  ///
  /// - Throws: `GraftError`, what the function's operations throw.
  func callAsFunction(_ arguments: [Tensor]) throws -> [Tensor]
}

/// Where there is no library: every call fails.
package struct NoFunctions: FunctionRunner {
  package init() {}

  package func function(_ reference: FunctionReference) throws -> any RunnableFunction {
    throw GraftError(.notFound, "The function '\(reference.name)' is called, and there is no library here.")
  }

  package func gradient(of reference: FunctionReference) throws -> any RunnableFunction {
    try function(reference)
  }
}
