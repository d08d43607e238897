import GraftKernels
import GraftTensor

/// Runs plans.
final class Executor: Sendable {
  let workers: WorkerPool
  /// Whether values are placed in an arena; without it each is allocated by itself.
  let usesArena: Bool

  /// What the session keeps from run to run.
  let resources: ResourceManager

  init(workers: WorkerPool, usesArena: Bool, resources: ResourceManager) {
    (self.workers, self.usesArena, self.resources) = (workers, usesArena, resources)
  }

  /// Runs a session's plan once.
  ///
  /// - Parameters:
  ///   - lease: what an earlier run left, where it is for such values.
  ///   - functions: the library of the graph that the plan is of, made where a kernel is run.
  ///   - files: the files that the run may touch.
  /// - Throws: what a kernel throws, with the node's name and op, and its inputs' shapes.
  func run(
    _ plan: SessionPlan, _ lease: FrameLease?, feeds: [Tensor], functions: () -> any FunctionRunner,
    files: () -> FileAccess, control: RunControl
  ) throws -> [Tensor] {
    if let lease {
      defer { plan.leases.putBack(lease) }
      return try run(lease.frame, feeds: feeds, functions: functions, files: files, control: control)
    }
    let epoch = plan.epoch
    let current = try plan.current(control)
    guard usesArena, case .straight(let programs) = current else {
      return try run(current, feeds: feeds, functions: functions, files: files, control: control)
    }
    let program = try programs.program(for: feeds, control)
    let frame = try program.takeFrame(feeds) { plan.leases.takeFrame(of: program) }
    return try run(frame, of: program, feeds: feeds, functions: functions, files: files, control: control) {
      plan.leases.putBack(FrameLease(frame, of: program, epoch: epoch, feeds: feeds))
    }
  }

  /// Runs a plan once.
  func run(
    _ plan: ExecutablePlan, feeds: [Tensor], functions: () -> any FunctionRunner, files: () -> FileAccess,
    control: RunControl
  ) throws -> [Tensor] {
    switch plan {
    case .straight(let programs):
      guard usesArena else {
        let frame = try Frame(plan: programs.plan)
        return try run(frame, feeds: feeds, functions: functions, files: files, control: control)
      }
      let program = try programs.program(for: feeds, control)
      let frame = try program.takeFrame(feeds)
      return try run(frame, of: program, feeds: feeds, functions: functions, files: files, control: control) {
        program.putBack(frame, completed: true)
      }
    case .dataflow(let plan):
      let evaluator = NodeEvaluator(
        workers: workers, resources: resources, functions: functions(), files: files(),
        checkpoint: { try control.check() }, maximumLoopSteps: control.maximumLoopSteps,
        isLimited: control.isLimited, trace: control.trace)
      var interpreter = DataflowInterpreter(plan: plan, feeds: feeds, control: control, evaluator: evaluator)
      return try interpreter.run()
    }
  }

  /// Runs a frame of a program, and gives it back; one that is to be used again is kept after a run that ended well.
  private func run(
    _ frame: Frame, of program: Program, feeds: [Tensor], functions: () -> any FunctionRunner,
    files: () -> FileAccess, control: RunControl, keep: () -> Void
  ) throws -> [Tensor] {
    do {
      let results = try run(frame, feeds: feeds, functions: functions, files: files, control: control)
      if frame.isPlanned { keep() } else { program.putBack(frame, completed: true) }
      return results
    } catch {
      program.putBack(frame, completed: false)
      throw error
    }
  }

  /// Runs a frame; it can be used again whatever comes of it.
  private func run(
    _ frame: Frame, feeds: [Tensor], functions: () -> any FunctionRunner, files: () -> FileAccess,
    control: RunControl
  ) throws -> [Tensor] {
    defer { frame.reset() }
    frame.feed(feeds)
    try frame.run(control, trace: control.trace) {
      KernelContext(
        values: frame.values, allocator: frame, workers: workers, resources: resources,
        functions: functions(), files: files(), checkpoint: { try control.check() },
        maximumLoopSteps: control.maximumLoopSteps, isLimited: control.isLimited, trace: control.trace)
    }
    return try frame.results()
  }
}
