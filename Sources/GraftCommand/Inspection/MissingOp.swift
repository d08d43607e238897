import GraftGraph
import GraftKernels
import GraftTensor

/// An op of a graph that cannot run here, and why.
struct MissingOp {
  let op: String
  let reason: String
  /// The nodes that have it, functions' as `function/node`.
  var nodes: [String]
  /// Whether one of the nodes is needed.
  var isNeeded = false

  /// All of a graph.
  ///
  /// - Parameter needed: the graph's nodes that count as needed.
  static func all(
    in graph: GraphSnapshot, needed: Set<Int>, registry: OpRegistry = .standard
  ) -> [MissingOp] {
    all(in: graph, needed: needed, CalledFunctions(graph, needed: needed), registry)
  }

  /// The same, of functions that were found before.
  static func all(
    in graph: GraphSnapshot, needed: Set<Int>, _ called: CalledFunctions, _ registry: OpRegistry
  ) -> [MissingOp] {
    var found: [String: MissingOp] = [:]
    func look(at node: GraphNode, named name: String, isNeeded: Bool) {
      guard let reason = reasonNotToRun(node, in: graph, registry) else { return }
      let key = node.op + "\n" + reason
      found[key, default: MissingOp(op: node.op, reason: reason, nodes: [])].nodes.append(name)
      if isNeeded { found[key]?.isNeeded = true }
    }
    for (index, node) in graph.nodes.enumerated() {
      look(at: node, named: node.name, isNeeded: needed.contains(index))
    }
    for function in called.functions {
      for node in function.body.nodes.dropFirst(function.body.argumentCount) {
        look(at: node, named: "\(function.body.name)/\(node.name)", isNeeded: function.isNeeded)
      }
    }
    return found.values.sorted { ($0.op, $0.reason) < ($1.op, $1.reason) }
  }

  /// Why a node has no kernel; nil when it has one, or calls a function of the graph.
  static func reasonNotToRun(
    _ node: GraphNode, in graph: GraphSnapshot, _ registry: OpRegistry
  ) -> String? {
    guard let definition = registry.definition(inGraph: node.op) else {
      if graph.functions[node.op] != nil { return nil }
      guard OpSignature.named(node.op) != nil else {
        return "no op of TensorFlow's own" + (OpOrigin.name(of: node.op).map { ", but of \($0)" } ?? "")
      }
      return RefusedOps.reason(node.op).map { "refused: it \($0)" } ?? "no kernel yet"
    }
    for (name, allowed) in definition.types.sorted(by: { $0.key < $1.key }) {
      let types: [ElementType]
      switch node.attribute(name) {
      case .type(let type)?: types = [type]
      case .types(let list)?: types = list
      default: continue
      }
      for type in types {
        if let dtype = type.dtype, !allowed.contains(dtype) { return "no kernel for \(name) = \(dtype)" }
      }
    }
    return nil
  }

  /// What is missing as findings: a problem where it is needed, else a note.
  static func findings(in graph: GraphSnapshot, needed: Set<Int>) -> [Finding] {
    all(in: graph, needed: needed).map { entry in
      let nodes = counted(entry.nodes.count, "node")
      let verb = entry.nodes.count == 1 ? "has" : "have"
      let message = "\(entry.op): \(entry.reason). \(nodes) \(verb) it, and "
      guard entry.isNeeded else {
        return .note(.missingOp, message + "nothing that is computed needs it.", at: entry.nodes)
      }
      return .problem(
        .missingOp, message + "what is computed needs it.", at: entry.nodes,
        advice: "Fetch tensors that come before it, or feed its outputs.", command: "graft ops \(entry.op)")
    }
  }
}
