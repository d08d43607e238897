import GraftGraph
import GraftTensor

/// A `Summary` message in the making, with the bytes that TensorFlow's own serializer gives.
struct SummaryMessage {
  private var writer = WireWriter()

  /// The message.
  var bytes: Bytes { Bytes(writer.bytes) }

  /// Adds a `Summary.Value`: its tag (field 1), and what the closure adds.
  mutating func add(tag: Bytes, _ body: (inout WireWriter) -> Void) {
    var value = WireWriter()
    if tag.count > 0 { value.field(1, bytes: tag.bytes) }
    body(&value)
    writer.field(1, bytes: value.bytes)
  }

  /// Adds values that are written already.
  mutating func add(_ serialized: some Collection<UInt8>) {
    writer.raw(serialized)
  }
}

extension WireWriter {
  /// Writes a field that holds a `Double`; zero, the default, is not written.
  mutating func field(_ number: UInt32, nonzero value: Double) {
    guard value.bitPattern != 0 else { return }
    field(number, fixed64: value.bitPattern)
  }

  /// Writes a field that holds a `Float`, zero too.
  mutating func field(_ number: UInt32, float value: Float) {
    field(number, fixed32: value.bitPattern)
  }

  /// Writes a field that holds a list of `Double`, packed.
  mutating func field(_ number: UInt32, packed values: [Double]) {
    guard !values.isEmpty else { return }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 8)
    for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
    field(number, bytes: bytes)
  }
}
