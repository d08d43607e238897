import GraftTensor

/// What graphs ask about the device that they run on, and tell it.
enum DeviceOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "DeviceIndex",
      "Which of the attribute's kinds of device runs the graph: it is the CPU. Their number where it is none.",
      shape: ShapeRules.scalar
    ) { node in
      let names = try node.strings("device_names").map(\.string)
      let index = Int32(clamping: names.firstIndex(of: "CPU") ?? names.count)
      return { context in try context.setOutput(0, try Tensor(index)) }
    },
    OpDefinition(
      "DisableCopyOnRead", "Says that a variable's reads need no copies of their own; here none has one.",
      traits: [.stateful], shape: { _ in [] }
    ) { _ in
      return { context in _ = try context.resource(0, as: Variable.self) }
    },
  ]
}
