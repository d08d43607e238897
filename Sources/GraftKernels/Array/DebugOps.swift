import GraftTensor

/// Ops that tell about values and about the engine.
enum DebugOps {
  static let all: [OpDefinition] = [
    DebugNumericSummary.definition,
    OpDefinition(
      "DebugNanCount",
      "How many elements are NaN, as a vector of one; with `gated_grpc`, nothing. It is not reported elsewhere.",
      types: ["T": .reals + [.bool]],
      shape: { [PartialShape([try $0.node.bool("gated_grpc") ? 0 : 1])] },
      prepare: { setup in
        let isGated = try setup.bool("gated_grpc")
        return { context in
          guard !isGated else {
            try context.setOutput(0, try Tensor([Int64]()))
            return
          }
          let input = try context.input(0)
          func count<T: OrderedElement>(_ type: T.Type) -> Int {
            input.buffer(as: type).reduce(0) { $1.isNotANumber ? $0 + 1 : $0 }
          }
          let found =
            switch input.dtype {
            case .float16: count(Float16.self)
            case .bfloat16: count(BFloat16.self)
            case .float32: count(Float.self)
            case .float64: count(Double.self)
            default: 0
            }
          try context.setOutput(0, try Tensor([Int64(found)]))
        }
      }),
    OpDefinition(
      "IsTensorFloat32Enabled",
      "Whether products may be computed in TensorFloat-32 where the processor has it: true, as TensorFlow "
        + "says without being told otherwise.", shape: ShapeRules.scalar,
      prepare: { _ in { try $0.setOutput(0, try Tensor(true)) } }),
  ]
}
