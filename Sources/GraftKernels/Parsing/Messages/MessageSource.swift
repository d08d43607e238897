import GraftGraph
import GraftTensor

/// Where the descriptors of the messages are that a node reads or writes.
struct MessageSource: Sendable {
  private let source: Bytes
  private let type: String

  init(_ node: NodeSetup) throws {
    source = try node.bytes("descriptor_source")
    type = try node.string("message_type")
  }

  /// The schema and the name of the node's message in it, read once for a plan.
  ///
  /// - Throws: `GraftError`: `invalidArgument` for a message that is not described, or descriptors that are
  ///   none; `permissionDenied` for a file that the run may not read.
  func schema(_ context: KernelContext) throws -> MessageDescription {
    try context.prepared {
      let text = source.string
      let schema: MessageSchema
      var name = type
      if text.isEmpty || text == "local://" {
        schema = .shared
        // What TensorFlow has linked in are its own messages.
        if type.hasPrefix("tensorflow.") { name = String(type.dropFirst("tensorflow.".count)) }
      } else if text.hasPrefix("bytes://") {
        schema = try MessageSchema(descriptorSet: Array(source.bytes.dropFirst("bytes://".utf8.count)))
      } else {
        let file = try MappedFile(path: try context.files.placeForReading(text))
        schema = try MessageSchema(descriptorSet: Array(file.bytes))
      }
      guard let fields = schema.messages[name] else {
        throw GraftError(
          .invalidArgument, "There is no descriptor of the message '\(type)'.",
          remedy: text.isEmpty || text == "local://"
            ? "Descriptors that are linked into TensorFlow are here for the messages of graphs and examples "
              + "only: give the node a `descriptor_source` of `bytes://` and a FileDescriptorSet."
            : "Check the message's full name against the descriptors.")
      }
      return MessageDescription(schema: schema, name: name, fields: fields)
    }
  }
}

/// A message of a schema.
final class MessageDescription: Sendable {
  let schema: MessageSchema
  let name: String
  let fields: [String: MessageSchema.Field]

  init(schema: MessageSchema, name: String, fields: [String: MessageSchema.Field]) {
    self.schema = schema
    self.name = name
    self.fields = fields
  }

  /// The field of a name, whose values are tensors of a dtype.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) for one that is not there, or of other values.
  func field(_ name: Bytes, as dtype: DataType) throws -> MessageSchema.Field {
    guard let field = fields[name.string] else {
      throw GraftError(
        .invalidArgument, "The message '\(self.name)' has no field '\(name)'.",
        remedy: "Its fields are \(fields.keys.sorted().joined(separator: ", ")).")
    }
    guard field.type.dtypes.contains(dtype) else {
      throw GraftError(
        .invalidArgument,
        "The field '\(name)' of '\(self.name)' has values of \(field.type.dtypes[0]), and \(dtype) is asked for."
      )
    }
    return field
  }

  /// Checks that bytes are the message, what lies in it included.
  ///
  /// - Throws: `GraftError` (`dataLoss`) for bytes that are not, or lack what is required.
  func validate(_ bytes: [UInt8]) throws {
    let document = try GraphBytes(copying: bytes)
    do {
      try validate(document, document.all, name, depth: 0)
    } catch is WireError {
      throw GraftError(.dataLoss, "The bytes are no message '\(name)'.")
    }
  }

  private func validate(_ document: GraphBytes, _ range: ByteRange, _ name: String, depth: Int) throws {
    guard depth < WireReader.maximumDepth else {
      throw GraftError(.dataLoss, "More than \(depth) messages lie inside of one another.")
    }
    let fields = schema.messages[name] ?? [:]
    let byNumber = Dictionary(fields.values.map { ($0.number, $0) }) { first, _ in first }
    var missing = Set(fields.values.filter(\.isRequired).map(\.number))
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      missing.remove(tag.number)
      if tag.type == WireTag.block, case .message(let inner)? = byNumber[tag.number]?.type {
        try validate(document, try reader.block(), inner, depth: depth + 1)
      } else {
        try reader.skip(tag)
      }
    }
    guard missing.isEmpty else {
      let names = fields.values.filter { missing.contains($0.number) }.map(\.name).sorted()
      throw GraftError(.dataLoss, "The message '\(name)' lacks \(names.joined(separator: ", ")).")
    }
  }
}

extension MessageSchema.FieldType {
  /// The dtypes that tensors of such values may have, the nearest first.
  var dtypes: [DataType] {
    switch self {
    case .double: [.float64]
    case .float: [.float32, .float64]
    case .int64, .sfixed64, .sint64: [.int64]
    case .uint64, .fixed64: [.uint64]
    case .int32, .sfixed32, .sint32: [.int32, .int64]
    case .uint32, .fixed32: [.uint32, .uint64]
    case .bool: [.bool]
    case .string, .bytes, .message: [.string]
    case .enumeration: [.int32]
    }
  }

  /// How a value of it is written.
  var wireType: UInt32 {
    switch self {
    case .double, .fixed64, .sfixed64: WireTag.fixed64
    case .float, .fixed32, .sfixed32: WireTag.fixed32
    case .string, .bytes, .message: WireTag.block
    default: WireTag.varint
    }
  }
}
