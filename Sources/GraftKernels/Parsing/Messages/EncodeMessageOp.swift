import GraftGraph
import GraftTensor

/// Protocol-buffer messages of tensors.
enum EncodeMessageOp {
  static let definition = OpDefinition(
    "EncodeProto",
    "Protocol-buffer messages whose fields have as many of the values as `sizes` says. Descriptors come as for "
      + "DecodeProtoV2.",
    types: ["Tinput_types": [.bool, .int32, .int64, .uint32, .uint64, .float32, .float64, .string]],
    shape: { [PartialShape($0.input(0).dimensions.map { Array($0.dropLast()) })] }
  ) { node in
    let source = try MessageSource(node)
    let names = try node.strings("field_names")
    guard names.count == node.inputTypes.count - 1 else {
      throw node.invalid("\(names.count) fields and \(node.inputTypes.count - 1) values are given.")
    }
    let types = Array(node.inputTypes.dropFirst())
    return { context in
      let message = try source.schema(context)
      let fields = try zip(names, types).map { try message.field($0, as: $1) }
      let (sizes, values) = (try context.input(0), Array(try context.inputs().dropFirst()))
      guard sizes.rank >= 1, sizes.shape[sizes.rank - 1] == fields.count else {
        throw GraftError(
          .invalidArgument,
          "The sizes are a number for each of \(fields.count) fields of each message, and have the shape "
            + "\(sizes.shape).", at: .init(input: 0))
      }
      let batch = Array(sizes.shape.dimensions.dropLast())
      for (index, value) in values.enumerated() {
        guard value.rank >= 2, Array(value.shape.dimensions.dropLast()) == batch else {
          throw GraftError(
            .invalidArgument,
            "The values of field '\(names[index])' have the shape \(value.shape); \(Shape(batch)) and one more "
              + "dimension are expected.", at: .init(input: index + 1))
        }
      }
      let counts = try sizes.integers()
      let output = try context.allocate(0, .string, Shape(batch)).mutableBuffer(as: Bytes.self)
      // Messages have their fields in the order of the numbers.
      let order = fields.indices.sorted { (fields[$0].number, $0) < (fields[$1].number, $1) }
      for row in output.indices {
        var writer = WireWriter()
        for place in order {
          let (count, width) = (counts[row * fields.count + place], values[place].shape.dimensions.last ?? 0)
          guard count <= width else {
            throw GraftError(
              .invalidArgument,
              "Message \(row) is to have \(count) values of field '\(names[place])', and there are \(width).",
              at: .init(input: 0))
          }
          write(
            values[place], row * width..<row * width + max(count, 0), fields[place], isSet: count != 0,
            &writer)
        }
        output[row] = Bytes(writer.bytes)
      }
    }
  }

  private static func write(
    _ values: Tensor, _ range: Range<Int>, _ field: MessageSchema.Field, isSet: Bool,
    _ writer: inout WireWriter
  ) {
    guard isSet else { return }
    if values.dtype == .string {
      for value in values.buffer(as: Bytes.self)[range] { writer.field(field.number, bytes: value.bytes) }
      return
    }
    if field.isPacked {
      var packed = WireWriter()
      for index in range { write(values, index, field.type, &packed) }
      writer.field(field.number, bytes: packed.bytes)
      return
    }
    for index in range {
      writer.varint(UInt64(WireTag.field(field.number, field.type.wireType)))
      write(values, index, field.type, &writer)
    }
  }

  /// Writes a number without a tag.
  private static func write(
    _ values: Tensor, _ index: Int, _ type: MessageSchema.FieldType, _ writer: inout WireWriter
  ) {
    func fixed<T: FixedWidthInteger>(_ value: T) {
      withUnsafeBytes(of: value.littleEndian) { writer.raw($0) }
    }
    let bits = bits(values, index)
    switch type {
    case .double: fixed(bits)
    case .float: fixed(Float(Double(bitPattern: bits)).bitPattern)
    case .fixed64, .sfixed64: fixed(bits)
    case .fixed32, .sfixed32: fixed(UInt32(truncatingIfNeeded: bits))
    case .int32, .enumeration: writer.varint(UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: bits))))
    case .uint32: writer.varint(UInt64(UInt32(truncatingIfNeeded: bits)))
    case .sint32:
      let value = Int32(truncatingIfNeeded: bits)
      writer.varint(UInt64(UInt32(bitPattern: value << 1 ^ value >> 31)))
    case .sint64:
      let value = Int64(bitPattern: bits)
      writer.varint(UInt64(bitPattern: value << 1 ^ value >> 63))
    default: writer.varint(bits)
    }
  }

  /// An element as 64 bits: integers extended, real numbers as a `Double`.
  private static func bits(_ values: Tensor, _ index: Int) -> UInt64 {
    switch values.dtype {
    case .bool: values.buffer(as: Bool.self)[index] ? 1 : 0
    case .int32: UInt64(bitPattern: Int64(values.buffer(as: Int32.self)[index]))
    case .int64: UInt64(bitPattern: values.buffer(as: Int64.self)[index])
    case .uint32: UInt64(values.buffer(as: UInt32.self)[index])
    case .uint64: values.buffer(as: UInt64.self)[index]
    case .float32: Double(values.buffer(as: Float.self)[index]).bitPattern
    default: values.buffer(as: Double.self)[index].bitPattern
    }
  }
}
