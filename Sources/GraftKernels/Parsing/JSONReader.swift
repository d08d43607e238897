import GraftTensor

/// Reads JSON token by token, as forgiving as protocol-buffer libraries are.
struct JSONReader {
  private let text: [UInt8]
  private var place = 0

  init(_ text: [UInt8]) {
    self.text = text
  }

  /// An error at the place of reading.
  func invalid(_ message: String) -> GraftError {
    GraftError(.invalidArgument, "at byte \(place) \(message).")
  }

  /// An error about a name that means nothing.
  func unknown(_ name: [UInt8]) -> GraftError {
    invalid("the field '\(Bytes(name).string.prefix(100))' is none that is known")
  }

  private mutating func skipSpace() {
    while place < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[place]) { place += 1 }
  }

  private mutating func next() throws(GraftError) -> UInt8 {
    skipSpace()
    guard place < text.count else { throw invalid("the text ends too early") }
    return text[place]
  }

  private mutating func take(_ character: Character) throws(GraftError) -> Bool {
    guard try next() == character.asciiValue else { return false }
    place += 1
    return true
  }

  /// Checks that nothing follows.
  mutating func finish() throws(GraftError) {
    skipSpace()
    guard place == text.count else { throw invalid("something follows after the end") }
  }

  /// Goes beyond `null`, where it comes next.
  mutating func takeNull() -> Bool {
    skipSpace()
    guard text[place...].starts(with: "null".utf8) else { return false }
    place += 4
    return true
  }

  /// Reads an object, calling the closure at each value with its name.
  mutating func object(
    _ field: (inout JSONReader, [UInt8]) throws(GraftError) -> Void
  ) throws(GraftError) {
    guard try take("{") else { throw invalid("'{' is expected") }
    while try !take("}") {
      let name = try name()
      guard try take(":") else { throw invalid("':' is expected") }
      try field(&self, name)
      guard try take(",") else {
        guard try take("}") else { throw invalid("',' or '}' is expected") }
        return
      }
    }
  }

  /// Reads a value, or the values of an array, calling the closure at each.
  mutating func values(
    depth: Int = 0, _ value: (inout JSONReader) throws(GraftError) -> Void
  ) throws(GraftError) {
    guard try take("[") else { return try value(&self) }
    guard depth < 100 else { throw invalid("too many arrays lie inside of one another") }
    while try !take("]") {
      try values(depth: depth + 1, value)
      guard try take(",") else {
        guard try take("]") else { throw invalid("',' or ']' is expected") }
        return
      }
    }
  }

  // MARK: Names and strings

  private var isQuote: Bool {
    place < text.count && (text[place] == UInt8(ascii: "\"") || text[place] == UInt8(ascii: "'"))
  }

  private mutating func name() throws(GraftError) -> [UInt8] {
    skipSpace()
    if isQuote { return try string() }
    func isLetter(_ byte: UInt8) -> Bool {
      (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$")
    }
    let start = place
    while place < text.count, isLetter(text[place]) || (place > start && (0x30...0x39).contains(text[place]))
    {
      place += 1
    }
    let word = Array(text[start..<place])
    guard !word.isEmpty, !["null", "true", "false"].contains(Bytes(word).string) else {
      throw invalid("a name is expected")
    }
    return word
  }

  private mutating func string() throws(GraftError) -> [UInt8] {
    skipSpace()
    guard isQuote else { throw invalid("a text in quotation marks is expected") }
    let quote = text[place]
    place += 1
    var result: [UInt8] = []
    while place < text.count, text[place] != quote {
      let byte = text[place]
      place += 1
      if byte == UInt8(ascii: "\\") {
        try result.append(contentsOf: escape())
      } else {
        result.append(byte)
      }
    }
    guard place < text.count else { throw invalid("a text has no end") }
    place += 1
    guard String(validating: result, as: UTF8.self) != nil else { throw invalid("a text is not UTF-8") }
    return result
  }

  private mutating func escape() throws(GraftError) -> [UInt8] {
    guard place < text.count else { throw invalid("a text has no end") }
    let byte = text[place]
    place += 1
    switch Character(UnicodeScalar(byte)) {
    case "\"", "\\", "/", "'": return [byte]
    case "b": return [0x08]
    case "f": return [0x0C]
    case "n": return [0x0A]
    case "r": return [0x0D]
    case "t": return [0x09]
    case "u":
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code), text[place...].starts(with: "\\u".utf8) {
        place += 2
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw invalid("half of a character stands alone") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = UnicodeScalar(code) else { throw invalid("half of a character stands alone") }
      return Array(String(scalar).utf8)
    default: throw invalid("no such character can be written with \\")
    }
  }

  private mutating func hexadecimal() throws(GraftError) -> UInt32 {
    let digits = text[place...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw invalid("four hexadecimal digits are expected") }
    place += 4
    return value
  }

  // MARK: Values

  /// Reads bytes as base64, of either alphabet, filled up with = or not.
  mutating func base64() throws(GraftError) -> [UInt8] {
    var digits = try string()
    if digits.count % 4 == 0 {
      for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
    }
    for (place, digit) in digits.enumerated() {
      if digit == UInt8(ascii: "+") { digits[place] = UInt8(ascii: "-") }
      if digit == UInt8(ascii: "/") { digits[place] = UInt8(ascii: "_") }
    }
    do {
      return try Base64Ops.decode(digits)
    } catch {
      throw invalid("a text is no base64")
    }
  }

  /// Reads a number's digits, which may stand in quotation marks.
  private mutating func number() throws(GraftError) -> (text: Bytes, isQuoted: Bool) {
    skipSpace()
    if isQuote { return (Bytes(try string()), true) }
    let start = place
    func skipDigits(_ reader: inout JSONReader) -> Int {
      let first = reader.place
      while reader.place < reader.text.count, (0x30...0x39).contains(reader.text[reader.place]) {
        reader.place += 1
      }
      return reader.place - first
    }
    func takes(_ reader: inout JSONReader, _ characters: String) -> Bool {
      guard reader.place < reader.text.count, characters.utf8.contains(reader.text[reader.place]) else {
        return false
      }
      reader.place += 1
      return true
    }
    _ = takes(&self, "-")
    let hasZero = place < text.count && text[place] == 0x30
    let digits = skipDigits(&self)
    guard digits > 0, digits == 1 || !hasZero else { throw invalid("a number is expected") }
    if takes(&self, ".") {
      guard skipDigits(&self) > 0 else { throw invalid("a digit is expected") }
    }
    if takes(&self, "eE") {
      _ = takes(&self, "+-")
      guard skipDigits(&self) > 0 else { throw invalid("a digit is expected") }
    }
    return (Bytes(Array(text[start..<place])), false)
  }

  /// Reads a number that a `Float` has room for; text may be infinite or NaN.
  mutating func float() throws(GraftError) -> Float {
    let (digits, isQuoted) = try number()
    guard let value = NumberText.double(digits), isQuoted || value.isFinite,
      !value.isFinite || Float(value).isFinite
    else { throw invalid("'\(digits.string.prefix(100))' is no number that fits") }
    return Float(value)
  }

  /// Reads a whole number, which may be written with a point or an exponent.
  mutating func integer() throws(GraftError) -> Int64 {
    let digits = try number().text
    let hasSpace =
      digits.bytes.first.map(ASCII.isSpace) ?? true || digits.bytes.last.map(ASCII.isSpace) ?? true
    if !hasSpace {
      if let value: Int64 = NumberText.integer(digits) { return value }
      // Beyond 2^53 a number with a point does not say which one is meant.
      if let value = NumberText.double(digits), abs(value) <= 0x1p53, value.rounded(.towardZero) == value {
        return Int64(value)
      }
    }
    throw invalid("'\(digits.string.prefix(100))' is no whole number that fits")
  }
}
