import Glibc
import GraftGraph
import GraftTensor

/// Numbers as C's printf writes them.
private struct PrintedNumber: Sendable {
  /// Flag, width and precision, as they stand behind the percent sign.
  let middle: String
  /// How real numbers are written: `f`, `e` or `g`.
  let notation: String
  /// About how many characters a number has at the most.
  let length: Int

  /// More digits or blanks than this make no sense, and would let a node take all memory.
  private static let longest = 1 << 20

  init(_ setup: NodeSetup) throws {
    let precision = try setup.int("precision")
    let isScientific = try setup.bool("scientific")
    let isShortest = try setup.bool("shortest")
    let width = try setup.int("width")
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
    length = max(width, precision, 0) + 32
    middle = fill + (width >= 0 ? String(width) : "") + (precision >= 0 ? ".\(precision)" : "")
    notation = isShortest ? "g" : isScientific ? "e" : "f"
  }

  func text(_ value: Double) -> String { format("%" + middle + notation, [value]) }
  func text(_ value: Int64) -> String { format("%" + middle + "lld", [value]) }
  func text(_ value: UInt64) -> String { format("%" + middle + "llu", [value]) }

  private func format(_ format: String, _ arguments: [any CVarArg]) -> String {
    let length = withVaList(arguments) { vsnprintf(nil, 0, format, $0) }
    guard length > 0 else { return "" }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(length) + 1) { buffer in
      _ = withVaList(arguments) { vsnprintf(buffer.baseAddress, buffer.count, format, $0) }
      return String(decoding: buffer.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// A string, filled up with blanks on the left or, with the flag `-`, on the right.
  func padded(_ string: Bytes, width: Int, isLeft: Bool) -> Bytes {
    let blanks = [UInt8](repeating: 0x20, count: max(width - string.count, 0))
    return Bytes(isLeft ? string.bytes + blanks : blanks + string.bytes)
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
        let width = try setup.int("width")
        let isLeft = try setup.string("fill") == "-"
        return { context in
          let input = try context.input(0)
          let result = try context.allocate(0, .string, input.shape)
          let output = result.mutableBuffer(as: Bytes.self)
          // Short texts lie in the strings' own allocations; long ones are asked for.
          if input.dtype != .string, printed.length > 64 {
            let (length, overflow) = printed.length.multipliedReportingOverflow(by: output.count)
            try result.storage.charge(text: overflow ? .max : length)
          }
          func each<T>(_ type: T.Type, _ text: (T) -> String) {
            let source = input.buffer(as: T.self)
            for index in output.indices { output[index] = Bytes(text(source[index])) }
          }
          func pair<R>(_ value: Complex<R>) -> String {
            "(\(printed.text(Double(value.real))),\(printed.text(Double(value.imaginary))))"
          }
          switch input.dtype {
          case .variant:
            each(TensorHandle.self) { ($0.object as? any VariantValue)?.summary ?? "Variant<type: >" }
          case .float16: each(Float16.self) { printed.text(Double($0)) }
          case .bfloat16: each(BFloat16.self) { printed.text(Double(Float($0))) }
          case .float32: each(Float.self) { printed.text(Double($0)) }
          case .float64: each(Double.self) { printed.text($0) }
          case .int8: each(Int8.self) { printed.text(Int64($0)) }
          case .int16: each(Int16.self) { printed.text(Int64($0)) }
          case .int32: each(Int32.self) { printed.text(Int64($0)) }
          case .int64: each(Int64.self) { printed.text($0) }
          case .uint8: each(UInt8.self) { printed.text(UInt64($0)) }
          case .uint16: each(UInt16.self) { printed.text(UInt64($0)) }
          case .uint32: each(UInt32.self) { printed.text(UInt64($0)) }
          case .uint64: each(UInt64.self) { printed.text($0) }
          case .bool: each(Bool.self) { $0 ? "true" : "false" }
          case .complex64: each(Complex64.self) { pair($0) }
          case .complex128: each(Complex128.self) { pair($0) }
          default:
            let source = try context.strings(0)
            for index in output.indices {
              try result.storage.charge(text: max(width, source[index].count))
              output[index] = printed.padded(source[index], width: width, isLeft: isLeft)
            }
          }
        }
      })
  ]
}
