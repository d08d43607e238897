import Glibc
import GraftTensor

/// A tensor's first elements as text, as Assert and Print show them.
enum TensorSummary {
  /// The first elements, the others as dots; all for a negative limit.
  static func text(_ tensor: Tensor, limit: Int) -> String {
    let count = tensor.elementCount
    let limit = limit < 0 ? count : min(limit, count)
    guard let elements = elements(tensor, limit) else { return "?" }
    let dots = count > limit ? "..." : ""
    guard tensor.rank > 1 else {
      // Of a vector that is cut off only the dots say so.
      return elements.joined(separator: " ") + dots
    }
    var next = 0
    var text = ""
    func write(_ axis: Int) {
      let size = tensor.shape[axis]
      guard next < limit else { return }
      if axis == tensor.rank - 1 {
        for place in 0..<size {
          guard next < limit else {
            text += "..."
            return
          }
          text += (place > 0 ? " " : "") + elements[next]
          next += 1
        }
        return
      }
      for _ in 0..<size where next < limit {
        text += "["
        write(axis + 1)
        text += "]"
      }
    }
    if count > 0 { write(0) }
    return text + dots
  }

  /// The first elements as text; nil for dtypes that have none.
  static func elements(_ tensor: Tensor, _ limit: Int) -> [String]? {
    reader(tensor).map { read in (0..<min(limit, tensor.elementCount)).map(read) }
  }

  /// What gives a tensor's elements as text, by their number; nil for dtypes that have none.
  static func reader(_ tensor: Tensor) -> ((Int) -> String)? {
    func values<T>(_ type: T.Type, _ text: @escaping (T) -> String) -> (Int) -> String {
      let buffer = tensor.buffer(as: type)
      return { index in withExtendedLifetime(tensor) { text(buffer[index]) } }
    }
    func integers<T: FixedWidthInteger>(_ type: T.Type) -> (Int) -> String { values(type) { String($0) } }
    switch tensor.dtype {
    case .float32: return values(Float.self) { number($0) }
    case .float64: return values(Double.self) { number($0) }
    case .float16: return values(Float16.self) { number(Float($0)) }
    case .bfloat16: return values(BFloat16.self) { number(Float($0)) }
    case .int8, .qint8: return integers(Int8.self)
    case .int16, .qint16: return integers(Int16.self)
    case .int32, .qint32: return integers(Int32.self)
    case .int64: return integers(Int64.self)
    case .uint8, .quint8: return integers(UInt8.self)
    case .uint16, .quint16: return integers(UInt16.self)
    case .uint32: return integers(UInt32.self)
    case .uint64: return integers(UInt64.self)
    case .bool: return values(Bool.self) { $0 ? "1" : "0" }
    case .string: return values(Bytes.self) { escaped($0) }
    default: return nil
    }
  }

  /// The fewest digits that TensorFlow takes: six, or nine where six are not enough.
  static func number(_ value: Float) -> String {
    let short = formatted(Double(value), digits: 6)
    return Float(short) == value || !value.isFinite ? short : formatted(Double(value), digits: 9)
  }

  /// Fifteen digits, or seventeen where they are not enough.
  static func number(_ value: Double) -> String {
    let short = formatted(value, digits: 15)
    return Double(short) == value || !value.isFinite ? short : formatted(value, digits: 17)
  }

  private static func formatted(_ value: Double, digits: Int32) -> String {
    if value.isNaN { return "nan" }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      let count = withVaList([digits, value]) { vsnprintf(buffer.baseAddress, buffer.count, "%.*g", $0) }
      return String(
        decoding: buffer.prefix(Int(max(min(count, 63), 0))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// The text with what is no printable ASCII written as C writes it.
  private static func escaped(_ value: Bytes) -> String {
    String(decoding: escaped(value, keepsHighBytes: false), as: UTF8.self)
  }

  /// The bytes with control characters and quotes written as C writes them; those beyond ASCII, too, unless
  /// they are kept.
  static func escaped(_ value: Bytes, keepsHighBytes: Bool) -> [UInt8] {
    var text: [UInt8] = []
    for byte in value.bytes {
      switch byte {
      case UInt8(ascii: "\n"): text += "\\n".utf8
      case UInt8(ascii: "\r"): text += "\\r".utf8
      case UInt8(ascii: "\t"): text += "\\t".utf8
      case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
      case 0x20..<0x7F: text.append(byte)
      case 0x80... where keepsHighBytes: text.append(byte)
      default:
        text += [UInt8(ascii: "\\")] + [byte >> 6, byte >> 3 & 7, byte & 7].map { UInt8(ascii: "0") + $0 }
      }
    }
    return text
  }
}
