import GraftTensor
import SwiftProtobuf

extension MessageSchema {
  /// The messages of a serialized `FileDescriptorSet`. Groups, which are no messages of their own, are left out.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for bytes that are no such set.
  package init(descriptorSet bytes: [UInt8]) throws {
    let files: [Google_Protobuf_FileDescriptorProto]
    do {
      files = try Google_Protobuf_FileDescriptorSet(serializedBytes: bytes, partial: true).file
    } catch {
      throw GraftError(.invalidArgument, "The descriptors are no serialized FileDescriptorSet.")
    }
    var reader = DescriptorReader()
    for file in files { reader.addEnums(file.enumType, file.messageType, in: file.package, depth: 0) }
    for file in files {
      let isPacked = file.syntax != "" && file.syntax != "proto2"
      reader.addMessages(file.messageType, in: file.package, isPacked: isPacked, depth: 0)
      reader.addExtensions(file.extension, in: file.package, isPacked: isPacked)
    }
    self.init(messages: reader.messages, enums: reader.enums)
  }
}

/// Collects messages and enums out of descriptors.
private struct DescriptorReader {
  private(set) var messages: [String: [String: MessageSchema.Field]] = [:]
  private(set) var enums: [String: [String: Int32]] = [:]
  /// The first value of each enum, which is its default.
  private var firstValues: [String: Int32] = [:]

  mutating func addEnums(
    _ list: [Google_Protobuf_EnumDescriptorProto], _ nested: [Google_Protobuf_DescriptorProto],
    in scope: String, depth: Int
  ) {
    for one in list {
      let name = Self.name(one.name, in: scope)
      enums[name] = Dictionary(one.value.map { ($0.name, $0.number) }) { first, _ in first }
      firstValues[name] = one.value.first?.number
    }
    guard depth < WireReader.maximumDepth else { return }
    for message in nested {
      addEnums(
        message.enumType, message.nestedType, in: Self.name(message.name, in: scope), depth: depth + 1)
    }
  }

  mutating func addMessages(
    _ list: [Google_Protobuf_DescriptorProto], in scope: String, isPacked: Bool, depth: Int
  ) {
    guard depth < WireReader.maximumDepth else { return }
    for message in list {
      let name = Self.name(message.name, in: scope)
      for field in message.field { add(field, to: name, as: field.name, isPacked: isPacked) }
      if messages[name] == nil { messages[name] = [:] }
      addMessages(message.nestedType, in: name, isPacked: isPacked, depth: depth + 1)
      addExtensions(message.extension, in: name, isPacked: isPacked)
    }
  }

  /// Extensions go by their full names.
  mutating func addExtensions(
    _ list: [Google_Protobuf_FieldDescriptorProto], in scope: String, isPacked: Bool
  ) {
    for field in list {
      add(field, to: Self.plain(field.extendee), as: Self.name(field.name, in: scope), isPacked: isPacked)
    }
  }

  private mutating func add(
    _ field: Google_Protobuf_FieldDescriptorProto, to message: String, as name: String, isPacked: Bool
  ) {
    guard let type = Self.type(of: field), field.number > 0 else { return }
    let isRepeated = field.label == .repeated
    var result = MessageSchema.Field(
      name: name, number: UInt32(field.number), type: type, isRepeated: isRepeated,
      oneof: field.hasOneofIndex ? Int(field.oneofIndex) : nil)
    result.isRequired = field.label == .required
    result.isPacked =
      isRepeated && type.isNumeric && (field.options.hasPacked ? field.options.packed : isPacked)
    result.defaultValue = defaultValue(of: field, type)
    messages[message, default: [:]][name] = result
  }

  private func defaultValue(
    of field: Google_Protobuf_FieldDescriptorProto, _ type: MessageSchema.FieldType
  ) -> MessageSchema.DefaultValue? {
    if case .enumeration(let name) = type {
      let value = field.hasDefaultValue ? enums[name]?[field.defaultValue] : nil
      return (value ?? firstValues[name]).map { .integer(Int64($0)) }
    }
    guard field.hasDefaultValue else { return nil }
    let text = field.defaultValue
    return switch type {
    case .double, .float: Double(text).map { .number($0) }
    case .bool: .integer(text == "true" ? 1 : 0)
    case .string: .bytes(Bytes(text))
    case .bytes: .bytes(Bytes(Self.unescaped(Array(text.utf8))))
    case .uint64, .fixed64: UInt64(text).map { .unsigned($0) }
    default: Int64(text).map { .integer($0) }
    }
  }

  private static func type(of field: Google_Protobuf_FieldDescriptorProto) -> MessageSchema.FieldType? {
    switch field.type {
    case .double: .double
    case .float: .float
    case .int64: .int64
    case .uint64: .uint64
    case .int32: .int32
    case .fixed64: .fixed64
    case .fixed32: .fixed32
    case .bool: .bool
    case .string: .string
    case .group: nil
    case .message: .message(plain(field.typeName))
    case .bytes: .bytes
    case .uint32: .uint32
    case .enum: .enumeration(plain(field.typeName))
    case .sfixed32: .sfixed32
    case .sfixed64: .sfixed64
    case .sint32: .sint32
    case .sint64: .sint64
    }
  }

  private static func name(_ name: String, in scope: String) -> String {
    scope.isEmpty ? name : "\(scope).\(name)"
  }

  /// A full name without the dot that says that it is one.
  private static func plain(_ name: String) -> String {
    name.hasPrefix(".") ? String(name.dropFirst()) : name
  }

  /// The bytes that C's escapes stand for.
  private static func unescaped(_ text: [UInt8]) -> [UInt8] {
    let letters: [UInt8: UInt8] = [
      UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "a"): 7,
      UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "v"): 11,
    ]
    var result: [UInt8] = []
    var rest = text[...]
    func digits(_ radix: Int, _ most: Int) -> UInt8 {
      let characters = rest.prefix(most).prefix {
        Character(Unicode.Scalar($0)).hexDigitValue.map { $0 < radix } ?? false
      }
      rest = rest.dropFirst(characters.count)
      return characters.reduce(0) {
        $0 &* UInt8(radix) &+ UInt8(Character(Unicode.Scalar($1)).hexDigitValue ?? 0)
      }
    }
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let next = rest.first else {
        result.append(byte)
        continue
      }
      switch next {
      case UInt8(ascii: "0")...UInt8(ascii: "7"): result.append(digits(8, 3))
      case UInt8(ascii: "x"), UInt8(ascii: "X"):
        rest = rest.dropFirst()
        result.append(digits(16, 2))
      default:
        rest = rest.dropFirst()
        result.append(letters[next] ?? next)
      }
    }
    return result
  }
}

extension MessageSchema.FieldType {
  /// Whether it is of a fixed size or a varint, so that lists of it may be packed.
  package var isNumeric: Bool {
    switch self {
    case .string, .bytes, .message: false
    default: true
    }
  }
}
