import GraftGraph
import GraftKernels
import GraftTensor
import Synchronization

/// The functions of a graph, as a session runs them.
struct SessionLibrary: Sendable {
  let functions: FunctionLibrary
  /// The graph's version, so that plans of another are not taken.
  let version: Int
  /// The version of the program that wrote the graph.
  let producer: Int32
  let plans: FunctionPlans
  let executor: Executor
  let optimize: Bool
  let skippedPasses: Set<String>
  let registry: OpRegistry
  /// The files that the session's runs may touch.
  let files: FileAccess
  /// The files that constants are views of.
  let graphFiles: [MappedFile]
  /// What runs may take.
  let limits: SessionLimits
  /// Pays for what runs allocate.
  let memory: MemoryAccount

  /// Makes sure that the files are whole which the session's constants and variables are views of.
  ///
  /// - Throws: `GraftError` (`dataLoss`) for one that somebody shortened.
  func checkFiles() throws {
    for file in graphFiles { try file.checkWhole() }
    guard MappedFile.isAnyDamaged else { return }
    for variable in executor.resources.all(Variable.self) {
      try (variable.value?.storage.owner as? MappedFile)?.checkWhole()
    }
  }

  /// What kernels of one run call functions through.
  func runner(_ control: RunControl) -> any FunctionRunner {
    Runner(library: self, control: control, depth: 0)
  }

  /// After how many nested calls the next ones get a stack of their own: a thread may have little.
  private static let depthPerStack = 8

  private struct Runner: FunctionRunner {
    let library: SessionLibrary
    let control: RunControl
    let depth: Int

    func function(_ reference: FunctionReference) throws -> any RunnableFunction {
      try function(reference, isGradient: false)
    }

    func gradient(of reference: FunctionReference) throws -> any RunnableFunction {
      try function(reference, isGradient: true)
    }

    private func function(_ reference: FunctionReference, isGradient: Bool) throws -> Function {
      guard depth < library.limits.functionDepth else {
        throw GraftError(
          .resourceExhausted,
          "Functions call each other more than \(library.limits.functionDepth) deep, last '\(reference.name)'.",
          remedy: "A function that calls itself must come to an end; "
            + "`SessionOptions.limits.functionDepth` allows more.")
      }
      let plan = try library.plan(reference, isGradient: isGradient, control)
      return Function(plan: plan, runner: Runner(library: library, control: control, depth: depth + 1))
    }
  }

  private struct Function: RunnableFunction {
    let plan: FunctionPlan
    let runner: Runner

    func callAsFunction(_ arguments: [Tensor]) throws -> [Tensor] {
      guard arguments.count == plan.argumentTypes.count else {
        throw GraftError(
          .invalidArgument,
          "The function '\(plan.name)' takes \(plan.argumentTypes.count) arguments, and the call gives "
            + "\(arguments.count).",
          remedy: "The graph and its functions do not belong together: export it again."
        )
      }
      for (position, (argument, expected)) in zip(arguments, plan.argumentTypes).enumerated()
      where argument.dtype != expected {
        throw GraftError(
          .invalidArgument,
          "Argument \(position) of the function '\(plan.name)' is \(expected), and \(argument.dtype) was given.",
          remedy: "The attributes of the node that calls it and the function's signature differ: export the "
            + "graph again.")
      }
      // Functions that call several others each are more calls than anybody waits for, at no great depth.
      try runner.control.check()
      guard runner.depth % SessionLibrary.depthPerStack == 0 else { return try run(arguments) }
      return try FreshStack.run { try run(arguments) }
    }

    private func run(_ arguments: [Tensor]) throws -> [Tensor] {
      do {
        return try runner.library.executor.run(
          plan.executable, feeds: arguments, functions: { runner }, files: { runner.library.files },
          control: runner.control)
      } catch let error as GraftError {
        throw error.at(.init(function: plan.name))
      }
    }
  }

  private func plan(
    _ reference: FunctionReference, isGradient: Bool, _ control: RunControl
  ) throws -> FunctionPlan {
    let key = FunctionPlans.Key(version: version, reference: reference, isGradient: isGradient)
    if let plan = plans.find(key) { return plan }
    let plan: FunctionPlan
    do {
      let body = try isGradient ? functions.gradient(of: reference) : functions.body(of: reference)
      let planner = Planner(
        body: body, functions: functions, producer: producer, registry: registry, optimize: optimize,
        skippedPasses: skippedPasses)
      plan = FunctionPlan(
        name: reference.name, argumentTypes: body.argumentTypes.map { $0.dtype ?? .float32 },
        executable: try PlanningLimit.run({ try control.check() }) { try planner.plan(function: body) })
    } catch let error as GraftError {
      throw error.at(.init(function: reference.name))
    }
    plans.insert(plan, key)
    return plan
  }
}

/// A function's body as it runs.
struct FunctionPlan: Sendable {
  let name: String
  /// The dtypes of its arguments.
  let argumentTypes: [DataType]
  let executable: ExecutablePlan
}

/// The plans of the functions that were called so far.
final class FunctionPlans: Sendable {
  /// A function with the attributes bound for the call.
  struct Key: Hashable {
    let version: Int
    let name: String
    let attributes: String
    let isGradient: Bool

    init(version: Int, reference: FunctionReference, isGradient: Bool = false) {
      self.isGradient = isGradient
      self.version = version
      name = reference.name
      attributes =
        reference.attributes.isEmpty
        ? ""
        : reference.attributes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(
          separator: ";")
    }
  }

  // A bare dictionary in the lock would have its type made at run time to be let go of, empty or not.
  private struct State {
    var plans: [Key: FunctionPlan] = [:]
  }

  private let state = Mutex(State())

  func find(_ key: Key) -> FunctionPlan? { state.withLock { $0.plans[key] } }

  func insert(_ plan: FunctionPlan, _ key: Key) { state.withLock { $0.plans[key] = plan } }
}
