import GraftGraph
import GraftTensor

/// A queue of a session: runs put tuples of tensors in and take them out, and wait where there is no room or
/// nothing to take.
final class SessionQueue: SessionResource {
  static let kind = "queue"

  /// What a queue is made with; nodes that share one agree in it.
  struct Description: Sendable, Equatable {
    let discipline: QueueDiscipline
    let types: [DataType]
    /// The components' shapes; none where every element may have its own.
    let shapes: [PartialShape]
    let capacity: Int
  }

  let name: String
  let description: Description
  private let monitor: Monitor<State>

  private struct State {
    var contents: QueueContents
    var isClosing = false
    var isClosed = false
    /// Counts the times that waiting enqueues were cancelled.
    var cancellations = 0
    var nextTicket = 0
    /// Those who wait to put something in, and to take something out, in the order in which they came.
    var enqueues: [Int] = []
    var dequeues: [Int] = []

    mutating func ticket() -> Int {
      nextTicket += 1
      return nextTicket
    }
  }

  init(name: String, _ description: Description) {
    self.name = name
    self.description = description
    monitor = Monitor(State(contents: QueueContents(description.discipline)))
  }

  /// How many elements there are.
  var count: Int { monitor.withLock { $0.contents.count } }

  /// Whether it was closed.
  var isClosed: Bool { monitor.withLock { $0.isClosed } }

  // MARK: Putting in

  /// Adds elements in their order, each when there is room for it.
  func enqueue(_ elements: [[Tensor]], _ context: KernelContext) throws {
    for element in elements { try check(element) }
    guard !elements.isEmpty else { return }
    var next = 0
    let (ticket, cancellations) = try monitor.withLock { state in
      if state.isClosing { throw closed() }
      let ticket = state.ticket()
      state.enqueues.append(ticket)
      return (ticket, state.cancellations)
    }
    defer { monitor.withLock { state in state.enqueues.removeAll { $0 == ticket } } }
    try monitor.wait(context) { state in
      "The queue '\(name)' has \(state.contents.count) elements, which is all that it takes."
    } _: { state -> Void? in
      if state.cancellations != cancellations {
        throw GraftError(.cancelled, "The enqueue on the queue '\(name)' was cancelled when it was closed.")
      }
      guard state.enqueues.first == ticket else { return nil }
      while next < elements.count, state.contents.count < description.capacity {
        state.contents.add(elements[next])
        next += 1
      }
      return next == elements.count ? () : nil
    }
  }

  private func check(_ element: [Tensor]) throws {
    guard element.map(\.dtype) == description.types else {
      throw GraftError(
        .invalidArgument,
        "The queue '\(name)' holds \(description.types), and \(element.map(\.dtype)) is put into it.")
    }
    for (index, shape) in description.shapes.enumerated() where !shape.accepts(element[index].shape) {
      throw GraftError(
        .invalidArgument,
        "Component \(index) of the queue '\(name)' has shape \(shape), and \(element[index].shape) is put into it."
      )
    }
  }

  private func closed() -> GraftError {
    GraftError(.cancelled, "The queue '\(name)' is closed.")
  }

  // MARK: Taking out

  /// Takes elements when there are enough of them.
  ///
  /// - Parameter acceptsFewer: whether those left in a closed queue will do, at least one.
  func dequeue(_ count: Int, acceptsFewer: Bool = false, _ context: KernelContext) throws -> [[Tensor]] {
    guard count > 0 else { return [] }
    var taken: [[Tensor]] = []
    let ticket = monitor.withLock { state in
      let ticket = state.ticket()
      state.dequeues.append(ticket)
      return ticket
    }
    defer {
      monitor.withLock { state in
        state.dequeues.removeAll { $0 == ticket }
        if !taken.isEmpty { state.contents.putBack(taken) }
      }
    }
    let result = try monitor.wait(context) { state in
      "\(count) elements of the queue '\(name)' are waited for, and it has \(state.contents.count + taken.count)."
    } _: { state -> [[Tensor]]? in
      guard state.dequeues.first == ticket else { return nil }
      let minimum = state.isClosed ? 0 : description.discipline.minimum
      while taken.count < count, state.contents.count > minimum, let element = state.contents.take() {
        taken.append(element)
      }
      if taken.count == count || state.isClosed && acceptsFewer && !taken.isEmpty { return taken }
      guard !state.isClosed else {
        throw GraftError(
          .outOfRange,
          "The queue '\(name)' is closed and has not enough elements: \(count) were asked for, "
            + "and it has \(taken.count).")
      }
      return nil
    }
    taken = []
    return result
  }

  // MARK: Closing

  /// Refuses what is put in from now on. What waits already to be put in goes first, unless it is cancelled.
  func close(cancellingEnqueues: Bool, _ context: KernelContext) throws {
    try monitor.withLock { state in
      if state.isClosing {
        // A second request may still cancel.
        guard cancellingEnqueues, !state.isClosed else {
          if cancellingEnqueues { return }
          throw GraftError(.cancelled, "The queue '\(name)' is already closed.")
        }
      }
      state.isClosing = true
      if cancellingEnqueues {
        state.cancellations += 1
        state.isClosed = true
      }
    }
    try monitor.wait(context) { state in
      "The queue '\(name)' is to be closed, and \(state.enqueues.count) enqueues wait for room in it."
    } _: { state -> Void? in
      if state.enqueues.isEmpty { state.isClosed = true }
      return state.isClosed ? () : nil
    }
  }
}
