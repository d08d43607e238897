/// Writes protocol-buffer fields one after the other.
package struct WireWriter {
  /// What was written so far.
  package private(set) var bytes: [UInt8] = []

  /// A writer that has written nothing.
  package init() {}

  /// Room for more bytes.
  package mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  /// Writes a number.
  package mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Writes a field that holds a number.
  package mutating func field(_ number: UInt32, varint value: UInt64) {
    varint(UInt64(WireTag.field(number, WireTag.varint)))
    varint(value)
  }

  /// Writes a field that holds text, bytes or a message.
  package mutating func field(_ number: UInt32, bytes value: some Collection<UInt8>) {
    varint(UInt64(WireTag.field(number, WireTag.block)))
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  /// Writes a field that holds 4 bytes.
  package mutating func field(_ number: UInt32, fixed32 value: UInt32) {
    varint(UInt64(WireTag.field(number, WireTag.fixed32)))
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Writes a field that holds 8 bytes.
  package mutating func field(_ number: UInt32, fixed64 value: UInt64) {
    varint(UInt64(WireTag.field(number, WireTag.fixed64)))
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Writes fields that are written already.
  package mutating func raw(_ fields: some Collection<UInt8>) {
    bytes.append(contentsOf: fields)
  }
}
