import GraftGraph
import GraftKernels
import GraftTensor
import Synchronization

/// Runs a graph, and owns what its operations keep from run to run.
///
/// Runs may overlap on any number of threads. Two sessions on one graph share nothing but constants.
///
/// ```swift
/// let graph = Graph()
/// try graph.importGraphDef(contentsOf: "frozen_graph.pb")
/// let session = Session(graph: graph)
/// let y = try session.run("output:0", feeding: ["input:0": x])
/// ```
public final class Session: Sendable {
  /// The graph that the session runs. What is imported into it later can be run, too.
  public let graph: Graph
  /// The options that the session was made with.
  public let options: SessionOptions
  /// What operations keep from run to run: variables, tables, queues.
  package let resources = ResourceManager()
  /// The ops that it has kernels for: the standard ones, and the graph's own.
  let registry: OpRegistry
  private let executor: Executor
  /// Few: they are looked through, and comparing is quicker than hashing all names.
  private let plans = Mutex<[(key: PlanKey, plan: SessionPlan)]>([])
  private let functionPlans = FunctionPlans()
  /// Pays for what the session's runs allocate.
  private let memory: MemoryAccount
  /// Folders of models that were loaded: what lies there is the model's own.
  private let modelFolders = Mutex<[String]>([])

  private struct PlanKey: Equatable {
    let version: Int
    let feeds: [String]
    let fetches: [String]
    let targets: [String]
    /// Planned for a run that may touch other files than the session's own.
    let hasOwnFiles: Bool
  }

  /// How many plans a session keeps; beyond that it begins anew.
  private static let planCapacity = 64

  /// A session on a graph.
  public init(graph: Graph = Graph(), options: SessionOptions = SessionOptions()) {
    self.graph = graph
    self.options = options
    memory = MemoryAccount(limit: options.limits.totalBytes, tensorLimit: options.limits.tensorBytes)
    registry = OpRegistry(graph: graph, hostFunctions: options.hostFunctions)
    executor = Executor(
      workers: WorkerPool(threads: options.threads), usesArena: options.optimize, resources: resources
    )
  }

  /// Runs what a tensor needs, and gives its value.
  ///
  /// - Parameters:
  ///   - fetch: the tensor's name, `op:0`, or the operation's where it has one output.
  ///   - feeding: values by tensor name. Any tensor may be fed, not only placeholders.
  /// - Throws: `GraftError`: `notFound` for a name that is not there, `invalidArgument` for a feed of the
  ///   wrong dtype or shape, `notFed` for placeholders that are needed, `unimplemented` for ops without a
  ///   kernel, and what the operations themselves refuse.
  public func run(
    _ fetch: String, feeding: [String: Tensor] = [:], options: RunOptions = RunOptions()
  ) throws -> Tensor {
    let results = try run([fetch], feeding: feeding, options: options)
    guard let result = results.first else {
      throw GraftError(.internalError, "A run of one fetch gave no result.")
    }
    return result
  }

  /// Runs what some tensors need, and gives their values in the same order.
  ///
  /// - Parameters:
  ///   - fetches: tensors' names.
  ///   - feeding: values by tensor name.
  ///   - targets: operations to run for their effect.
  /// - Throws: as ``run(_:feeding:options:)``.
  public func run(
    _ fetches: [String], feeding: [String: Tensor] = [:], targets: [String] = [],
    options: RunOptions = RunOptions()
  ) throws -> [Tensor] {
    try run(fetches, feeding: feeding, targets: targets, options: options, files: nil)
  }

  /// Runs with permission to touch files other than the session's own.
  package func run(
    _ fetches: [String], feeding: [String: Tensor], targets: [String], options: RunOptions = RunOptions(),
    files: FileAccess?
  ) throws -> [Tensor] {
    let names = feeding.keys.sorted()
    // Planning is part of the run's time.
    let control = RunControl(options, limits: self.options.limits)
    let callable = try PlanningLimit.run({ try control.check() }) {
      try self.callable(feeds: names, fetches: fetches, targets: targets, files: files)
    }
    return try callable.run(names.compactMap { feeding[$0] }, control)
  }

  /// Lets the graph's operations read what lies below a folder that belongs to a model.
  package func allowReading(below folder: String) {
    modelFolders.withLock { if !$0.contains(folder) { $0.append(folder) } }
  }

  /// Looks names up and plans once, for runs that repeat.
  ///
  /// - Throws: as ``run(_:feeding:options:)``, but for the feeds' values.
  public func callable(feeds: [String], fetches: [String], targets: [String] = []) throws -> Callable {
    try callable(feeds: feeds, fetches: fetches, targets: targets, files: nil)
  }

  /// Plans for runs that may touch the given files, or else the session's own.
  private func callable(
    feeds: [String], fetches: [String], targets: [String], files: FileAccess?
  ) throws -> Callable {
    let snapshot = graph.snapshot
    let signatures = try feeds.map { try FeedSignature(named: $0, in: graph, snapshot) }
    try Self.checkDifferent(signatures, feeds)
    let key = PlanKey(
      version: snapshot.version, feeds: feeds, fetches: fetches, targets: targets, hasOwnFiles: files != nil)
    let allowed =
      files
      ?? FileAccess(
        readingBelow: options.readableFolders + modelFolders.withLock { $0 },
        writingBelow: options.writableFolders, scratch: options.scratchFolder)
    let library = SessionLibrary(
      functions: snapshot.functions, version: snapshot.version, producer: snapshot.versions.producer,
      plans: functionPlans, executor: executor,
      optimize: options.optimize, skippedPasses: options.skippedPasses, registry: registry,
      files: allowed, graphFiles: snapshot.files, limits: options.limits, memory: memory)
    let reads = UninitializedReads(
      graph: snapshot, feeds: signatures.map(\.endpoint), fetches: fetches, targets: targets,
      resources: resources)
    if let plan = plans.withLock({ plans in plans.first { $0.key == key }?.plan }) {
      return Callable(plan: plan, feeds: signatures, executor: executor, library: library, reads: reads)
    }
    let planner = Planner(
      graph: snapshot, registry: registry, optimize: options.optimize, skippedPasses: options.skippedPasses,
      files: allowed, resources: resources)
    let ends = (
      feeds: signatures.map(\.endpoint), fetches: try fetches.map { try endpoint(named: $0, snapshot) },
      targets: try targets.map { try operationIndex(named: $0, snapshot) }
    )
    // What is computed while planning is charged, too.
    let plan: SessionPlan
    do {
      plan = try memory.charging {
        try sessionPlan { facts in
          try planner.plan(feeds: ends.feeds, fetches: ends.fetches, targets: ends.targets, relyingOn: &facts)
        }
      }
    } catch {
      // Constants that went away meanwhile explain whatever is wrong with them.
      try library.checkFiles()
      throw error
    }
    plans.withLock { plans in
      if plans.count >= Self.planCapacity { plans.removeAll() }
      plans.removeAll { $0.key == key }
      plans.append((key, plan))
    }
    return Callable(plan: plan, feeds: signatures, executor: executor, library: library, reads: reads)
  }

  /// - Throws: `GraftError` (`invalidArgument`) for a tensor that is fed twice, by different names.
  private static func checkDifferent(_ signatures: [FeedSignature], _ names: [String]) throws {
    let places = signatures.map(\.endpoint)
    let order = places.indices.sorted {
      (places[$0].node, places[$0].output) < (places[$1].node, places[$1].output)
    }
    for (one, next) in zip(order, order.dropFirst()) where places[one] == places[next] {
      let (earlier, later) = (min(one, next), max(one, next))
      throw GraftError(
        .invalidArgument,
        "The tensor '\(signatures[later].name)' is fed twice, as '\(names[earlier])' and '\(names[later])'.")
    }
  }

  /// What the closure plans, together with how it is made anew where it relies on variables' values.
  private func sessionPlan(
    _ make: @escaping @Sendable (inout VariableFacts) throws -> ExecutablePlan
  ) throws -> SessionPlan {
    var facts = VariableFacts(resources)
    let plan = try make(&facts)
    return facts.isEmpty
      ? SessionPlan(fixed: plan) : SessionPlan(SpecializedPlan(plan, facts, resources, make: make))
  }

  /// The value of a variable, by the name of its node or its shared name; nil where the session has none.
  package func variable(named name: String) -> Tensor? {
    let bindings = VariableBinding.all(in: graph.snapshot)
    guard
      let binding = bindings.first(where: { $0.node == name })
        ?? bindings.first(where: { $0.sharedName == name })
    else { return nil }
    return resources.find(Variable.self, container: binding.container, name: binding.sharedName)?.value
  }

  /// The ops that keep the fetches and targets from running here; none when they can.
  ///
  /// - Throws: `GraftError` (`notFound`) for names that are not there.
  package func missingKernels(fetches: [String], targets: [String] = []) throws -> MissingKernels {
    let snapshot = graph.snapshot
    var worklist = try fetches.map { try endpoint(named: $0, snapshot).node }
    worklist += try targets.map { try operationIndex(named: $0, snapshot) }
    var seen = Set(worklist)
    while let index = worklist.popLast() {
      let node = snapshot.nodes[index]
      for next in node.inputs.map({ Int($0.node) }) + node.controlInputs.map({ Int($0) })
      where seen.insert(next).inserted { worklist.append(next) }
    }
    return MissingKernels(
      nodes: seen.lazy.map { snapshot.nodes[$0] }, functions: snapshot.functions, registry: registry)
  }

  private func endpoint(named name: String, _ snapshot: GraphSnapshot) throws -> Endpoint {
    let output = try graph.tensor(named: name)
    guard let node = snapshot.nodeIndex(named: output.operationName) else {
      throw GraftError(.notFound, "The graph has no operation '\(output.operationName)'.")
    }
    return Endpoint(node: node, output: output.index)
  }

  private func operationIndex(named name: String, _ snapshot: GraphSnapshot) throws -> Int {
    let operation = try graph.operation(named: name)
    guard let node = snapshot.nodeIndex(named: operation.name) else {
      throw GraftError(.notFound, "The graph has no operation '\(name)'.")
    }
    return node
  }
}
