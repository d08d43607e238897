import Glibc
import GraftTensor

/// A character encoding that strings are read in.
enum TextEncoding {
  case utf8
  case utf16(Endianness)
  case utf32(Endianness)
  case ascii
  case latin1
  /// Any other that the system's iconv knows.
  case system(String)

  /// The order of bytes; `marked`: as a mark at the beginning says, else the most significant first.
  enum Endianness {
    case big
    case little
    case marked
  }

  /// One character of a text.
  struct Character {
    /// The code point; U+FFFD where there is none.
    var value: UInt32
    /// Bytes that it takes.
    var count: Int
    var isValid = true

    static func invalid(_ count: Int) -> Character { Character(value: 0xFFFD, count: count, isValid: false) }
  }

  /// The encoding of a name, in any spelling: UTF-16-BE, utf16be.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for a name that is not known.
  init(named name: String) throws {
    switch name.lowercased().filter({ $0 != "-" && $0 != "_" && $0 != " " }) {
    case "utf8": self = .utf8
    case "utf16be": self = .utf16(.big)
    case "utf16le": self = .utf16(.little)
    case "utf16": self = .utf16(.marked)
    case "utf32be": self = .utf32(.big)
    case "utf32le": self = .utf32(.little)
    case "utf32": self = .utf32(.marked)
    case "usascii", "ascii", "iso646us", "ansix3.41968": self = .ascii
    case "iso88591", "latin1", "l1", "cp819", "ibm819": self = .latin1
    default:
      self = .system(name)
      _ = try SystemConverter(name)
    }
  }

  /// Calls the closure with each character of a text.
  func forEach(_ text: [UInt8], _ body: (Character) throws -> Void) throws {
    switch self {
    case .utf8: try Self.utf8(text, body)
    case .utf16(let order): try Self.wide(text, 2, order, body)
    case .utf32(let order): try Self.wide(text, 4, order, body)
    case .ascii:
      for byte in text {
        try body(byte < 0x80 ? Character(value: UInt32(byte), count: 1) : .invalid(1))
      }
    case .latin1:
      for byte in text { try body(Character(value: UInt32(byte), count: 1)) }
    case .system(let name):
      let converter = try SystemConverter(name)
      try converter.forEach(text, body)
    }
  }

  private static func utf8(_ text: [UInt8], _ body: (Character) throws -> Void) rethrows {
    var place = 0
    while place < text.count {
      let first = text[place]
      if first < 0x80 {
        try body(Character(value: UInt32(first), count: 1))
        place += 1
        continue
      }
      // How many bytes follow, and what the first of them may be.
      let (length, range): (Int, ClosedRange<UInt8>)
      switch first {
      case 0xC2...0xDF: (length, range) = (1, 0x80...0xBF)
      case 0xE0: (length, range) = (2, 0xA0...0xBF)
      case 0xED: (length, range) = (2, 0x80...0x9F)
      case 0xE1...0xEF: (length, range) = (2, 0x80...0xBF)
      case 0xF0: (length, range) = (3, 0x90...0xBF)
      case 0xF1...0xF3: (length, range) = (3, 0x80...0xBF)
      case 0xF4: (length, range) = (3, 0x80...0x8F)
      default: (length, range) = (0, 0x80...0xBF)
      }
      var value = UInt32(first) & (0x3F >> UInt32(length))
      var count = 1
      while count <= length, place + count < text.count,
        (count == 1 ? range : 0x80...0xBF).contains(text[place + count])
      {
        value = value << 6 | UInt32(text[place + count] & 0x3F)
        count += 1
      }
      // What was right up to the wrong byte is replaced as one.
      try body(length > 0 && count > length ? Character(value: value, count: count) : .invalid(count))
      place += count
    }
  }

  private static func wide(
    _ text: [UInt8], _ size: Int, _ order: Endianness, _ body: (Character) throws -> Void
  ) rethrows {
    var isBig = order != .little
    var place = 0
    func unit(_ start: Int) -> UInt32? {
      guard start + size <= text.count else { return nil }
      let bytes = text[start..<start + size]
      return isBig
        ? bytes.reduce(0) { $0 << 8 | UInt32($1) } : bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    // The mark is part of the first character's bytes.
    var pending = 0
    if order == .marked {
      let mark: UInt32 = size == 2 ? 0xFFFE : 0xFFFE_0000
      if unit(0) == 0xFEFF {
        pending = size
      } else if unit(0) == mark {
        isBig = false
        pending = size
      }
      place = pending
    }
    while place < text.count {
      var character = Character.invalid(min(size, text.count - place))
      if let first = unit(place) {
        if size == 2, 0xD800...0xDBFF ~= first, let second = unit(place + 2), 0xDC00...0xDFFF ~= second {
          character = Character(value: 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00), count: 4)
        } else if Unicode.Scalar(first) != nil {
          character = Character(value: first, count: size)
        }
      }
      place += character.count
      character.count += pending
      pending = 0
      try body(character)
    }
  }
}

/// The conversion of another encoding by the system.
private struct SystemConverter {
  private let handle: Handle
  /// Bytes of Windows' code pages that mean nothing stand for themselves.
  private let keepsUnassigned: Bool

  private final class Handle {
    let converter: iconv_t

    init(_ converter: iconv_t) {
      self.converter = converter
    }

    deinit {
      iconv_close(converter)
    }
  }

  init(_ name: String) throws {
    guard let opened = Self.open(name) else {
      throw GraftError(
        .invalidArgument, "The encoding '\(name)' is not known.",
        remedy: "There are UTF-8, UTF-16-BE, UTF-32-BE, US-ASCII, ISO-8859-1 and those that `iconv -l` lists."
      )
    }
    handle = Handle(opened)
    let plain = Self.plain(name)
    keepsUnassigned = plain.hasPrefix("windows125") || plain.hasPrefix("cp125")
  }

  /// The name's letters and digits, which are all that ICU looks at.
  private static func plain(_ name: String) -> String {
    name.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
  }

  /// What iconv calls encodings that ICU has under other names.
  private static let names: [String: String] = [
    "euckr": "CP949", "cseuckr": "CP949", "korean": "CP949", "ksc56011987": "CP949", "isoir149": "CP949",
    "eucjp": "EUC-JP", "shiftjis": "CP932", "sjis": "CP932", "xsjis": "CP932", "ibm943": "CP932",
    "gb2312": "EUC-CN", "euccn": "EUC-CN", "gbk": "GBK", "gb18030": "GB18030", "big5": "CP950",
    "big5hkscs": "BIG5-HKSCS", "euctw": "EUC-TW", "koi8r": "KOI8-R", "koi8u": "KOI8-U",
    "macintosh": "MACINTOSH", "tis620": "TIS-620", "ascii": "ASCII", "latin1": "ISO-8859-1",
    "iso88591": "ISO-8859-1", "iso885911987": "ISO-8859-1",
  ]

  private static func open(_ name: String) -> iconv_t? {
    guard !name.isEmpty, !name.contains("/"), !name.contains("\0") else { return nil }
    let plain = plain(name)
    var candidates = [name]
    if let other = names[plain] { candidates.insert(other, at: 0) }
    if plain.hasPrefix("iso8859") { candidates.append("ISO-8859-\(plain.dropFirst(7))") }
    for prefix in ["windows", "ibm", "cp", "ms"] where plain.hasPrefix(prefix) {
      candidates.append("CP\(plain.dropFirst(prefix.count))")
    }
    for candidate in candidates {
      let opened = iconv_open("UTF-32LE", candidate)
      if let opened, Int(bitPattern: opened) != -1 { return opened }
    }
    return nil
  }

  func forEach(_ text: [UInt8], _ body: (TextEncoding.Character) throws -> Void) throws {
    var input = text.map { CChar(bitPattern: $0) }
    var place = 0
    // Begins anew: the converter may be in the midst of a shifted part.
    iconv(handle.converter, nil, nil, nil, nil)
    while place < input.count {
      var value: UInt32 = 0
      var consumed = 0
      var isWhole = false
      input.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        withUnsafeMutableBytes(of: &value) { output in
          // Room for one character: the converter stops after it.
          var source: UnsafeMutablePointer<CChar>? = base + place
          var sourceCount = buffer.count - place
          var target = output.bindMemory(to: CChar.self).baseAddress
          var targetCount = 4
          let before = sourceCount
          iconv(handle.converter, &source, &sourceCount, &target, &targetCount)
          consumed = before - sourceCount
          isWhole = targetCount == 0
        }
      }
      if isWhole {
        try body(TextEncoding.Character(value: UInt32(littleEndian: value), count: max(consumed, 1)))
        place += max(consumed, 1)
      } else {
        // Shifts that make no character belong to what comes next.
        let byte = UInt8(bitPattern: input[min(place + consumed, input.count - 1)])
        let isKept = keepsUnassigned && consumed == 0 && (0x80...0x9F).contains(byte)
        if place + consumed < input.count {
          try body(isKept ? TextEncoding.Character(value: UInt32(byte), count: 1) : .invalid(consumed + 1))
        }
        place += consumed + 1
      }
    }
  }
}

/// An encoding that strings are written in.
enum OutputEncoding: String {
  case utf8 = "UTF-8"
  case utf16BigEndian = "UTF-16-BE"
  case utf32BigEndian = "UTF-32-BE"

  /// Appends a code point. What is no Unicode scalar becomes U+FFFD.
  func append(_ value: UInt32, to bytes: inout [UInt8]) {
    let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
    switch self {
    case .utf8: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    case .utf16BigEndian:
      for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
        bytes += [UInt8(truncatingIfNeeded: unit >> 8), UInt8(truncatingIfNeeded: unit)]
      }
    case .utf32BigEndian:
      for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: scalar.value >> shift)) }
    }
  }
}
