import GraftGraph
import GraftTensor

/// What a kernel is told before any run: the node's attributes and the dtypes of its inputs and outputs.
package struct NodeSetup: Sendable {
  /// The operation's name.
  package let name: String
  /// The op's type.
  package let op: String
  /// The attributes, those with defaults included.
  package let attributes: NodeAttributes
  /// The dtypes of the inputs, one each.
  package let inputTypes: [DataType]
  /// The dtypes of the outputs, one each.
  package let outputTypes: [DataType]

  /// A node with its attributes and dtypes.
  package init(
    name: String, op: String, attributes: NodeAttributes, inputTypes: [DataType],
    outputTypes: [DataType]
  ) {
    self.name = name
    self.op = op
    self.attributes = attributes
    self.inputTypes = inputTypes
    self.outputTypes = outputTypes
  }

  /// The dtype of an input, by position.
  package func inputType(_ index: Int) throws -> DataType {
    guard inputTypes.indices.contains(index) else {
      throw invalid("The node has \(inputTypes.count) inputs and needs input \(index).")
    }
    return inputTypes[index]
  }

  /// The dtype of an output, by position.
  package func outputType(_ index: Int) throws -> DataType {
    guard outputTypes.indices.contains(index) else {
      throw invalid("The node has \(outputTypes.count) outputs and needs output \(index).")
    }
    return outputTypes[index]
  }

  /// An error at this node.
  package func invalid(_ message: String, remedy: String? = nil) -> GraftError {
    GraftError(.invalidArgument, message, at: .init(node: name, op: op), remedy: remedy)
  }

  /// An error that says that this dtype or option has no kernel.
  package func unimplemented(_ message: String) -> GraftError {
    GraftError(.unimplemented, message, at: .init(node: name, op: op))
  }
}

// MARK: - Attributes

extension NodeSetup {
  /// Whether the attribute is there.
  package func has(_ name: String) -> Bool { attributes[name] != nil }

  private func attribute<T>(_ name: String, _ kind: String, _ read: (AttributeValue) -> T?) throws -> T {
    guard let value = attributes[name] else {
      throw invalid(
        "The attribute '\(name)' (\(kind)) is missing.",
        remedy: "Export the graph again; it was stripped by hand.")
    }
    guard let result = read(value) else {
      throw invalid("The attribute '\(name)' is a \(value.kind) where a \(kind) is expected.")
    }
    return result
  }

  /// The value of an `int` attribute.
  package func int(_ name: String) throws -> Int {
    try attribute(name, "int") { if case .int(let value) = $0 { Int(value) } else { nil } }
  }

  /// The value of a `float` attribute.
  package func float(_ name: String) throws -> Float {
    try attribute(name, "float") { if case .float(let value) = $0 { value } else { nil } }
  }

  /// The value of a `bool` attribute.
  package func bool(_ name: String) throws -> Bool {
    try attribute(name, "bool") { if case .bool(let value) = $0 { value } else { nil } }
  }

  /// The value of a `string` attribute, as text.
  package func string(_ name: String) throws -> String {
    try attribute(name, "string") { if case .string(let value) = $0 { value.string } else { nil } }
  }

  /// The value of a `string` attribute, as bytes.
  package func bytes(_ name: String) throws -> Bytes {
    try attribute(name, "string") { if case .string(let value) = $0 { value } else { nil } }
  }

  /// The value of a `type` attribute.
  package func type(_ name: String) throws -> DataType {
    try attribute(name, "type") { if case .type(let value) = $0 { value.dtype } else { nil } }
  }

  /// The value of a `shape` attribute.
  package func shape(_ name: String) throws -> PartialShape {
    try attribute(name, "shape") { if case .shape(let value) = $0 { value } else { nil } }
  }

  /// The value of a `tensor` attribute.
  package func tensor(_ name: String) throws -> Tensor {
    try attribute(name, "tensor") { if case .tensor(let value) = $0 { value } else { nil } }.tensor()
  }

  /// The value of a `tensor` attribute, which need not be aligned.
  package func tensorView(_ name: String) throws -> Tensor {
    try attribute(name, "tensor") { if case .tensor(let value) = $0 { value } else { nil } }.view()
  }

  /// The shape of a `tensor` attribute, without its values.
  package func tensorShape(_ name: String) throws -> PartialShape {
    try attribute(name, "tensor") { if case .tensor(let value) = $0 { value } else { nil } }.shape
  }

  /// The value of a `func` attribute.
  package func function(_ name: String) throws -> FunctionReference {
    try attribute(name, "func") { if case .function(let value) = $0 { value } else { nil } }
  }

  /// The value of a `list(int)` attribute.
  package func ints(_ name: String) throws -> [Int] {
    try attribute(name, "list(int)") {
      switch $0 {
      case .ints(let values): values.map { Int($0) }
      case .emptyList: []
      default: nil
      }
    }
  }

  /// The value of a `list(float)` attribute.
  package func floats(_ name: String) throws -> [Float] {
    try attribute(name, "list(float)") {
      switch $0 {
      case .floats(let values): values
      case .emptyList: []
      default: nil
      }
    }
  }

  /// The value of a `list(string)` attribute.
  package func strings(_ name: String) throws -> [Bytes] {
    try attribute(name, "list(string)") {
      switch $0 {
      case .strings(let values): values
      case .emptyList: []
      default: nil
      }
    }
  }

  /// The value of a `list(type)` attribute.
  package func types(_ name: String) throws -> [DataType] {
    try attribute(name, "list(type)") {
      switch $0 {
      case .types(let values):
        values.allSatisfy { $0.dtype != nil } ? values.compactMap(\.dtype) : nil
      case .emptyList: []
      default: nil
      }
    }
  }

  /// The value of a `list(shape)` attribute.
  package func shapes(_ name: String) throws -> [PartialShape] {
    try attribute(name, "list(shape)") {
      switch $0 {
      case .shapes(let values): values
      case .emptyList: []
      default: nil
      }
    }
  }
}
