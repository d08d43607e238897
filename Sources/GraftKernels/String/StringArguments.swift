import GraftTensor

extension KernelContext {
  /// A string input's elements.
  func strings(_ index: Int) throws -> UnsafeBufferPointer<Bytes> {
    let tensor = try input(index)
    guard tensor.dtype == .string else {
      throw GraftError(
        .invalidArgument, "Strings are expected, and \(tensor.dtype) was found.", at: .init(input: index))
    }
    return tensor.buffer(as: Bytes.self)
  }

  /// The one string of a scalar input.
  func scalarString(_ index: Int, named name: String) throws -> Bytes {
    let tensor = try input(index)
    guard tensor.rank == 0, tensor.dtype == .string else {
      throw GraftError(
        .invalidArgument, "'\(name)' is one string, and \(tensor.dtype)\(tensor.shape) was found.",
        at: .init(input: index))
    }
    return tensor.buffer(as: Bytes.self)[0]
  }

  /// A vector output with the given strings.
  func setStrings(_ index: Int, _ strings: [Bytes]) throws {
    let output = try allocate(index, .string, Shape([strings.count])).mutableBuffer(as: Bytes.self)
    for (place, string) in strings.enumerated() { output[place] = string }
  }

  /// A vector output of int32 or int64 with the given integers.
  func setIntegers(_ index: Int, _ dtype: DataType, _ integers: [Int]) throws {
    let output = try allocate(index, dtype, Shape([integers.count]))
    if dtype == .int32 {
      let target = output.mutableBuffer(as: Int32.self)
      for (place, value) in integers.enumerated() { target[place] = Int32(truncatingIfNeeded: value) }
    } else {
      let target = output.mutableBuffer(as: Int64.self)
      for (place, value) in integers.enumerated() { target[place] = Int64(value) }
    }
  }
}

extension OpDefinition {
  /// An op that makes one string of each.
  static func eachString(
    _ name: String, _ summary: String,
    _ prepare: @escaping @Sendable (NodeSetup) throws -> @Sendable (Bytes) throws -> Bytes
  ) -> OpDefinition {
    OpDefinition(
      name, summary, shape: ShapeRules.sameAsInput,
      prepare: { setup in
        let transform = try prepare(setup)
        return { context in
          let source = try context.strings(0)
          let target = try context.allocate(0, .string, context.input(0).shape).mutableBuffer(as: Bytes.self)
          for index in target.indices { target[index] = try transform(source[index]) }
        }
      })
  }
}

/// Properties of single bytes, those of ASCII in the C locale.
enum ASCII {
  /// Whether a byte is a space, a tab, or one of the four kinds of line and page ends.
  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// The bytes without the spaces at their ends.
  @inline(__always)
  static func trimmed(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    var (start, end) = (0, bytes.count)
    while start < end && isSpace(bytes[start]) { start &+= 1 }
    while start < end && isSpace(bytes[end &- 1]) { end &-= 1 }
    return bytes.part(start, end)
  }
}
