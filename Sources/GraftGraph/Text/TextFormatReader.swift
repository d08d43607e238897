import GraftTensor

/// Reads protocol-buffer text format into the bytes of the message, which then go the way of binary files.
///
/// It takes what other readers take: comments, both kinds of brackets and quotes, fields with and without
/// separators, lists, numbers in all bases; and says of what it cannot take line, column and remedy.
package struct TextFormatReader {
  private var tokenizer: TextTokenizer
  private var token: TextTokenizer.Token
  private let schema: MessageSchema
  private let limits: ImportLimits

  /// Reads a message that fills a document.
  ///
  /// - Parameters:
  ///   - message: the message's name, as `GraphDef`.
  ///   - schema: where the message's fields stand.
  /// - Throws: `GraftError` (`dataLoss`), with line and column.
  /// - Complexity: O(bytes · depth of messages).
  package static func read(
    _ document: GraphBytes, message: String, schema: MessageSchema = .shared,
    limits: ImportLimits = ImportLimits()
  ) throws(GraftError) -> [UInt8] {
    var reader = try TextFormatReader(document, schema, limits)
    var writer = WireWriter()
    try reader.readFields(of: message, into: &writer, until: nil, depth: 0)
    return writer.bytes
  }

  private init(
    _ document: GraphBytes, _ schema: MessageSchema, _ limits: ImportLimits
  ) throws(GraftError) {
    self.schema = schema
    self.limits = limits
    tokenizer = TextTokenizer(document: document)
    token = try tokenizer.next()
  }

  private mutating func advance() throws(GraftError) { token = try tokenizer.next() }

  /// Goes on if the token is the given sign.
  private mutating func take(_ sign: UInt8) throws(GraftError) -> Bool {
    guard token.kind == .sign(sign) else { return false }
    try advance()
    return true
  }

  private func unexpected(_ expected: String) -> GraftError {
    if token.kind == .end {
      return tokenizer.error(
        at: token.range.offset, "The text ends where \(expected) is expected. It was truncated.",
        remedy: "Download or copy the file again.")
    }
    return tokenizer.error(
      at: token.range.offset, "Found '\(tokenizer.text(token.range))' where \(expected) is expected.")
  }

  // MARK: - Messages

  private mutating func readFields(
    of message: String, into writer: inout WireWriter, until close: UInt8?, depth: Int
  ) throws(GraftError) {
    guard depth < limits.nesting else {
      throw tokenizer.error(
        .resourceExhausted, at: token.range.offset,
        "More than \(limits.nesting) messages lie inside of one another, which is the limit.",
        remedy: "If you trust the graph, raise `nesting` of the import's limits.")
    }
    guard let fields = schema.messages[message] else {
      throw tokenizer.error(at: token.range.offset, "The message '\(message)' is not known.")
    }
    var seen: Set<UInt32> = []
    var seenOneofs: [Int: String] = [:]
    while true {
      if let close, try take(close) { return }
      if close == nil, token.kind == .end { return }
      guard token.kind == .identifier else {
        throw unexpected(
          close.map { "a field of \(message) or '\(Character(Unicode.Scalar($0)))'" }
            ?? "a field of \(message)")
      }
      let name = tokenizer.text(token.range)
      guard let field = fields[name] else {
        // A name that was cut off looks like a wrong one.
        let end = tokenizer.isAtEnd(token.range) ? " The text ends there: perhaps it was truncated." : ""
        throw tokenizer.error(
          at: token.range.offset, "The message \(message) has no field '\(name)'." + end,
          remedy: Suggestions.question(Suggestions.nearest(to: name, among: fields.keys.sorted()))
            ?? "Its fields are " + fields.keys.sorted().joined(separator: ", ") + ".")
      }
      if !field.isRepeated, !seen.insert(field.number).inserted {
        throw tokenizer.error(
          at: token.range.offset, "The field '\(name)' is there twice, and \(message) has it once.")
      }
      if let oneof = field.oneof, let other = seenOneofs.updateValue(name, forKey: oneof), other != name {
        throw tokenizer.error(
          at: token.range.offset, "The fields '\(other)' and '\(name)' of \(message) exclude one another.")
      }
      try advance()
      try readValues(of: field, into: &writer, depth: depth)
      if try !take(UInt8(ascii: ",")) { _ = try take(UInt8(ascii: ";")) }
    }
  }

  private mutating func readValues(
    of field: MessageSchema.Field, into writer: inout WireWriter, depth: Int
  ) throws(GraftError) {
    let hasColon = try take(UInt8(ascii: ":"))
    let isMessage = if case .message = field.type { true } else { false }
    guard hasColon || isMessage else { throw unexpected("':' after '\(field.name)'") }
    guard field.isRepeated, try take(UInt8(ascii: "[")) else {
      try readValue(of: field, into: &writer, depth: depth)
      return
    }
    if try take(UInt8(ascii: "]")) { return }
    while true {
      try readValue(of: field, into: &writer, depth: depth)
      if try take(UInt8(ascii: "]")) { return }
      guard try take(UInt8(ascii: ",")) else { throw unexpected("',' or ']'") }
    }
  }

  private mutating func readValue(
    of field: MessageSchema.Field, into writer: inout WireWriter, depth: Int
  ) throws(GraftError) {
    let number = field.number
    switch field.type {
    case .message(let message):
      var inner = WireWriter()
      if try take(UInt8(ascii: "{")) {
        try readFields(of: message, into: &inner, until: UInt8(ascii: "}"), depth: depth + 1)
      } else if try take(UInt8(ascii: "<")) {
        try readFields(of: message, into: &inner, until: UInt8(ascii: ">"), depth: depth + 1)
      } else {
        throw unexpected("'{' after '\(field.name)'")
      }
      writer.field(number, bytes: inner.bytes)
    case .string, .bytes:
      guard case .string(let bytes) = token.kind else {
        throw unexpected("text in quotes for '\(field.name)'")
      }
      if field.type == .string, String(validating: bytes, as: UTF8.self) == nil {
        throw tokenizer.error(at: token.range.offset, "The text of '\(field.name)' is not UTF-8.")
      }
      writer.field(number, bytes: bytes)
      try advance()
    case .bool: writer.field(number, varint: try readBool(field) ? 1 : 0)
    case .double: writer.field(number, fixed64: try readFloat(field, Double.self).bitPattern)
    case .float: writer.field(number, fixed32: try readFloat(field, Float.self).bitPattern)
    case .enumeration(let name):
      writer.field(number, varint: UInt64(bitPattern: Int64(try readEnum(field, name))))
    case .int32: writer.field(number, varint: UInt64(bitPattern: Int64(try readInteger(field, Int32.self))))
    case .int64: writer.field(number, varint: UInt64(bitPattern: try readInteger(field, Int64.self)))
    case .uint32: writer.field(number, varint: UInt64(try readInteger(field, UInt32.self)))
    case .uint64: writer.field(number, varint: try readInteger(field, UInt64.self))
    case .sint32:
      let value = Int64(try readInteger(field, Int32.self))
      writer.field(number, varint: UInt64(bitPattern: value << 1 ^ value >> 63))
    case .sint64:
      let value = try readInteger(field, Int64.self)
      writer.field(number, varint: UInt64(bitPattern: value << 1 ^ value >> 63))
    case .fixed32: writer.field(number, fixed32: try readInteger(field, UInt32.self))
    case .fixed64: writer.field(number, fixed64: try readInteger(field, UInt64.self))
    case .sfixed32: writer.field(number, fixed32: UInt32(bitPattern: try readInteger(field, Int32.self)))
    case .sfixed64: writer.field(number, fixed64: UInt64(bitPattern: try readInteger(field, Int64.self)))
    }
  }

  // MARK: - Scalars

  private mutating func readInteger<T: FixedWidthInteger>(
    _ field: MessageSchema.Field, _ type: T.Type
  ) throws(GraftError) -> T {
    let offset = token.range.offset
    let isNegative = try take(UInt8(ascii: "-"))
    guard token.kind == .number else { throw unexpected("an integer for '\(field.name)'") }
    let text = tokenizer.text(token.range)
    let digits: Substring
    let radix: Int
    if text.hasPrefix("0x") || text.hasPrefix("0X") {
      (digits, radix) = (text.dropFirst(2), 16)
    } else if text.hasPrefix("0"), text.count > 1 {
      (digits, radix) = (text.dropFirst(), 8)
    } else {
      (digits, radix) = (text[...], 10)
    }
    guard let value = T((isNegative ? "-" : "") + digits, radix: radix) else {
      throw tokenizer.error(
        at: offset,
        "'\(isNegative ? "-" : "")\(text)' is no number from \(T.min) to \(T.max), as '\(field.name)' is.")
    }
    try advance()
    return value
  }

  private mutating func readFloat<T: BinaryFloatingPoint & LosslessStringConvertible>(
    _ field: MessageSchema.Field, _ type: T.Type
  ) throws(GraftError) -> T {
    let isNegative = try take(UInt8(ascii: "-"))
    let text = tokenizer.text(token.range)
    var value: T?
    switch token.kind {
    case .identifier:
      switch text.lowercased() {
      case "inf", "infinity": value = T.infinity
      case "nan": value = T.nan
      default: break
      }
    case .number:
      var digits = text.hasSuffix("f") || text.hasSuffix("F") ? text.dropLast() : text[...]
      // Swift wants digits on both sides of a point.
      if digits.hasPrefix(".") { digits = "0" + digits }
      if digits.hasSuffix(".") { digits += "0" }
      let plain = String(digits).replacing(".e", with: ".0e").replacing(".E", with: ".0e")
      if !plain.hasPrefix("0x"), !plain.hasPrefix("0X") { value = T(plain) }
    default: break
    }
    guard let value else { throw unexpected("a number for '\(field.name)'") }
    try advance()
    return isNegative ? -value : value
  }

  private mutating func readBool(_ field: MessageSchema.Field) throws(GraftError) -> Bool {
    let result: Bool
    switch tokenizer.text(token.range) {
    case "true", "True", "t", "1", "0x1", "01": result = true
    case "false", "False", "f", "0", "0x0", "00": result = false
    default: throw unexpected("true or false for '\(field.name)'")
    }
    try advance()
    return result
  }

  private mutating func readEnum(_ field: MessageSchema.Field, _ name: String) throws(GraftError) -> Int32 {
    if token.kind == .number || token.kind == .sign(UInt8(ascii: "-")) {
      return try readInteger(field, Int32.self)
    }
    guard token.kind == .identifier else { throw unexpected("a value of \(name) for '\(field.name)'") }
    let text = tokenizer.text(token.range)
    let values = schema.enums[name] ?? [:]
    guard let value = values[text] else {
      throw tokenizer.error(
        at: token.range.offset, "\(name) has no value '\(text)'.",
        remedy: Suggestions.question(Suggestions.nearest(to: text, among: values.keys.sorted())))
    }
    try advance()
    return value
  }
}
