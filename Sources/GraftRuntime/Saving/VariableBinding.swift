import GraftCheckpoint
import GraftGraph
import GraftKernels
import GraftTensor

/// A variable of a graph, with the key under which checkpoints hold it.
struct VariableBinding: Sendable {
  /// The name of the variable's node.
  let node: String
  /// The names by which checkpoints may hold it, the likeliest first.
  let keys: [String]
  /// Which part of the checkpoint's tensor it is, where a save or restore operation of the graph says so.
  let slice: String
  /// The number of the part, and of how many, where only the name says that it is one.
  let part: (index: Int, count: Int)?
  let container: String
  let sharedName: String
  let dtype: DataType
  let shape: PartialShape

  /// The session's variable, made where it is not there yet.
  func variable(in session: Session) throws -> Variable {
    try session.resources.resource(Variable.self, container: container, name: sharedName) {
      Variable(name: sharedName, dtype: dtype, shape: shape)
    }
  }
}

extension VariableBinding {
  /// The ops whose nodes are variables.
  static let ops: Set<String> = ["VarHandleOp", "VariableV2", "Variable"]

  /// All variables of a graph: what no collection needs to list.
  ///
  /// - Complexity: O(nodes).
  static func all(in snapshot: GraphSnapshot) -> [VariableBinding] {
    let saved = SavedKeys(snapshot)
    var parts: [String: Int] = [:]
    let variables = snapshot.nodes.indices.filter { ops.contains(snapshot.nodes[$0].op) }
    for index in variables {
      if let (base, _) = part(of: snapshot.nodes[index].name) { parts[base, default: 0] += 1 }
    }
    return variables.compactMap { index in
      let node = snapshot.nodes[index]
      guard case .type(let type) = node.attribute("dtype"), let dtype = type.dtype else { return nil }
      var shape = PartialShape.unknown
      if case .shape(let declared) = node.attribute("shape") { shape = declared }
      if node.op == "Variable", shape.rank == 0 { shape = .unknown }
      let shared = text(node.attribute("shared_name"))
      let sharedName = shared.isEmpty ? node.name : shared
      var keys: [String] = []
      let known = saved.key(of: index)
      for key in [known?.key, node.name, shared].compactMap(\.self) where !key.isEmpty && !keys.contains(key)
      {
        keys.append(key)
      }
      var number: (index: Int, count: Int)?
      if known == nil, let (base, position) = part(of: node.name) {
        keys.append(base)
        number = (position, parts[base] ?? 1)
      }
      return VariableBinding(
        node: node.name, keys: keys, slice: known?.slice ?? "", part: number,
        container: text(node.attribute("container")), sharedName: sharedName, dtype: dtype, shape: shape)
    }
  }

  private static func text(_ value: AttributeValue?) -> String {
    if case .string(let bytes) = value { bytes.string } else { "" }
  }

  /// `w/part_3` is part 3 of `w`, as TensorFlow 1 names the parts of a partitioned variable.
  private static func part(of name: String) -> (base: String, index: Int)? {
    guard let slash = name.lastIndex(of: "/") else { return nil }
    let last = name[name.index(after: slash)...]
    guard last.hasPrefix("part_"), let index = Int(last.dropFirst(5)), index >= 0 else { return nil }
    return (String(name[..<slash]), index)
  }
}

/// The keys that a graph's own restore operations give to its variables.
private struct SavedKeys {
  private var keys: [Int: (key: String, slice: String)] = [:]

  init(_ snapshot: GraphSnapshot) {
    for (index, node) in snapshot.nodes.enumerated()
    where node.op.hasPrefix("Assign") && node.inputs.count >= 2 {
      guard let variable = Self.variable(Int(node.inputs[0].node), snapshot) else { continue }
      guard keys[variable] == nil, let found = Self.restored(node.inputs[1], snapshot), index >= 0 else {
        continue
      }
      keys[variable] = found
    }
  }

  func key(of variable: Int) -> (key: String, slice: String)? { keys[variable] }

  /// The variable that a reference or handle comes from.
  private static func variable(_ start: Int, _ snapshot: GraphSnapshot) -> Int? {
    var index = start
    for _ in 0..<8 {
      let node = snapshot.nodes[index]
      if VariableBinding.ops.contains(node.op) { return index }
      guard let next = node.inputs.first else { return nil }
      index = Int(next.node)
    }
    return nil
  }

  /// What a value is restored from, where it comes straight from a restore operation.
  private static func restored(_ edge: Edge, _ snapshot: GraphSnapshot) -> (key: String, slice: String)? {
    var edge = edge
    for _ in 0..<8 {
      let node = snapshot.nodes[Int(edge.node)]
      switch node.op {
      case "RestoreV2":
        guard node.inputs.count == 3, let names = texts(node.inputs[1], snapshot),
          let slices = texts(node.inputs[2], snapshot), names.indices.contains(Int(edge.output)),
          slices.count == names.count
        else { return nil }
        return (names[Int(edge.output)], slices[Int(edge.output)])
      case "Restore", "RestoreSlice":
        guard node.inputs.count >= 2, let name = texts(node.inputs[1], snapshot)?.first else { return nil }
        return (name, node.inputs.count > 2 ? texts(node.inputs[2], snapshot)?.first ?? "" : "")
      case "Identity", "Reshape", "Cast", "ExpandDims", "Squeeze":
        guard let next = node.inputs.first else { return nil }
        edge = next
      default: return nil
      }
    }
    return nil
  }

  private static func texts(_ edge: Edge, _ snapshot: GraphSnapshot) -> [String]? {
    let node = snapshot.nodes[Int(edge.node)]
    guard node.op == "Const", case .tensor(let value) = node.attribute("value") else { return nil }
    return try? value.tensor().strings()
  }
}
