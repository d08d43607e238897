import GraftTensor
import Synchronization

/// A stack of tensors that a run's loops push to and pop from; it ends with the run.
final class Stack: SessionResource {
  static let kind = "stack"

  let name: String
  let dtype: DataType
  private let maximumSize: Int?
  private let contents = Mutex<(tensors: [Tensor], isClosed: Bool)>(([], false))

  /// A stack of at most so many tensors; nil for no limit.
  init(name: String, dtype: DataType, maximumSize: Int?) {
    self.name = name
    self.dtype = dtype
    self.maximumSize = maximumSize
  }

  func push(_ tensor: Tensor) throws {
    guard tensor.dtype == dtype else {
      throw GraftError(
        .invalidArgument, "The stack '\(name)' holds \(dtype), and \(tensor.dtype) is pushed to it.")
    }
    let kept = try tensor.persistent()
    try contents.withLock { contents in
      try check(contents.isClosed)
      guard contents.tensors.count < maximumSize ?? .max else {
        throw GraftError(
          .invalidArgument, "The stack '\(name)' overflowed its size of \(maximumSize ?? 0).")
      }
      contents.tensors.append(kept)
    }
  }

  func pop() throws -> Tensor {
    try contents.withLock { contents in
      try check(contents.isClosed)
      guard let last = contents.tensors.popLast() else {
        throw GraftError(.invalidArgument, "The stack '\(name)' is empty when an element is popped.")
      }
      return last
    }
  }

  func close() {
    contents.withLock { $0 = ([], true) }
  }

  private func check(_ isClosed: Bool) throws {
    guard !isClosed else {
      throw GraftError(.invalidArgument, "The stack '\(name)' has already been closed.")
    }
  }
}

enum StackOps {
  static let all: [OpDefinition] = ["", "V2"].flatMap { version in
    [
      stack("Stack\(version)"), push("StackPush\(version)"), pop("StackPop\(version)"),
      close("StackClose\(version)"),
    ]
  }

  private static func stack(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "An empty stack of tensors. It ends with the run.", traits: [.stateful],
      shape: { [$0.node.outputTypes.first == .resource ? .scalar : PartialShape([2])] }
    ) { node in
      let dtype = try node.type("elem_type")
      let given = try node.string("stack_name")
      let name = given.isEmpty ? node.name : given
      let isResource = try node.outputType(0) == .resource
      return { context in
        // The first version has no limit.
        let size = context.inputCount > 0 ? try ArrayArguments.scalar(context, 0, "max_size") : -1
        let stack = Stack(name: name, dtype: dtype, maximumSize: size < 0 ? nil : size)
        try context.setOutput(
          0,
          isResource
            ? try Tensor(handle: stack) : try Tensor(reference: stack, container: "_stacks", name: name))
      }
    }
  }

  private static func push(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Pushes a tensor, and passes it on.", traits: [.stateful, .keepsInputs],
      shape: { [$0.input(1)] }
    ) { _ in
      return { context in
        let tensor = try context.input(1)
        try context.resource(0, as: Stack.self).push(tensor)
        try context.setOutput(0, tensor)
      }
    }
  }

  private static func pop(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Pops the tensor that was pushed last.", traits: [.stateful], shape: ShapeRules.unknown
    ) {
      node in
      let dtype = try node.type("elem_type")
      return { context in
        let tensor = try context.resource(0, as: Stack.self).pop()
        guard tensor.dtype == dtype else {
          throw GraftError(.invalidArgument, "\(dtype) is popped of a stack of \(tensor.dtype).")
        }
        try context.setOutput(0, tensor)
      }
    }
  }

  private static func close(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Forgets the stack's tensors. Nothing may use it afterwards.", traits: [.stateful],
      shape: { _ in [] }
    ) { _ in
      return { context in try context.resource(0, as: Stack.self).close() }
    }
  }
}
