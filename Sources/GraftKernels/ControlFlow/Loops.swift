import GraftGraph
import GraftTensor

/// Ops that call functions over and over.
enum Loops {
  static let all: [OpDefinition] = [whileLoop("While"), whileLoop("StatelessWhile"), forLoop]

  private static func whileLoop(_ name: String) -> OpDefinition {
    OpDefinition(
      name, "Calls `body` on its own results for as long as `cond` holds for them.",
      traits: [.stateful, .keepsInputs], shape: ShapeRules.unknown
    ) { node in
      let (condition, body) = (try node.function("cond"), try node.function("body"))
      let isSwitch = node.becomesSwitch
      return { context in
        let (condition, body) = (
          try context.functions.function(condition), try context.functions.function(body)
        )
        var values = try context.inputs()
        for count in 0... {
          try context.checkpoint()
          guard let test = try condition(values).first else {
            throw GraftError(.invalidArgument, "The loop's condition gives no result.")
          }
          guard try test.isPredicateTrue(ofSwitch: isSwitch) else { break }
          try context.checkLoopSteps(count)
          values = try body(values)
        }
        try context.setOutputs(values)
      }
    }
  }

  private static let forLoop = OpDefinition(
    "For", "Calls `body` with each number from start to limit, and its own results.",
    traits: [.stateful, .keepsInputs], shape: ShapeRules.unknown
  ) { node in
    let body = try node.function("body")
    return { context in
      let body = try context.functions.function(body)
      let (start, limit, delta) = (
        try context.input(0).integer(), try context.input(1).integer(), try context.input(2).integer()
      )
      guard delta != 0 else { throw GraftError(.invalidArgument, "The loop's step is 0.") }
      guard (delta > 0) == (start <= limit) || start == limit else {
        throw GraftError(
          .invalidArgument, "The loop from \(start) to \(limit) never ends with step \(delta).")
      }
      var values = Array(try context.inputs().dropFirst(3))
      for (count, index) in stride(from: start, to: limit, by: delta).enumerated() {
        try context.checkpoint()
        try context.checkLoopSteps(count)
        values = try body([try Tensor(Int32(clamping: index))] + values)
      }
      try context.setOutputs(values)
    }
  }
}

extension KernelContext {
  /// Ends a loop that takes too many rounds.
  ///
  /// - Parameter count: how many it has taken.
  /// - Throws: `GraftError` (`resourceExhausted`).
  package func checkLoopSteps(_ count: Int) throws {
    if count >= maximumLoopSteps { throw GraftError.tooManyLoopSteps(maximumLoopSteps) }
  }
}

extension GraftError {
  /// What a loop that takes too many rounds ends with.
  package static func tooManyLoopSteps(_ maximum: Int) -> GraftError {
    GraftError(
      .resourceExhausted, "The loop was stopped after \(maximum) rounds.",
      remedy: "`SessionOptions.limits.loopSteps` allows more, if it is meant to take them.")
  }
}
