import GraftTensor
import Synchronization

/// Tensors that runs leave in the session, by the string that a later run asks for them with.
final class SessionTensors: SessionResource {
  static let kind = "store of tensors"

  private let contents = Mutex<(next: Int, tensors: [String: Tensor])>((0, [:]))

  /// The session's own.
  static func of(_ context: KernelContext) throws -> SessionTensors {
    try context.resources.resource(SessionTensors.self, container: "", name: "_session_tensors") {
      SessionTensors()
    }
  }

  /// Keeps a tensor; gives the string for it.
  func keep(_ tensor: Tensor, of node: String) throws -> String {
    let kept = try tensor.persistent()
    return contents.withLock { contents in
      let handle = "\(node);\(contents.next);/job:localhost/replica:0/task:0/device:CPU:0"
      contents.next += 1
      contents.tensors[handle] = kept
      return handle
    }
  }

  func tensor(_ handle: String) -> Tensor? { contents.withLock { $0.tensors[handle] } }

  /// Forgets a tensor; false where there is none.
  func remove(_ handle: String) -> Bool {
    contents.withLock { $0.tensors.removeValue(forKey: handle) != nil }
  }
}

/// The handle of a tensor in a session, as a resource.
private final class SessionTensorHandle: SessionResource {
  static let kind = "tensor of the session"
  let name: String

  init(name: String) {
    self.name = name
  }
}

enum SessionTensorOps {
  static let all: [OpDefinition] = [
    keep("GetSessionHandle"), keep("GetSessionHandleV2"), get, delete,
  ]

  private static func keep(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Keeps a tensor in the session, and gives a handle to it.", traits: [.stateful, .keepsInputs],
      shape: ShapeRules.scalar
    ) { node in
      let isResource = try node.outputType(0) == .resource
      return { context in
        let handle = try SessionTensors.of(context).keep(try context.input(0), of: node.name)
        try context.setOutput(
          0,
          isResource
            ? try Tensor(handle: SessionTensorHandle(name: handle)) : try Tensor(Bytes(handle)))
      }
    }
  }

  private static func handle(_ context: KernelContext) throws -> String {
    let input = try context.input(0)
    if let resource = input.handled(as: SessionTensorHandle.self) { return resource.name }
    guard input.dtype == .string, input.elementCount == 1 else {
      throw GraftError(
        .invalidArgument, "A handle is one string, and \(input.dtype)\(input.shape) was found.")
    }
    return try input.scalars(as: Bytes.self)[0].string
  }

  private static let get = OpDefinition(
    "GetSessionTensor", "The tensor that the session keeps for a handle.", traits: [.stateful],
    shape: ShapeRules.unknown
  ) { node in
    let dtype = try node.type("dtype")
    return { context in
      let handle = try handle(context)
      guard let tensor = try SessionTensors.of(context).tensor(handle) else { throw missing(handle) }
      guard tensor.dtype == dtype else {
        throw GraftError(.invalidArgument, "The session keeps \(tensor.dtype), and \(dtype) is asked for.")
      }
      try context.setOutput(0, tensor)
    }
  }

  private static let delete = OpDefinition(
    "DeleteSessionTensor", "Forgets the tensor that the session keeps for a handle.", traits: [.stateful],
    shape: { _ in [] }
  ) { _ in
    return { context in
      let handle = try handle(context)
      guard try SessionTensors.of(context).remove(handle) else { throw missing(handle) }
    }
  }

  private static func missing(_ handle: String) -> GraftError {
    GraftError(.notFound, "The session keeps no tensor for the handle '\(handle)'.")
  }
}
