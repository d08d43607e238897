import GraftTensor

/// Gathers the components of elements by key, and gives out those that are complete.
final class Barrier: SessionResource {
  static let kind = "barrier"

  private struct Element {
    var components: [Tensor?]
    /// Which insertion it came with: what order elements are taken in.
    let index: Int64
    let arrival: Int
  }

  private struct Contents {
    var incomplete: [Bytes: Element] = [:]
    var ready: [(key: Bytes, element: Element)] = []
    var nextIndex = Int64.min
    var arrivals = 0
    var isClosed = false
    var isCancelled = false
  }

  let name: String
  let types: [DataType]
  /// The shapes of the components; empty for any.
  let shapes: [PartialShape]
  private let contents = Monitor(Contents())

  init(name: String, types: [DataType], shapes: [PartialShape]) {
    self.name = name
    self.types = types
    self.shapes = shapes
  }

  var readyCount: Int { contents.withLock { $0.ready.count } }
  var incompleteCount: Int { contents.withLock { $0.incomplete.count } }

  /// Gives elements a component, all or none of them.
  func insert(_ keys: [Bytes], component: Int, _ values: [Tensor]) throws {
    try contents.withLock { contents in
      guard !contents.isCancelled else {
        throw GraftError(.cancelled, "The barrier '\(name)' is closed, and takes nothing any more.")
      }
      var changed = contents
      for (key, value) in zip(keys, values) {
        var element: Element
        if let known = changed.incomplete[key] {
          element = known
        } else {
          guard !changed.isClosed else {
            throw GraftError(.cancelled, "The barrier '\(name)' is closed, and takes no new key '\(key)'.")
          }
          element = Element(
            components: Array(repeating: nil, count: types.count), index: changed.nextIndex,
            arrival: changed.arrivals)
          changed.arrivals += 1
        }
        guard element.components[component] == nil else {
          throw GraftError(
            .invalidArgument, "The key '\(key)' has a value already for component \(component).")
        }
        element.components[component] = value
        if element.components.allSatisfy({ $0 != nil }) {
          changed.incomplete[key] = nil
          changed.ready.append((key, element))
        } else {
          changed.incomplete[key] = element
        }
      }
      changed.nextIndex &+= 1
      changed.ready.sort { ($0.element.index, $0.element.arrival) < ($1.element.index, $1.element.arrival) }
      contents = changed
    }
  }

  /// Takes complete elements, when there are enough: index, key and components of each.
  ///
  /// - Throws: `GraftError`: `outOfRange` where the barrier is closed and there will never be enough; what
  ///   waiting throws.
  func take(
    _ count: Int, allowsFewer: Bool, _ context: KernelContext
  ) throws -> [(index: Int64, key: Bytes, components: [Tensor])] {
    func situation(_ contents: Contents) -> String {
      "\(count) elements are taken of the barrier '\(name)', and \(contents.ready.count) are complete."
    }
    return try contents.wait(context, for: situation) { contents in
      var available = count
      if contents.ready.count < count {
        // What is incomplete may still become complete after the barrier was closed.
        guard contents.isClosed, contents.incomplete.isEmpty else { return nil }
        guard allowsFewer, !contents.ready.isEmpty else {
          throw GraftError(.outOfRange, situation(contents) + " It is closed.")
        }
        available = contents.ready.count
      }
      let taken = contents.ready.prefix(available)
      contents.ready.removeFirst(available)
      return taken.map { ($0.element.index, $0.key, $0.element.components.compactMap { $0 }) }
    }
  }

  func close(cancelsPending: Bool) throws {
    try contents.withLock { contents in
      guard !contents.isClosed || (cancelsPending && !contents.isCancelled) else {
        throw GraftError(.cancelled, "The barrier '\(name)' is closed already.")
      }
      contents.isClosed = true
      if cancelsPending {
        contents.isCancelled = true
        contents.incomplete = [:]
      }
    }
  }
}

enum BarrierOps {
  static let all: [OpDefinition] = [
    barrier, insert, take, close,
    size("BarrierReadySize", "How many elements are complete.") { $0.readyCount },
    size("BarrierIncompleteSize", "How many elements lack a component.") { $0.incompleteCount },
  ]

  private static let barrier = OpDefinition(
    "Barrier", "A reference to the session's barrier of that container and shared name.",
    traits: [.stateful], shape: { _ in [PartialShape([2])] }
  ) { node in
    let (types, shapes) = (try node.types("component_types"), try node.shapes("shapes"))
    guard !types.isEmpty, shapes.isEmpty || shapes.count == types.count else {
      throw node.invalid("\(types.count) component types and \(shapes.count) shapes are given.")
    }
    guard try node.int("capacity") < 0 else {
      throw node.invalid("A barrier has no capacity: it must be -1.")
    }
    let place = try ResourceName(node)
    return { context in
      let barrier = try context.resources.resource(
        Barrier.self, container: place.container, name: place.name
      ) { Barrier(name: place.name, types: types, shapes: shapes) }
      guard barrier.types == types else {
        throw GraftError(
          .invalidArgument, "The barrier '\(place.name)' is of \(barrier.types), and is used for \(types).")
      }
      try context.setHandle(0, to: barrier, at: place, node)
    }
  }

  private static let insert = OpDefinition(
    "BarrierInsertMany", "Gives the elements of some keys a component.", traits: [.stateful, .keepsInputs],
    shape: { _ in [] }
  ) { node in
    let component = try node.int("component_index")
    return { context in
      let barrier = try context.resource(0, as: Barrier.self)
      let (keys, values) = (try context.input(1), try context.input(2).persistent())
      guard barrier.types.indices.contains(component), barrier.types[component] == values.dtype else {
        throw GraftError(
          .invalidArgument,
          "The barrier has components of \(barrier.types), and number \(component) is given \(values.dtype).")
      }
      guard keys.rank == 1, keys.dtype == .string, values.shape.dimensions.first == keys.elementCount else {
        throw GraftError(
          .invalidArgument, "A value for each of \(keys.shape) keys is expected; they are \(values.shape).")
      }
      let rows = values.rows()
      if let shape = rows.first?.shape, !barrier.shapes.isEmpty, !barrier.shapes[component].accepts(shape) {
        throw GraftError(
          .invalidArgument,
          "Component \(component) has shape \(barrier.shapes[component]), and \(shape) is inserted.")
      }
      try barrier.insert(try keys.scalars(as: Bytes.self), component: component, rows)
    }
  }

  private static let take = OpDefinition(
    "BarrierTakeMany", "Takes complete elements, those that were inserted first before the others.",
    traits: [.stateful, .waits],
    shape: { context in
      let count = context.node.outputTypes.count
      return [PartialShape([nil]), PartialShape([nil])]
        + [PartialShape](repeating: .unknown, count: max(count - 2, 0))
    }
  ) { node in
    let allowsFewer = try node.bool("allow_small_batch")
    let types = try node.types("component_types")
    return { context in
      let barrier = try context.resource(0, as: Barrier.self)
      guard barrier.types == types else {
        throw GraftError(.invalidArgument, "The barrier is of \(barrier.types), and \(types) are taken.")
      }
      let count = try ArrayArguments.scalar(context, 1, "num_elements")
      guard count >= 0 else {
        throw GraftError(.invalidArgument, "\(count) elements cannot be taken.", at: .init(input: 1))
      }
      let elements = try barrier.take(count, allowsFewer: allowsFewer, context)
      try context.setOutput(0, try Tensor(elements.map(\.index)))
      try context.setOutput(1, try Tensor(elements.map(\.key)))
      for (component, dtype) in types.enumerated() {
        try stack(elements.map { $0.components[component] }, dtype, component + 2, context)
      }
    }
  }

  private static func stack(_ rows: [Tensor], _ dtype: DataType, _ output: Int, _ context: KernelContext)
    throws
  {
    let shape = rows.first?.shape ?? .scalar
    guard rows.allSatisfy({ $0.shape == shape }) else {
      throw GraftError(.invalidArgument, "The elements' components have different shapes, as \(shape).")
    }
    let result = try context.allocate(output, dtype, try Shape(validating: [rows.count] + shape.dimensions))
    for (target, row) in zip(result.rows(), rows) { target.initializeElements(from: row) }
  }

  private static let close = OpDefinition(
    "BarrierClose", "Closes the barrier: it takes no new keys, but what its incomplete elements lack.",
    traits: [.stateful], shape: { _ in [] }
  ) { node in
    let cancels = try node.bool("cancel_pending_enqueues")
    return { context in try context.resource(0, as: Barrier.self).close(cancelsPending: cancels) }
  }

  private static func size(
    _ name: String, _ summary: String, _ count: @escaping @Sendable (Barrier) -> Int
  ) -> OpDefinition {
    OpDefinition(name, summary, traits: [.stateful], shape: ShapeRules.scalar) { _ in
      return { context in
        let barrier = try context.resource(0, as: Barrier.self)
        try context.setOutput(0, try Tensor(Int32(clamping: count(barrier))))
      }
    }
  }
}
