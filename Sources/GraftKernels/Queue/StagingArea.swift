import GraftTensor

/// A session's staging area: tuples in the order in which they came, up to a number and a size in bytes.
final class StagingArea: SessionResource {
  static let kind = "staging area"

  private let name: String
  private let limits: StagingLimits
  private let monitor = Monitor(State())

  private struct State {
    var elements: [[Tensor]] = []
    var byteCount = 0
  }

  init(name: String, _ limits: StagingLimits) {
    self.name = name
    self.limits = limits
  }

  var count: Int { monitor.withLock { $0.elements.count } }

  func clear() { monitor.withLock { $0 = State() } }

  /// Adds a tuple when there is room for it.
  func put(_ element: [Tensor], _ context: KernelContext) throws {
    let byteCount = try limits.checkedByteCount(element)
    try monitor.wait(context) { state in
      "The staging area '\(name)' is full with \(state.elements.count) elements."
    } _: { state -> Void? in
      guard limits.hasRoom(state.elements.count, state.byteCount, for: byteCount) else { return nil }
      state.elements.append(element)
      state.byteCount += byteCount
      return ()
    }
  }

  /// Takes the first tuple out when there is one.
  func take(_ context: KernelContext) throws -> [Tensor] {
    try monitor.wait(context) { _ in
      "The staging area '\(name)' is empty."
    } _: { state in
      guard !state.elements.isEmpty else { return nil }
      let element = state.elements.removeFirst()
      state.byteCount -= StagingLimits.byteCount(element)
      return element
    }
  }

  /// The tuple at an index when there are so many.
  func peek(_ index: Int, _ context: KernelContext) throws -> [Tensor] {
    try monitor.wait(context) { state in
      "Element \(index) of the staging area '\(name)' is waited for, and it has \(state.elements.count)."
    } _: { state in
      state.elements.indices.contains(index) ? state.elements[index] : nil
    }
  }
}

/// How much a staging area takes; nil for no limit.
struct StagingLimits: Sendable {
  let capacity: Int?
  let byteCount: Int?

  init(_ node: NodeSetup) throws {
    let (capacity, bytes) = (try node.int("capacity"), try node.int("memory_limit"))
    guard capacity >= 0, bytes >= 0 else {
      throw node.invalid("capacity is \(capacity) and memory_limit \(bytes); neither may be negative.")
    }
    self.capacity = capacity == 0 ? nil : capacity
    byteCount = bytes == 0 ? nil : bytes
  }

  func hasRoom(_ count: Int, _ bytes: Int, for more: Int) -> Bool {
    if let capacity, count >= capacity { return false }
    if let byteCount, bytes + more > byteCount { return false }
    return true
  }

  /// - Throws: `GraftError` (`resourceExhausted`) for a tuple that has no room in an empty area.
  func checkedByteCount(_ element: [Tensor]) throws -> Int {
    let bytes = Self.byteCount(element)
    if let byteCount, bytes > byteCount {
      throw GraftError(
        .resourceExhausted, "An element of \(bytes) bytes is staged, and memory_limit is \(byteCount).")
    }
    return bytes
  }

  static func byteCount(_ element: [Tensor]) -> Int { element.reduce(0) { $0 + $1.byteCount } }
}
