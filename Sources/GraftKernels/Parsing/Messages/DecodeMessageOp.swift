import GraftGraph
import GraftTensor

/// Fields of protocol-buffer messages as tensors.
enum DecodeMessageOp {
  static let definition = OpDefinition(
    "DecodeProtoV2",
    "The values of fields of protocol-buffer messages, and how many there are in each message. Descriptors come "
      + "as `bytes://`, from a file that the session may read, or are those of TensorFlow's own messages. Groups "
      + "are not read.",
    types: ["output_types": [.bool, .int32, .int64, .uint32, .uint64, .float32, .float64, .string]],
    shape: { context in
      let count = try context.node.strings("field_names").count
      let batch = context.input(0).dimensions
      let sizes = PartialShape(batch.map { $0 + [count] })
      return [sizes] + [PartialShape](repeating: PartialShape(batch.map { $0 + [nil] }), count: count)
    }
  ) { node in
    let source = try MessageSource(node)
    let (names, types) = (try node.strings("field_names"), try node.types("output_types"))
    guard names.count == types.count else {
      throw node.invalid("\(names.count) fields and \(types.count) types are given.")
    }
    let format = try node.string("message_format")
    guard format == "binary" || format == "text" else {
      throw node.invalid("'message_format' is '\(format)'; 'binary' and 'text' are known.")
    }
    let sanitizes = try node.bool("sanitize")
    return { context in
      let message = try source.schema(context)
      let fields = try zip(names, types).map { try message.field($0, as: $1) }
      let batch = try context.input(0)
      let records = try context.strings(0)
      guard !records.isEmpty else {
        throw GraftError(.invalidArgument, "There is no message to decode.", at: .init(input: 0))
      }
      var reader = FieldReader(fields)
      for (index, record) in records.enumerated() {
        do {
          try context.checkpoint()
          var bytes = record.bytes
          if format == "text" {
            bytes = try TextFormatReader.read(
              try GraphBytes(copying: bytes), message: message.name, schema: message.schema)
          }
          if format == "text" || sanitizes { try message.validate(bytes) }
          try reader.read(bytes)
        } catch is WireError {
          throw GraftError(.dataLoss, "Message \(index) is no '\(message.name)', or was cut short.")
        }
      }
      let shape = batch.shape.dimensions
      let sizes = try context.allocate(0, .int32, try Shape(validating: shape + [fields.count]))
        .mutableBuffer(as: Int32.self)
      for index in records.indices {
        for place in fields.indices {
          sizes[index * fields.count + place] = Int32(clamping: reader.values[place][index].count)
        }
      }
      for (place, field) in fields.enumerated() {
        // A field that is there once has a place in every message.
        let width = reader.values[place].reduce(field.isRepeated ? 0 : 1) { max($0, $1.count) }
        let output = try context.allocate(1 + place, types[place], try Shape(validating: shape + [width]))
        write(reader.values[place], of: field, width, to: output)
      }
    }
  }

  /// Writes the values of a field, and its default where a message has fewer than another.
  private static func write(
    _ values: [[FieldReader.Value]], of field: MessageSchema.Field, _ width: Int, to output: Tensor
  ) {
    let filling = FieldReader.Value(defaultOf: field)
    func fill<T>(_ type: T.Type, _ convert: (FieldReader.Value) -> T) {
      let target = output.mutableBuffer(as: type)
      for (row, list) in values.enumerated() {
        for column in 0..<width {
          target[row * width + column] = convert(column < list.count ? list[column] : filling)
        }
      }
    }
    switch output.dtype {
    case .bool: fill(Bool.self) { $0.bits != 0 }
    case .int32: fill(Int32.self) { Int32(truncatingIfNeeded: $0.bits) }
    case .int64: fill(Int64.self) { Int64(bitPattern: $0.bits) }
    case .uint32: fill(UInt32.self) { UInt32(truncatingIfNeeded: $0.bits) }
    case .uint64: fill(UInt64.self) { $0.bits }
    case .float32: fill(Float.self) { Float(Double(bitPattern: $0.bits)) }
    case .float64: fill(Double.self) { Double(bitPattern: $0.bits) }
    default: fill(Bytes.self) { $0.bytes }
    }
  }
}

/// Reads fields out of messages, one message after the other.
private struct FieldReader {
  /// A value of a field: bytes, or a number. Integers are as 64 bits, real numbers as those of a `Double`.
  struct Value {
    var bits: UInt64 = 0
    var bytes = Bytes()
  }

  private let fields: [MessageSchema.Field]
  /// The place of the first field of each number.
  private let places: [UInt32: Int]
  /// The values: by field, by message.
  private(set) var values: [[[Value]]]

  init(_ fields: [MessageSchema.Field]) {
    self.fields = fields
    places = Dictionary(fields.enumerated().map { ($1.number, $0) }) { first, _ in first }
    values = [[[Value]]](repeating: [], count: fields.count)
  }

  mutating func read(_ bytes: [UInt8]) throws {
    for place in fields.indices { values[place].append([]) }
    let document = try GraphBytes(copying: bytes)
    var reader = document.reader(document.all)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      guard let place = places[tag.number] else {
        try reader.skip(tag)
        continue
      }
      let field = fields[place]
      let row = values[place].count - 1
      if tag.type == field.type.wireType {
        values[place][row].append(try Self.value(field.type, &reader, document))
      } else if tag.type == WireTag.block, field.type.isNumeric {
        var packed = document.reader(try reader.block())
        while !packed.isAtEnd { values[place][row].append(try Self.value(field.type, &packed, document)) }
      } else {
        try reader.skip(tag)
      }
      // Of a field that is there once, the last one counts.
      if !field.isRepeated { values[place][row] = values[place][row].suffix(1) }
    }
  }

  private static func value(
    _ type: MessageSchema.FieldType, _ reader: inout WireReader, _ document: GraphBytes
  ) throws(WireError) -> Value {
    func signed(_ value: UInt64) -> UInt64 {
      UInt64(bitPattern: Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1))
    }
    switch type {
    case .double: return Value(bits: try reader.fixed64())
    case .float: return Value(bits: Double(Float(bitPattern: try reader.fixed32())).bitPattern)
    case .fixed64, .sfixed64: return Value(bits: try reader.fixed64())
    case .fixed32: return Value(bits: UInt64(try reader.fixed32()))
    case .sfixed32:
      return Value(bits: UInt64(bitPattern: Int64(Int32(bitPattern: try reader.fixed32()))))
    case .uint64, .int64: return Value(bits: try reader.varint())
    case .uint32: return Value(bits: UInt64(UInt32(truncatingIfNeeded: try reader.varint())))
    case .int32, .enumeration:
      let value = Int32(truncatingIfNeeded: try reader.varint())
      return Value(bits: UInt64(bitPattern: Int64(value)))
    case .sint32:
      return Value(bits: signed(UInt64(UInt32(truncatingIfNeeded: try reader.varint()))))
    case .sint64: return Value(bits: signed(try reader.varint()))
    case .bool: return Value(bits: try reader.varint() == 0 ? 0 : 1)
    case .string, .bytes, .message: return Value(bytes: Bytes(document.array(try reader.block())))
    }
  }
}

extension FieldReader.Value {
  /// The value of a field that is not there.
  init(defaultOf field: MessageSchema.Field) {
    switch field.defaultValue {
    case .integer(let value): self.init(bits: UInt64(bitPattern: value))
    case .unsigned(let value): self.init(bits: value)
    case .number(let value): self.init(bits: value.bitPattern)
    case .bytes(let value): self.init(bytes: value)
    case nil: self.init()
    }
  }
}
