import GraftGraph
import GraftTensor

enum StringCaseOps {
  static let all: [OpDefinition] = [
    .eachString("StringLower", "Text in lower case: of ASCII letters, or of Unicode as UTF-8.") { setup in
      let isUnicode = try isUnicode(setup)
      return { isUnicode ? lowercased($0) : changed($0, 0x41...0x5A) }
    },
    .eachString("StringUpper", "Text in upper case: of ASCII letters, or of Unicode as UTF-8.") { setup in
      let isUnicode = try isUnicode(setup)
      return { isUnicode ? uppercased($0) : changed($0, 0x61...0x7A) }
    },
    .eachString("StringStrip", "Text without the white space at its ends.") { _ in
      { string in
        string.bytes.withUnsafeBufferPointer { bytes in
          let trimmed = ASCII.trimmed(bytes)
          return trimmed.count == bytes.count ? string : Bytes(copying: trimmed)
        }
      }
    },
    OpDefinition(
      "StringLength", "How many bytes strings have, or how many characters of UTF-8.",
      shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let unit = try StringUnit(setup)
        return { context in
          let source = try context.strings(0)
          let target = try context.allocate(0, .int32, context.input(0).shape).mutableBuffer(as: Int32.self)
          for index in target.indices {
            let bytes = source[index].bytes
            let count = unit == .byte ? bytes.count : bytes.count { !StringUnit.continues($0) }
            target[index] = Int32(truncatingIfNeeded: count)
          }
        }
      }),
  ]

  private static func isUnicode(_ setup: NodeSetup) throws -> Bool {
    let encoding = try setup.string("encoding")
    guard encoding.isEmpty || encoding == "utf-8" else {
      throw setup.invalid("'encoding' is '\(encoding)'; 'utf-8' or nothing is expected.")
    }
    return !encoding.isEmpty
  }

  private static func changed(_ string: Bytes, _ range: ClosedRange<UInt8>) -> Bytes {
    let isChanged = string.bytes.withUnsafeBufferPointer { bytes in
      // All are looked at, many at a time.
      var found: UInt8 = 0
      for byte in bytes { found |= range.contains(byte) ? 1 : 0 }
      return found != 0
    }
    guard isChanged else { return string }
    var result = string.bytes.withUnsafeBufferPointer { Bytes(copying: $0) }
    result.bytes.withUnsafeMutableBufferPointer { bytes in
      for place in bytes.indices { bytes[place] ^= range.contains(bytes[place]) ? 0x20 : 0 }
    }
    return result
  }

  /// The text up to the first byte of zero, where TensorFlow's ends.
  private static func text(_ string: Bytes) -> String {
    String(decoding: string.bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  private static func uppercased(_ string: Bytes) -> Bytes {
    var result: [UInt8] = []
    for scalar in text(string).unicodeScalars { result += scalar.properties.uppercaseMapping.utf8 }
    return Bytes(result)
  }

  private static func lowercased(_ string: Bytes) -> Bytes {
    let scalars = Array(text(string).unicodeScalars)
    var result: [UInt8] = []
    for (index, scalar) in scalars.enumerated() {
      if scalar == "Σ" && endsWord(scalars, index) {
        result += "ς".utf8
      } else {
        result += scalar.properties.lowercaseMapping.utf8
      }
    }
    return Bytes(result)
  }

  /// Whether a letter stands at the end of a word: another one before it, and none behind it (Unicode's
  /// Final_Sigma).
  private static func endsWord(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
    func isLetter(_ scalar: Unicode.Scalar?) -> Bool { scalar?.properties.isCased ?? false }
    let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
    let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
    return isLetter(before) && !isLetter(after)
  }
}

/// What positions and lengths in strings count.
enum StringUnit: String {
  case byte = "BYTE"
  case character = "UTF8_CHAR"

  init(_ setup: NodeSetup) throws {
    let name = try setup.string("unit")
    guard let unit = StringUnit(rawValue: name) else {
      throw setup.invalid("'unit' is '\(name)'; BYTE or UTF8_CHAR is expected.")
    }
    self = unit
  }

  /// Whether a byte goes on with a character of UTF-8 that began before.
  @inline(__always)
  static func continues(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
