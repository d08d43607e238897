import CGraftChecksum

/// A CRC-32C (Castagnoli) in the making: the checksum of everything appended so far.
package struct CRC32C: Sendable, Equatable {
  /// The checksum of the bytes so far.
  package private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  package init() {}

  /// The checksum of bytes.
  package init(_ bytes: UnsafeRawBufferPointer) {
    append(bytes)
  }

  /// Goes on with more bytes.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    value = graft_crc32c_extend(value, base, bytes.count)
  }

  /// Goes on with a number's bytes, the lowest first.
  package mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
    withUnsafeBytes(of: number.littleEndian) { append($0) }
  }

  /// The checksum as files keep it: rotated and moved, so that a checksum over bytes that hold checksums is
  /// still a good one.
  package var masked: UInt32 { (value >> 15 | value << 17) &+ Self.maskDelta }

  /// The checksum that was masked.
  package static func unmasked(_ masked: UInt32) -> UInt32 {
    let rotated = masked &- maskDelta
    return rotated >> 17 | rotated << 15
  }

  private static let maskDelta: UInt32 = 0xA282_EAD8
}
