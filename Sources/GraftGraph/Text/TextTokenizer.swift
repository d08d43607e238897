import GraftTensor

/// Splits protocol-buffer text format into tokens.
struct TextTokenizer {
  /// What a token is.
  enum Kind: Equatable {
    /// A name, or a word in place of a value.
    case identifier
    /// A number, without its sign.
    case number
    /// Text in quotes, one after the other being one; the bytes without quotes and escapes.
    case string([UInt8])
    /// A bracket or another sign.
    case sign(UInt8)
    case end
  }

  /// A token, with where it begins.
  struct Token {
    var kind: Kind
    var range: ByteRange
  }

  private let document: GraphBytes
  private var position = 0

  /// Begins at the first token of a document.
  init(document: GraphBytes) {
    self.document = document
    // The mark that some editors put before UTF-8.
    if document.count >= 3, byte(0) == 0xEF, byte(1) == 0xBB, byte(2) == 0xBF { position = 3 }
  }

  @inline(__always)
  private func byte(_ index: Int) -> UInt8 {
    index < document.count ? (document.start + index).load(as: UInt8.self) : 0
  }

  private mutating func skipSpace() {
    while position < document.count {
      switch byte(position) {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0x0B, 0x0C:
        position += 1
      case UInt8(ascii: "#"):
        while position < document.count, byte(position) != UInt8(ascii: "\n") { position += 1 }
      default: return
      }
    }
  }

  /// Reads the next token.
  mutating func next() throws(GraftError) -> Token {
    skipSpace()
    let begin = position
    guard position < document.count else {
      return Token(kind: .end, range: ByteRange(offset: begin, count: 0))
    }
    let first = byte(position)
    switch first {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
      while Self.isWord(byte(position)) { position += 1 }
      return Token(kind: .identifier, range: ByteRange(offset: begin, count: position - begin))
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."):
      readNumber()
      return Token(kind: .number, range: ByteRange(offset: begin, count: position - begin))
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      var bytes: [UInt8] = []
      repeat {
        try readString(into: &bytes)
        skipSpace()
      } while byte(position) == UInt8(ascii: "\"") || byte(position) == UInt8(ascii: "'")
      return Token(kind: .string(bytes), range: ByteRange(offset: begin, count: position - begin))
    default:
      position += 1
      return Token(kind: .sign(first), range: ByteRange(offset: begin, count: 1))
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  /// Digits, letters of hexadecimal numbers and exponents, points, and the sign of an exponent.
  private mutating func readNumber() {
    let isHexadecimal = byte(position) == UInt8(ascii: "0") && byte(position + 1) | 0x20 == UInt8(ascii: "x")
    while position < document.count {
      let next = byte(position)
      let isExponentSign =
        (next == UInt8(ascii: "-") || next == UInt8(ascii: "+")) && !isHexadecimal
        && byte(position - 1) | 0x20 == UInt8(ascii: "e")
      guard Self.isWord(next) || next == UInt8(ascii: ".") || isExponentSign else { return }
      position += 1
    }
  }

  private mutating func readString(into bytes: inout [UInt8]) throws(GraftError) {
    let begin = position
    let quote = byte(position)
    position += 1
    while position < document.count {
      let next = byte(position)
      position += 1
      switch next {
      case quote: return
      case UInt8(ascii: "\n"):
        throw error(
          at: begin, "A string has no closing quote in its line.", remedy: "Write line ends as \\n.")
      case UInt8(ascii: "\\"): try readEscape(into: &bytes)
      default: bytes.append(next)
      }
    }
    throw error(at: begin, "The text ends inside a string. It was truncated.")
  }

  private mutating func readEscape(into bytes: inout [UInt8]) throws(GraftError) {
    let begin = position - 1
    let letter = byte(position)
    position += 1
    switch letter {
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "a"): bytes.append(0x07)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "v"): bytes.append(0x0B)
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "?"): bytes.append(letter)
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      position -= 1
      bytes.append(UInt8(truncatingIfNeeded: digits(radix: 8, atMost: 3)?.value ?? 0))
    case UInt8(ascii: "x"), UInt8(ascii: "X"):
      guard let value = digits(radix: 16, atMost: 2)?.value else { throw badEscape(begin) }
      bytes.append(UInt8(truncatingIfNeeded: value))
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let length = letter == UInt8(ascii: "u") ? 4 : 8
      guard let (value, count) = digits(radix: 16, atMost: length), count == length,
        let scalar = Unicode.Scalar(value)
      else { throw badEscape(begin) }
      bytes.append(contentsOf: String(Character(scalar)).utf8)
    default: throw badEscape(begin)
    }
  }

  private mutating func digits(radix: Int, atMost limit: Int) -> (value: UInt32, count: Int)? {
    var value: UInt32 = 0
    var count = 0
    while count < limit, let digit = Character(Unicode.Scalar(byte(position))).hexDigitValue, digit < radix {
      value = value << (radix == 8 ? 3 : 4) | UInt32(digit)
      position += 1
      count += 1
    }
    return count > 0 ? (value, count) : nil
  }

  private func badEscape(_ offset: Int) -> GraftError {
    error(
      at: offset,
      "The escape '\(text(ByteRange(offset: offset, count: min(2, document.count - offset))))' in a string "
        + "is none that text format has.",
      remedy: "A backslash itself is written \\\\.")
  }

  /// Whether nothing comes after a part of the document.
  func isAtEnd(_ range: ByteRange) -> Bool { range.end >= document.count }

  /// A part of the document as text.
  func text(_ range: ByteRange) -> String { document.string(range) }

  /// An error at a place in the document, with line and column.
  func error(
    _ code: GraftError.Code = .dataLoss, at offset: Int, _ message: String, remedy: String? = nil
  ) -> GraftError {
    var line = 1
    var column = 1
    for index in 0..<min(offset, document.count) {
      if byte(index) == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else {
        column += 1
      }
    }
    return GraftError(
      code, "Line \(line), column \(column) of the text: \(message)",
      at: .init(file: document.file, offset: offset),
      remedy: remedy ?? "Correct the text there, or export or download the graph again.")
  }
}
