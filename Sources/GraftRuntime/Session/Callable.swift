import CGraftThreads
import GraftGraph
import GraftKernels
import GraftTensor

/// A run with its names looked up and its plan made: what repeats costs only the kernels.
///
/// It may be called from several threads at once.
public struct Callable: Sendable {
  private let parts: Parts

  /// In an object, so that a run that hands them on counts one reference and not one for each.
  private final class Parts: Sendable {
    let plan: SessionPlan
    let feeds: [FeedSignature]
    let executor: Executor
    let library: SessionLibrary
    let reads: UninitializedReads
    /// Counts the runs of the session that are under way.
    private let activity: RunActivity

    init(
      _ plan: SessionPlan, _ feeds: [FeedSignature], _ executor: Executor, _ library: SessionLibrary,
      _ reads: UninitializedReads
    ) {
      self.plan = plan
      self.reads = reads
      self.library = library
      self.feeds = feeds
      self.executor = executor
      activity = executor.resources.activity
    }

    /// Runs until the control says that it is enough.
    ///
    /// What the session's runs have in common is used uncounted: threads that count the same references wait for each
    /// other, longer than a small graph's kernels take.
    func run(_ values: [Tensor], _ control: RunControl) throws -> [Tensor] {
      let lease = Unmanaged.passUnretained(plan)._withUnsafeGuaranteedRef { $0.takeLease(for: values) }
      // What was leased for such values was checked when they came for the first time.
      if lease == nil { try check(values) }
      let activity = Unmanaged.passUnretained(activity)
      graft_threads_enter()
      activity._withUnsafeGuaranteedRef { $0.begin() }
      let purse = Unmanaged.passUnretained(library.memory)._withUnsafeGuaranteedRef { $0.open() }
      defer {
        MemoryAccount.close(purse)
        activity._withUnsafeGuaranteedRef { $0.end() }
        graft_threads_leave()
      }
      do {
        let results = try Unmanaged.passUnretained(executor)._withUnsafeGuaranteedRef { executor in
          try Unmanaged.passUnretained(plan)._withUnsafeGuaranteedRef { plan in
            try executor.run(
              plan, lease, feeds: values, functions: { library.runner(control) }, files: { library.files },
              control: control)
          }
        }
        try library.checkFiles()
        return results
      } catch let error as GraftError {
        // Weights that went away meanwhile explain whatever came of them.
        try library.checkFiles()
        throw reads.explained(error).namingSources(in: reads.graph)
      }
    }

    /// - Throws: `GraftError` (`invalidArgument`) where values are not what the feeds take.
    private func check(_ values: [Tensor]) throws {
      guard values.count == feeds.count else {
        throw GraftError(
          .invalidArgument,
          "\(feeds.count) values are expected for the feeds, and \(values.count) were given.")
      }
      for (feed, value) in zip(feeds, values) { try feed.check(value) }
    }
  }

  init(
    plan: SessionPlan, feeds: [FeedSignature], executor: Executor, library: SessionLibrary,
    reads: UninitializedReads
  ) {
    parts = Parts(plan, feeds, executor, library, reads)
  }

  /// Runs with the feeds' values, in the order in which they were named, and gives the fetches' values.
  ///
  /// - Throws: `GraftError`: `invalidArgument` for a value of the wrong dtype or shape, and what the
  ///   operations themselves refuse.
  public func run(_ values: [Tensor], options: RunOptions = RunOptions()) throws -> [Tensor] {
    try Unmanaged.passUnretained(parts)._withUnsafeGuaranteedRef {
      try $0.run(values, RunControl(options, limits: $0.library.limits))
    }
  }

  /// Runs, and notes in the trace what each instruction did.
  package func run(_ values: [Tensor], trace: RunTrace) throws -> [Tensor] {
    try run(values, RunControl(RunOptions(), limits: parts.library.limits, trace: trace))
  }

  /// Runs until the control says that it is enough.
  func run(_ values: [Tensor], _ control: RunControl) throws -> [Tensor] {
    try parts.run(values, control)
  }

  /// How many operations the plan runs that was made for the feeds' shapes of the last run.
  package var operationCount: Int {
    switch parts.plan.latest {
    case .straight(let programs): programs.latest.instructions.count
    case .dataflow(let plan): plan.nodes.count
    }
  }

  /// The plan that was made last, as text: a line for each node, in the order in which they run.
  package var planDescription: String {
    switch parts.plan.latest {
    case .straight(let programs): programs.plan.description
    case .dataflow(let plan): plan.description
    }
  }
}

/// What a feed's value must be.
struct FeedSignature: Sendable {
  let name: String
  let endpoint: Endpoint
  private let dtype: DataType?
  private let shape: PartialShape
  private let op: String

  init(named name: String, in graph: Graph, _ snapshot: GraphSnapshot) throws {
    let output = try graph.tensor(named: name)
    guard let index = snapshot.nodeIndex(named: output.operationName) else {
      throw GraftError(.notFound, "The graph has no operation '\(output.operationName)'.")
    }
    let node = snapshot.nodes[index]
    self.name = output.name
    endpoint = Endpoint(node: index, output: output.index)
    op = node.op
    let declared =
      node.outputTypes.indices.contains(output.index) ? node.outputTypes[output.index].dtype : nil
    dtype = node.signature == nil ? try Self.readType(of: endpoint, named: output.name, snapshot) : declared
    shape =
      node.op.hasPrefix("Placeholder")
      ? placeholderShape(node, producer: snapshot.versions.producer) : .unknown
  }

  /// The dtype that all who read an unknown op's output expect; nil where nobody says.
  private static func readType(of endpoint: Endpoint, named name: String, _ graph: GraphSnapshot) throws
    -> DataType?
  {
    var found: (dtype: DataType, reader: String)?
    for reader in graph.nodes {
      for (edge, type) in zip(reader.inputs, reader.inputTypes)
      where Int(edge.node) == endpoint.node && Int(edge.output) == endpoint.output {
        guard let dtype = type.dtype else { continue }
        if let found, found.dtype != dtype {
          throw GraftError(
            .invalidGraph,
            "'\(name)' comes from an op that nobody knows; '\(found.reader)' reads it as \(found.dtype), and "
              + "'\(reader.name)' as \(dtype).",
            at: .init(node: graph.nodes[endpoint.node].name, op: graph.nodes[endpoint.node].op),
            remedy: "Correct the readers' attributes, or export the graph again.")
        }
        found = (dtype, reader.name)
      }
    }
    return found?.dtype
  }

  func check(_ value: Tensor) throws {
    if let dtype, value.dtype != dtype {
      throw GraftError(
        .invalidArgument, "The feed for '\(name)' is \(value.dtype), and the tensor is \(dtype).",
        at: .init(op: op), remedy: "Convert the values to \(dtype) before feeding them.")
    }
    guard shape.accepts(value.shape) else {
      throw GraftError(
        .invalidArgument,
        "The feed for '\(name)' has shape \(value.shape), and the placeholder takes \(shape).",
        at: .init(op: op), remedy: "A `?` stands for any size; the others must be as they are.")
    }
  }
}
