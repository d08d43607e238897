import Graft
import GraftGraph
import GraftKernels
import GraftRuntime
import GraftTensor

/// What is in a graph, and whether it can run here.
struct GraphInspection {
  /// A tensor that is fed or fetched.
  struct Port {
    let name: String
    let dtype: DataType?
    let shape: PartialShape
    /// Whether it has a value when it is not fed.
    var isOptional = false
  }

  /// A constant's size.
  struct Constant {
    let name: String
    let dtype: DataType?
    let shape: PartialShape
    let bytes: Int
    let elements: Int
  }

  private let graph: GraphSnapshot
  private let called: CalledFunctions

  let inputs: [Port]
  let outputs: [Port]
  /// The largest first.
  let constants: [Constant]
  /// In the order of the graph.
  let variables: [VariableSize]
  /// In the order of the graph.
  let tables: [LookupTable]
  let missing: [MissingOp]

  /// Looks at all of a graph.
  init(_ graph: GraphSnapshot, registry: OpRegistry = .standard) {
    self.graph = graph
    let shapes = ShapeInference(graph: graph, registry: registry)
    inputs = graph.nodes.compactMap { Self.input($0, producer: graph.versions.producer) }
    let sinks = Self.sinks(of: graph)
    outputs = sinks.flatMap { index in
      graph.nodes[index].outputTypes.enumerated().map { output, type in
        Port(
          name: "\(graph.nodes[index].name):\(output)", dtype: type.dtype,
          shape: shapes.shape(of: Endpoint(node: index, output: output)))
      }
    }
    let needed = Self.nodesNeeded(by: sinks, in: graph)
    called = CalledFunctions(graph, needed: needed)
    constants = graph.nodes.compactMap(Self.constant).sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
    variables = GraphVariable.all(in: graph).map(VariableSize.init)
    tables = LookupTable.all(in: graph)
    missing = MissingOp.all(in: graph, needed: needed, called, registry)
  }

  /// How many nodes there are of each op, the most frequent first.
  var operationCounts: [(op: String, count: Int)] { Self.counts(of: graph.nodes) }

  /// The same of the functions that are called, arguments left out.
  var functionOperationCounts: [(op: String, count: Int)] {
    Self.counts(of: called.functions.flatMap { $0.body.nodes.dropFirst($0.body.argumentCount) })
  }

  private static func counts(of nodes: some Sequence<GraphNode>) -> [(op: String, count: Int)] {
    var counts: [String: Int] = [:]
    for node in nodes { counts[node.op, default: 0] += 1 }
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
  }

  /// How many operations there are.
  var operationCount: Int { graph.nodes.count }

  /// The functions of the library, in its order.
  var functions: [FunctionDefinition] { graph.functions.names.compactMap { graph.functions[$0] } }

  /// The version of the program that wrote the graph.
  var producer: Int { Int(graph.versions.producer) }

  /// The version that a program must have to read the graph.
  var minConsumer: Int { Int(graph.versions.minConsumer) }

  /// Bytes of all constants.
  var constantBytes: Int { constants.reduce(0) { $0 + $1.bytes } }

  /// What was learned: elements of variables, or, where there are none, of floating-point constants that have
  /// a dimension.
  var parameters: Int {
    guard variables.isEmpty else { return variables.reduce(0) { $0 + ($1.elements ?? 0) } }
    return constants.reduce(0) { sum, constant in
      constant.dtype?.isFloatingPoint == true && constant.shape.rank != 0 ? sum + constant.elements : sum
    }
  }
}

// MARK: - Inputs, outputs, constants

extension GraphInspection {
  private static func input(_ node: GraphNode, producer: Int32) -> Port? {
    // A handle cannot be fed.
    guard node.op.hasPrefix("Placeholder"), !isOfSaver(node), node.outputTypes.first?.dtype != .resource
    else { return nil }
    return Port(
      name: node.name + ":0", dtype: node.outputTypes.first?.dtype,
      shape: placeholderShape(node, producer: producer),
      isOptional: node.op == "PlaceholderWithDefault")
  }

  private static func constant(_ node: GraphNode) -> Constant? {
    guard node.op == "Const", case .tensor(let value)? = node.attribute("value") else { return nil }
    let elements = value.shape.fullyDefined?.elementCount ?? 0
    let bytes: Int
    if let dtype = value.dtype, case .plain(let size) = dtype.layout {
      bytes = elements * size
    } else {
      bytes = value.serialized.count
    }
    return Constant(name: node.name, dtype: value.dtype, shape: value.shape, bytes: bytes, elements: elements)
  }

  /// The nodes with values that no other node takes or waits for, those left out that save, restore,
  /// initialise, update or summarise.
  private static func sinks(of graph: GraphSnapshot) -> [Int] {
    var isUsed = [Bool](repeating: false, count: graph.nodes.count)
    for node in graph.nodes {
      for source in node.inputs.map(\.node) + node.controlInputs where isUsed.indices.contains(Int(source)) {
        isUsed[Int(source)] = true
      }
    }
    let ends = graph.nodes.indices.filter { !isUsed[$0] && isResult(graph.nodes[$0]) }
    let results = ends.filter { !isOfTraining(graph.nodes[$0], in: graph) }
    return results.isEmpty ? ends : results
  }

  /// Whether a node only serves training: a gradient, or what reads an optimizer's variable.
  private static func isOfTraining(_ node: GraphNode, in graph: GraphSnapshot) -> Bool {
    let scopes = node.name.split(separator: "/").dropLast()
    if scopes.contains(where: { $0 == "gradients" || $0.hasPrefix("gradients_") }) { return true }
    guard node.op == "Identity" || node.op == "ReadVariableOp", let source = node.inputs.first else {
      return false
    }
    return GraphVariable.ops.contains(graph.nodes[Int(source.node)].op)
  }

  private static func isResult(_ node: GraphNode) -> Bool {
    guard !node.outputTypes.isEmpty, node.op != "Const", !node.op.hasPrefix("Placeholder"),
      !node.op.hasSuffix("Summary"), !node.op.hasSuffix("SummaryV2"), !GraphVariable.ops.contains(node.op),
      !["VarIsInitializedOp", "IsVariableInitialized", "ShardedFilename"].contains(node.op)
    else { return false }
    let isState = node.outputTypes.contains { $0.isReference || $0.dtype == .resource }
    return !isState && !isOfSaver(node)
  }

  /// Whether a node is of those that TensorFlow's Saver adds, as `save/restore_all`.
  private static func isOfSaver(_ node: GraphNode) -> Bool {
    node.name.split(separator: "/").contains { $0 == "save" || $0.hasPrefix("save_") }
  }

  private static func nodesNeeded(by roots: [Int], in graph: GraphSnapshot) -> Set<Int> {
    var needed = Set(roots)
    var waiting = roots
    while let index = waiting.popLast() {
      let node = graph.nodes[index]
      for next in node.inputs.map({ Int($0.node) }) + node.controlInputs.map({ Int($0) })
      where graph.nodes.indices.contains(next) && needed.insert(next).inserted { waiting.append(next) }
    }
    return needed
  }
}
