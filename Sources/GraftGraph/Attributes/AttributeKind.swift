/// What an attribute holds, one of it or a list.
package enum AttributeKind: UInt8, Sendable, Hashable {
  case string = 2
  case int = 3
  case float = 4
  case bool = 5
  case type = 6
  case shape = 7
  case tensor = 8
  case function = 10

  /// The name in op definitions.
  package var name: String {
    switch self {
    case .string: "string"
    case .int: "int"
    case .float: "float"
    case .bool: "bool"
    case .type: "type"
    case .shape: "shape"
    case .tensor: "tensor"
    case .function: "func"
    }
  }

  /// The kind of the given name.
  init?(name: some StringProtocol) {
    switch String(name) {
    case "string": self = .string
    case "int": self = .int
    case "float": self = .float
    case "bool": self = .bool
    case "type": self = .type
    case "shape": self = .shape
    case "tensor": self = .tensor
    case "func": self = .function
    default: return nil
    }
  }
}
