import GraftTensor

extension Tensor {
  /// A handle to a resource: a scalar of dtype `resource`.
  package init(handle object: AnyObject) throws {
    try self.init(uninitialized: .resource, shape: .scalar)
    mutableBuffer(as: TensorHandle.self)[0] = TensorHandle(object)
  }

  /// A scalar of dtype `variant` that holds an object.
  package init(variant object: AnyObject) throws {
    try self.init(uninitialized: .variant, shape: .scalar)
    mutableBuffer(as: TensorHandle.self)[0] = TensorHandle(object)
  }

  /// A handle as TensorFlow 1 writes it: two strings, container and name. The memory that they lie in keeps
  /// what they refer to; a copy of the strings alone refers to nothing.
  package init(reference object: any SessionResource, container: String = "", name: String) throws {
    let names = try Tensor([Bytes(container), Bytes(name)])
    self.init(
      dtype: .string, shape: names.shape,
      storage: TensorStorage(
        borrowing: UnsafeRawPointer(names.base), byteCount: names.byteCount,
        owner: ReferenceOwner(object: object, names: names)))
  }

  /// What a handle refers to, where it is of the type asked for.
  package func handled<R: AnyObject>(as type: R.Type) -> R? {
    switch dtype.layout {
    case .handle:
      guard elementCount > 0 else { return nil }
      return withExtendedLifetime(storage) { buffer(as: TensorHandle.self)[0].object as? R }
    case .string: return (storage.owner as? ReferenceOwner)?.object as? R
    case .plain: return nil
    }
  }
}

/// What keeps the strings of a reference, and what it refers to.
private final class ReferenceOwner {
  let object: any SessionResource
  private let names: Tensor

  init(object: any SessionResource, names: Tensor) {
    self.object = object
    self.names = names
  }
}

extension KernelContext {
  /// The resource that an input refers to.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when the input is no handle, or one to something else.
  package func resource<R: SessionResource>(_ index: Int, as type: R.Type) throws -> R {
    let tensor = try input(index)
    if let resource = tensor.handled(as: R.self) { return resource }
    if case .plain = tensor.dtype.layout {
      throw GraftError(
        .invalidArgument, "A handle to a \(R.kind) is expected, and values of \(tensor.dtype) were found.",
        at: .init(input: index))
    }
    let found = tensor.handled(as: AnyObject.self) as? any SessionResource
    throw GraftError(
      found == nil ? .uninitialized : .invalidArgument,
      "A handle to a \(R.kind) is expected, and one to \(found.map { "a \(Swift.type(of: $0).kind)" } ?? "nothing") was found.",
      at: .init(input: index))
  }
}

/// Where a node's resource lives in the session.
package struct ResourceName: Sendable {
  package let container: String
  package let name: String

  /// The place that the attributes `container` and `shared_name` give. Without a shared name the resource
  /// is the node's own; with `byNodeName` it goes by the node's name, so that another graph's node of that
  /// name finds it.
  package init(_ node: NodeSetup, byNodeName: Bool = false) throws {
    container = try node.string("container")
    let shared = try node.string("shared_name")
    guard !shared.hasPrefix("_") else {
      throw node.invalid("A shared name cannot begin with '_', as '\(shared)' does.")
    }
    name = !shared.isEmpty ? shared : byNodeName ? node.name : "_private/\(node.name)"
  }
}

extension KernelContext {
  /// Gives an output a handle to a resource: of version 1 a reference, else one of dtype `resource`.
  package func setHandle(
    _ index: Int, to resource: any SessionResource, at place: ResourceName, _ node: NodeSetup
  ) throws {
    try setOutput(
      index,
      try node.outputType(index) == .resource
        ? try Tensor(handle: resource)
        : try Tensor(reference: resource, container: place.container, name: place.name))
  }
}
