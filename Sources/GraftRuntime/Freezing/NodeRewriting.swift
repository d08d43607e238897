import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

/// What becomes of a node when variables become constants.
enum FrozenNode {
  /// It stays as it is.
  case same
  /// It is another one, of the same name, perhaps with nodes that it needs.
  case changed(Tensorflow_NodeDef, added: [Tensorflow_NodeDef])
  /// It is the value of a variable.
  case variable
  /// It changed a variable, and gives nothing that anybody needs.
  case dropped
}

/// Rewrites single nodes.
struct NodeRewriting {
  /// Names of outputs in functions' bodies that are others after the rewriting.
  static let renamedOutputs: [String: String] = [
    "resource": "output", "value": "output", "is_initialized": "output", "output_ref": "output",
    "ref": "output",
  ]

  private static let references: [String: String] = [
    "RefIdentity": "Identity", "RefSwitch": "Switch", "RefMerge": "Merge", "RefEnter": "Enter",
    "RefExit": "Exit", "RefNextIteration": "NextIteration",
  ]

  /// Whether an op changes the variable that its first input refers to.
  static func changesVariable(_ node: GraphNode) -> Bool {
    if node.inputTypes.first?.isReference == true {
      return node.op.hasPrefix("Assign") || node.op.hasPrefix("Scatter") || node.op.contains("Apply")
        || node.op == "CountUpTo"
    }
    return node.op == "AssignVariableOp" || node.op == "AssignAddVariableOp"
      || node.op == "AssignSubVariableOp"
      || node.op == "DestroyResourceOp" || node.op.hasPrefix("ResourceScatter")
      || node.op.hasPrefix("ResourceApply") || node.op.hasPrefix("ResourceSparseApply")
      || node.op.hasPrefix("ResourceStridedSliceAssign")
  }

  /// Rewrites a node that is no call of functions.
  ///
  /// - Parameters:
  ///   - node: the node, and its message.
  ///   - handles: which of its inputs are handles to variables.
  ///   - isRead: whether somebody needs its outputs.
  ///   - isInFunction: whether it stands in a function's body.
  func rewrite(
    _ node: GraphNode, _ message: () throws -> Tensorflow_NodeDef, handles: [Int: DataType], isRead: Bool,
    isInFunction: Bool
  ) throws -> FrozenNode {
    if VariableBinding.ops.contains(node.op) { return .variable }
    if let op = Self.references[node.op] { return try changed(message()) { $0.op = op } }
    if node.op == "IsVariableInitialized" || (node.op == "VarIsInitializedOp" && handles[0] != nil) {
      return try changed(message()) { node in
        node.op = "Const"
        node.input.removeAll { !$0.hasPrefix("^") }
        node.attr = [
          "dtype": .dtype(.bool),
          "value": .with { $0.tensor = .with { ($0.dtype, $0.boolVal) = (.dtBool, [true]) } },
        ]
      }
    }
    let changesReference = node.inputTypes.first?.isReference == true && Self.changesVariable(node)
    if changesReference || (handles[0] != nil && Self.changesVariable(node)) {
      guard isRead else { return .dropped }
      return try changedValue(node, message())
    }
    guard let dtype = handles[0] ?? handles.values.first else { return .same }
    let type = Tensorflow_AttrValue.dtype(dtype)
    if HandleFlow.passing.contains(node.op) { return try changed(message()) { $0.attr["T"] = type } }
    switch node.op {
    case "IdentityN":
      return try changed(message()) { node in
        for (position, dtype) in handles { node.setType(dtype, at: position, of: "T") }
      }
    case "ReadVariableOp":
      return try changed(message()) { ($0.op, $0.attr) = ("Identity", ["T": type]) }
    case "VariableShape":
      return try changed(message()) { node in
        node.op = "Shape"
        node.attr = ["T": type, "out_type": node.attr["out_type"] ?? .dtype(.int32)]
      }
    case "ResourceGatherNd":
      return try changed(message()) { node in
        (node.op, node.attr) = ("GatherNd", ["Tparams": type, "Tindices": node.attr["Tindices"] ?? .init()])
      }
    case "ResourceGather": return try gather(message(), type, isInFunction: isInFunction)
    default:
      throw GraftError(
        .unimplemented, "\(node.op) keeps state in a variable, and a frozen graph has none.",
        at: .init(node: node.name, op: node.op),
        remedy: "Fetch tensors that come before it, or export a SavedModel in place of a frozen graph.")
    }
  }

  private func changed(_ message: Tensorflow_NodeDef, _ body: (inout Tensorflow_NodeDef) -> Void)
    -> FrozenNode
  {
    var message = message
    body(&message)
    message.attr["_output_shapes"] = nil
    message.attr["_class"] = nil
    return .changed(message, added: [])
  }

  /// The value that an operation would have given the variable, where others need it.
  private func changedValue(_ node: GraphNode, _ message: Tensorflow_NodeDef) throws -> FrozenNode {
    let type = message.attr["T"] ?? .init()
    switch node.op {
    case "Assign":
      return changed(message) { node in
        node.op = "Identity"
        node.input.removeFirst()
        node.attr = ["T": type]
      }
    case "AssignAdd": return changed(message) { ($0.op, $0.attr) = ("Add", ["T": type]) }
    case "AssignSub": return changed(message) { ($0.op, $0.attr) = ("Sub", ["T": type]) }
    case "ScatterNdUpdate", "ScatterNdAdd", "ScatterNdSub":
      return changed(message) { message in
        message.op = "TensorScatter" + node.op.dropFirst("ScatterNd".count)
        message.attr["use_locking"] = nil
      }
    default:
      throw GraftError(
        .unimplemented,
        "A fetch needs the value that \(node.op) gives a variable, and a frozen graph has none.",
        at: .init(node: node.name, op: node.op), remedy: "Fetch tensors that come before it.")
    }
  }

  /// `ResourceGather` of a value: along the axis behind the batch dimensions.
  private func gather(
    _ message: Tensorflow_NodeDef, _ type: Tensorflow_AttrValue, isInFunction: Bool
  ) -> FrozenNode {
    let batch = message.attr["batch_dims"] ?? .integer(0)
    let name = "\(message.name)/frozen_axis"
    var axis = Tensorflow_NodeDef(
      name, "Const", [],
      [
        "dtype": .dtype(.int32),
        "value": .with {
          $0.tensor = .with { ($0.dtype, $0.intVal) = (.dtInt32, [Int32(clamping: batch.i)]) }
        },
      ])
    // In a loop of TensorFlow 1 the constant must be of the same round as the indices.
    if !isInFunction, message.input.count > 1, let indices = message.input[1].split(separator: ":").first {
      axis.input = ["^\(indices)"]
    }
    var message = message
    let indices = message.attr["Tindices"] ?? .init()
    message.op = "GatherV2"
    message.input.insert(isInFunction ? "\(name):output:0" : name, at: min(2, message.input.count))
    message.attr = ["Tparams": type, "Tindices": indices, "Taxis": .dtype(.int32), "batch_dims": batch]
    return .changed(message, added: [axis])
  }
}

extension Tensorflow_NodeDef {
  /// Sets one of a list of dtypes.
  mutating func setType(_ dtype: DataType, at position: Int, of attribute: String) {
    guard var value = attr[attribute], value.list.type.indices.contains(position) else { return }
    value.list.type[position] = Tensorflow_DataType(dtype)
    attr[attribute] = value
  }
}
