import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

extension FrozenGraph {
  /// Completes a graph that was frozen in part: a tool made its variables constants, and left operations that take
  /// those for variables. TensorFlow refuses it, and so does an import.
  ///
  /// What refers to such a constant, or is a handle to it, becomes a value, as ``Session/freeze(_:)`` does it:
  /// `RefSwitch` becomes `Switch`, `ReadVariableOp` an `Identity`, `AssignSub` gives the difference, and functions get
  /// values as arguments. What writes to one writes nowhere, of which `notes` tells. All else stays as it is, and no
  /// operation goes.
  ///
  /// ```swift
  /// if let completed = try FrozenGraph(completing: "half_frozen.pb") {
  ///   try session.graph.importGraphDef(bytes: completed.graphDef)
  /// }
  /// ```
  ///
  /// - Parameter path: the file of a GraphDef, binary or text.
  /// - Returns: nil where no operation takes a constant for a variable.
  /// - Throws: `GraftError` for what else keeps the graph from being imported; `unimplemented` for an operation whose
  ///   result others need and that means nothing without a variable.
  public init?(completing path: String) throws {
    try self.init { graph, options in try graph.importGraphDef(contentsOf: path, options: options) }
  }

  /// Completes a graph that was frozen in part, as ``init(completing:)``.
  ///
  /// - Parameter bytes: a GraphDef, binary or text.
  public init?(completing bytes: [UInt8]) throws {
    try self.init { graph, options in try graph.importGraphDef(bytes: bytes, options: options) }
  }

  private init?(_ importInto: (Graph, ImportOptions) throws -> ImportResult) throws {
    var options = ImportOptions()
    options.takesValuesForVariables = true
    let graph = Graph()
    _ = try importInto(graph, options)
    guard let completed = try HalfFrozenGraph(graph.snapshot).completed() else { return nil }
    self = completed
  }
}

/// A graph in which constants stand where operations expect variables.
private struct HalfFrozenGraph {
  private let snapshot: GraphSnapshot
  /// The outputs that are values where a variable is expected, with their dtypes.
  private var values: [Edge: DataType] = [:]
  /// The constants that they come from.
  private var constants: Set<Int> = []
  /// The nodes that take references to them.
  private var referring: Set<Int> = []

  init(_ snapshot: GraphSnapshot) {
    self.snapshot = snapshot
    for node in snapshot.nodes {
      for (edge, expected) in zip(node.inputs, node.inputTypes) where expected.isVariable {
        let found = snapshot.nodes[Int(edge.node)].outputTypes[Int(edge.output)]
        guard !found.isVariable, let dtype = found.dtype, let constant = constant(behind: edge) else {
          continue
        }
        values[edge] = dtype
        constants.insert(constant)
      }
    }
    followReferences()
  }

  /// The constant that an output passes on; nil for one that is computed.
  private func constant(behind edge: Edge) -> Int? {
    var index = Int(edge.node)
    for _ in 0..<16 {
      let node = snapshot.nodes[index]
      if node.op == "Const" { return index }
      guard HandleFlow.passing.contains(node.op), let next = node.inputs.first else { return nil }
      index = Int(next.node)
    }
    return nil
  }

  /// Finds all that refers to the constants, through operations that pass references on.
  private mutating func followReferences() {
    guard !values.isEmpty else { return }
    var takers: [Edge: [Int]] = [:]
    for (index, node) in snapshot.nodes.enumerated() {
      for (edge, type) in zip(node.inputs, node.inputTypes) where type.isReference {
        takers[edge, default: []].append(index)
      }
    }
    var waiting = Array(values.keys)
    while let edge = waiting.popLast() {
      for index in takers[edge] ?? [] where referring.insert(index).inserted {
        for (output, type) in snapshot.nodes[index].outputTypes.enumerated() where type.isReference {
          waiting.append(Edge(node: Int32(index), output: Int32(output)))
        }
      }
    }
  }

  /// The graph with values in their places; nil where no constant stands for a variable.
  func completed() throws -> FrozenGraph? {
    guard !values.isEmpty else { return nil }
    let functions = FunctionFreezer(snapshot: snapshot, values: nil)
    let flow = try HandleFlow(
      snapshot.nodes, needed: Array(snapshot.nodes.indices), from: values, followsVariables: false
    ) { node, inputs in
      try functions.results(of: node, inputs)
    }
    var read: Set<Int> = []
    for node in snapshot.nodes { read.formUnion(node.inputs.map { Int($0.node) }) }

    let exporter = GraphExporter(snapshot: snapshot)
    var writer = WireWriter()
    var called = Set(snapshot.functions.names)
    var changed: [GraphNode] = []
    for (index, node) in snapshot.nodes.enumerated() {
      let handles = flow.inputs(of: node)
      guard !handles.isEmpty || referring.contains(index) else {
        writer.field(1, bytes: try exporter.nodeDef(index))
        continue
      }
      changed.append(node)
      let messages = try rewrite(
        node, try exporter.node(index), handles, isRead: read.contains(index), functions)
      for message in messages {
        called.formUnion(FunctionFreezer.functions(calledBy: message) + [message.op])
        writer.field(1, bytes: try message.serializedBytes() as [UInt8])
      }
    }
    let library = try functions.library(of: called)
    if !library.isEmpty { writer.field(2, bytes: library) }
    if let versions = exporter.versionDef { writer.field(4, bytes: versions) }
    return FrozenGraph(
      graphDef: writer.bytes, operationCount: snapshot.nodes.count,
      variables: constants.sorted().map { snapshot.nodes[$0].name }, tables: [],
      notes: [Self.note(changed)] + functions.notes)
  }

  /// A node that takes constants for variables as one that takes values, after those that it needs.
  private func rewrite(
    _ node: GraphNode, _ message: Tensorflow_NodeDef, _ handles: [Int: DataType], isRead: Bool,
    _ functions: FunctionFreezer
  ) throws -> [Tensorflow_NodeDef] {
    if FunctionCall(node) != nil || snapshot.functions[node.op] != nil {
      return [try functions.call(node, { message }, handles) ?? message]
    }
    switch try NodeRewriting().rewrite(
      node, { message }, handles: handles, isRead: isRead, isInFunction: false)
    {
    case .same, .variable: return [message]
    case .changed(let changed, let added): return added + [changed]
    case .dropped:
      // Others may wait for it, in the loop or branch that its inputs are in.
      let waits = message.input.map { $0.hasPrefix("^") ? $0 : "^" + ($0.split(separator: ":").first ?? "") }
      return [Tensorflow_NodeDef(message.name, "NoOp", Array(Set(waits)).sorted(), [:])]
    }
  }

  private static func note(_ changed: [GraphNode]) -> String {
    var counts: [String: Int] = [:]
    for node in changed { counts[node.op, default: 0] += 1 }
    let ops = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    let names = changed.prefix(5).map { "'\($0.name)'" }.joined(separator: ", ")
    return "The graph was frozen in part: \(ops) took constants for variables (\(names)"
      + (changed.count > 5 ? " and \(changed.count - 5) more" : "")
      + "). They take values now, and change no variable any more."
  }
}
