import GraftKernels
import Synchronization

/// A plan as a session keeps it.
enum SessionPlan: Sendable {
  /// One that holds whatever values variables have.
  case fixed(ExecutablePlan)
  /// One that takes the values of variables for constants.
  case specialized(SpecializedPlan)

  /// The plan for the values that variables have now.
  ///
  /// - Parameter control: ends the planning with the run.
  /// - Throws: `GraftError`, as planning does, where the plan has to be made anew.
  func current(_ control: RunControl) throws -> ExecutablePlan {
    switch self {
    case .fixed(let plan): plan
    case .specialized(let plan): try plan.current(control)
    }
  }

  /// The plan that was made last.
  var latest: ExecutablePlan {
    switch self {
    case .fixed(let plan): plan
    case .specialized(let plan): plan.latest
    }
  }
}

/// A plan that is made anew when variables have changed whose values it takes for constants. Those that change
/// again and again it reads instead, when it runs.
final class SpecializedPlan: Sendable {
  private struct State {
    var plan: ExecutablePlan
    var facts: VariableFacts
    /// The session's epoch up to which the facts are known to hold.
    var epoch: Int
    /// How many runs took the plan.
    var runs = 0
    /// How often plans were made anew for a variable's sake after few runs.
    var losses: [VariableName: Int] = [:]
    /// How often the plan was made anew.
    var generation = 0
  }

  /// How often a plan is made anew for a variable's sake.
  private static let patience = 3
  /// After how many runs a plan was worth the making.
  private static let worthwhileRuns = 1_000

  private let state: Mutex<State>
  private let resources: ResourceManager
  private let make: @Sendable (inout VariableFacts) throws -> ExecutablePlan

  /// - Parameters:
  ///   - facts: what `plan` takes for granted.
  ///   - make: makes the plan, as it was made.
  init(
    _ plan: ExecutablePlan, _ facts: VariableFacts, _ resources: ResourceManager,
    make: @escaping @Sendable (inout VariableFacts) throws -> ExecutablePlan
  ) {
    state = Mutex(State(plan: plan, facts: facts, epoch: facts.epoch))
    self.resources = resources
    self.make = make
  }

  var latest: ExecutablePlan { state.withLock { $0.plan } }

  /// The plan for the values that variables have now.
  ///
  /// - Complexity: O(1) where no variable of the session has changed, O(variables) where none of the plan's has.
  func current(_ control: RunControl) throws -> ExecutablePlan {
    let epoch = resources.variableEpoch.count
    let plan = state.withLock { state -> ExecutablePlan? in
      if state.epoch != epoch {
        guard state.facts.hold else { return nil }
        state.epoch = epoch
      }
      state.runs += 1
      return state.plan
    }
    return try plan ?? PlanningLimit.run({ try control.check() }) { try renewed(state.withLock { $0 }) }
  }

  /// The plan made anew, without the lock: what is computed for it may itself run something.
  private func renewed(_ old: State) throws -> ExecutablePlan {
    var losses = old.losses
    if old.runs < Self.worthwhileRuns {
      for name in old.facts.changed { losses[name, default: 0] += 1 }
    }
    var facts = VariableFacts(
      resources, unsteady: Set(losses.filter { $0.value >= Self.patience }.map(\.key)))
    let plan = try make(&facts)
    state.withLock { state in
      // Another run may have been faster.
      guard state.generation == old.generation else { return }
      state = State(
        plan: plan, facts: facts, epoch: facts.epoch, runs: 1, losses: losses,
        generation: old.generation + 1)
    }
    return plan
  }
}
