import GraftKernels
import GraftTensor

/// A conditional as it runs: one of several plans.
final class ChoiceKernel: Sendable {
  private let branches: [PlanPrograms]
  private let isConditional: Bool

  /// - Parameters:
  ///   - bodies: the branches, all with what they see as feeds.
  ///   - isConditional: whether false and true choose, not a number.
  init(_ bodies: [PlanGraph], isConditional: Bool) throws {
    self.isConditional = isConditional
    branches = try bodies.map { body in
      PlanPrograms(plan: try Plan(body, feedCount: body.nodes.count { $0.feed != nil }))
    }
  }

  func run(_ context: KernelContext) throws {
    let branch = branches[try Self.branch(try context.input(0), of: branches.count, isConditional)]
    let values = try (1..<max(context.inputCount, 1)).map { try context.input($0) }
    let run = NestedRun(branch, captures: [], isLoop: false, in: context)
    defer { run.end() }
    for (index, value) in try run.results(values).enumerated() { try context.setOutput(index, value) }
  }

  /// The branch that a value chooses.
  static func branch(_ selector: Tensor, of count: Int, _ isConditional: Bool) throws -> Int {
    if isConditional { return try selector.isPredicateTrue(ofSwitch: true) ? 1 : 0 }
    let index = try selector.integer()
    return index >= 0 && index < count ? index : count - 1
  }
}
