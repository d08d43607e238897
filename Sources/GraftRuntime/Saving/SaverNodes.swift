import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

/// The operations that save and restore a graph's variables, to be written with the graph: what TensorFlow's
/// own savers put there.
struct SaverNodes {
  let nodes: [Tensorflow_NodeDef]
  let definition: Tensorflow_SaverDef

  /// - Parameters:
  ///   - bindings: the variables, at least one.
  ///   - snapshot: the graph that has them.
  init(_ bindings: [VariableBinding], in snapshot: GraphSnapshot) {
    let scope = Self.scope(in: snapshot)
    let filename = "\(scope)/filename"
    let dtypes = bindings.map(\.dtype)
    let (names, slices) = (bindings.map(\.savedKey), bindings.map(\.slice))
    var nodes: [Tensorflow_NodeDef] = [
      .strings("\(filename)/input", ["model"], isScalar: true),
      Tensorflow_NodeDef(
        filename, "PlaceholderWithDefault", ["\(filename)/input"],
        ["dtype": .dtype(.string), "shape": .shape(.scalar)]),
    ]
    let save = "\(scope)/SaveV2"
    var values: [String] = []
    for (index, binding) in bindings.enumerated() {
      guard binding.isResource else {
        values.append(binding.node)
        continue
      }
      let read = "\(scope)/Read_\(index)"
      nodes.append(
        Tensorflow_NodeDef(read, "ReadVariableOp", [binding.node], ["dtype": .dtype(binding.dtype)]))
      values.append(read)
    }
    nodes += [
      .strings("\(save)/tensor_names", names), .strings("\(save)/shape_and_slices", slices),
      Tensorflow_NodeDef(
        save, "SaveV2", [filename, "\(save)/tensor_names", "\(save)/shape_and_slices"] + values,
        ["dtypes": .dtypes(dtypes)]),
      Tensorflow_NodeDef(
        "\(scope)/control_dependency", "Identity", [filename, "^\(save)"], ["T": .dtype(.string)]),
    ]
    let restore = "\(scope)/RestoreV2"
    nodes += [
      .strings("\(restore)/tensor_names", names), .strings("\(restore)/shape_and_slices", slices),
      Tensorflow_NodeDef(
        restore, "RestoreV2", [filename, "\(restore)/tensor_names", "\(restore)/shape_and_slices"],
        ["dtypes": .dtypes(dtypes)]),
    ]
    var assignments: [String] = []
    for (index, binding) in bindings.enumerated() {
      let value = index == 0 ? restore : "\(restore):\(index)"
      let assign = index == 0 ? "\(scope)/Assign" : "\(scope)/Assign_\(index)"
      assignments.append("^\(assign)")
      nodes.append(
        binding.isResource
          ? Tensorflow_NodeDef(
            assign, "AssignVariableOp", [binding.node, value], ["dtype": .dtype(binding.dtype)])
          : Tensorflow_NodeDef(
            assign, "Assign", [binding.node, value],
            ["T": .dtype(binding.dtype), "use_locking": .bool(true), "validate_shape": .bool(true)]))
    }
    let all = "\(scope)/restore_all"
    nodes.append(Tensorflow_NodeDef(all, "NoOp", assignments))
    self.nodes = nodes
    definition = Tensorflow_SaverDef.with {
      $0.filenameTensorName = "\(filename):0"
      $0.saveTensorName = "\(scope)/control_dependency:0"
      $0.restoreOpName = all
      $0.maxToKeep = 5
      $0.keepCheckpointEveryNHours = 10_000
      $0.version = .v2
    }
  }

  /// A scope that no node is in: `save`, or `save` with a number.
  private static func scope(in snapshot: GraphSnapshot) -> String {
    var taken: Set<Substring> = []
    for node in snapshot.nodes {
      if let first = node.name.split(separator: "/").first, first.hasPrefix("save") { taken.insert(first) }
    }
    guard taken.contains("save") else { return "save" }
    var number = 1
    while taken.contains("save_\(number)") { number += 1 }
    return "save_\(number)"
  }
}
