import GraftTensor

/// The value of an operation's attribute (`tensorflow.AttrValue`).
package indirect enum AttributeValue: Sendable {
  case string(Bytes)
  case int(Int64)
  case float(Float)
  case bool(Bool)
  case type(ElementType)
  case shape(PartialShape)
  case tensor(EncodedTensor)
  case function(FunctionReference)
  case strings([Bytes])
  case ints([Int64])
  case floats([Float])
  case bools([Bool])
  case types([ElementType])
  case shapes([PartialShape])
  case tensors([EncodedTensor])
  case functions([FunctionReference])
  /// A list with no element says not of what.
  case emptyList
  /// In a function's body: the value of the attribute of that name of the calling operation.
  case placeholder(String)

  /// What kind of value it is, in the words of op definitions: `int`, `list(type)`.
  package var kind: String {
    switch self {
    case .string: "string"
    case .int: "int"
    case .float: "float"
    case .bool: "bool"
    case .type: "type"
    case .shape: "shape"
    case .tensor: "tensor"
    case .function: "func"
    case .strings: "list(string)"
    case .ints: "list(int)"
    case .floats: "list(float)"
    case .bools: "list(bool)"
    case .types: "list(type)"
    case .shapes: "list(shape)"
    case .tensors: "list(tensor)"
    case .functions: "list(func)"
    case .emptyList: "list()"
    case .placeholder: "placeholder"
    }
  }
}

extension AttributeValue {
  /// The functions that the attribute names.
  package var functions: [FunctionReference] {
    switch self {
    case .function(let reference): [reference]
    case .functions(let references): references
    default: []
    }
  }
}

/// The type of an operation's input or output: a dtype, perhaps by reference, or a number that no dtype
/// of ours has.
package struct ElementType: Sendable, Hashable {
  /// The number on the wire; above 100 for references.
  package let wireValue: Int32

  /// The type with a number of `tensorflow.DataType`.
  package init(wireValue: Int32) {
    self.wireValue = wireValue
  }

  /// A dtype, or a reference to a variable of it.
  package init(_ dtype: DataType, isReference: Bool = false) {
    wireValue = dtype.rawValue + (isReference ? 100 : 0)
  }

  /// Whether the output is a variable's memory itself, which `Assign` and its kin write.
  package var isReference: Bool { wireValue > 100 }

  /// The dtype of the values; nil for a number that is not known.
  package var dtype: DataType? { DataType(rawValue: isReference ? wireValue - 100 : wireValue) }
}

extension ElementType: CustomStringConvertible {
  package var description: String {
    guard let dtype else { return wireValue == 0 ? "<no type>" : "<type \(wireValue)>" }
    return dtype.name + (isReference ? "_ref" : "")
  }
}

/// A function's name with the attributes bound for the call (`tensorflow.NameAttrList`).
package struct FunctionReference: Sendable {
  /// The function's name in its library.
  package var name: String
  /// The attributes bound for the call.
  package var attributes: [String: AttributeValue]

  /// A function with the attributes bound for the call.
  package init(name: String, attributes: [String: AttributeValue] = [:]) {
    self.name = name
    self.attributes = attributes
  }
}
