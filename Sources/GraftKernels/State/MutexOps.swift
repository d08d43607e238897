import GraftTensor
import Synchronization

/// Locks that operations of overlapping runs take, one at a time.
enum MutexOps {
  static let all: [OpDefinition] = [make, lock, consume]

  private static let make = OpDefinition(
    "MutexV2", "A handle to the session's lock of that container and shared name.", traits: [.stateful],
    shape: ShapeRules.scalar
  ) { node in
    let container = try node.string("container")
    let sharedName = try node.string("shared_name")
    let name = sharedName.isEmpty ? node.name : sharedName
    return { context in
      let lock = try context.resources.resource(SessionLock.self, container: container, name: name) {
        SessionLock()
      }
      try context.setOutput(0, try Tensor(handle: lock))
    }
  }

  private static let lock = OpDefinition(
    "MutexLock", "Takes the lock, when nobody else has it. It is given back when the output is gone.",
    traits: [.stateful, .waits], shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let lock = try context.resource(0, as: SessionLock.self)
      try lock.take(context)
      let held = try Tensor(uninitialized: .variant, shape: .scalar)
      held.mutableBuffer(as: TensorHandle.self)[0] = TensorHandle(HeldLock(lock))
      try context.setOutput(0, held)
    }
  }

  private static let consume = OpDefinition(
    "ConsumeMutexLock", "Gives the lock back.", traits: [.stateful], shape: { _ in [] }
  ) { _ in
    return { context in
      guard let held = try context.input(0).handled(as: HeldLock.self) else {
        throw ArrayArguments.invalid("A lock that was taken is expected.", input: 0)
      }
      held.release()
    }
  }
}

/// A lock of a session.
private final class SessionLock: SessionResource {
  static let kind = "mutex"
  private let isTaken = Monitor(false)

  /// Takes the lock, when it is free.
  ///
  /// - Throws: what waiting throws.
  func take(_ context: KernelContext) throws {
    try isTaken.wait(context, for: { _ in "The lock is waited for, and somebody has it." }) {
      isTaken -> Void? in
      guard !isTaken else { return nil }
      isTaken = true
      return ()
    }
  }

  func release() { isTaken.withLock { $0 = false } }
}

/// A lock that somebody has.
private final class HeldLock: Sendable {
  private let lock: Mutex<SessionLock?>

  init(_ lock: SessionLock) {
    self.lock = Mutex(lock)
  }

  deinit { release() }

  /// Gives the lock back, once.
  func release() {
    lock.withLock { lock in
      lock?.release()
      lock = nil
    }
  }
}
