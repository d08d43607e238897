import GraftKernels
import GraftTensor
import Synchronization

/// A plan as a session keeps it, and what runs of it left for the next ones.
final class SessionPlan: Sendable {
  private enum Kind {
    /// One that holds whatever values variables have.
    case fixed(ExecutablePlan)
    /// One that takes the values of variables for constants.
    case specialized(SpecializedPlan)
  }

  private let kind: Kind
  let leases = FrameLeases()

  init(fixed plan: ExecutablePlan) {
    kind = .fixed(plan)
  }

  init(_ plan: SpecializedPlan) {
    kind = .specialized(plan)
  }

  /// The plan for the values that variables have now.
  ///
  /// - Parameter control: ends the planning with the run.
  /// - Throws: `GraftError`, as planning does, where the plan has to be made anew.
  func current(_ control: RunControl) throws -> ExecutablePlan {
    switch kind {
    case .fixed(let plan): return plan
    case .specialized(let plan):
      // What other threads left would keep the programs of old values, with their weights.
      plan.count(leases.end(except: plan.epoch))
      return try plan.current(control)
    }
  }

  /// What tells whether the plan of now is that of an earlier run.
  var epoch: Int {
    switch kind {
    case .fixed: 0
    case .specialized(let plan): plan.epoch
    }
  }

  /// What a run on this thread left, where it is for values like these and variables are what they were.
  func takeLease(for feeds: [Tensor]) -> FrameLease? {
    guard let lease = leases.take() else { return nil }
    if lease.epoch == epoch, lease.accepts(feeds) {
      lease.runs += 1
      return lease
    }
    if case .specialized(let plan) = kind { plan.count(lease.runs) }
    lease.end()
    return nil
  }

  /// The plan that was made last.
  var latest: ExecutablePlan {
    switch kind {
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

  /// Where it is what it was, no variable of the session has changed meanwhile.
  var epoch: Int { resources.variableEpoch.count }

  /// Takes note of runs that did not ask for the plan.
  func count(_ runs: Int) {
    if runs > 0 { state.withLock { $0.runs += runs } }
  }

  /// The plan for the values that variables have now.
  ///
  /// - Complexity: O(1) where no variable of the session has changed, O(variables) where none of the plan's has.
  func current(_ control: RunControl) throws -> ExecutablePlan {
    let epoch = epoch
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
