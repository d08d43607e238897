import GraftGraph
import GraftTensor

/// Pieces of `Summary` messages.
enum SummaryFields {
  /// The values of a serialized summary; those before the first that makes no sense.
  static func values(_ summary: Bytes) -> [ArraySlice<UInt8>] {
    blocks(summary.bytes[...]).filter { $0.number == 1 }.map(\.content)
  }

  /// The tag of a value.
  static func tag(_ value: ArraySlice<UInt8>) -> Bytes? {
    blocks(value).last { $0.number == 1 }.map { Bytes(Array($0.content)) }
  }

  /// The fields that hold bytes.
  private static func blocks(_ message: ArraySlice<UInt8>) -> [(number: UInt64, content: ArraySlice<UInt8>)] {
    message.withUnsafeBytes { bytes in
      var reader = RecordReader(bytes)
      var result: [(number: UInt64, content: ArraySlice<UInt8>)] = []
      while let tag = reader.varint() {
        switch tag & 7 {
        case 0: guard reader.varint() != nil else { return result }
        case 1: guard reader.skip(8) else { return result }
        case 5: guard reader.skip(4) else { return result }
        case 2:
          guard let length = reader.varint(), let count = Int(exactly: length) else { return result }
          let first = message.startIndex + reader.position
          guard reader.skip(count) else { return result }
          result.append((tag >> 3, message[first..<first + count]))
        default: return result
        }
      }
      return result
    }
  }

  /// A tensor as a `TensorProto`: dtype, shape, and the content, strings one by one.
  static func tensor(_ tensor: Tensor) throws -> [UInt8] {
    var writer = WireWriter()
    writer.field(1, varint: UInt64(tensor.dtype.rawValue))
    var shape = WireWriter()
    for size in tensor.shape.dimensions {
      var dimension = WireWriter()
      if size != 0 { dimension.field(1, varint: UInt64(size)) }
      shape.field(2, bytes: dimension.bytes)
    }
    writer.field(2, bytes: shape.bytes)
    switch tensor.dtype.layout {
    case .string:
      for string in tensor.buffer(as: Bytes.self) { writer.field(8, bytes: string.bytes) }
    case .plain:
      let content = tensor.withUnsafeBytes { Array($0) }
      if !content.isEmpty { writer.field(4, bytes: content) }
    case .handle:
      throw GraftError(.unimplemented, "There are no summaries of \(tensor.dtype).")
    }
    return writer.bytes
  }
}
