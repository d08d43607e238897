import GraftKernels
import GraftTensor

/// Runs plans.
struct Executor {
  let workers: WorkerPool
  /// Whether values are placed in an arena; without it each is allocated by itself.
  let usesArena: Bool

  /// What the session keeps from run to run.
  let resources: ResourceManager

  /// Runs a plan once.
  ///
  /// - Parameters:
  ///   - functions: the library of the graph that the plan is of, made where a kernel is run.
  ///   - files: the files that the run may touch.
  /// - Throws: what a kernel throws, with the node's name and op, and its inputs' shapes.
  func run(
    _ plan: ExecutablePlan, feeds: [Tensor], functions: () -> any FunctionRunner, files: FileAccess,
    control: RunControl
  ) throws -> [Tensor] {
    switch plan {
    case .straight(let plan):
      return try run(plan, feeds: feeds, functions: functions, files: files, control: control)
    case .dataflow(let plan):
      let evaluator = NodeEvaluator(
        workers: workers, resources: resources, functions: functions(), files: files,
        checkpoint: { try control.check() }, maximumLoopSteps: control.maximumLoopSteps,
        isLimited: control.isLimited, trace: control.trace)
      var interpreter = DataflowInterpreter(plan: plan, feeds: feeds, control: control, evaluator: evaluator)
      return try interpreter.run()
    }
  }

  /// Runs a plan without dataflow once.
  private func run(
    _ programs: PlanPrograms, feeds: [Tensor], functions: () -> any FunctionRunner, files: FileAccess,
    control: RunControl
  ) throws -> [Tensor] {
    guard usesArena else {
      let frame = try Frame(plan: programs.plan)
      return try run(frame, feeds: feeds, functions: functions, files: files, control: control)
    }
    let program = try programs.program(for: feeds, control)
    let frame = try program.takeFrame(feeds)
    do {
      let results = try run(frame, feeds: feeds, functions: functions, files: files, control: control)
      program.putBack(frame, completed: true)
      return results
    } catch {
      frame.reset()
      program.putBack(frame, completed: false)
      throw error
    }
  }

  private func run(
    _ frame: Frame, feeds: [Tensor], functions: () -> any FunctionRunner, files: FileAccess,
    control: RunControl
  ) throws -> [Tensor] {
    let plan = frame.plan
    for position in feeds.indices { frame.feed(position, feeds[position]) }
    try frame.run(control, trace: control.trace) {
      KernelContext(
        values: frame.values, allocator: frame, workers: workers, resources: resources,
        functions: functions(), files: files, checkpoint: { try control.check() },
        maximumLoopSteps: control.maximumLoopSteps, isLimited: control.isLimited, trace: control.trace)
    }
    var results: [Tensor] = []
    results.reserveCapacity(plan.fetchSlots.count)
    for slot in plan.fetchSlots {
      guard let value = frame.values[slot] else {
        throw GraftError(.internalError, "A fetched tensor has no value after the run.")
      }
      results.append(try plan.slotTypes[slot].fetched(value).persistent())
    }
    frame.reset()
    return results
  }
}
