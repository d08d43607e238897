import FoundationEssentials
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

/// Rewrites functions that read variables: arguments that are handles become the variables' values.
///
/// A function is rewritten once for each set of arguments that are handles; all others stay as they are.
final class FunctionFreezer {
  /// A function rewritten for some arguments.
  private struct Frozen {
    let name: String
    /// The results that were handles, and are values now.
    let results: [Int: DataType]
  }

  private struct Key: Hashable {
    let name: String
    let arguments: [Int: DataType]
  }

  private let snapshot: GraphSnapshot
  /// The values of variables that functions have nodes for; nil where those stay variables.
  var values: VariableValues?
  private(set) var notes: [String] = []
  private var frozen: [Key: Frozen] = [:]
  private var open: Set<Key> = []
  private var definitions: [String: Tensorflow_FunctionDef] = [:]
  private var hasState: [String: Bool] = [:]

  init(snapshot: GraphSnapshot, values: VariableValues?) {
    self.snapshot = snapshot
    self.values = values
  }

  // MARK: - Calls

  /// The results of a call that are handles, given which inputs of its node are.
  func results(of node: GraphNode, _ inputs: [Int: DataType]) throws -> [Int: DataType] {
    guard let call = FunctionCall(node) else {
      guard snapshot.functions[node.op] != nil else { return [:] }
      return try freeze(FunctionReference(name: node.op, attributes: node.ownAttributes), inputs)?.results
        ?? [:]
    }
    if call.isLoop {
      return Dictionary(
        uniqueKeysWithValues: inputs.compactMap { position, dtype in
          position >= call.firstInput ? (position - call.firstInput, dtype) : nil
        })
    }
    var found: [Int: DataType]?
    for reference in references(of: node, call) {
      let results = try freeze(reference, arguments(inputs, call))?.results ?? [:]
      guard found == nil || found == results else {
        throw unsupported(node, "its branches give variables for different results")
      }
      found = results
    }
    return found ?? [:]
  }

  /// The message of a call of functions that are rewritten; nil where none of them is, and the device is none.
  func call(
    _ node: GraphNode, _ message: () throws -> Tensorflow_NodeDef, _ inputs: [Int: DataType]
  ) throws -> Tensorflow_NodeDef? {
    guard let call = FunctionCall(node) else {
      let reference = FunctionReference(name: node.op, attributes: node.ownAttributes)
      guard let function = try freeze(reference, inputs) else { return try plain(node, message) }
      var changed = try message()
      changed.op = function.name
      return changed
    }
    guard inputs.keys.allSatisfy({ $0 >= call.firstInput }) else {
      throw unsupported(node, "a variable decides what is called")
    }
    var names: [String: String] = [:]
    var results: [Int: DataType] = [:]
    for reference in references(of: node, call) {
      guard let function = try freeze(reference, arguments(inputs, call)) else { continue }
      names[reference.name] = function.name
      results.merge(function.results) { first, _ in first }
    }
    guard !names.isEmpty else {
      guard inputs.isEmpty else { throw unsupported(node, "a variable is passed to no function") }
      return try plain(node, message)
    }
    var changed = try message()
    for attribute in call.functions {
      guard var value = changed.attr[attribute] else { continue }
      if let name = names[value.func.name] { value.func.name = name }
      for index in value.list.func.indices {
        if let name = names[value.list.func[index].name] { value.list.func[index].name = name }
      }
      changed.attr[attribute] = value
    }
    for (position, dtype) in inputs {
      changed.setType(dtype, at: position - call.firstInput, of: call.inputTypes)
    }
    if !call.isLoop {
      for (position, dtype) in results { changed.setType(dtype, at: position, of: call.outputTypes) }
    }
    for attribute in ["output_shapes", "_output_shapes", "_class", "_read_only_resource_inputs"] {
      changed.attr[attribute] = nil
    }
    return changed
  }

  private func plain(_ node: GraphNode, _ message: () throws -> Tensorflow_NodeDef) throws
    -> Tensorflow_NodeDef?
  {
    node.device.isEmpty && node.attribute("_class") == nil ? nil : try message()
  }

  private func references(of node: GraphNode, _ call: FunctionCall) -> [FunctionReference] {
    call.functions.flatMap { node.attribute($0)?.functions ?? [] }
  }

  private func arguments(_ inputs: [Int: DataType], _ call: FunctionCall) -> [Int: DataType] {
    Dictionary(
      uniqueKeysWithValues: inputs.compactMap { position, dtype in
        position >= call.firstInput ? (position - call.firstInput + call.ownArguments, dtype) : nil
      })
  }

  private func unsupported(_ node: GraphNode, _ reason: String) -> GraftError {
    GraftError(
      .unimplemented, "The call cannot be frozen: \(reason).", at: .init(node: node.name, op: node.op),
      remedy: "Export a SavedModel in place of a frozen graph.")
  }

  // MARK: - Functions

  /// A function for arguments of which some are handles; nil for one that stays as it is.
  private func freeze(_ reference: FunctionReference, _ arguments: [Int: DataType]) throws -> Frozen? {
    guard snapshot.functions[reference.name] != nil else {
      _ = try snapshot.functions.body(of: reference)
      return nil
    }
    guard try !arguments.isEmpty || readsOwnVariables(reference.name) else { return nil }
    let key = Key(name: reference.name, arguments: arguments)
    if let found = frozen[key] { return found }
    guard open.insert(key).inserted else {
      throw GraftError(
        .unimplemented, "The function '\(reference.name)' calls itself, and reads variables.",
        at: .init(function: reference.name), remedy: "Export a SavedModel in place of a frozen graph.")
    }
    defer { open.remove(key) }
    do {
      let result = try rewrite(reference, arguments)
      frozen[key] = result
      return result
    } catch let error as GraftError {
      throw error.at(.init(function: reference.name))
    }
  }

  /// Whether a function, or one that it calls, has nodes that are variables.
  private func readsOwnVariables(_ name: String) throws -> Bool {
    if let known = hasState[name] { return known }
    hasState[name] = false
    guard values != nil else { return false }
    var result = false
    for node in try original(name).nodeDef where !result {
      if VariableBinding.ops.contains(node.op) {
        result = true
      } else {
        for called in Self.functions(calledBy: node) + [node.op] where snapshot.functions[called] != nil {
          if try readsOwnVariables(called) { result = true }
        }
      }
    }
    hasState[name] = result
    return result
  }

  private func original(_ name: String) throws -> Tensorflow_FunctionDef {
    try Tensorflow_FunctionDef(serializedBytes: GraphExporter(snapshot: snapshot).functionDef(name))
  }

  private func rewrite(_ reference: FunctionReference, _ arguments: [Int: DataType]) throws -> Frozen {
    let body = try snapshot.functions.body(of: reference)
    let needed = Array(body.nodes.indices.dropFirst(body.argumentCount))
    var sources: [Edge: DataType] = [:]
    for (argument, dtype) in arguments { sources[Edge(node: Int32(argument), output: 0)] = dtype }
    let flow = try HandleFlow(
      body.nodes, needed: needed, from: sources, followsVariables: values != nil
    ) { node, inputs in
      try self.results(of: node, inputs)
    }
    var definition = try original(reference.name)
    var read = Set(body.results.map { Int($0.node) })
    for node in body.nodes { read.formUnion(node.inputs.map { Int($0.node) }) }
    var nodes: [Tensorflow_NodeDef] = []
    var (renamed, dropped): (Set<String>, Set<String>) = ([], [])
    for message in definition.nodeDef {
      guard let index = body.nodeIndex(named: message.name) else {
        nodes.append(message)
        continue
      }
      let node = body.nodes[index]
      let handles = flow.inputs(of: node)
      if FunctionCall(node) != nil || snapshot.functions[node.op] != nil {
        nodes.append(try call(node, { message }, handles) ?? message)
        continue
      }
      switch try NodeRewriting().rewrite(
        node, { message }, handles: handles, isRead: read.contains(index), isInFunction: true)
      {
      case .same: nodes.append(message)
      case .changed(let changed, let added):
        if changed.op != message.op { renamed.insert(message.name) }
        nodes += added + [changed]
      case .variable:
        guard values != nil else {
          nodes.append(message)
          continue
        }
        renamed.insert(message.name)
        guard let value = values?.value(of: node, inFunction: true) else { continue }
        let controls = message.input.filter { $0.hasPrefix("^") }
        nodes.append(
          try Tensorflow_NodeDef(
            serializedBytes: try WireWriter.constant(name: message.name, controlInputs: controls, value)))
      case .dropped:
        notes.append("\(node.op) '\(node.name)' in '\(reference.name)' changed a variable, and is left out.")
        dropped.insert(message.name)
      }
    }
    func rewired(_ input: String) -> String {
      let parts = input.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count > 1, renamed.contains(String(parts[0])),
        let output = NodeRewriting.renamedOutputs[String(parts[1])]
      else { return input }
      return ([String(parts[0]), output] + parts.dropFirst(2).map(String.init)).joined(separator: ":")
    }
    definition.nodeDef = nodes.map { node in
      var node = node
      node.device = ""
      node.attr["_class"] = nil
      node.input = node.input.filter { !$0.hasPrefix("^") || !dropped.contains(String($0.dropFirst())) }.map(
        rewired)
      return node
    }
    definition.ret = definition.ret.mapValues(rewired)
    let lost = definition.controlRet.filter { dropped.contains($0.value) }.keys
    for name in lost { definition.controlRet[name] = nil }
    definition.signature.controlOutput.removeAll { lost.contains($0) }

    var results: [Int: DataType] = [:]
    for (position, edge) in body.results.enumerated() { results[position] = flow[edge] }
    try setTypes(&definition, arguments, results, body)
    definition.signature.name = unusedName(reference.name + "_frozen")
    definitions[definition.signature.name] = definition
    return Frozen(name: definition.signature.name, results: results)
  }

  /// Gives arguments and results that were handles the dtypes of their values.
  private func setTypes(
    _ definition: inout Tensorflow_FunctionDef, _ arguments: [Int: DataType], _ results: [Int: DataType],
    _ body: FunctionBody
  ) throws {
    func set(_ argument: inout Tensorflow_OpDef.ArgDef, _ dtype: DataType) {
      argument.type = Tensorflow_DataType(dtype)
      argument.typeAttr = ""
      argument.handleData = []
      argument.clearExperimentalFullType()
    }
    let isPlain =
      definition.signature.inputArg.count == body.argumentCount
      && definition.signature.outputArg.count == body.results.count
    guard isPlain || (arguments.isEmpty && results.isEmpty) else {
      throw GraftError(.unimplemented, "The function takes a list of tensors, and variables among them.")
    }
    for (position, dtype) in arguments {
      set(&definition.signature.inputArg[position], dtype)
      definition.argAttr[UInt32(position)]?.attr["_output_shapes"] = nil
      definition.resourceArgUniqueID[UInt32(position)] = nil
    }
    for (position, dtype) in results { set(&definition.signature.outputArg[position], dtype) }
    definition.attr["_input_shapes"] = nil
  }

  private func unusedName(_ name: String) -> String {
    var (candidate, number) = (name, 0)
    while snapshot.functions[candidate] != nil || definitions[candidate] != nil {
      number += 1
      candidate = "\(name)_\(number)"
    }
    return candidate
  }

  // MARK: - The library

  /// The functions that nodes call, and those that these call, as a serialized `FunctionDefLibrary`.
  func library(of roots: Set<String>) throws -> [UInt8] {
    let exporter = GraphExporter(snapshot: snapshot)
    var writer = WireWriter()
    var seen = roots
    var worklist = roots.sorted()
    while let name = worklist.popLast() {
      let bytes: [UInt8]
      let nodes: [Tensorflow_NodeDef]
      if let definition = definitions[name] {
        bytes = try definition.serializedBytes()
        nodes = definition.nodeDef
      } else if snapshot.functions[name] != nil {
        bytes = exporter.functionDef(name)
        nodes = try original(name).nodeDef
      } else {
        continue
      }
      writer.field(1, bytes: bytes)
      for called in nodes.flatMap({ Self.functions(calledBy: $0) + [$0.op] })
      where seen.insert(called).inserted {
        worklist.append(called)
      }
    }
    return writer.bytes
  }

  /// The functions that a node's attributes name.
  static func functions(calledBy node: Tensorflow_NodeDef) -> [String] {
    node.attr.values.flatMap { value -> [String] in
      switch value.value {
      case .func(let function)?: [function.name]
      case .list(let list)?: list.func.map(\.name)
      default: []
      }
    }
  }

  /// The functions that a node's attributes name.
  static func functions(calledBy node: GraphNode) -> [String] {
    node.ownAttributes.values.flatMap(\.functions).map(\.name)
  }
}
