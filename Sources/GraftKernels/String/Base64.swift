import GraftGraph
import GraftTensor

enum Base64Ops {
  static let all: [OpDefinition] = [
    .eachString("EncodeBase64", "Bytes as web-safe base64: with - and _, and = at the end on request.") {
      setup in
      let pads = try setup.bool("pad")
      return { encode($0.bytes, pads: pads) }
    },
    .eachString("DecodeBase64", "The bytes of web-safe base64, with = at the end or without.") { _ in
      { Bytes(try decode($0.bytes)) }
    },
  ]

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  private static func encode(_ bytes: [UInt8], pads: Bool) -> Bytes {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits: UInt32 = 0
      for byte in group { bits = bits << 8 | UInt32(byte) }
      bits <<= UInt32(8 * (3 - group.count))
      for place in 0...group.count { result.append(alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)]) }
      if pads { result += [UInt8](repeating: UInt8(ascii: "="), count: 3 - group.count) }
    }
    return Bytes(result)
  }

  /// The bytes of web-safe base64.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for other characters, or one too many.
  static func decode(_ text: [UInt8]) throws -> [UInt8] {
    var characters = text[...]
    if text.count % 4 == 0 {
      for _ in 0..<2 where characters.last == UInt8(ascii: "=") { characters.removeLast() }
    }
    guard characters.count % 4 != 1 else {
      throw GraftError(
        .invalidArgument, "Base64 of \(characters.count) characters cannot be: one is left over.",
        at: .init(input: 0))
    }
    var result: [UInt8] = []
    result.reserveCapacity(characters.count / 4 * 3 + 2)
    var bits: UInt32 = 0
    var pending = 0
    for (place, character) in characters.enumerated() {
      let value = values[Int(character)]
      guard value != 0xFF else {
        throw GraftError(
          .invalidArgument, "Character \(place) is none of web-safe base64.", at: .init(input: 0),
          remedy: "Web-safe base64 has - and _ in place of + and /.")
      }
      bits = bits << 6 | UInt32(value)
      pending += 6
      if pending >= 8 {
        pending -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(pending)))
      }
    }
    return result
  }
}
