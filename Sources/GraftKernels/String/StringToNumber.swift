import Glibc
import GraftGraph
import GraftTensor

/// Numbers in text, as TensorFlow reads them: white space around them is allowed, and nothing else.
enum NumberText {
  /// A real number: decimal, hexadecimal, infinity or NaN; what is too large is infinity.
  static func double(_ text: Bytes) -> Double? {
    text.bytes.withUnsafeBufferPointer { bytes in
      let trimmed = ASCII.trimmed(bytes)
      return plain(trimmed) ?? real(trimmed) { strtod($0, $1) }
    }
  }

  /// A real number, rounded once.
  static func float(_ text: Bytes) -> Float? {
    text.bytes.withUnsafeBufferPointer { bytes in
      let trimmed = ASCII.trimmed(bytes)
      // What lies between two floats may have been rounded to there, and a subnormal number has fewer digits.
      if let value = plain(trimmed), value.bitPattern & 0x1FFF_FFFF != 0x1000_0000,
        value == 0 || value.magnitude >= Double(Float.leastNormalMagnitude)
      {
        return Float(value)
      }
      return real(trimmed) { strtof($0, $1) }
    }
  }

  /// A number of a few digits and no exponent, as most are; nil for others. Both the digits without the point and the
  /// power of ten by which they are divided are exact, and so the quotient is what is nearest.
  private static func plain(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    var place = 0
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative || text.first == UInt8(ascii: "+") { place = 1 }
    var digits: UInt64 = 0
    var (count, behind) = (0, 0)
    var hasPoint = false
    while place < text.count {
      let digit = text[place] ^ 0x30
      if digit < 10 {
        digits = digits &* 10 &+ UInt64(digit)
        count &+= 1
        behind &+= hasPoint ? 1 : 0
      } else if text[place] == UInt8(ascii: "."), !hasPoint {
        hasPoint = true
      } else {
        return nil
      }
      place &+= 1
    }
    guard count > 0, count < powers.count else { return nil }
    let value = Double(digits) / powers[behind]
    return isNegative ? -value : value
  }

  /// Powers of ten, up to the last below 2^53.
  private static let powers: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
  ]

  private static func real<T>(
    _ text: UnsafeBufferPointer<UInt8>,
    _ convert: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> T
  ) -> T? {
    guard !text.isEmpty, !text.contains(0) else { return nil }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.count + 1) { characters in
      guard let start = characters.baseAddress else { return nil }
      for place in text.indices { characters[place] = CChar(bitPattern: text[place]) }
      characters[text.count] = 0
      var end: UnsafeMutablePointer<CChar>?
      let value = convert(UnsafePointer(start), &end)
      return end.map { $0 - start } == text.count ? value : nil
    }
  }

  /// A decimal integer that fits; unsigned ones have no minus sign.
  static func integer<T: FixedWidthInteger>(_ text: Bytes) -> T? {
    text.bytes.withUnsafeBufferPointer { bytes in
      var digits = ASCII.trimmed(bytes)
      let isNegative = digits.first == UInt8(ascii: "-")
      if isNegative && !T.isSigned { return nil }
      if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.part(1, digits.count) }
      guard !digits.isEmpty else { return nil }
      var value: T = 0
      for byte in digits {
        guard (0x30...0x39).contains(byte) else { return nil }
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let digit = T(truncatingIfNeeded: byte &- 0x30)
        let (sum, carry) =
          isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
        if overflow || carry { return nil }
        value = sum
      }
      return value
    }
  }
}

enum StringToNumberOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "StringToNumber", "The numbers that strings spell.",
      types: ["out_type": [.float32, .float64, .int32, .int64, .uint32, .uint64]],
      shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let dtype = try setup.outputType(0)
        return { context in
          let source = try context.strings(0)
          let output = try context.allocate(0, dtype, context.input(0).shape)
          func each<T>(_ type: T.Type, _ read: (Bytes) -> T?) throws {
            let target = output.mutableBuffer(as: T.self)
            for (index, text) in source.enumerated() {
              guard let value = read(text) else {
                throw GraftError(
                  .invalidArgument,
                  "String \(index), '\(text.string.prefix(100))', is no number of type \(dtype).",
                  at: .init(input: 0))
              }
              target[index] = value
            }
          }
          switch dtype {
          case .float64: try each(Double.self) { NumberText.double($0) }
          case .int32: try each(Int32.self) { NumberText.integer($0) }
          case .int64: try each(Int64.self) { NumberText.integer($0) }
          case .uint32: try each(UInt32.self) { NumberText.integer($0) }
          case .uint64: try each(UInt64.self) { NumberText.integer($0) }
          default: try each(Float.self) { NumberText.float($0) }
          }
        }
      })
  ]
}
