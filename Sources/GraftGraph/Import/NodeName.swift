/// How operations and tensors are named in graphs.
enum NodeName {
  // Bits of the bytes that may stand within a name: '-', '.', '/', the digits and '>' of the first 64, letters, '\' and
  // '_' of the next 64.
  private static let innerBytes: (UInt64, UInt64) = (
    0x1FFF << 45 | 1 << 62, 0x3FF_FFFF << 1 | 1 << 28 | 1 << 31 | 0x3FF_FFFF << 33
  )

  /// Whether TensorFlow takes a name for an operation: letters, digits and `_.\-/>`, the first one of
  /// them a letter, a digit or a dot.
  static func isValid(_ name: UnsafeRawBufferPointer) -> Bool {
    guard let first = name.first, first != UInt8(ascii: "_"), first != UInt8(ascii: "\\"),
      first != UInt8(ascii: "-"), first != UInt8(ascii: "/"), first != UInt8(ascii: ">")
    else { return false }
    let (low, high) = innerBytes
    return name.allSatisfy { byte in
      byte < 128 && (byte < 64 ? low : high) &>> UInt64(byte & 63) & 1 != 0
    }
  }

  /// Splits `x:1` into name and output; without a number it is output 0.
  ///
  /// - Returns: nil for a number that is beyond all outputs.
  @inline(__always)
  static func split(_ text: UnsafeRawBufferPointer) -> (nameCount: Int, output: Int32)? {
    var position = text.count
    while position > 0, text[position - 1] &- UInt8(ascii: "0") < 10 { position -= 1 }
    guard position > 1, position < text.count, text[position - 1] == UInt8(ascii: ":") else {
      return (text.count, 0)
    }
    var output: Int32 = 0
    for index in position..<text.count {
      let (tens, overflow) = output.multipliedReportingOverflow(by: 10)
      let (sum, overflowsAgain) = tens.addingReportingOverflow(Int32(text[index] - UInt8(ascii: "0")))
      guard !overflow, !overflowsAgain else { return nil }
      output = sum
    }
    return (position - 1, output)
  }

  /// Splits the name of a tensor or operation that a caller wrote.
  static func split(_ text: String) -> (name: String, output: Int?)? {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return (text, nil) }
    let digits = text[text.utf8.index(after: colon)...]
    guard colon > text.startIndex, !digits.isEmpty, digits.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 })
    else {
      return (text, nil)
    }
    guard let output = Int32(digits) else { return nil }
    return (String(text[..<colon]), Int(output))
  }
}
