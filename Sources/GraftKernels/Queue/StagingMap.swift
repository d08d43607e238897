import GraftTensor

/// A session's map of staged tuples by key. The components of a tuple may come one after the other.
final class StagingMap: SessionResource {
  static let kind = "staging map"

  private let name: String
  private let limits: StagingLimits
  private let types: [DataType]
  private let isOrdered: Bool
  private let monitor = Monitor(State())

  private struct State {
    var complete: [Int: [Tensor?]] = [:]
    /// The keys of complete tuples, in the order in which they were completed.
    var order: [Int] = []
    var incomplete: [Int: [Tensor?]] = [:]
    var byteCount = 0
  }

  init(name: String, _ limits: StagingLimits, types: [DataType], isOrdered: Bool) {
    self.name = name
    self.limits = limits
    self.types = types
    self.isOrdered = isOrdered
  }

  /// How many complete tuples there are.
  var count: Int { monitor.withLock { $0.complete.count } }

  /// How many tuples lack components.
  var incompleteCount: Int { monitor.withLock { $0.incomplete.count } }

  func clear() { monitor.withLock { $0 = State() } }

  /// Adds components of a key's tuple, when there is room.
  func put(_ key: Int, _ indices: [Int], _ values: [Tensor], _ context: KernelContext) throws {
    guard indices.count == values.count else {
      throw GraftError(
        .invalidArgument, "There are \(indices.count) indices and \(values.count) values.",
        at: .init(input: 1))
    }
    try check(indices)
    for (index, value) in zip(indices, values) where types[index] != value.dtype {
      throw GraftError(
        .invalidArgument, "Component \(index) is \(types[index]), and \(value.dtype) was given for it.")
    }
    let byteCount = try limits.checkedByteCount(values)
    try monitor.wait(context) { state in
      "The staging map '\(name)' is full with \(state.complete.count) elements."
    } _: { state -> Void? in
      guard limits.hasRoom(state.complete.count, state.byteCount, for: byteCount) else { return nil }
      var tuple = state.incomplete[key] ?? [Tensor?](repeating: nil, count: types.count)
      for (index, value) in zip(indices, values) {
        guard tuple[index] == nil else {
          throw GraftError(
            .invalidArgument, "Component \(index) of the key \(key) was staged already.", at: .init(input: 1))
        }
        tuple[index] = value
      }
      if tuple.contains(where: { $0 == nil }) {
        state.incomplete[key] = tuple
      } else {
        guard state.complete[key] == nil else {
          throw GraftError(.invalidArgument, "The key \(key) was staged already.", at: .init(input: 0))
        }
        state.incomplete[key] = nil
        state.complete[key] = tuple
        state.order.append(key)
      }
      state.byteCount += byteCount
      return ()
    }
  }

  /// Components of a key's tuple, when it is complete.
  func get(_ key: Int, _ indices: [Int], taking: Bool, _ context: KernelContext) throws -> [Tensor] {
    try check(indices)
    return try monitor.wait(context) { state in
      "The key \(key) of the staging map '\(name)' is waited for, and it has \(state.complete.count) others."
    } _: { state in
      try Self.components(key, indices, taking: taking, &state)
    }
  }

  /// Takes components of some key's tuple, when there is one: the least where the map is ordered.
  func takeAny(_ indices: [Int], _ context: KernelContext) throws -> (key: Int, values: [Tensor]) {
    try check(indices)
    return try monitor.wait(context) { _ in
      "The staging map '\(name)' is empty."
    } _: { state in
      guard let key = isOrdered ? state.order.min() : state.order.last,
        let values = try Self.components(key, indices, taking: true, &state)
      else { return nil }
      return (key, values)
    }
  }

  private static func components(
    _ key: Int, _ indices: [Int], taking: Bool, _ state: inout State
  ) throws -> [Tensor]? {
    guard var tuple = state.complete[key] else { return nil }
    let values = try indices.map { index in
      guard let value = tuple[index] else {
        throw GraftError(
          .invalidArgument, "Component \(index) of the key \(key) was taken out already.")
      }
      return value
    }
    guard taking else { return values }
    for index in indices { tuple[index] = nil }
    state.byteCount -= StagingLimits.byteCount(values)
    if tuple.contains(where: { $0 != nil }) {
      state.complete[key] = tuple
    } else {
      state.complete[key] = nil
      state.order.removeAll { $0 == key }
    }
    return values
  }

  private func check(_ indices: [Int]) throws {
    guard let wrong = indices.first(where: { !types.indices.contains($0) }) else {
      guard Set(indices).count == indices.count else {
        throw GraftError(.invalidArgument, "The indices \(indices) name a component twice.")
      }
      return
    }
    throw GraftError(
      .invalidArgument, "Index \(wrong) is out of range: the tuples have \(types.count) components.")
  }
}
