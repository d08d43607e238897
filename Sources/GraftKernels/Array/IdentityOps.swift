import GraftTensor

/// Ops that pass their inputs on.
enum IdentityOps {
  static let all: [OpDefinition] = [
    passing("Identity", "The input."),
    passing("StopGradient", "The input. No gradient goes through it."),
    passing("PreventGradient", "The input. A gradient that reaches it is an error where it is built."),
    passing("Snapshot", "The input.", types: ["T": .plainValues]),
    passing("DeepCopy", "The input as it is at this moment.", stateful: true),
    passing("Copy", "The input."), passing("CopyHost", "The input."),
    watching("DebugIdentity"), watching("DebugIdentityV3"),
    passing("DebugGradientIdentity", "The input."),
    passing("DebugGradientRefIdentity", "The reference that is the input."),
    passing("GuaranteeConst", "The input. The graph promises that it is the same in every run."),
    identityN, noOp, ensureShape,
  ]

  private static func passing(
    _ name: String, _ summary: String, types: [String: [DataType]] = [:], stateful: Bool = false
  ) -> OpDefinition {
    OpDefinition(
      name, summary, types: types, traits: stateful ? [.stateful] : [.passesThrough],
      shape: ShapeRules.sameAsInput, prepare: { _ in { try $0.setOutput(0, try $0.input(0)) } })
  }

  /// A gate that no one opens lets nothing through.
  private static func watching(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "The input. What watches it is not reported to; with `gated_grpc`, nothing.",
      shape: { try $0.node.bool("gated_grpc") ? [PartialShape([0])] : [$0.input(0)] },
      prepare: { setup in
        let isGated = try setup.bool("gated_grpc")
        return { context in
          let input = try context.input(0)
          try context.setOutput(0, isGated ? try Tensor(uninitialized: input.dtype, shape: [0]) : input)
        }
      })
  }

  private static let identityN = OpDefinition(
    "IdentityN", "The inputs, each in its place.", traits: [.passesThrough], shape: ShapeRules.each,
    prepare: { _ in
      { context in
        for index in 0..<context.inputCount { try context.setOutput(index, try context.input(index)) }
      }
    })

  private static let noOp = OpDefinition(
    "NoOp", "Nothing. Other operations wait for it, or it for them.", shape: { _ in [] },
    prepare: { _ in { _ in } })

  private static let ensureShape = OpDefinition(
    "EnsureShape", "The input; an error where it does not have the shape of the attribute `shape`.",
    shape: { context in
      let wanted = try context.node.shape("shape")
      return [context.input(0).merged(with: wanted) ?? wanted]
    },
    prepare: { setup in
      let wanted = try setup.shape("shape")
      return { context in
        let input = try context.input(0)
        guard wanted.accepts(input.shape) else {
          throw ArrayArguments.invalid(
            "The input's shape \(input.shape) is not compatible with the expected shape \(wanted).", input: 0)
        }
        try context.setOutput(0, input)
      }
    })
}
