import GraftTensor

extension Tensor {
  /// The elements of an integer tensor as `Int`, row-major: sizes, axes, indices.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when the tensor holds no integers.
  package func integers() throws -> [Int] {
    let read = try Self.reader(of: dtype)
    let count = elementCount
    return withExtendedLifetime(storage) {
      [Int](unsafeUninitializedCapacity: count) { target, filled in
        read(base, UnsafeMutableBufferPointer(rebasing: target[..<count]))
        filled = count
      }
    }
  }

  /// The one element of an integer tensor.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when there is not just one, or it is no integer.
  package func integer() throws -> Int {
    guard elementCount == 1 else {
      throw GraftError(.invalidArgument, "One integer is expected, and a tensor of shape \(shape) was found.")
    }
    let read = try Self.reader(of: dtype)
    var value = 0
    withExtendedLifetime(storage) {
      withUnsafeMutablePointer(to: &value) { read(base, UnsafeMutableBufferPointer(start: $0, count: 1)) }
    }
    return value
  }

  /// Reads as many elements as there is room for.
  private typealias Reader = (UnsafeRawPointer, UnsafeMutableBufferPointer<Int>) -> Void

  /// What reads integers of the type.
  private static func reader(of dtype: DataType) throws -> Reader {
    func reader<T: BitwiseCopyable & BinaryInteger>(_ type: T.Type) -> Reader {
      { source, target in
        for index in target.indices {
          let element = (source + index * MemoryLayout<T>.stride).loadUnaligned(as: type)
          target.initializeElement(at: index, to: Int(clamping: element))
        }
      }
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
