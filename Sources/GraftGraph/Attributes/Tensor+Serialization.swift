import GraftTensor

extension Tensor {
  /// A tensor as a serialized `tensorflow.TensorProto`: numbers as they lie in memory, strings one by one.
  ///
  /// - Parameter joinsStrings: Whether strings are written as all lengths and then all bytes, as TensorFlow does
  ///   for parts of sparse tensors.
  /// - Throws: `GraftError` (`unimplemented`) for handles.
  package func serialized(joinsStrings: Bool = false) throws -> [UInt8] {
    var dimensions = WireWriter()
    for size in shape.dimensions {
      var dimension = WireWriter()
      if size != 0 { dimension.field(1, varint: UInt64(size)) }
      dimensions.field(2, bytes: dimension.bytes)
    }
    var writer = WireWriter()
    writer.field(1, varint: UInt64(dtype.rawValue))
    writer.field(2, bytes: dimensions.bytes)
    switch dtype.layout {
    case .plain:
      withUnsafeBytes { bytes in
        if !bytes.isEmpty { writer.field(4, bytes: bytes) }
      }
    case .string where joinsStrings:
      let elements = try scalars(as: Bytes.self)
      var content = WireWriter()
      for element in elements { content.varint(UInt64(element.count)) }
      for element in elements { content.raw(element.bytes) }
      if !elements.isEmpty { writer.field(4, bytes: content.bytes) }
    case .string:
      for element in try scalars(as: Bytes.self) { writer.field(8, bytes: element.bytes) }
    case .handle:
      throw GraftError(
        .unimplemented, "A \(dtype) refers to something in this process, and cannot be written as bytes.")
    }
    return writer.bytes
  }

  /// The tensor in a serialized `tensorflow.TensorProto`.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for bytes that are none, or say what no tensor can be;
  ///   `resourceExhausted` for a size beyond all memory.
  package init(serialized bytes: [UInt8]) throws {
    do {
      let document = try GraphBytes(copying: bytes)
      self = try EncodedTensor(document: document, range: document.all).tensor()
    } catch let error as WireError {
      throw GraftError(
        .invalidArgument, "The bytes are no serialized tensor: at byte \(error.offset) \(error.message).")
    } catch let error as GraftError where error.code == .dataLoss {
      throw GraftError(.invalidArgument, error.message, remedy: "Check what wrote the bytes.")
    }
  }
}
