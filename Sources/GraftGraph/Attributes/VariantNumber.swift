import GraftTensor

/// A number in a variant tensor: what a constant of variants may hold, unlike what refers to a process.
package final class VariantNumber: Sendable {
  /// The number, of one of the types that TensorFlow's variants take.
  package let value: Value

  /// The types, with their values.
  package enum Value: Sendable {
    case int(Int32)
    case float(Float)
    case double(Double)
    case bool(Bool)
  }

  /// A number.
  package init(_ value: Value) {
    self.value = value
  }

  /// The number that a `VariantTensorDataProto` says; nil for other types, or bytes that do not fit.
  convenience init?(type: String, bytes: [UInt8]) {
    func bits<T: FixedWidthInteger>(_ type: T.Type) -> T? {
      guard bytes.count == MemoryLayout<T>.size else { return nil }
      return bytes.reversed().reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }
    switch type {
    case "int":
      guard let bits = bits(UInt32.self) else { return nil }
      self.init(.int(Int32(bitPattern: bits)))
    case "float":
      guard let bits = bits(UInt32.self) else { return nil }
      self.init(.float(Float(bitPattern: bits)))
    case "double":
      guard let bits = bits(UInt64.self) else { return nil }
      self.init(.double(Double(bitPattern: bits)))
    case "bool":
      guard bytes.count == 1 else { return nil }
      self.init(.bool(bytes[0] != 0))
    default: return nil
    }
  }
}
