import GraftTensor

/// What a table's keys may be: their hashes are those of TensorFlow, so that tables export their entries in
/// the same order.
protocol TableKey: Equatable, Sendable {
  var tableHash: UInt64 { get }
}

extension Int32: TableKey {
  var tableHash: UInt64 { UInt64(bitPattern: Int64(self)) }
}

extension Int64: TableKey {
  var tableHash: UInt64 { UInt64(bitPattern: self) }
}

extension Bytes: TableKey {
  var tableHash: UInt64 { MurmurHash.hash(bytes) }
}

/// Puts a hash and another one together.
func combinedHash(_ first: UInt64, _ second: UInt64) -> UInt64 {
  first ^ (second &+ 0x9E37_79B9_7F4A_7800 &+ (first << 10) &+ (first >> 4))
}
