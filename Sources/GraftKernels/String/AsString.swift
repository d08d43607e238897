import Glibc
import GraftGraph
import GraftTensor

/// Numbers as C's printf writes them.
private struct PrintedNumber: Sendable {
  /// One of printf's flags, or nothing.
  private let flag: UInt8?
  let width: Int
  /// Digits behind the point; negative where nothing is said of them.
  private let precision: Int
  /// Whether real numbers are written without an exponent.
  private let isFixed: Bool
  /// Whether they have an exponent only where that is shorter.
  private let isShortest: Bool
  /// printf's format of real numbers, as characters that end with zero.
  private let format: [CChar]
  /// About how many characters a number has at the most.
  let length: Int

  /// More digits or blanks than this make no sense, and would let a node take all memory.
  private static let longest = 1 << 20

  init(_ setup: NodeSetup) throws {
    precision = try setup.int("precision")
    width = max(try setup.int("width"), -1)
    let isScientific = try setup.bool("scientific")
    isShortest = try setup.bool("shortest")
    let fill = try setup.string("fill")
    let dtype = try setup.inputType(0)
    let isReal = dtype.isFloatingPoint || dtype.isComplex || dtype == .string
    guard isReal || !(isScientific || isShortest || precision >= 0) else {
      throw setup.invalid(
        "'precision', 'scientific' and 'shortest' are for real numbers, and not for \(dtype).")
    }
    guard ["", " ", "+", "-", "0", "#"].contains(fill) else {
      throw setup.invalid("'fill' is '\(fill)'; one of ' ', '+', '-', '0' and '#' is expected.")
    }
    guard !(isScientific && isShortest) else {
      throw setup.invalid("'scientific' and 'shortest' are both true, and exclude each other.")
    }
    guard width <= Self.longest, precision <= Self.longest else {
      throw setup.invalid("'width' is \(width) and 'precision' \(precision); \(Self.longest) is the most.")
    }
    flag = fill.utf8.first
    length = max(width, precision, 0) + 32
    isFixed = !(isShortest || isScientific)
    let ending = (precision >= 0 ? ".\(precision)" : "") + (isShortest ? "g" : isScientific ? "e" : "f")
    format = Array(("%" + fill + (width >= 0 ? String(width) : "") + ending).utf8CString)
  }

  /// A number's text: its digits, with what stands before them.
  @inline(__always)
  private func finished(
    _ digits: DecimalText, isNegative: Bool, isSigned: Bool, _ recent: inout RecentTexts
  ) -> Bytes {
    var text = digits
    if flag == UInt8(ascii: "0") { text.fill(UInt8(ascii: "0"), to: isNegative ? width - 1 : width) }
    if isNegative {
      text.put(UInt8(ascii: "-"))
    } else if isSigned, let flag, flag == UInt8(ascii: "+") || flag == UInt8(ascii: " ") {
      // These have a sign or a blank stand before numbers that are not negative.
      text.put(flag)
    }
    if flag != UInt8(ascii: "-") { text.fill(UInt8(ascii: " "), to: width) }
    return text.text.count < width ? filled(text.text) : recent.text(text.text)
  }

  @inline(__always)
  func text(_ value: Double, _ room: UnsafeMutableBufferPointer<UInt8>, _ recent: inout RecentTexts) -> Bytes
  {
    // Points without digits behind them, and zeros, are what `#` is for.
    let digits = precision < 0 ? 6 : precision
    if flag != UInt8(ascii: "#") || isFixed && digits > 0 {
      var text = DecimalText(room)
      let isWritten =
        isFixed
        ? text.put(value.magnitude, precision: digits)
        : isShortest
          ? text.put(general: value.magnitude, precision: digits)
          : text.put(scientific: value.magnitude, precision: digits)
      if isWritten {
        return finished(text, isNegative: value.sign == .minus, isSigned: true, &recent)
      }
    }
    return formatted(value)
  }

  @inline(__always)
  func text(_ value: Int64, _ room: UnsafeMutableBufferPointer<UInt8>, _ recent: inout RecentTexts) -> Bytes {
    var text = DecimalText(room)
    text.put(value.magnitude)
    return finished(text, isNegative: value < 0, isSigned: true, &recent)
  }

  @inline(__always)
  func text(_ value: UInt64, _ room: UnsafeMutableBufferPointer<UInt8>, _ recent: inout RecentTexts) -> Bytes
  {
    var text = DecimalText(room)
    text.put(value)
    return finished(text, isNegative: false, isSigned: false, &recent)
  }

  /// A number's text, filled up to the width: with blanks before it or, with the flag `-`, behind it, or with zeros
  /// behind its sign.
  private func filled(_ text: UnsafeBufferPointer<UInt8>) -> Bytes {
    let missing = width - text.count
    switch flag {
    case UInt8(ascii: "-"): return Bytes(Array(text) + [UInt8](repeating: 0x20, count: missing))
    case UInt8(ascii: "0"):
      let sign = text.prefix { $0 == UInt8(ascii: "-") }
      return Bytes(Array(sign) + [UInt8](repeating: 0x30, count: missing) + text.dropFirst(sign.count))
    default: return Bytes([UInt8](repeating: 0x20, count: missing) + text)
    }
  }

  /// As printf does it, for what is not written here.
  private func formatted(_ value: Double) -> Bytes {
    // Long enough for nearly all.
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { room in
      guard let base = room.baseAddress else { return Bytes() }
      let length = Int(withVaList([value]) { vsnprintf(base, room.count, format, $0) })
      guard length >= room.count else {
        return Bytes(copying: UnsafeRawBufferPointer(room).bindMemory(to: UInt8.self).part(0, max(length, 0)))
      }
      return withUnsafeTemporaryAllocation(of: CChar.self, capacity: length + 1) { room in
        _ = withVaList([value]) { vsnprintf(room.baseAddress, room.count, format, $0) }
        return Bytes(copying: UnsafeRawBufferPointer(room).bindMemory(to: UInt8.self).part(0, length))
      }
    }
  }

  /// A string, filled up with blanks on the left or, with the flag `-`, on the right.
  func padded(_ string: Bytes) -> Bytes {
    guard string.count < width else { return string }
    let blanks = [UInt8](repeating: 0x20, count: width - string.count)
    return Bytes(flag == UInt8(ascii: "-") ? string.bytes + blanks : blanks + string.bytes)
  }
}

enum AsStringOps {
  static let all: [OpDefinition] = [
    OpDefinition(
      "AsString", "Numbers, bools and strings as text.",
      types: [
        "T": [
          .float16, .bfloat16, .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32,
          .uint64, .bool, .complex64, .complex128, .string, .variant,
        ]
      ], shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let printed = try PrintedNumber(setup)
        return { context in
          let input = try context.input(0)
          let result = try context.allocate(0, .string, input.shape)
          let output = result.mutableBuffer(as: Bytes.self)
          // Short texts lie in the strings' own allocations; long ones are asked for.
          if input.dtype != .string, printed.length > 64 {
            let (length, overflow) = printed.length.multipliedReportingOverflow(by: output.count)
            try result.storage.charge(text: overflow ? .max : length)
          }
          var recent = RecentTexts()
          @inline(__always)
          func each<T>(
            _ type: T.Type, _ text: (T, UnsafeMutableBufferPointer<UInt8>, inout RecentTexts) -> Bytes
          ) {
            let source = input.buffer(as: T.self)
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: DecimalText.room) { room in
              for index in output.indices { output[index] = text(source[index], room, &recent) }
            }
          }
          func pair<R>(
            _ value: Complex<R>, _ room: UnsafeMutableBufferPointer<UInt8>, _ recent: inout RecentTexts
          ) -> Bytes {
            var text: [UInt8] = [UInt8(ascii: "(")]
            text += printed.text(Double(value.real), room, &recent).bytes
            text.append(UInt8(ascii: ","))
            text += printed.text(Double(value.imaginary), room, &recent).bytes
            text.append(UInt8(ascii: ")"))
            return Bytes(text)
          }
          switch input.dtype {
          case .variant:
            each(TensorHandle.self) { value, _, _ in
              Bytes((value.object as? any VariantValue)?.summary ?? "Variant<type: >")
            }
          case .float16: each(Float16.self) { printed.text(Double($0), $1, &$2) }
          case .bfloat16: each(BFloat16.self) { printed.text(Double(Float($0)), $1, &$2) }
          case .float32: each(Float.self) { printed.text(Double($0), $1, &$2) }
          case .float64: each(Double.self) { printed.text($0, $1, &$2) }
          case .int8: each(Int8.self) { printed.text(Int64($0), $1, &$2) }
          case .int16: each(Int16.self) { printed.text(Int64($0), $1, &$2) }
          case .int32: each(Int32.self) { printed.text(Int64($0), $1, &$2) }
          case .int64: each(Int64.self) { printed.text($0, $1, &$2) }
          case .uint8: each(UInt8.self) { printed.text(UInt64($0), $1, &$2) }
          case .uint16: each(UInt16.self) { printed.text(UInt64($0), $1, &$2) }
          case .uint32: each(UInt32.self) { printed.text(UInt64($0), $1, &$2) }
          case .uint64: each(UInt64.self) { printed.text($0, $1, &$2) }
          case .bool:
            let (yes, no) = (Bytes("true"), Bytes("false"))
            each(Bool.self) { value, _, _ in value ? yes : no }
          case .complex64: each(Complex64.self) { pair($0, $1, &$2) }
          case .complex128: each(Complex128.self) { pair($0, $1, &$2) }
          default:
            let source = try context.strings(0)
            for index in output.indices {
              try result.storage.charge(text: max(printed.width, source[index].count))
              output[index] = printed.padded(source[index])
            }
          }
        }
      })
  ]
}
