import GraftTensor

/// Records written as JSON.
enum JSONExampleOp {
  static let all: [OpDefinition] = [decode]

  private static let decode = OpDefinition(
    "DecodeJSONExample", "Serialized tf.train.Example records of their JSON form.",
    shape: ShapeRules.sameAsInput,
    prepare: { _ in
      { context in
        let source = try context.strings(0)
        let target = try context.allocate(0, .string, context.input(0).shape).mutableBuffer(as: Bytes.self)
        for index in target.indices {
          do throws(GraftError) {
            target[index] = Bytes(try JSONExample.serialized(source[index].bytes))
          } catch {
            throw GraftError(
              .invalidArgument, "String \(index) is no tf.train.Example in JSON: \(error.message)",
              at: .init(input: 0))
          }
        }
      }
    })
}

/// Turns the JSON form of `tf.train.Example` into its bytes, field by field as they come.
///
/// As protocol-buffer libraries do, it takes names with underscores or without, numbers as text, one value
/// for a list of one, single quotes, names without quotes, and a comma before a closing bracket.
private struct JSONExample {
  private var reader: JSONReader

  static func serialized(_ text: [UInt8]) throws(GraftError) -> [UInt8] {
    var example = JSONExample(reader: JSONReader(text))
    var result: [UInt8] = []
    try example.reader.object { (reader, name) throws(GraftError) in
      guard name == Array("features".utf8) else { throw reader.unknown(name) }
      guard !reader.takeNull() else { return }
      result += ProtoBytes.block(1, try features(&reader))
    }
    try example.reader.finish()
    return result
  }

  private static func features(_ reader: inout JSONReader) throws(GraftError) -> [UInt8] {
    var result: [UInt8] = []
    try reader.object { (reader, name) throws(GraftError) in
      guard name == Array("feature".utf8) else { throw reader.unknown(name) }
      guard !reader.takeNull() else { return }
      var seen = Set<[UInt8]>()
      try reader.object { (reader, key) throws(GraftError) in
        guard seen.insert(key).inserted else { throw reader.invalid("a feature is there twice") }
        var entry = ProtoBytes.block(1, key)
        if !reader.takeNull() { entry += ProtoBytes.block(2, try feature(&reader)) }
        result += ProtoBytes.block(1, entry)
      }
    }
    return result
  }

  private static func feature(_ reader: inout JSONReader) throws(GraftError) -> [UInt8] {
    var result: [UInt8] = []
    var isSet = false
    try reader.object { (reader, name) throws(GraftError) in
      let number: Int
      switch String(decoding: name, as: UTF8.self) {
      case "bytesList", "bytes_list": number = 1
      case "floatList", "float_list": number = 2
      case "int64List", "int64_list": number = 3
      default: throw reader.unknown(name)
      }
      guard !reader.takeNull() else { return }
      guard !isSet else { throw reader.invalid("a feature has lists of more than one kind") }
      isSet = true
      var list: [UInt8] = []
      try reader.object { (reader, name) throws(GraftError) in
        guard name == Array("value".utf8) else { throw reader.unknown(name) }
        guard !reader.takeNull() else { return }
        try reader.values { (reader) throws(GraftError) in list += try value(&reader, number) }
      }
      result = ProtoBytes.block(number, list)
    }
    return result
  }

  private static func value(_ reader: inout JSONReader, _ list: Int) throws(GraftError) -> [UInt8] {
    let isNull = reader.takeNull()
    switch list {
    case 1: return ProtoBytes.block(1, isNull ? [] : try reader.base64())
    case 2:
      let bits = (isNull ? 0 : try reader.float()).bitPattern.littleEndian
      return withUnsafeBytes(of: bits) { [0x0D] + $0 }
    default:
      return [0x08] + ProtoBytes.varint(UInt64(bitPattern: isNull ? 0 : try reader.integer()))
    }
  }
}

/// Writes fields of protocol buffers.
enum ProtoBytes {
  static func varint(_ value: UInt64) -> [UInt8] {
    var (rest, result) = (value, [UInt8]())
    while rest >= 0x80 {
      result.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    result.append(UInt8(rest))
    return result
  }

  static func block(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(UInt64(number) << 3 | 2) + varint(UInt64(bytes.count)) + bytes
  }
}
