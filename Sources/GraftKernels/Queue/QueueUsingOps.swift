import GraftGraph
import GraftTensor

/// Ops on queues, those of both versions.
enum QueueUsingOps {
  static let all: [OpDefinition] = ["", "V2"].flatMap { version in
    [
      enqueue(version), enqueueMany(version), dequeue(version),
      dequeueMany("QueueDequeueMany" + version, "Takes elements out, when there are so many, as batches."),
      dequeueMany(
        "QueueDequeueUpTo" + version, "Takes elements out as batches; of a closed queue those that are left."),
      close(version), size(version), isClosed("QueueIsClosed" + version),
    ]
  }

  private static func enqueue(_ version: String) -> OpDefinition {
    OpDefinition(
      "QueueEnqueue" + version, "Puts an element in, when there is room.", traits: [.stateful, .keepsInputs],
      shape: { _ in [] }
    ) { node in
      try checkTimeout(node)
      return { context in
        let queue = try context.resource(0, as: SessionQueue.self)
        let element = try (1..<max(context.inputCount, 1)).map { try context.input($0).persistent() }
        try queue.enqueue([element], context)
      }
    }
  }

  private static func enqueueMany(_ version: String) -> OpDefinition {
    OpDefinition(
      "QueueEnqueueMany" + version, "Puts the slices along the first dimension in, each when there is room.",
      traits: [.stateful, .keepsInputs], shape: { _ in [] }
    ) { node in
      try checkTimeout(node)
      return { context in
        let queue = try context.resource(0, as: SessionQueue.self)
        let components = try (1..<max(context.inputCount, 1)).map { try context.input($0).persistent() }
        try queue.enqueue(try TensorBatch.slices(of: components), context)
      }
    }
  }

  private static func dequeue(_ version: String) -> OpDefinition {
    OpDefinition(
      "QueueDequeue" + version, "Takes an element out, when there is one.", traits: [.stateful, .waits],
      shape: ShapeRules.unknown
    ) { node in
      try checkTimeout(node)
      return { context in
        let queue = try context.resource(0, as: SessionQueue.self)
        try checkTypes(node, queue)
        for (index, tensor) in try (queue.dequeue(1, context).first ?? []).enumerated() {
          try context.setOutput(index, tensor)
        }
      }
    }
  }

  private static func dequeueMany(_ name: String, _ summary: String) -> OpDefinition {
    OpDefinition(name, summary, traits: [.stateful, .waits], shape: ShapeRules.unknown) { node in
      try checkTimeout(node)
      let acceptsFewer = name.contains("UpTo")
      return { context in
        let queue = try context.resource(0, as: SessionQueue.self)
        try checkTypes(node, queue)
        let count = try context.input(1).integer()
        guard count >= 0 else {
          throw GraftError(.invalidArgument, "\(count) elements are asked for.", at: .init(input: 1))
        }
        let description = queue.description
        guard description.shapes.count == description.types.count else {
          throw GraftError(
            .invalidArgument, "The queue '\(queue.name)' was made without shapes, so it gives no batches.",
            remedy: "Take elements one by one, or give the queue `shapes`.")
        }
        let elements = try queue.dequeue(count, acceptsFewer: acceptsFewer, context)
        for (index, type) in description.types.enumerated() {
          let shape = description.shapes[index]
          let batch =
            try description.discipline == .padding
            ? TensorBatch.padded(elements.map { $0[index] }, type, shape)
            : TensorBatch.stacked(elements.map { $0[index] }, type, shape)
          try context.setOutput(index, batch)
        }
      }
    }
  }

  private static func close(_ version: String) -> OpDefinition {
    OpDefinition(
      "QueueClose" + version, "Closes the queue: nothing is put in any more, and what is in can be taken.",
      traits: [.stateful], shape: { _ in [] }
    ) { node in
      let cancels = try node.bool("cancel_pending_enqueues")
      return { context in
        try context.resource(0, as: SessionQueue.self).close(cancellingEnqueues: cancels, context)
      }
    }
  }

  private static func size(_ version: String) -> OpDefinition {
    OpDefinition(
      "QueueSize" + version, "How many elements the queue has.", traits: [.stateful], shape: ShapeRules.scalar
    ) { _ in
      return { context in
        let count = try context.resource(0, as: SessionQueue.self).count
        try context.setOutput(0, try Tensor(Int32(clamping: count)))
      }
    }
  }

  private static func isClosed(_ name: String) -> OpDefinition {
    OpDefinition(name, "Whether the queue was closed.", traits: [.stateful], shape: ShapeRules.scalar) { _ in
      return { context in
        try context.setOutput(0, try Tensor(try context.resource(0, as: SessionQueue.self).isClosed))
      }
    }
  }

  private static func checkTypes(_ node: NodeSetup, _ queue: SessionQueue) throws {
    guard node.outputTypes == queue.description.types else {
      throw GraftError(
        .invalidArgument,
        "The queue '\(queue.name)' holds \(queue.description.types), and \(node.outputTypes) is taken from it."
      )
    }
  }

  private static func checkTimeout(_ node: NodeSetup) throws {
    let timeout = try node.int("timeout_ms")
    guard timeout == -1 else {
      throw node.invalid(
        "timeout_ms is \(timeout), and only -1 is supported, as in TensorFlow.",
        remedy: "Give the run a `timeout`.")
    }
  }
}
