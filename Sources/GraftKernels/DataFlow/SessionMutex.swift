import Glibc
import GraftTensor
import Synchronization

/// Lets one run at a time into a part of the graph. Within a run, which does one thing after the other, it
/// may be locked again while it is locked.
final class SessionMutex: SessionResource {
  static let kind = "mutex"

  private let holder = Mutex<(thread: pthread_t, count: Int)?>(nil)

  /// What holds the mutex until nobody refers to it any more, or it is consumed.
  final class Lock: Sendable {
    private let mutex: SessionMutex
    private let isHeld = Mutex(true)

    fileprivate init(_ mutex: SessionMutex) {
      self.mutex = mutex
    }

    func release() {
      let wasHeld = isHeld.withLock { isHeld in
        defer { isHeld = false }
        return isHeld
      }
      if wasHeld { mutex.unlock() }
    }

    deinit { release() }
  }

  /// Waits until no other run holds the mutex. The closure ends the wait by an error.
  func lock(whileWaiting check: () throws -> Void) throws -> Lock {
    let thread = pthread_self()
    while true {
      let isMine = holder.withLock { holder in
        guard let current = holder else {
          holder = (thread, 1)
          return true
        }
        guard pthread_equal(current.thread, thread) != 0 else { return false }
        holder = (thread, current.count + 1)
        return true
      }
      if isMine { return Lock(self) }
      try check()
      usleep(200)
    }
  }

  private func unlock() {
    holder.withLock { holder in
      guard let current = holder else { return }
      holder = current.count > 1 ? (current.thread, current.count - 1) : nil
    }
  }
}

enum MutexOps {
  static let all: [OpDefinition] = [mutex, lock, consume]

  private static let mutex = OpDefinition(
    "MutexV2", "A handle to the session's mutex of that container and shared name.", traits: [.stateful],
    shape: ShapeRules.scalar
  ) { node in
    let place = try ResourceName(node, byNodeName: true)
    return { context in
      let mutex = try context.resources.resource(
        SessionMutex.self, container: place.container, name: place.name
      ) { SessionMutex() }
      try context.setOutput(0, try Tensor(handle: mutex))
    }
  }

  private static let lock = OpDefinition(
    "MutexLock", "Waits until no other run holds the mutex, and holds it while the output is there.",
    traits: [.stateful], shape: ShapeRules.scalar
  ) { _ in
    return { context in
      let lock = try context.resource(0, as: SessionMutex.self).lock(whileWaiting: context.checkpoint)
      try context.setOutput(0, try Tensor(variant: lock))
    }
  }

  private static let consume = OpDefinition(
    "ConsumeMutexLock", "Gives the mutex back.", traits: [.stateful], shape: { _ in [] }
  ) { _ in
    return { context in
      guard let lock = try context.input(0).handled(as: SessionMutex.Lock.self) else {
        throw GraftError(.invalidArgument, "The lock of a mutex is expected.", at: .init(input: 0))
      }
      lock.release()
    }
  }
}
