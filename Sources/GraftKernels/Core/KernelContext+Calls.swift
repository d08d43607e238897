import GraftGraph
import GraftTensor

/// Another op's kernel, for ops that are made of several.
package struct KernelCall: Sendable {
  private let kernel: Kernel
  private let outputCount: Int

  /// The kernel of an op for the given attributes and dtypes.
  ///
  /// - Throws: `GraftError`, what the op says of the attributes.
  package init(
    _ definition: OpDefinition, in node: NodeSetup, _ attributes: NodeAttributes,
    inputTypes: [DataType], outputTypes: [DataType]
  ) throws {
    kernel = try definition.prepare(
      NodeSetup(
        name: node.name, op: definition.name, attributes: attributes, inputTypes: inputTypes,
        outputTypes: outputTypes))
    outputCount = outputTypes.count
  }

  /// The outputs for the given inputs, in memory of their own.
  ///
  /// - Throws: `GraftError`, what the kernel throws.
  package func callAsFunction(_ inputs: [Tensor], _ context: KernelContext) throws -> [Tensor] {
    try context.run(kernel, inputs, outputCount: outputCount)
  }
}

extension KernelContext {
  /// Runs a kernel on tensors that are no values of the run.
  fileprivate func run(_ kernel: Kernel, _ inputs: [Tensor], outputCount: Int) throws -> [Tensor] {
    var values: [Tensor?] = inputs + [Tensor?](repeating: nil, count: outputCount)
    let slots = inputs.indices.map { Int32($0) }
    return try values.withUnsafeMutableBufferPointer { values in
      try slots.withUnsafeBufferPointer { slots in
        let context = nested(over: values, allocator: FreshMemory())
        context.begin(0, inputs: slots, outputs: inputs.count..<values.count)
        try kernel(context)
        return try (inputs.count..<values.count).map { slot in
          guard let value = values[slot] else {
            throw GraftError(.internalError, "A kernel gave no output \(slot - inputs.count).")
          }
          return value
        }
      }
    }
  }
}

/// Gives each output memory of its own.
private final class FreshMemory: OutputAllocator {
  private var kept: AnyObject?

  func prepared(_ instruction: Int) -> AnyObject? { kept }

  func setPrepared(_ instruction: Int, _ object: AnyObject & Sendable) { kept = object }

  func isConstant(slot: Int) -> Bool { false }
}
