import FoundationEssentials
import GraftGraph
import GraftProto
import GraftTensor
import SwiftProtobuf

extension Tensorflow_DataType {
  /// The number of a dtype on the wire.
  init(_ dtype: DataType) {
    self = Tensorflow_DataType(rawValue: Int(dtype.rawValue)) ?? .dtInvalid
  }
}

extension PartialShape {
  /// The shape of a message.
  init(_ message: Tensorflow_TensorShapeProto) {
    self = message.unknownRank ? .unknown : PartialShape(message.dim.map { $0.size < 0 ? nil : Int($0.size) })
  }

  /// The shape as files have it.
  var message: Tensorflow_TensorShapeProto {
    Tensorflow_TensorShapeProto.with { message in
      message.unknownRank = dimensions == nil
      message.dim = (dimensions ?? []).map { size in
        Tensorflow_TensorShapeProto.Dim.with { $0.size = Int64(size ?? -1) }
      }
    }
  }
}

extension Tensorflow_AttrValue {
  static func dtype(_ dtype: DataType) -> Self { with { $0.type = Tensorflow_DataType(dtype) } }

  static func dtypes(_ dtypes: [DataType]) -> Self {
    with { $0.list = .with { $0.type = dtypes.map { Tensorflow_DataType($0) } } }
  }

  static func shape(_ shape: PartialShape) -> Self { with { $0.shape = shape.message } }

  static func bool(_ value: Bool) -> Self { with { $0.b = value } }

  static func integer(_ value: Int) -> Self { with { $0.i = Int64(value) } }

  /// A tensor of strings.
  static func strings(_ values: [String], shape: PartialShape) -> Self {
    with { value in
      value.tensor = .with {
        $0.dtype = .dtString
        $0.tensorShape = shape.message
        $0.stringVal = values.map { Data($0.utf8) }
      }
    }
  }
}

extension Tensorflow_NodeDef {
  /// A node.
  init(
    _ name: String, _ op: String, _ inputs: [String] = [], _ attributes: [String: Tensorflow_AttrValue] = [:]
  ) {
    self.init()
    self.name = name
    self.op = op
    self.input = inputs
    self.attr = attributes
  }

  /// A constant of strings: one, or a vector.
  static func strings(_ name: String, _ values: [String], isScalar: Bool = false) -> Tensorflow_NodeDef {
    Tensorflow_NodeDef(
      name, "Const", [],
      [
        "dtype": .dtype(.string),
        "value": .strings(values, shape: isScalar ? .scalar : PartialShape([values.count])),
      ])
  }
}

extension WireWriter {
  /// Writes a `NodeDef` of a constant as a field.
  ///
  /// - Throws: `GraftError` as ``constant(name:controlInputs:_:)``.
  mutating func constant(
    _ number: UInt32, name: String, controlInputs: [String] = [], _ tensor: Tensor
  ) throws {
    field(number, bytes: try Self.constant(name: name, controlInputs: controlInputs, tensor))
  }

  /// A `NodeDef` of a constant, its values straight from the tensor's memory.
  ///
  /// - Throws: `GraftError` (`unimplemented`) for handles, which are no values.
  static func constant(name: String, controlInputs: [String] = [], _ tensor: Tensor) throws -> [UInt8] {
    var message = WireWriter()
    message.field(1, varint: UInt64(tensor.dtype.rawValue))
    message.field(2, bytes: try PartialShape(tensor.shape).message.serializedBytes() as [UInt8])
    switch tensor.dtype.layout {
    case .plain:
      if tensor.byteCount > 0 { tensor.withUnsafeBytes { message.field(4, bytes: $0) } }
    case .string:
      for string in try tensor.scalars(as: Bytes.self) { message.field(8, bytes: string.bytes) }
    case .handle:
      throw GraftError(
        .unimplemented, "The value of '\(name)' is \(tensor.dtype), which no constant can hold.")
    }
    var attribute = WireWriter()
    attribute.field(8, bytes: message.bytes)
    var value = WireWriter()
    value.field(1, bytes: "value".utf8)
    value.field(2, bytes: attribute.bytes)
    var dtype = WireWriter()
    dtype.field(1, bytes: "dtype".utf8)
    dtype.field(2, bytes: try Tensorflow_AttrValue.dtype(tensor.dtype).serializedBytes() as [UInt8])
    var node = WireWriter()
    node.field(1, bytes: name.utf8)
    node.field(2, bytes: "Const".utf8)
    for control in controlInputs { node.field(3, bytes: control.utf8) }
    node.field(5, bytes: dtype.bytes)
    node.field(5, bytes: value.bytes)
    return node.bytes
  }
}
