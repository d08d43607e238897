import GraftTensor

/// What many image ops ask of their inputs.
extension KernelContext {
  /// Images of four dimensions: batch, height, width, channels.
  func images(_ index: Int, named name: String) throws -> Tensor {
    let tensor = try input(index)
    guard tensor.rank == 4 else {
      throw GraftError(
        .invalidArgument,
        "'\(name)' has four dimensions (batch, height, width, channels), and the shape \(tensor.shape) was found.",
        at: .init(input: index))
    }
    return tensor
  }

  /// The one number of a scalar input.
  func scalarFloat(_ index: Int, named name: String) throws -> Float {
    let tensor = try input(index)
    guard tensor.rank == 0 else {
      throw GraftError(
        .invalidArgument, "'\(name)' is a scalar, and the shape \(tensor.shape) was found.",
        at: .init(input: index))
    }
    switch tensor.dtype {
    case .float32: return tensor.buffer(as: Float.self)[0]
    case .float64: return Float(tensor.buffer(as: Double.self)[0])
    case .float16: return Float(tensor.buffer(as: Float16.self)[0])
    case .bfloat16: return Float(tensor.buffer(as: BFloat16.self)[0])
    default:
      throw GraftError(
        .invalidArgument, "'\(name)' is a real number, and \(tensor.dtype) was found.",
        at: .init(input: index))
    }
  }

  /// The one integer of a scalar input.
  func scalarInteger(_ index: Int, named name: String) throws -> Int {
    let tensor = try input(index)
    guard tensor.rank == 0 else {
      throw GraftError(
        .invalidArgument, "'\(name)' is a scalar, and the shape \(tensor.shape) was found.",
        at: .init(input: index))
    }
    return try tensor.integer()
  }

  /// The integers of a vector input of the given length.
  func integerVector(_ index: Int, count: Int, named name: String) throws -> [Int] {
    let tensor = try input(index)
    guard tensor.rank == 1, tensor.elementCount == count else {
      throw GraftError(
        .invalidArgument,
        "'\(name)' is a vector of \(count) integers, and the shape \(tensor.shape) was found.",
        at: .init(input: index))
    }
    return try tensor.integers()
  }

  /// The numbers of an input as `Float`: the tensor itself where it holds those, else converted.
  ///
  /// Kernels that compute in `Float` whatever the images' dtype is are compiled once this way.
  func floats(_ tensor: Tensor) throws -> Tensor {
    if tensor.dtype == .float32 { return tensor }
    let result = try scratch(.float32, tensor.shape)
    func convert<T: TensorScalar>(_ type: T.Type, _ value: @escaping @Sendable (T) -> Float) {
      workers.forEach(tensor.elementCount, cost: 1) { range in
        let source = tensor.buffer(as: T.self)
        let target = result.mutableBuffer(as: Float.self)
        for index in range { target[index] = value(source[index]) }
      }
    }
    switch tensor.dtype {
    case .float16: convert(Float16.self) { Float($0) }
    case .bfloat16: convert(BFloat16.self) { Float($0) }
    case .float64: convert(Double.self) { Float($0) }
    case .int8, .qint8: convert(Int8.self) { Float($0) }
    case .int16, .qint16: convert(Int16.self) { Float($0) }
    case .int32, .qint32: convert(Int32.self) { Float($0) }
    case .int64: convert(Int64.self) { Float($0) }
    case .uint8, .quint8: convert(UInt8.self) { Float($0) }
    case .uint16, .quint16: convert(UInt16.self) { Float($0) }
    case .uint32: convert(UInt32.self) { Float($0) }
    case .uint64: convert(UInt64.self) { Float($0) }
    default:
      throw GraftError(.invalidArgument, "Images of \(tensor.dtype) cannot be read as real numbers.")
    }
    return result
  }
}

extension Int {
  /// The whole part of a number, as a 64-bit conversion gives it on x86: the smallest integer for what does
  /// not fit, NaN included.
  @inline(__always)
  init(truncating value: some BinaryFloatingPoint) {
    self = value > -9.2e18 && value < 9.2e18 ? Int(value) : Int.min
  }
}

extension ShapeContext {
  /// The shape of images after their height and width became the two integers of an input.
  func resizedImages(sizeInput: Int) -> PartialShape {
    var shape: [Int?] = [nil, nil, nil, nil]
    if let images = input(0).dimensions, images.count == 4 { shape = images }
    let size = ints(sizeInput)
    shape[1] = size?.count == 2 ? size?.first : nil
    shape[2] = size?.count == 2 ? size?.last : nil
    return PartialShape(shape)
  }
}
