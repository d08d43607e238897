import GraftTensor

/// The fields of protocol-buffer messages: what is needed to read and write them.
package struct MessageSchema: Sendable {
  /// A field of a message.
  package struct Field: Sendable {
    package let name: String
    package let number: UInt32
    package let type: FieldType
    package let isRepeated: Bool
    /// Fields of one number exclude one another.
    let oneof: Int?
    /// Whether every message has it.
    package var isRequired = false
    /// Whether numbers of a list are written as one block.
    package var isPacked = false
    /// The value where there is none, as it would be written; nil for zero, false and nothing.
    package var defaultValue: DefaultValue?
  }

  /// The value of a field that is not there.
  package enum DefaultValue: Sendable, Equatable {
    case integer(Int64)
    case unsigned(UInt64)
    case number(Double)
    case bytes(Bytes)
  }

  /// What a field holds.
  package enum FieldType: Sendable, Equatable {
    case double, float, int32, int64, uint32, uint64, sint32, sint64
    case fixed32, fixed64, sfixed32, sfixed64, bool, string, bytes
    case message(String)
    case enumeration(String)
  }

  /// The fields of each message, by their names.
  package let messages: [String: [String: Field]]
  /// The values of each enum.
  let enums: [String: [String: Int32]]

  /// The messages that graphs, checkpoints and examples are made of; read when they are first asked for.
  package static let shared = MessageSchema()

  /// Messages and enums, by their full names.
  init(messages: [String: [String: Field]], enums: [String: [String: Int32]]) {
    self.messages = messages
    self.enums = enums
  }

  private init() {
    let text = TextSchemaData.text.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
    var messages: [String: [String: Field]] = [:]
    var enums: [String: [String: Int32]] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ")
      guard parts.count >= 2 else { continue }
      let name = String(parts[1])
      if parts[0] == "enum" {
        var values: [String: Int32] = [:]
        for part in parts[2...] {
          guard let equals = part.firstIndex(of: "=") else { continue }
          values[String(part[..<equals])] = Int32(part[part.index(after: equals)...])
        }
        enums[name] = values
      } else {
        var fields: [String: Field] = [:]
        for part in parts[2...] {
          guard let field = Self.field(part) else { continue }
          fields[field.name] = field
        }
        messages[name] = fields
      }
    }
    self.messages = messages
    self.enums = enums
  }

  /// The field that `name=number:type` describes.
  private static func field(_ text: Substring) -> Field? {
    guard let equals = text.firstIndex(of: "="), let colon = text.firstIndex(of: ":"),
      let number = UInt32(text[text.index(after: equals)..<colon])
    else { return nil }
    var rest = text[text.index(after: colon)...]
    let isRepeated = rest.first == "*"
    if isRepeated { rest = rest.dropFirst() }
    var oneof: Int?
    if rest.first == "@" {
      let digits = rest.dropFirst().prefix { $0.isNumber }
      oneof = Int(digits)
      rest = rest[digits.endIndex...]
    }
    guard let type = type(rest) else { return nil }
    return Field(
      name: String(text[..<equals]), number: number, type: type, isRepeated: isRepeated, oneof: oneof)
  }

  private static func type(_ text: Substring) -> FieldType? {
    switch text {
    case "double": .double
    case "float": .float
    case "int32": .int32
    case "int64": .int64
    case "uint32": .uint32
    case "uint64": .uint64
    case "sint32": .sint32
    case "sint64": .sint64
    case "fixed32": .fixed32
    case "fixed64": .fixed64
    case "sfixed32": .sfixed32
    case "sfixed64": .sfixed64
    case "bool": .bool
    case "string": .string
    case "bytes": .bytes
    default:
      switch text.first {
      case ".": .message(String(text.dropFirst()))
      case "#": .enumeration(String(text.dropFirst()))
      default: nil
      }
    }
  }
}
