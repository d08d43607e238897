import GraftGraph
import GraftTensor

/// What a call of a graph needs: its nodes, and those of the functions that these call.
struct NeededNodes {
  let graph: GraphSnapshot
  /// Nodes of the graph itself, in its order.
  let indices: [Int]
  /// The functions whose bodies run whenever the call does.
  let functions: [FunctionBody]

  /// Follows inputs and calls from the fetches back to what is fed.
  ///
  /// - Complexity: O(size of the graph and of its functions).
  init(_ graph: GraphSnapshot, fetches: [Int], feeds: Set<Int> = []) {
    self.graph = graph
    var seen = Set(fetches)
    var waiting = fetches
    while let index = waiting.popLast() {
      guard !feeds.contains(index) else { continue }
      let node = graph.nodes[index]
      for next in node.inputs.map({ Int($0.node) }) + node.controlInputs.map({ Int($0) })
      where graph.nodes.indices.contains(next) && seen.insert(next).inserted { waiting.append(next) }
    }
    indices = seen.sorted()
    functions = Self.functions(seen.subtracting(feeds).map { graph.nodes[$0] }, graph.functions)
  }

  /// The nodes of the graph itself.
  var nodes: [GraphNode] { indices.map { graph.nodes[$0] } }

  /// All nodes with their names, those of functions as `function/node`.
  var named: [(name: String, node: GraphNode)] { nodes.map { ($0.name, $0) } + namedInFunctions }

  /// The nodes of the functions, with names as `named` has them.
  var namedInFunctions: [(name: String, node: GraphNode)] {
    functions.flatMap { body in
      body.nodes.dropFirst(body.argumentCount).map { ("\(body.name)/\($0.name)", $0) }
    }
  }

  /// Whether a node of the graph itself comes after the `Switch` of a conditional, within some steps: then
  /// whether it runs is decided by a value.
  func isConditional(_ index: Int, within steps: Int) -> Bool {
    var seen: Set<Int> = [index]
    var level = [index]
    for _ in 0..<steps {
      var next: [Int] = []
      for node in level.map({ graph.nodes[$0] }) {
        for source in node.inputs.map({ Int($0.node) }) + node.controlInputs.map({ Int($0) })
        where graph.nodes.indices.contains(source) && seen.insert(source).inserted {
          if ["Switch", "RefSwitch", "_SwitchN"].contains(graph.nodes[source].op) { return true }
          next.append(source)
        }
      }
      level = next
    }
    return false
  }

  /// The functions that are called in any case, each once: branches of conditionals are left out.
  private static func functions(_ nodes: [GraphNode], _ library: FunctionLibrary) -> [FunctionBody] {
    guard !library.names.isEmpty else { return [] }
    var found: [FunctionBody] = []
    var seen: Set<String> = []
    var waiting = nodes.compactMap { call($0, library) }
    while let reference = waiting.popLast() {
      guard seen.insert(reference.name).inserted, let body = try? library.body(of: reference) else {
        continue
      }
      found.append(body)
      waiting += body.nodes.compactMap { call($0, library) }
    }
    return found.sorted { $0.name < $1.name }
  }

  /// The function that a node calls whenever it runs; nil where it calls none.
  static func call(_ node: GraphNode, _ library: FunctionLibrary) -> FunctionReference? {
    if library[node.op] != nil { return FunctionReference(name: node.op, attributes: node.attributes) }
    guard ["PartitionedCall", "StatefulPartitionedCall"].contains(node.op),
      case .function(let reference)? = node.attribute("f")
    else { return nil }
    return reference
  }
}
