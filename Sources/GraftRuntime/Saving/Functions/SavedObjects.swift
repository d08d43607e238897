import GraftGraph
import GraftProto
import GraftTensor

/// The objects of a SavedModel as they stand in its graph: which tensor is which variable, table, constant.
struct SavedObjects {
  let saved: Tensorflow_SavedObjectGraph

  /// What calls of the graph give their functions for captured objects: tensors of the graph and objects' numbers.
  ///
  /// - Complexity: O(nodes and their inputs).
  func captures(in snapshot: GraphSnapshot) -> [(source: Edge, object: Int)] {
    snapshot.nodes.flatMap { node -> [(source: Edge, object: Int)] in
      guard case .function(let function)? = node.attribute("f"),
        let captured = saved.concreteFunctions[function.name]?.boundInputs,
        captured.count <= node.inputs.count
      else { return [] }
      // They come after the arguments.
      return zip(node.inputs.suffix(captured.count), captured).map { ($0, Int($1)) }
    }
  }

  /// The objects to which keys of the checkpoint lead, `encoder/w/.ATTRIBUTES/VARIABLE_VALUE`: attributes' names
  /// from the root on.
  func objects(ofKeys keys: some Sequence<String>) -> [String: Int] {
    var children: [Int: [String: Int]] = [:]
    var objects: [String: Int] = [:]
    for key in keys {
      guard !saved.nodes.isEmpty, let end = key.firstRange(of: "/.ATTRIBUTES/")?.lowerBound else { continue }
      var object: Int? = 0
      for part in key[..<end].split(separator: "/") {
        guard let parent = object else { break }
        if children[parent] == nil { children[parent] = self.children(of: parent) }
        object = children[parent]?[Self.unescaped(part)]
      }
      objects[key] = object
    }
    return objects
  }

  private func children(of object: Int) -> [String: Int] {
    let children = saved.nodes[object].children.filter { saved.nodes.indices.contains(Int($0.nodeID)) }
    return Dictionary(children.map { ($0.localName, Int($0.nodeID)) }) { first, _ in first }
  }

  /// An attribute's name: in keys `.` is doubled and `/` is `.S`.
  private static func unescaped(_ part: Substring) -> String {
    guard part.contains(".") else { return String(part) }
    var name = ""
    var rest = part[...]
    while let character = rest.popFirst() {
      if character == ".", let next = rest.popFirst() {
        name.append(next == "S" ? "/" : next)
      } else {
        name.append(character)
      }
    }
    return name
  }
}
