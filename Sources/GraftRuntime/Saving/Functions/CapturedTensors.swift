import FoundationEssentials
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

/// The tensors that functions of a SavedModel get for the objects that they captured: those that the graph has, and
/// nodes for objects that it has not.
struct CapturedTensors {
  private let saved: Tensorflow_SavedObjectGraph
  private let assets: [Tensorflow_AssetFileDef]
  private let snapshot: GraphSnapshot
  /// The scope of the nodes that are added.
  private let scope: String
  private let prefix: String
  /// The graph's tensors, by the object.
  private var known: [Int: String] = [:]
  /// The inputs that were asked for.
  private var inputs: [Int: String] = [:]
  /// Nodes for objects that the graph has not.
  private(set) var nodes: [Tensorflow_NodeDef] = []
  /// Which tensor of the graph each input is that no node here has.
  private(set) var inputMap: [String: String] = [:]

  /// The tensors of a SavedModel's objects.
  ///
  /// - Parameters:
  ///   - message: the MetaGraph, with names as the graph has them.
  ///   - prefix: what the names of the model's own operations begin with, the slash included.
  ///   - scope: what those of added operations do.
  init(_ message: Tensorflow_MetaGraphDef, in snapshot: GraphSnapshot, prefix: String, scope: String) {
    saved = message.objectGraphDef
    assets = message.assetFileDef
    self.snapshot = snapshot
    self.scope = scope
    self.prefix = prefix
    let objects = SavedObjects(saved: saved)
    // A variable may be in the graph twice: what the saver restores goes before what other calls have.
    let keys = SavedKeys(snapshot).keys.filter { snapshot.nodes[$0.key].name.hasPrefix(prefix) }
    let restored = objects.objects(ofKeys: keys.values.map(\.key))
    for (node, key) in keys.sorted(by: { $0.key < $1.key }) {
      if let object = restored[key.key] { known[object] = known[object] ?? "\(snapshot.nodes[node].name):0" }
    }
    for (source, object) in objects.captures(in: snapshot) where known[object] == nil {
      let name = snapshot.nodes[Int(source.node)].name
      if name.hasPrefix(prefix) { known[object] = "\(name):\(source.output)" }
    }
  }

  /// The input that stands for an object; nil for one that is no tensor.
  mutating func input(for object: Int) -> String? {
    if let input = inputs[object] { return input }
    let input = newInput(for: object)
    inputs[object] = input
    return input
  }

  private mutating func newInput(for object: Int) -> String? {
    guard saved.nodes.indices.contains(object) else { return nil }
    if let tensor = known[object] { return mapped(tensor, object) }
    switch saved.nodes[object].kind {
    case .constant(let constant): return mapped(prefix + constant.operation + ":0", object)
    case .asset(let asset): return path(of: asset, object)
    case .variable(let variable): return handle(of: variable, object)
    case .resource: return resource(object)
    default: return nil
    }
  }

  private mutating func mapped(_ tensor: String, _ object: Int) -> String? {
    guard (try? snapshot.edge(named: tensor)) != nil else { return nil }
    let input = "captured_\(object)"
    inputMap[input + ":0"] = tensor
    return input
  }

  private mutating func added(_ node: Tensorflow_NodeDef) -> String {
    nodes.append(node)
    return node.name
  }

  private mutating func handle(of variable: Tensorflow_SavedVariable, _ object: Int) -> String {
    let name = "variable_\(object)"
    return added(
      Tensorflow_NodeDef(
        name, "VarHandleOp", [],
        [
          "dtype": .with { $0.type = variable.dtype }, "shape": .with { $0.shape = variable.shape },
          "shared_name": .with { $0.s = Data("\(scope)/\(name)".utf8) },
        ]))
  }

  /// The path of an asset, as loading the model leaves it in a variable.
  private mutating func path(of asset: Tensorflow_SavedAsset, _ object: Int) -> String? {
    guard assets.indices.contains(Int(asset.assetFileDefIndex)),
      let path = try? snapshot.edge(named: assets[Int(asset.assetFileDefIndex)].tensorInfo.name),
      let assignment = snapshot.nodes.first(where: {
        $0.op == "AssignVariableOp" && $0.inputs.count == 2 && $0.inputs[1] == path
      }),
      let variable = mapped("\(snapshot.nodes[Int(assignment.inputs[0].node)].name):0", object)
    else { return nil }
    return added(
      Tensorflow_NodeDef("asset_\(object)", "ReadVariableOp", [variable], ["dtype": .dtype(.string)]))
  }

  /// A table or another resource, as the function makes it that comes with it.
  private mutating func resource(_ object: Int) -> String? {
    guard let maker = saved.nodes[object].children.first(where: { $0.localName == "_create_resource" }),
      saved.nodes.indices.contains(Int(maker.nodeID)),
      case .function(let function)? = saved.nodes[Int(maker.nodeID)].kind,
      let name = function.concreteFunctions.first, snapshot.functions[name] != nil,
      saved.concreteFunctions[name]?.boundInputs.isEmpty == true
    else { return nil }
    return added(
      Tensorflow_NodeDef(
        "resource_\(object)", "StatefulPartitionedCall", [],
        ["Tin": .dtypes([]), "Tout": .dtypes([.resource]), "f": .with { $0.func = .with { $0.name = name } }])
    )
  }
}
