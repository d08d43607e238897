import GraftCheckpoint
import GraftGraph
import GraftKernels
import GraftProto
import GraftTensor

/// Variables that belong to saved objects, and that the model's own saver leaves without a value.
///
/// `tf.saved_model.save` of a Keras 3 model writes each variable twice: signatures read the one, the saver restores
/// the other. TensorFlow 2 goes by the objects instead, and so does this: a function's captured inputs are objects,
/// and the checkpoint tells where the values of objects are.
extension SavedModel {
  /// Gives the variables that have no value those of the objects that they are.
  func restoreObjects(_ checkpoint: String) throws {
    let saved = metaGraph.message.objectGraphDef
    guard !saved.concreteFunctions.isEmpty else { return }
    let snapshot = session.graph.snapshot
    let empty = Set(
      snapshot.nodes.lazy.filter { node in
        guard node.op == "VarHandleOp", isOwn(node.name),
          let (container, name) = VariableBinding.resource(of: node)
        else { return false }
        return session.resources.find(Variable.self, container: container, name: name)?.value == nil
      }.map(\.name))
    guard !empty.isEmpty, let tree = try Checkpoint(path: checkpoint).objectGraph() else { return }
    let keys = Self.keys(of: saved, in: tree)
    let captures = SavedObjects(saved: saved).captures(in: snapshot)
      .map { (snapshot.nodes[Int($0.source.node)].name, $0.object) }
    let objects = Dictionary(captures.filter { empty.contains($0.0) }) { _, last in last }
    guard objects.values.contains(where: { keys[$0] != nil }) else { return }
    let bindings = VariableBinding.all(in: snapshot).compactMap { binding in
      objects[binding.node].flatMap { keys[$0] }.map(binding.under)
    }
    try Saver(bindings).restore(checkpoint, into: session)
  }

  /// The checkpoint's keys of the variables among the saved objects, by the objects' numbers: both trees are walked
  /// together, by the names of the attributes.
  private static func keys(of saved: Tensorflow_SavedObjectGraph, in tree: ObjectGraph) -> [Int: String] {
    guard !saved.nodes.isEmpty, !tree.nodes.isEmpty else { return [:] }
    var keys: [Int: String] = [:]
    var seen: Set = [0]
    var worklist = [(saved: 0, stored: 0)]
    while let (object, stored) = worklist.popLast() {
      if let value = tree.nodes[stored].values.first(where: { $0.name == "VARIABLE_VALUE" }) {
        keys[object] = value.key
      }
      let children = Dictionary(tree.nodes[stored].children.map { ($0.name, $0.node) }) { first, _ in first }
      for child in saved.nodes[object].children {
        guard let next = children[child.localName], saved.nodes.indices.contains(Int(child.nodeID)),
          seen.insert(Int(child.nodeID)).inserted
        else { continue }
        worklist.append((Int(child.nodeID), next))
      }
    }
    return keys
  }
}
