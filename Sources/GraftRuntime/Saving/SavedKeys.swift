import GraftGraph
import GraftTensor

/// The keys that a graph's own restore operations give to its variables, those in the functions that
/// TensorFlow 2 restores through included.
struct SavedKeys {
  /// Where a variable's value comes from: the key, and which part of the tensor.
  typealias Key = (key: String, slice: String)

  private(set) var keys: [Int: Key] = [:]

  /// Looks at a graph's operations: all of them, or those that one of them needs.
  ///
  /// - Complexity: O(nodes), with those of the functions that restore.
  init(_ snapshot: GraphSnapshot, neededBy operation: Int? = nil) {
    let nodes = operation.map { Self.needed(by: $0, snapshot.nodes) } ?? Array(snapshot.nodes.indices)
    let texts = ConstantTexts(snapshot.nodes)
    for index in nodes {
      let node = snapshot.nodes[index]
      if node.op.hasPrefix("Assign") {
        note(node, texts) { Self.variable(Int($0.node), snapshot.nodes) }
      } else if node.op == "StatefulPartitionedCall" || node.op == "PartitionedCall" {
        lookInto(node, snapshot)
      }
    }
  }

  private static func needed(by operation: Int, _ nodes: [GraphNode]) -> [Int] {
    var seen: Set<Int> = [operation]
    var worklist = [operation]
    while let index = worklist.popLast() {
      for next in nodes[index].inputs.map({ Int($0.node) }) + nodes[index].controlInputs.map({ Int($0) })
      where seen.insert(next).inserted { worklist.append(next) }
    }
    return seen.sorted()
  }

  /// Notes what an assignment restores.
  private mutating func note(_ node: GraphNode, _ texts: ConstantTexts, _ variable: (Edge) -> Int?) {
    guard node.inputs.count >= 2, let index = variable(node.inputs[0]), keys[index] == nil,
      let found = Self.restored(node.inputs[1], texts)
    else { return }
    keys[index] = found
  }

  /// Looks into a function that is given a path and variables, as those that restore are.
  private mutating func lookInto(_ call: GraphNode, _ snapshot: GraphSnapshot) {
    guard call.inputTypes.contains(where: { $0.dtype == .string }),
      call.inputTypes.contains(where: { $0.dtype == .resource }),
      case .function(let reference)? = call.attribute("f"),
      let body = try? snapshot.functions.body(of: reference),
      body.nodes.contains(where: { $0.op == "RestoreV2" })
    else { return }
    let texts = ConstantTexts(body.nodes)
    for node in body.nodes where node.op.hasPrefix("Assign") {
      note(node, texts) { edge in
        guard let argument = Self.source(Int(edge.node), body.nodes, { $0 < body.argumentCount }),
          call.inputs.indices.contains(argument)
        else { return nil }
        return Self.variable(Int(call.inputs[argument].node), snapshot.nodes)
      }
    }
  }

  /// The variable that a reference or handle comes from.
  static func variable(_ start: Int, _ nodes: [GraphNode]) -> Int? {
    source(start, nodes) { VariableBinding.ops.contains(nodes[$0].op) }
  }

  /// The node that a handle comes from through operations that pass it on.
  private static func source(_ start: Int, _ nodes: [GraphNode], _ isSource: (Int) -> Bool) -> Int? {
    var index = start
    for _ in 0..<8 {
      if isSource(index) { return index }
      guard let next = nodes[index].inputs.first else { return nil }
      index = Int(next.node)
    }
    return nil
  }

  /// What a value is restored from, where it comes straight from a restore operation.
  private static func restored(_ edge: Edge, _ texts: ConstantTexts) -> Key? {
    var edge = edge
    for _ in 0..<8 {
      let node = texts.nodes[Int(edge.node)]
      switch node.op {
      case "RestoreV2":
        guard node.inputs.count == 3, let names = texts.of(node.inputs[1]),
          let slices = texts.of(node.inputs[2]), names.indices.contains(Int(edge.output)),
          slices.count == names.count
        else { return nil }
        return (names[Int(edge.output)], slices[Int(edge.output)])
      case "Restore", "RestoreSlice":
        guard node.inputs.count >= 2, let name = texts.of(node.inputs[1])?.first else { return nil }
        return (name, node.inputs.count > 2 ? texts.of(node.inputs[2])?.first ?? "" : "")
      case "Identity", "Reshape", "Cast", "ExpandDims", "Squeeze":
        guard let next = node.inputs.first else { return nil }
        edge = next
      default: return nil
      }
    }
    return nil
  }
}

/// The texts in the constants of some nodes. All variables of a model may be restored from one list of names: it is read
/// once.
private final class ConstantTexts {
  let nodes: [GraphNode]
  private var known: [Int32: [String]?] = [:]

  init(_ nodes: [GraphNode]) {
    self.nodes = nodes
  }

  /// The texts of a constant; nil for anything else.
  func of(_ edge: Edge) -> [String]? {
    if let texts = known[edge.node] { return texts }
    let node = nodes[Int(edge.node)]
    var texts: [String]?
    if node.op == "Const", case .tensor(let value)? = node.attribute("value") {
      texts = try? value.tensor().strings()
    }
    known[edge.node] = .some(texts)
    return texts
  }
}
