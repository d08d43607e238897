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
  /// Whether operations get it as a handle, and not by reference.
  let isResource: Bool

  /// The key under which an export saves it: its name, or that of the variable that it is a part of.
  var savedKey: String { slice.isEmpty ? node : keys.first ?? node }

  /// The variable under one key, whole.
  func under(_ key: String) -> VariableBinding {
    VariableBinding(
      node: node, keys: [key], slice: "", part: nil, container: container, sharedName: sharedName,
      dtype: dtype,
      shape: shape, isResource: isResource)
  }

  /// The session's variable, made where it is not there yet.
  func variable(in session: Session) throws -> Variable {
    try session.resources.variable(
      VariableName(container: container, name: sharedName), dtype: dtype, shape: shape)
  }
}

extension VariableBinding {
  /// The ops whose nodes are variables.
  static let ops: Set<String> = ["VarHandleOp", "VariableV2", "Variable"]

  /// All variables of a graph: what no collection needs to list.
  ///
  /// - Complexity: O(nodes).
  static func all(in snapshot: GraphSnapshot) -> [VariableBinding] {
    bindings(in: snapshot, SavedKeys(snapshot))
  }

  /// The variables that an operation of the graph restores.
  static func restored(by operation: Int, in snapshot: GraphSnapshot) -> [VariableBinding] {
    let saved = SavedKeys(snapshot, neededBy: operation)
    let names = Set(saved.keys.keys.map { snapshot.nodes[$0].name })
    return bindings(in: snapshot, saved).filter { names.contains($0.node) }
  }

  private static func bindings(in snapshot: GraphSnapshot, _ saved: SavedKeys) -> [VariableBinding] {
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
      let known = saved.keys[index]
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
        container: text(node.attribute("container")), sharedName: sharedName, dtype: dtype, shape: shape,
        isResource: node.op == "VarHandleOp")
    }
  }

  /// The container and name of the variable that a node stands for; nil for another node.
  static func resource(of node: GraphNode) -> (container: String, name: String)? {
    guard ops.contains(node.op) else { return nil }
    let shared = text(node.attribute("shared_name"))
    return (text(node.attribute("container")), shared.isEmpty ? node.name : shared)
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
