import GraftGraph
import GraftKernels
import GraftProto
import GraftTensor
import SwiftProtobuf

/// Makes a graph whose variables are constants.
struct Freezer {
  private let snapshot: GraphSnapshot
  private let functions: FunctionFreezer
  private var notes: [String] = []

  init(snapshot: GraphSnapshot, resources: ResourceManager) {
    self.snapshot = snapshot
    functions = FunctionFreezer(snapshot: snapshot, values: VariableValues(resources: resources))
  }

  mutating func freeze(_ fetches: [String]) throws -> FrozenGraph {
    let roots = try fetches.map { try LikelyOutputs.node(named: $0, in: snapshot) }
    guard !roots.isEmpty else {
      throw GraftError(
        .invalidArgument, "A graph is frozen for what is to be fetched, and nothing was named.",
        remedy: LikelyOutputs.remedy(snapshot))
    }
    let tables = try FrozenTables(snapshot, neededBy: closure(roots))
    let needed = closure(roots + tables.nodes)
    let flow = try HandleFlow(snapshot.nodes, needed: needed, from: [:]) { node, inputs in
      try functions.results(of: node, inputs)
    }
    var frozen = try rewrite(needed, flow, roots: Set(roots))
    // What only served to change variables is not needed any more.
    let kept = Self.closure(roots + tables.nodes) { frozen[$0]?.dependencies ?? [] }
    var constants: [(name: String, controls: [String], value: Tensor)] = []
    var variables: [String] = []
    for index in kept where frozen[index]?.isVariable == true {
      let node = snapshot.nodes[index]
      guard let value = functions.values?.value(of: node) else { continue }
      variables.append(node.name)
      constants.append((node.name, controls(of: index, frozen), value))
    }
    if let error = functions.values?.error(in: snapshot) { throw error }
    variables += (functions.values?.inFunctions ?? []).filter { !variables.contains($0) }

    var writer = WireWriter()
    for constant in constants {
      try writer.constant(1, name: constant.name, controlInputs: constant.controls, constant.value)
    }
    let exporter = GraphExporter(snapshot: snapshot)
    var called: Set<String> = []
    for index in kept where frozen[index]?.isVariable != true {
      guard var node = frozen.removeValue(forKey: index) else { continue }
      try tables.link(index, &node.message) { try exporter.node(index) }
      called.formUnion(
        node.message.map { FunctionFreezer.functions(calledBy: $0) + [$0.op] }
          ?? FunctionFreezer.functions(calledBy: snapshot.nodes[index]) + [snapshot.nodes[index].op])
      guard let message = node.message else {
        writer.field(1, bytes: try exporter.nodeDef(index))
        continue
      }
      for added in node.added { writer.field(1, bytes: try added.serializedBytes() as [UInt8]) }
      writer.field(1, bytes: try message.serializedBytes() as [UInt8])
    }
    let library = try functions.library(of: called)
    if !library.isEmpty { writer.field(2, bytes: library) }
    if let versions = exporter.versionDef { writer.field(4, bytes: versions) }
    let count = try GraphBytes(copying: writer.bytes).nodeCount
    return FrozenGraph(
      graphDef: writer.bytes, operationCount: count, variables: variables, tables: tables.names,
      notes: notes + functions.notes)
  }

  /// A node on its way into the frozen graph.
  private struct Node {
    /// The message, where it is other than in the graph.
    var message: Tensorflow_NodeDef?
    var added: [Tensorflow_NodeDef] = []
    var isVariable = false
    /// The nodes that it needs.
    var dependencies: [Int] = []
  }

  private mutating func rewrite(_ needed: [Int], _ flow: HandleFlow, roots: Set<Int>) throws -> [Int: Node] {
    var read = roots
    for index in needed { read.formUnion(snapshot.nodes[index].inputs.map { Int($0.node) }) }
    let exporter = GraphExporter(snapshot: snapshot)
    var dropped: Set<Int> = []
    var result: [Int: Node] = [:]
    for index in needed {
      let node = snapshot.nodes[index]
      func message() throws -> Tensorflow_NodeDef { try exporter.node(index) }
      let handles = flow.inputs(of: node)
      if FunctionCall(node) != nil || snapshot.functions[node.op] != nil {
        result[index] = Node(message: try functions.call(node, message, handles))
        continue
      }
      switch try NodeRewriting().rewrite(
        node, message, handles: handles, isRead: read.contains(index), isInFunction: false)
      {
      case .same:
        let isPlain = node.device.isEmpty && node.attribute("_class") == nil
        result[index] = Node(message: isPlain ? nil : try message())
      case .changed(let message, let added):
        if NodeRewriting.changesVariable(node) {
          notes.append("\(node.op) '\(node.name)' gives its value and changes no variable any more.")
        }
        result[index] = Node(message: message, added: added)
      case .variable: result[index] = Node(isVariable: true)
      case .dropped:
        notes.append("\(node.op) '\(node.name)' changed a variable, and is left out.")
        dropped.insert(index)
      }
    }
    for index in result.keys { finish(index, &result, dropped) }
    return result
  }

  /// Takes dropped nodes, devices and places out of a node, and notes what it needs.
  private func finish(_ index: Int, _ nodes: inout [Int: Node], _ dropped: Set<Int>) {
    guard var entry = nodes[index] else { return }
    let node = snapshot.nodes[index]
    let controls = node.controlInputs.map { Int($0) }
    let skipsFirst = node.op == "Assign"
    let inputs =
      entry.isVariable || entry.message?.op == "Const"
      ? [] : node.inputs.dropFirst(skipsFirst ? 1 : 0).map { Int($0.node) }
    entry.dependencies = (inputs + controls).filter { !dropped.contains($0) }
    if controls.contains(where: { dropped.contains($0) }) {
      if entry.message == nil, !entry.isVariable {
        entry.message = try? GraphExporter(snapshot: snapshot).node(index)
      }
      let names = Set(dropped.map { "^\(snapshot.nodes[$0].name)" })
      entry.message?.input.removeAll { names.contains($0) }
    }
    entry.message?.device = ""
    entry.message?.attr["_class"] = nil
    nodes[index] = entry
  }

  /// The control inputs of a variable that becomes a constant: in a loop they say which round it is of.
  private func controls(of index: Int, _ nodes: [Int: Node]) -> [String] {
    (nodes[index]?.dependencies ?? []).map { "^\(snapshot.nodes[$0].name)" }
  }

  private func closure(_ roots: [Int]) -> [Int] {
    Self.closure(roots) { index in
      let node = snapshot.nodes[index]
      return node.inputs.map { Int($0.node) } + node.controlInputs.map { Int($0) }
    }
  }

  /// What some nodes need, in the order of the graph.
  private static func closure(_ roots: [Int], _ next: (Int) -> [Int]) -> [Int] {
    var seen = Set(roots)
    var worklist = roots
    while let index = worklist.popLast() {
      for dependency in next(index) where seen.insert(dependency).inserted { worklist.append(dependency) }
    }
    return seen.sorted()
  }
}

extension GraphExporter {
  /// A node's message.
  func node(_ index: Int) throws -> Tensorflow_NodeDef {
    try Tensorflow_NodeDef(serializedBytes: try nodeDef(index))
  }
}

extension GraphBytes {
  /// How many nodes a serialized GraphDef has.
  fileprivate var nodeCount: Int {
    var count = 0
    var reader = reader(all)
    while !reader.isAtEnd, let tag = try? reader.tag() {
      if tag.raw == WireTag.field(1, WireTag.block) { count += 1 }
      guard (try? reader.skip(tag)) != nil else { break }
    }
    return count
  }
}
