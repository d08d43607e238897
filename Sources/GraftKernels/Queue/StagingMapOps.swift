import GraftGraph
import GraftTensor

/// Staging areas that find their tuples by a key.
enum StagingMapOps {
  static let all: [OpDefinition] = ["", "Ordered"].flatMap { kind in
    [
      put(kind), get(kind, "Unstage", "Takes components of a key's tuple out, when it is complete."),
      get(kind, "Peek", "Components of a key's tuple, when it is complete; they stay."), takeAny(kind),
      size(kind + "MapSize", "How many complete tuples the map has.") { $0.count },
      size(kind + "MapIncompleteSize", "How many tuples of the map lack components.") { $0.incompleteCount },
      clear(kind),
    ]
  }

  private static func put(_ kind: String) -> OpDefinition {
    OpDefinition(
      kind + "MapStage", "Puts components of a key's tuple into the map, when there is room.",
      traits: [.stateful, .keepsInputs], shape: { _ in [] }
    ) { node in
      let map = try map(node)
      return { context in
        let values = try (2..<max(context.inputCount, 2)).map { try context.input($0).persistent() }
        try map(context).put(
          try context.input(0).integer(), try context.input(1).integers(), values, context)
      }
    }
  }

  private static func get(_ kind: String, _ action: String, _ summary: String) -> OpDefinition {
    OpDefinition(
      kind + "Map" + action, summary, traits: [.stateful, .waits], shape: ShapeRules.unknown
    ) { node in
      let map = try map(node)
      return { context in
        let values = try map(context).get(
          try context.input(0).integer(), try context.input(1).integers(), taking: action == "Unstage",
          context)
        try context.setStaged(values, node)
      }
    }
  }

  private static func takeAny(_ kind: String) -> OpDefinition {
    OpDefinition(
      kind + "MapUnstageNoKey", "Takes components of some key's tuple out, with the key.",
      traits: [.stateful, .waits], shape: ShapeRules.unknown
    ) { node in
      let map = try map(node)
      return { context in
        let (key, values) = try map(context).takeAny(try context.input(0).integers(), context)
        try context.setOutput(0, try Tensor(Int64(key)))
        try context.setStaged(values, node, from: 1)
      }
    }
  }

  private static func size(
    _ name: String, _ summary: String, _ count: @escaping @Sendable (StagingMap) -> Int
  ) -> OpDefinition {
    OpDefinition(name, summary, traits: [.stateful], shape: ShapeRules.scalar) { node in
      let map = try map(node)
      return { context in try context.setOutput(0, try Tensor(Int32(clamping: count(map(context))))) }
    }
  }

  private static func clear(_ kind: String) -> OpDefinition {
    OpDefinition(
      kind + "MapClear", "Takes all tuples out of the map.", traits: [.stateful], shape: { _ in [] }
    ) { node in
      let map = try map(node)
      return { context in try map(context).clear() }
    }
  }

  private static func map(_ node: NodeSetup) throws -> @Sendable (KernelContext) throws -> StagingMap {
    let limits = try StagingLimits(node)
    let types = try node.types("dtypes")
    let (container, sharedName) = (try node.string("container"), try node.string("shared_name"))
    let name = sharedName.isEmpty ? node.name : sharedName
    let isOrdered = node.op.hasPrefix("Ordered")
    return { context in
      try context.resources.resource(StagingMap.self, container: container, name: name) {
        StagingMap(name: name, limits, types: types, isOrdered: isOrdered)
      }
    }
  }
}
