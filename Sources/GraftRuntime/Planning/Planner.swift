import GraftGraph
import GraftKernels
import GraftTensor

/// Makes plans: from names to a pruned graph, and from that to instructions.
package struct Planner: Sendable {
  /// The nodes to plan among: a graph's, or those of a function's body.
  let nodes: [GraphNode]
  /// The functions that nodes may call.
  let functions: FunctionLibrary
  /// The version of the program that wrote the graph.
  let producer: Int32
  package let registry: OpRegistry
  /// Whether passes rewrite the plan; without them it is pruned and sorted only.
  package let optimize: Bool
  /// Of these passes, those that do not.
  private let skippedPasses: Set<String>
  /// What was made of the graph's constants.
  private let derived: DerivedConstants
  /// The files that a run of the plan may touch; nil where only the run itself asks.
  let files: FileAccess?
  /// The variables of the session that the plan is made for; nil for a plan that is only looked at, and for a
  /// function's body.
  let resources: ResourceManager?

  /// A planner of a graph.
  package init(
    graph: GraphSnapshot, registry: OpRegistry, optimize: Bool, skippedPasses: Set<String> = [],
    files: FileAccess? = nil, resources: ResourceManager? = nil
  ) {
    self.files = files
    self.resources = resources
    self.skippedPasses = skippedPasses
    derived = graph.derived
    nodes = graph.nodes
    functions = graph.functions
    producer = graph.versions.producer
    self.registry = registry
    self.optimize = optimize
  }

  /// A planner of a function's body, whose functions are those of the library.
  init(
    body: FunctionBody, functions: FunctionLibrary, producer: Int32, registry: OpRegistry, optimize: Bool,
    skippedPasses: Set<String>, derived: DerivedConstants = DerivedConstants()
  ) {
    files = nil
    resources = nil
    self.skippedPasses = skippedPasses
    self.derived = derived
    nodes = body.nodes
    self.functions = functions
    self.producer = producer
    self.registry = registry
    self.optimize = optimize
  }

  /// A planner of the body of one of the functions.
  func planner(of body: FunctionBody) -> Planner {
    Planner(
      body: body, functions: functions, producer: producer, registry: registry, optimize: optimize,
      skippedPasses: skippedPasses, derived: derived)
  }

  /// Plans a function's body.
  func plan(function body: FunctionBody) throws -> ExecutablePlan {
    var planGraph = try prune(function: body)
    var facts: VariableFacts?
    return try compile(&planGraph, feedCount: body.argumentCount, relyingOn: &facts)
  }

  /// What a function's body runs: its arguments are the feeds, its results the fetches. What has effects
  /// runs though no result needs it.
  func prune(function body: FunctionBody) throws -> PlanGraph {
    let effects = nodes.indices.filter { $0 >= body.argumentCount && nodes[$0].signature?.isStateful == true }
    return try prune(
      feeds: (0..<body.argumentCount).map { Endpoint(node: $0, output: 0) },
      fetches: body.results.map { Endpoint(node: Int($0.node), output: Int($0.output)) },
      targets: body.controlResults.map { Int($0) }.filter { $0 >= body.argumentCount } + effects,
      readsFetches: true)
  }

  /// Plans what the fetches and targets need beyond the feeds.
  ///
  /// - Parameter facts: gets the variables' values that the plan takes for constants.
  /// - Throws: `GraftError`: `unimplemented` with every op that has no kernel, `notFed` with every
  ///   placeholder that is needed.
  func plan(
    feeds: [Endpoint], fetches: [Endpoint], targets: [Int], relyingOn facts: inout VariableFacts
  ) throws -> ExecutablePlan {
    var planGraph = try prune(feeds: feeds, fetches: fetches, targets: targets)
    var noted: VariableFacts? = facts
    let plan = try compile(&planGraph, feedCount: feeds.count, relyingOn: &noted)
    if let noted { facts = noted }
    return plan
  }

  /// Optimises a pruned graph, where that is wanted, and prepares its kernels.
  ///
  /// - Parameter facts: nil for a plan that must hold whatever values variables have.
  private func compile(
    _ planGraph: inout PlanGraph, feedCount: Int, relyingOn facts: inout VariableFacts?
  ) throws -> ExecutablePlan {
    planGraph.derived = derived
    planGraph.skippedPasses = skippedPasses
    if optimize { try StructuredControlFlow.run(&planGraph) }
    if planGraph.hasDataflow {
      // Deadness and rounds hang on edges that the passes would take for superfluous.
      try ConstantEvaluation.run(&planGraph)
      try ConstantAlignment.run(&planGraph)
      return .dataflow(try DataflowPlan(planGraph))
    }
    if optimize {
      try FunctionExpansion(self).run(&planGraph)
      if var noted = facts {
        try VariableSpecialization.run(&planGraph, &noted, functions: functions)
        facts = noted
      }
      try Self.optimize(&planGraph)
    } else {
      try ConstantEvaluation.run(&planGraph)
      try ConstantAlignment.run(&planGraph)
    }
    return .straight(PlanPrograms(plan: try Plan(planGraph, feedCount: feedCount)))
  }

  /// Rewrites a graph to run faster.
  package static func optimize(_ graph: inout PlanGraph) throws {
    for pass in passes where !skips(pass, graph) {
      try PlanningLimit.check()
      try pass.run(&graph)
    }
    // What is left is asked for its shape and its kernel, for each set of shapes anew.
    for index in graph.nodes.indices { graph.nodes[index].attributes.gather() }
  }

  /// Rewrites an optimised graph for feeds of the given shapes, and says what it knows of all shapes then.
  static func specialize(_ graph: inout PlanGraph, for shapes: FeedShapes) throws -> ShapeInference {
    var inference = ShapeInference(graph, feeds: shapes)
    for (pass, followers) in shapePasses where !skips(pass, graph) {
      try PlanningLimit.check()
      guard try pass.run(&graph, inference) else { continue }
      for follower in followers where !skips(follower, graph) {
        try follower.run(&graph)
      }
      inference = ShapeInference(graph, feeds: shapes, earlier: inference)
    }
    return inference
  }

  /// The passes of an optimised plan, in the order in which they run.
  package static var passes: [any PlanPass.Type] {
    [
      ReadMerging.self,
      PassThroughRemoval.self,
      ConstantEvaluation.self,
      ConstantFolding.self,
      // The graph is smallest from here on: what constants were computed from is gone.
      UnneededRemoval.self,
      CommonSubexpressions.self,
      BodyOptimization.self,
      PadFolding.self,
      BatchNormFolding.self,
      BiasMerging.self,
      BiasFusion.self,
      RectifierRecognition.self,
      ActivationRecognition.self,
      ActivationFusion.self,
      RecurrentCellFusion.self,
      ConstantAlignment.self,
      UnneededRemoval.self,
    ]
  }

  private static func name(of pass: Any.Type) -> String { String(describing: pass) }

  /// Whether the graph is planned without a pass. A type's name takes long to be made: it is asked for where it matters.
  private static func skips(_ pass: Any.Type, _ graph: PlanGraph) -> Bool {
    !graph.skippedPasses.isEmpty && graph.skippedPasses.contains(name(of: pass))
  }

  /// The names of the passes that a plan can be made without, in the order in which they run.
  package static var optionalPasses: [String] {
    let needed: Set = [name(of: ConstantEvaluation.self), name(of: ConstantAlignment.self)]
    var names: [String] = []
    for pass in passes.map({ name(of: $0) }) + shapePasses.map({ name(of: $0.pass) })
    where !needed.contains(pass) && !names.contains(pass) {
      names.append(pass)
    }
    return names
  }

  /// The passes of a plan for feeds of known shapes, in the order in which they run, each with those that run
  /// after it where it changed anything.
  package static var shapePasses: [(pass: any ShapePass.Type, followers: [any PlanPass.Type])] {
    let fusions: [any PlanPass.Type] = [
      PadFolding.self, BatchNormFolding.self, BiasMerging.self, BiasFusion.self, ActivationFusion.self,
    ]
    return [
      (ShapeFolding.self, [ConstantFolding.self]),
      (NormalizationRecognition.self, []),
      (DilationRecognition.self, fusions),
      (DepthwiseRecognition.self, []),
      (EinsumFlattening.self, fusions),
      (ReshapeSinking.self, fusions),
      (TransposeAbsorption.self, []),
      (GatherSinking.self, []),
      (ResidualFusion.self, [ActivationFusion.self]),
      (DepthwiseBlockFusion.self, []),
      (GateFusion.self, []),
      (ChannelMeanFusion.self, []),
      (BatchNormExpansion.self, []),
      (SumExpansion.self, []),
      (ElementwiseFusion.self, []),
    ]
  }
}

/// A plan in the form in which it runs.
package enum ExecutablePlan: Sendable {
  /// Kernels one after the other.
  case straight(PlanPrograms)
  /// Control flow of TensorFlow 1, interpreted.
  case dataflow(DataflowPlan)
}

/// A rewriting of a plan's graph that keeps its meaning.
package protocol PlanPass {
  static func run(_ graph: inout PlanGraph) throws
}

/// A rewriting that needs shapes.
package protocol ShapePass {
  /// The result is whether anything changed.
  ///
  /// - Parameter inference: what is known of the shapes of the graph as it comes in.
  static func run(_ graph: inout PlanGraph, _ inference: ShapeInference) throws -> Bool
}

/// An output of an operation of the graph.
package struct Endpoint: Sendable, Hashable {
  package let node: Int
  package let output: Int

  package init(node: Int, output: Int) {
    self.node = node
    self.output = output
  }
}
