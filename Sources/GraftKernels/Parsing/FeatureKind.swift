import GraftTensor

/// The kinds of values that a feature has, by the tag that stands before them in `Feature`.
enum FeatureKind: UInt8, Sendable {
  case bytes = 0x0A
  case floats = 0x12
  case integers = 0x1A

  /// The kind of values of a tensor; nil for dtypes that features do not have.
  init?(_ dtype: DataType) {
    switch dtype {
    case .string: self = .bytes
    case .float32: self = .floats
    case .int64: self = .integers
    default: return nil
    }
  }

  /// The dtype of a tensor with such values.
  var dtype: DataType {
    switch self {
    case .bytes: .string
    case .floats: .float32
    case .integers: .int64
    }
  }

  /// The kinds of an attribute's dtypes.
  static func kinds(_ name: String, of node: NodeSetup) throws -> [FeatureKind] {
    try node.types(name).map { dtype in
      guard let kind = FeatureKind(dtype) else {
        throw node.invalid("'\(name)' has \(dtype), and features are float32, int64 or string.")
      }
      return kind
    }
  }
}

/// The tags inside of `BytesList`, `FloatList` and `Int64List`, whose only field is number 1.
private enum ValueTag {
  /// A string, or numbers without tags of their own.
  static let block: UInt8 = 0x0A
  static let float: UInt8 = 0x0D
  static let integer: UInt8 = 0x08
}

extension RecordReader {
  /// Counts a list's values and goes beyond them; nil where it is no list of that kind.
  mutating func countValues(_ kind: FeatureKind) -> Int? {
    guard let outer = open() else { return nil }
    defer { close(outer) }
    var count = 0
    guard let first = next else { return 0 }
    switch kind {
    case .bytes:
      while !isAtEnd {
        guard take(ValueTag.block), block() != nil else { return nil }
        count += 1
      }
    case .floats where first == ValueTag.block:
      guard take(ValueTag.block), let values = block(), values.count % 4 == 0 else { return nil }
      count = values.count / 4
    case .floats:
      while !isAtEnd {
        guard take(ValueTag.float), skip(4) else { return nil }
        count += 1
      }
    case .integers where first == ValueTag.block:
      guard take(ValueTag.block), let values = block() else { return nil }
      var packed = RecordReader(bytes, values)
      while !packed.isAtEnd {
        guard packed.varint() != nil else { return nil }
        count += 1
      }
    case .integers:
      while !isAtEnd {
        guard take(ValueTag.integer), varint() != nil else { return nil }
        count += 1
      }
    }
    return count
  }

  /// Writes a list's values, which were counted before, into a tensor of the kind's dtype.
  ///
  /// - Precondition: the tensor has room for them from the element `start` on.
  mutating func readValues(_ kind: FeatureKind, into target: Tensor, at start: Int) {
    guard let outer = open() else { return }
    defer { close(outer) }
    switch kind {
    case .bytes:
      let strings = target.mutableBuffer(as: Bytes.self)
      var place = start
      while take(ValueTag.block), let text = block() {
        strings[place] = Bytes(Array(bytes[text]))
        place += 1
      }
    case .floats:
      if take(ValueTag.block), let values = block() {
        UnsafeMutableRawBufferPointer(start: target.base + start * 4, count: values.count)
          .copyBytes(from: bytes[values])
      } else {
        let floats = target.mutableBuffer(as: UInt32.self)
        var place = start
        while take(ValueTag.float) {
          floats[place] = bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
          place += 1
          _ = skip(4)
        }
      }
    case .integers:
      let integers = target.mutableBuffer(as: Int64.self)
      var place = start
      if take(ValueTag.block), let values = block() {
        var packed = RecordReader(bytes, values)
        while let value = packed.varint() {
          integers[place] = Int64(bitPattern: value)
          place += 1
        }
      } else {
        while take(ValueTag.integer), let value = varint() {
          integers[place] = Int64(bitPattern: value)
          place += 1
        }
      }
    }
  }
}
