import GraftTensor

/// A `NodeDef`, to be written anew with some of it changed.
struct NodeMessage {
  var name = ""
  private(set) var op = ""
  /// The inputs as they are written, control inputs (`^name`) last.
  var inputs: [String] = []
  /// The attributes as serialized `AttrValue`s, in the order in which they stand.
  private var attributes: [(name: String, value: [UInt8])] = []
  /// All other fields, with their tags.
  private var remainder: [UInt8] = []

  /// A message of nothing but a name, an op, inputs and attributes.
  init(name: String, op: String, inputs: [String], attributes: [(name: String, value: [UInt8])]) {
    (self.name, self.op, self.inputs, self.attributes) = (name, op, inputs, attributes)
  }

  /// The message that a node was read from.
  init(_ source: NodeSource) throws(WireError) {
    let document = source.document
    var reader = document.reader(source.range)
    while !reader.isAtEnd {
      let begin = reader.position
      let tag = try reader.tag()
      switch tag.raw {
      case WireTag.field(1, WireTag.block): name = document.string(try reader.block())
      case WireTag.field(2, WireTag.block): op = document.string(try reader.block())
      case WireTag.field(3, WireTag.block): inputs.append(document.string(try reader.block()))
      case WireTag.field(5, WireTag.block):
        let entry = try MapEntry(document.reader(try reader.block()))
        attributes.append((document.string(entry.key), document.array(entry.value)))
      default:
        try reader.skip(tag)
        remainder += document.bytes(ByteRange(offset: begin, count: reader.position - begin))
      }
    }
  }

  /// How many of the inputs are no control inputs.
  var dataInputCount: Int { inputs.firstIndex { $0.hasPrefix("^") } ?? inputs.count }

  /// The control inputs.
  var controlInputs: ArraySlice<String> { inputs[dataInputCount...] }

  /// Makes it a node of another op, which waits for what it waited for.
  ///
  /// - Parameter kept: the attributes that it keeps.
  mutating func become(_ op: String, inputs: [String], keeping kept: Set<String>) {
    self.inputs = inputs + controlInputs
    self.op = op
    attributes.removeAll { !kept.contains($0.name) }
  }

  /// Sets an attribute to a bool.
  mutating func set(_ name: String, _ value: Bool) {
    var writer = WireWriter()
    writer.field(5, varint: value ? 1 : 0)
    set(name, serialized: writer.bytes)
  }

  /// Sets an attribute to a dtype.
  mutating func set(_ name: String, _ dtype: DataType) {
    set(name, serialized: Self.attribute(dtype))
  }

  /// Sets an attribute to a tensor.
  mutating func set(_ name: String, _ tensor: Tensor) throws {
    var writer = WireWriter()
    writer.field(8, bytes: try tensor.serialized())
    set(name, serialized: writer.bytes)
  }

  /// A dtype as a serialized `AttrValue`.
  static func attribute(_ dtype: DataType) -> [UInt8] {
    var writer = WireWriter()
    writer.field(6, varint: UInt64(dtype.rawValue))
    return writer.bytes
  }

  private mutating func set(_ name: String, serialized value: [UInt8]) {
    attributes.removeAll { $0.name == name }
    attributes.append((name, value))
  }

  /// The serialized message.
  var bytes: [UInt8] {
    var writer = WireWriter()
    writer.field(1, bytes: name.utf8)
    writer.field(2, bytes: op.utf8)
    for input in inputs { writer.field(3, bytes: input.utf8) }
    for attribute in attributes {
      var entry = WireWriter()
      entry.field(1, bytes: attribute.name.utf8)
      entry.field(2, bytes: attribute.value)
      writer.field(5, bytes: entry.bytes)
    }
    writer.raw(remainder)
    return writer.bytes
  }
}
