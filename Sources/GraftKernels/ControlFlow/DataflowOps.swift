import GraftTensor

/// The control flow of TensorFlow 1: values that flow, are dead, or go from one round of a loop to the
/// next. The runtime's dataflow interpreter gives these ops their meaning; they have no kernels.
enum DataflowOps {
  static let all: [OpDefinition] = [
    op(
      "Switch",
      "Passes its input to output 1 where the predicate holds, else to output 0; the other is dead.",
      shape: { [$0.input(0), $0.input(0)] }),
    op("RefSwitch", "`Switch` for references.", shape: { [$0.input(0), $0.input(0)] }),
    op(
      "_SwitchN",
      "Passes its input to the output of the given number, to the last one where there is none; the others are dead.",
      shape: { context in context.node.outputTypes.map { _ in context.input(0) } }),
    op("Merge", "Passes on the first input that is not dead, and its index.", shape: merged),
    op("RefMerge", "`Merge` for references.", shape: merged),
    op("Enter", "Passes its input into a loop.", shape: entered),
    op("RefEnter", "`Enter` for references.", shape: ShapeRules.sameAsInput),
    op("Exit", "Passes its input out of a loop."),
    op("RefExit", "`Exit` for references."),
    op("NextIteration", "Passes its input to the loop's next round."),
    op("RefNextIteration", "`NextIteration` for references."),
    OpDefinition(
      "LoopCond", "Passes the condition of a loop on.", traits: [.dataflow], shape: ShapeRules.scalar
    ) { _ in { context in try context.setOutput(0, try context.input(0)) } },
    OpDefinition(
      "ControlTrigger", "Does nothing, whether what it waits for is dead or not.", traits: [.dataflow],
      shape: { _ in [] }
    ) { _ in { _ in } },
  ]

  /// What all inputs have in common; nothing while one of them, as a loop's next round, is not known.
  private static let merged: ShapeRule = { context in
    let ranks = Set(context.inputs.map(\.rank))
    guard ranks.count == 1, let first = ranks.first, let rank = first else { return [.unknown, .scalar] }
    let sizes = (0..<rank).map { axis -> Int? in
      let found = Set(context.inputs.map { $0[axis] })
      return found.count == 1 ? found.first.flatMap { $0 } : nil
    }
    return [PartialShape(sizes), .scalar]
  }

  /// A variable of the loop may change its shape, a constant does not.
  private static let entered: ShapeRule = { context in
    try context.node.bool("is_constant") ? [context.input(0)] : [.unknown]
  }

  private static func op(
    _ name: String, _ summary: String, shape: @escaping ShapeRule = ShapeRules.unknown
  ) -> OpDefinition {
    OpDefinition(name, summary, traits: [.dataflow], shape: shape) { node in
      return { _ in
        throw GraftError(.internalError, "\(node.op) runs in the dataflow interpreter only.")
      }
    }
  }
}
