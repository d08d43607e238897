import Glibc
import GraftTensor

/// Makes a tensor of a `tensorflow.TensorProto`.
///
/// The values are either `tensor_content`, as they lie in memory, or a list of numbers in the field of the
/// dtype; of a list that is too short the last value repeats, and of one that is too long the rest is left
/// out, as TensorFlow does (`Tensor::FromProto`).
struct TensorDecoder {
  let document: GraphBytes
  let range: ByteRange
  /// The least bytes of content that are not copied to be aligned.
  var viewsFrom = Int.max

  func decode() throws -> Tensor {
    do {
      return try decodeMessage()
    } catch let error as WireError {
      throw GraftError(
        .dataLoss, "A tensor cannot be read: \(error.message).",
        at: .init(file: document.file, offset: error.offset), remedy: "Export or download the file again.")
    }
  }

  private func decodeMessage() throws -> Tensor {
    let header = try TensorHeader(document.reader(range))
    guard let dtype = DataType(rawValue: header.dtype) else {
      throw invalid("A tensor has the dtype number \(header.dtype), which is none.")
    }
    let shape = try shape(header)
    if isShared(shape, dtype), let known = document.decoded.tensor(at: range.offset) { return known }
    switch dtype {
    case .resource: throw reference(dtype)
    case .variant:
      try checkMemory(shape, dtype)
      let tensor = try Tensor(uninitialized: .variant, shape: shape)
      try readVariants(into: tensor)
      return remember(tensor)
    case .string:
      try checkMemory(shape, dtype)
      let tensor = try Tensor(uninitialized: .string, shape: shape)
      if let content = header.content, content.count > 0, shape.elementCount > 0 {
        try readStrings(content, into: tensor)
      } else {
        try readStringValues(into: tensor)
      }
      return remember(tensor)
    default:
      if let content = header.content, content.count > 0, shape.elementCount > 0 {
        return try view(content, dtype, shape)
      }
      try checkMemory(shape, dtype)
      let tensor = try Tensor(uninitialized: dtype, shape: shape)
      try readValues(into: tensor)
      return remember(tensor)
    }
  }

  private var place: GraftError.Place { .init(file: document.file, offset: range.offset) }

  private func invalid(_ message: String) -> GraftError {
    GraftError(.invalidArgument, message, at: place, remedy: "Export the graph again.")
  }

  private func remember(_ tensor: Tensor) -> Tensor {
    if isShared(tensor.shape, tensor.dtype) { document.decoded.remember(tensor, at: range.offset) }
    return tensor
  }

  /// Whether sessions share what is decoded: small values are decoded anew sooner than they are found.
  private func isShared(_ shape: Shape, _ dtype: DataType) -> Bool {
    let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.size)
    return overflow || bytes >= EncodedTensor.largeByteCount
  }

  /// The shape, which has to be known whole, of no more dimensions than TensorFlow allows.
  private func shape(_ header: TensorHeader) throws -> Shape {
    if let problem = header.shapeProblem { throw invalid(problem) }
    do {
      return try Shape(validating: header.sizes.map { Int($0) })
    } catch {
      throw error.at(place)
    }
  }

  /// The bytes of this machine's memory.
  private static let memory =
    max(sysconf(Int32(_SC_PHYS_PAGES)), 1 << 18) * max(sysconf(Int32(_SC_PAGESIZE)), 4096)

  /// A few bytes may claim to be a tensor that no memory holds.
  private func checkMemory(_ shape: Shape, _ dtype: DataType) throws {
    let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.size)
    guard !overflow, bytes <= Self.memory / 2 else {
      throw GraftError(
        .resourceExhausted,
        "A constant of \(range.count) bytes claims to be a \(dtype) tensor of shape \(shape), "
          + "which takes more than half of this machine's memory.",
        at: place, remedy: "Check the graph; if it is meant, use a machine with more memory.")
    }
  }

  // MARK: - Elements as they lie in memory

  private func view(_ content: ByteRange, _ dtype: DataType, _ shape: Shape) throws -> Tensor {
    guard content.count == shape.elementCount * dtype.size else {
      throw GraftError(
        .dataLoss,
        "A tensor of \(dtype) and shape \(shape) has \(content.count) bytes of content; "
          + "\(shape.elementCount * dtype.size) were expected.",
        at: .init(file: document.file, offset: content.offset), remedy: "Export or download the file again.")
    }
    let bytes = document.bytes(content)
    if dtype == .bool, bytes.contains(where: { $0 > 1 }) {
      let tensor = try Tensor(uninitialized: dtype, shape: shape)
      let target = tensor.mutableBuffer(as: UInt8.self)
      for (index, byte) in bytes.enumerated() { target[index] = byte == 0 ? 0 : 1 }
      return remember(tensor)
    }
    let view = Tensor(
      dtype: dtype, shape: shape,
      storage: TensorStorage(
        borrowing: document.start + content.offset, byteCount: content.count, owner: document.owner))
    if view.isAligned || content.count >= viewsFrom { return view }
    return remember(try view.copied())
  }

  /// All lengths, then all bytes.
  private func readStrings(_ content: ByteRange, into tensor: Tensor) throws {
    var reader = document.reader(content)
    var lengths: [Int] = []
    lengths.reserveCapacity(min(tensor.elementCount, content.count))
    var total = 0
    for _ in 0..<tensor.elementCount {
      let length = try reader.varint()
      guard length <= UInt64(content.count) else { throw WireError(.beyondEnd(length), at: reader.position) }
      lengths.append(Int(length))
      total += Int(length)
      guard total <= content.count else { throw WireError(.beyondEnd(length), at: reader.position) }
    }
    guard reader.position + total == content.end else {
      throw WireError(
        .value(
          "\(tensor.elementCount) strings take \(total) bytes, \(content.end - reader.position) are there"),
        at: reader.position)
    }
    let elements = tensor.mutableBuffer(as: Bytes.self)
    var position = reader.position
    for (index, length) in lengths.enumerated() {
      elements[index] = Bytes(document.array(ByteRange(offset: position, count: length)))
      position += length
    }
  }

  // MARK: - Elements as lists of numbers

  private func readStringValues(into tensor: Tensor) throws {
    let elements = tensor.mutableBuffer(as: Bytes.self)
    var found = 0
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      guard tag.raw == WireTag.field(8, WireTag.block) else {
        try reader.skip(tag)
        continue
      }
      let block = try reader.block()
      if found < elements.count { elements[found] = Bytes(document.array(block)) }
      found += 1
    }
    if found > 0, found < elements.count {
      let last = elements[found - 1]
      for index in found..<elements.count { elements[index] = last }
    }
  }

  /// Numbers in variants; what else a variant may hold is in the process that wrote it. Elements that are not
  /// given hold nothing.
  private func readVariants(into tensor: Tensor) throws {
    let elements = tensor.mutableBuffer(as: TensorHandle.self)
    var found = 0
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      guard tag.raw == WireTag.field(15, WireTag.block) else {
        try reader.skip(tag)
        continue
      }
      let pair = try MapEntry(document.reader(try reader.block()))
      guard found < elements.count else { continue }
      let type = document.string(pair.key)
      guard let number = VariantNumber(type: type, bytes: document.array(pair.value)) else {
        throw reference(.variant, type)
      }
      elements[found] = TensorHandle(number)
      found += 1
    }
  }

  private func reference(_ dtype: DataType, _ type: String = "") -> GraftError {
    GraftError(
      .unimplemented,
      "A constant holds a \(dtype)\(type.isEmpty ? "" : " of type '\(type)'"), which refers to something in the "
        + "process that wrote it.",
      at: place, remedy: "Replace the constant by the op that makes the \(dtype).")
  }

  private func readValues(into tensor: Tensor) throws {
    switch tensor.dtype {
    case .float32: try read32(field: 5, parts: 1, into: tensor)
    case .complex64: try read32(field: 9, parts: 2, into: tensor)
    case .float64: try read64(field: 6, parts: 1, into: tensor)
    case .complex128: try read64(field: 12, parts: 2, into: tensor)
    case .int32, .qint32: try readVarints(field: 7, as: UInt32.self, into: tensor)
    case .int16, .uint16, .qint16, .quint16: try readVarints(field: 7, as: UInt16.self, into: tensor)
    case .int8, .uint8, .qint8, .quint8, .int4, .uint4, .int2, .uint2:
      try readVarints(field: 7, as: UInt8.self, into: tensor)
    case .int64: try readVarints(field: 10, as: UInt64.self, into: tensor)
    case .bool: try readVarints(field: 11, as: UInt8.self, into: tensor) { $0 == 0 ? 0 : 1 }
    case .float16, .bfloat16: try readVarints(field: 13, as: UInt16.self, into: tensor)
    case .uint32: try readVarints(field: 16, as: UInt32.self, into: tensor)
    case .uint64: try readVarints(field: 17, as: UInt64.self, into: tensor)
    case .float8e5m2, .float8e4m3fn, .float8e4m3fnuz, .float8e4m3b11fnuz, .float8e5m2fnuz, .float4e2m1fn:
      try readBytes(field: 18, into: tensor)
    case .string, .resource, .variant:
      throw GraftError(.internalError, "A \(tensor.dtype) tensor was decoded as numbers.", at: place)
    }
  }

  /// Writes what was found, repeats the last element, and makes zeros where there is none.
  private func finish<T: FixedWidthInteger>(_ target: UnsafeMutableBufferPointer<T>, found: Int, parts: Int) {
    let whole = min(found, target.count) / parts * parts
    for index in whole..<target.count { target[index] = whole == 0 ? 0 : target[index - parts] }
  }

  private func target<T>(_ tensor: Tensor, parts: Int, as type: T.Type) -> UnsafeMutableBufferPointer<T> {
    UnsafeMutableBufferPointer(
      start: tensor.base.assumingMemoryBound(to: T.self), count: tensor.elementCount * parts)
  }

  @inline(__always)
  private func readVarints<T: FixedWidthInteger>(
    field: UInt32, as type: T.Type, into tensor: Tensor,
    _ convert: (UInt64) -> T = { T(truncatingIfNeeded: $0) }
  ) throws(WireError) {
    let target = target(tensor, parts: 1, as: T.self)
    var found = 0
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      if tag.raw == WireTag.field(field, WireTag.varint) {
        let value = try reader.varint()
        if found < target.count { target[found] = convert(value) }
        found += 1
      } else if tag.raw == WireTag.field(field, WireTag.block) {
        var packed = document.reader(try reader.block())
        while !packed.isAtEnd {
          let value = try packed.varint()
          if found < target.count { target[found] = convert(value) }
          found += 1
        }
      } else {
        try reader.skip(tag)
      }
    }
    finish(target, found: found, parts: 1)
  }

  private func read32(field: UInt32, parts: Int, into tensor: Tensor) throws(WireError) {
    let target = target(tensor, parts: parts, as: UInt32.self)
    var found = 0
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      if tag.raw == WireTag.field(field, WireTag.fixed32) {
        let value = try reader.fixed32()
        if found < target.count { target[found] = value }
        found += 1
      } else if tag.raw == WireTag.field(field, WireTag.block) {
        var packed = document.reader(try reader.block())
        while !packed.isAtEnd {
          let value = try packed.fixed32()
          if found < target.count { target[found] = value }
          found += 1
        }
      } else {
        try reader.skip(tag)
      }
    }
    finish(target, found: found, parts: parts)
  }

  private func read64(field: UInt32, parts: Int, into tensor: Tensor) throws(WireError) {
    let target = target(tensor, parts: parts, as: UInt64.self)
    var found = 0
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      if tag.raw == WireTag.field(field, WireTag.fixed64) {
        let value = try reader.fixed64()
        if found < target.count { target[found] = value }
        found += 1
      } else if tag.raw == WireTag.field(field, WireTag.block) {
        var packed = document.reader(try reader.block())
        while !packed.isAtEnd {
          let value = try packed.fixed64()
          if found < target.count { target[found] = value }
          found += 1
        }
      } else {
        try reader.skip(tag)
      }
    }
    finish(target, found: found, parts: parts)
  }

  private func readBytes(field: UInt32, into tensor: Tensor) throws(WireError) {
    let target = target(tensor, parts: 1, as: UInt8.self)
    var found = 0
    var reader = document.reader(range)
    while !reader.isAtEnd {
      let tag = try reader.tag()
      if tag.raw == WireTag.field(field, WireTag.block) {
        let bytes = document.bytes(try reader.block())
        // A field that is there once: the last one counts.
        found = min(bytes.count, target.count)
        for index in 0..<found { target[index] = bytes[index] }
      } else {
        try reader.skip(tag)
      }
    }
    finish(target, found: found, parts: 1)
  }
}
