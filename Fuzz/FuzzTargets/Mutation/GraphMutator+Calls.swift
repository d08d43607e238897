import Foundation
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

extension GraphMutator {
  /// A graph of one call of an op: attributes as its signature asks for them, and constants of small shapes that
  /// hold zeros, small numbers or absurd ones. Nil for an op that nothing is known of.
  package mutating func call(of op: String) -> [UInt8]? {
    guard let signature = OpSignature.named(op) else { return nil }
    var node = Tensorflow_NodeDef()
    node.name = "node"
    node.op = op
    completeAttributes(&node)
    var graph = Tensorflow_GraphDef()
    for argument in signature.inputs {
      var types: [Tensorflow_DataType] = []
      switch argument.type {
      case .fixed(let type): types = [Tensorflow_DataType(rawValue: Int(type.wireValue)) ?? .dtFloat]
      case .attribute(let index): types = [node.attr[signature.attributes[index].name]?.type ?? .dtFloat]
      case .list(let index): types = node.attr[signature.attributes[index].name]?.list.type ?? []
      }
      if let count = argument.count, case .i(let value)? = node.attr[signature.attributes[count].name]?.value,
        let type = types.first
      {
        types = [Tensorflow_DataType](repeating: type, count: Int(min(max(value, 0), 4)))
      }
      for type in types {
        let name = "in\(graph.node.count)"
        graph.node.append(constant(name, type))
        node.input.append(name)
      }
    }
    graph.node.append(node)
    return try? graph.serializedBytes(partial: true)
  }

  private mutating func constant(_ name: String, _ type: Tensorflow_DataType) -> Tensorflow_NodeDef {
    var tensor = Tensorflow_TensorProto()
    tensor.dtype = type
    let rank = chance.below(4)
    tensor.tensorShape.dim = (0..<rank).map { _ in
      .with { $0.size = Int64(chance.once(in: 8) ? 0 : 1 + chance.below(3)) }
    }
    tensor.stringVal = type == .dtString ? [Data(chance.text()), Data("1".utf8)] : []
    tensor.tensorContent = Data(chance.once(in: 2) ? [0] : [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
    fit(&tensor)
    for _ in 0..<chance.below(4) { changeValue(&tensor) }
    return .with {
      $0.name = name
      $0.op = "Const"
      $0.attr["dtype"] = .with { $0.type = type }
      $0.attr["value"] = .with { $0.tensor = tensor }
    }
  }
}
