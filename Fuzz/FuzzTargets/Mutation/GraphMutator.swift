import Foundation
import GraftGraph
import GraftKernels
import GraftProto
import GraftTensor
import SwiftProtobuf

/// Changes a graph so that what comes out is mostly still a graph: ops, attributes, edges, constants and
/// function bodies, where changed bytes would hardly ever get past the import.
package struct GraphMutator {
  var chance: Chance

  /// The same seed makes the same changes.
  package init(seed: UInt64) { chance = Chance(seed: seed) }

  /// Ops that come in the place of others.
  package static let ops = OpRegistry.standard.all.map(\.name)

  /// The graph with one or a few changes; nil for bytes that are no binary graph.
  package mutating func mutated(_ bytes: [UInt8]) -> [UInt8]? {
    guard var graph = try? Tensorflow_GraphDef(serializedBytes: bytes, partial: true), !graph.node.isEmpty
    else {
      return nil
    }
    if chance.once(in: 8), let op = chance.pick(Self.ops), let call = call(of: op) { return call }
    for _ in 0...chance.below(3) {
      if !graph.library.function.isEmpty, chance.once(in: 2) {
        let function = chance.below(graph.library.function.count)
        change(&graph.library.function[function].nodeDef)
      } else {
        change(&graph.node)
      }
    }
    return try? graph.serializedBytes(partial: true)
  }

  private mutating func change(_ nodes: inout [Tensorflow_NodeDef]) {
    guard !nodes.isEmpty else { return }
    let index = chance.below(nodes.count)
    switch chance.below(16) {
    case 0: changeOp(&nodes[index])
    case 1: changeInputs(&nodes[index], nodes.map(\.name))
    case 2:
      var copy = nodes[index]
      copy.name += "_\(chance.below(100))"
      nodes.append(copy)
    case 3: completeAttributes(&nodes[index])
    case 4...9:
      // Constants are where the sizes and values come from.
      let constants = nodes.indices.filter { nodes[$0].attr["value"] != nil }
      guard let constant = chance.pick(constants) else { fallthrough }
      if var value = nodes[constant].attr["value"] {
        change(&value.tensor)
        nodes[constant].attr["value"] = value
        nodes[constant].attr["dtype"]?.type = value.tensor.dtype
      }
    default: changeAttribute(&nodes[index])
    }
  }

  // MARK: - Ops and edges

  /// Another op of as many inputs, with the attributes that it asks for.
  private mutating func changeOp(_ node: inout Tensorflow_NodeDef) {
    let count = node.input.count
    for _ in 0..<40 {
      guard let op = chance.pick(Self.ops), let signature = OpSignature.named(op) else { continue }
      if signature.inputs.count == count || chance.once(in: 30) {
        node.op = op
        break
      }
    }
    completeAttributes(&node)
  }

  /// Gives the attributes that the op asks for and the node lacks.
  mutating func completeAttributes(_ node: inout Tensorflow_NodeDef) {
    guard let signature = OpSignature.named(node.op) else { return }
    for attribute in signature.attributes where node.attr[attribute.name] == nil {
      guard attribute.defaultValue == nil || chance.once(in: 3) else { continue }
      node.attr[attribute.name] = value(of: attribute)
    }
  }

  private mutating func changeInputs(_ node: inout Tensorflow_NodeDef, _ names: [String]) {
    guard !node.input.isEmpty, let name = chance.pick(names) else { return }
    let index = chance.below(node.input.count)
    switch chance.below(5) {
    case 0: node.input.remove(at: index)
    case 1: node.input.insert(name, at: index)
    case 2: node.input[index] = name + ":\(chance.below(4))"
    case 3: node.input.shuffle(using: &chance)
    default: node.input[index] = name
    }
  }

  // MARK: - Attributes

  private mutating func changeAttribute(_ node: inout Tensorflow_NodeDef) {
    // The order of a dictionary differs from run to run.
    guard let name = chance.pick(node.attr.keys.sorted()) else { return completeAttributes(&node) }
    if chance.once(in: 24) {
      node.attr[name] = nil
    } else {
      change(&node.attr[name, default: Tensorflow_AttrValue()])
    }
  }

  private mutating func change(_ attribute: inout Tensorflow_AttrValue) {
    switch attribute.value {
    case .i: attribute.i = chance.integer()
    case .f: attribute.f = Float(chance.real())
    case .b(let value): attribute.b = !value
    case .s(let value): attribute.s = changed(value)
    case .type: attribute.type = type()
    case .shape: change(&attribute.shape)
    case .tensor: change(&attribute.tensor)
    case .list: change(&attribute.list)
    case .func, .placeholder, nil: attribute.i = chance.integer()
    }
  }

  private mutating func change(_ list: inout Tensorflow_AttrValue.ListValue) {
    switch chance.below(4) {
    case 0: list = Tensorflow_AttrValue.ListValue()
    case 1:
      // One more of what there is.
      if let last = list.i.last { list.i.append(last) }
      if let last = list.type.last { list.type.append(last) }
      if let last = list.s.last { list.s.append(last) }
      if let last = list.shape.last { list.shape.append(last) }
      if let last = list.f.last { list.f.append(last) }
    default:
      if !list.i.isEmpty { list.i[chance.below(list.i.count)] = chance.integer() }
      if !list.type.isEmpty { list.type[chance.below(list.type.count)] = type() }
      if !list.f.isEmpty { list.f[chance.below(list.f.count)] = Float(chance.real()) }
      if !list.s.isEmpty {
        let index = chance.below(list.s.count)
        list.s[index] = changed(list.s[index])
      }
      if !list.shape.isEmpty { change(&list.shape[chance.below(list.shape.count)]) }
    }
  }

  private mutating func value(of attribute: OpSignature.Attribute) -> Tensorflow_AttrValue {
    var value = Tensorflow_AttrValue()
    let count = attribute.isList ? chance.below(3) : 1
    for _ in 0..<count {
      switch attribute.kind {
      case .string:
        var text = Data(chance.text())
        if case .strings(let allowed)? = attribute.allowed, let one = chance.pick(allowed) {
          text = Data(one.string.utf8)
        }
        if attribute.isList { value.list.s.append(text) } else { value.s = text }
      case .int:
        if attribute.isList { value.list.i.append(chance.integer()) } else { value.i = chance.integer() }
      case .float:
        if attribute.isList { value.list.f.append(0.5) } else { value.f = Float(chance.real()) }
      case .bool: if attribute.isList { value.list.b.append(true) } else { value.b = chance.once(in: 2) }
      case .type:
        var chosen = type()
        if case .types(let allowed)? = attribute.allowed,
          DataType(rawValue: Int32(chosen.rawValue)).map(allowed.contains) != true,
          let one = chance.pick(allowed.types)
        {
          chosen = Tensorflow_DataType(rawValue: Int(one.rawValue)) ?? chosen
        }
        if attribute.isList { value.list.type.append(chosen) } else { value.type = chosen }
      case .shape:
        var shape = Tensorflow_TensorShapeProto()
        change(&shape)
        if attribute.isList { value.list.shape.append(shape) } else { value.shape = shape }
      case .tensor: value.tensor.dtype = .dtFloat
      case .function: value.func.name = "f"
      }
    }
    return value
  }
}
