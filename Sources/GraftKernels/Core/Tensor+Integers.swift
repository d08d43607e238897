import GraftTensor

extension Tensor {
  /// The elements of an integer tensor as `Int`, row-major: sizes, axes, indices.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when the tensor holds no integers.
  package func integers() throws -> [Int] {
    let read = try Self.reader(of: dtype)
    return withExtendedLifetime(storage) { (0..<elementCount).map { read(base, $0) } }
  }

  /// The one element of an integer tensor.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when there is not just one, or it is no integer.
  package func integer() throws -> Int {
    guard elementCount == 1 else {
      throw GraftError(.invalidArgument, "One integer is expected, and a tensor of shape \(shape) was found.")
    }
    let read = try Self.reader(of: dtype)
    return withExtendedLifetime(storage) { read(base, 0) }
  }

  /// Reads an element of integers of the type.
  private static func reader(of dtype: DataType) throws -> (UnsafeRawPointer, Int) -> Int {
    func reader<T: BitwiseCopyable & BinaryInteger>(_ type: T.Type) -> (UnsafeRawPointer, Int) -> Int {
      { Int(clamping: ($0 + $1 * MemoryLayout<T>.stride).loadUnaligned(as: type)) }
    }
    return switch dtype {
    case .int32: reader(Int32.self)
    case .int64: reader(Int64.self)
    case .int16: reader(Int16.self)
    case .int8: reader(Int8.self)
    case .uint8: reader(UInt8.self)
    case .uint16: reader(UInt16.self)
    case .uint32: reader(UInt32.self)
    case .uint64: reader(UInt64.self)
    default:
      throw GraftError(.invalidArgument, "Integers are expected, and a tensor of \(dtype) was found.")
    }
  }
}
