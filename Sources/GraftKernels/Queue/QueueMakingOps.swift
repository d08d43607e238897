import GraftGraph
import GraftTensor

/// Ops that make queues.
///
/// Those of the first version give a reference, the others a handle: both travel as handles here.
enum QueueMakingOps {
  static let all: [OpDefinition] =
    both("FIFOQueue", "A queue that gives elements back in the order in which they came.") { _ in .fifo }
    + both("PaddingFIFOQueue", "A queue in order whose elements may differ in sizes; batches are padded.") {
      _ in
      .padding
    }
    + both("RandomShuffleQueue", "A queue that gives elements back in a random order.") { node in
      let minimum = try node.int("min_after_dequeue")
      let capacity = try node.int("capacity")
      guard minimum >= 0 else {
        throw node.invalid("min_after_dequeue is \(minimum), and must not be negative.")
      }
      guard capacity < 0 || minimum < capacity else {
        throw node.invalid(
          "min_after_dequeue is \(minimum), and must be less than the capacity, \(capacity).")
      }
      return .shuffle(minimum: minimum, seed: try node.int("seed"), seed2: try node.int("seed2"))
    }
    + both("PriorityQueue", "A queue that gives the element of the least priority first.") { _ in .priority }

  private static func both(
    _ name: String, _ summary: String,
    _ discipline: @escaping @Sendable (NodeSetup) throws -> QueueDiscipline
  ) -> [OpDefinition] {
    ["", "V2"].map { version in
      OpDefinition(name + version, summary, traits: [.stateful], shape: ShapeRules.scalar) { node in
        let container = try node.string("container")
        let sharedName = try node.string("shared_name")
        let queueName = sharedName.isEmpty ? node.name : sharedName
        let description = try Self.description(node, try discipline(node))
        return { context in
          let queue = try context.resources.resource(
            SessionQueue.self, container: container, name: queueName
          ) {
            SessionQueue(name: queueName, description)
          }
          guard queue.description == description else {
            throw GraftError(
              .invalidArgument,
              "The queue '\(queueName)' was made with another kind, capacity, types or shapes by another node."
            )
          }
          try context.setOutput(0, try Tensor(handle: queue))
        }
      }
    }
  }

  private static func description(
    _ node: NodeSetup, _ discipline: QueueDiscipline
  ) throws -> SessionQueue.Description {
    var types = try node.types("component_types")
    var shapes = try node.shapes("shapes")
    if discipline == .priority {
      types.insert(.int64, at: 0)
      shapes.insert(.scalar, at: 0)
    }
    let needsShapes = discipline == .padding || discipline == .priority
    guard shapes.isEmpty && !needsShapes || shapes.count == types.count else {
      throw node.invalid("There are \(types.count) component types and \(shapes.count) shapes.")
    }
    for shape in shapes where discipline == .padding ? shape.rank == nil : shape.fullyDefined == nil {
      throw node.invalid(
        "A component has the shape \(shape), which is not known well enough.",
        remedy: "A PaddingFIFOQueue takes shapes of known rank, other queues fully known ones.")
    }
    let capacity = try node.int("capacity")
    return SessionQueue.Description(
      discipline: discipline, types: types, shapes: shapes, capacity: capacity < 0 ? .max : capacity)
  }
}
