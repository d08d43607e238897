extension Tensor {
  /// A tensor with the given elements, row-major.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when there are not as many as the shape has places, or the
  ///   shape has a negative size.
  public init<Scalar: TensorScalar>(shape: [Int], scalars: some Collection<Scalar>) throws(GraftError) {
    let shape = try Shape(validating: shape)
    guard scalars.count == shape.elementCount else {
      throw GraftError(
        .invalidArgument,
        "\(scalars.count) values were given for a tensor of shape \(shape), which has \(shape.elementCount).",
        remedy: "Give as many values as the product of the sizes.")
    }
    try self.init(uninitialized: Scalar.dataType, shape: shape)
    let buffer = mutableBuffer(as: Scalar.self)
    // Elements are initialised already, so they are assigned; strings would leak otherwise.
    if scalars.withContiguousStorageIfAvailable({ _ = buffer.update(fromContentsOf: $0) }) == nil {
      for (place, scalar) in zip(buffer.indices, scalars) { buffer[place] = scalar }
    }
  }

  /// A tensor with one dimension and the given elements.
  public init<Scalar: TensorScalar>(_ scalars: some Collection<Scalar>) throws(GraftError) {
    try self.init(shape: [scalars.count], scalars: scalars)
  }

  /// A tensor with one element and no dimension.
  public init<Scalar: TensorScalar>(_ scalar: Scalar) throws(GraftError) {
    try self.init(shape: [], scalars: CollectionOfOne(scalar))
  }

  /// A string tensor, from text as UTF-8.
  public init(shape: [Int], strings: some Collection<String>) throws(GraftError) {
    try self.init(shape: shape, scalars: strings.map { Bytes($0) })
  }

  /// Calls the closure with the elements, without a copy.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when elements of this dtype are not of that Swift type; and
  ///   whatever the closure throws.
  public func withUnsafeScalars<Scalar: TensorScalar, R>(
    as type: Scalar.Type = Scalar.self, _ body: (UnsafeBufferPointer<Scalar>) throws -> R
  ) throws -> R {
    guard Scalar.reads(dtype) else {
      throw GraftError(
        .invalidArgument, "A tensor of \(dtype) was read as \(Scalar.self), which holds \(Scalar.dataType).",
        remedy: "Read it as the Swift type of its dtype, or cast it in the graph.")
    }
    return try withExtendedLifetime(storage) { try body(buffer(as: Scalar.self)) }
  }

  /// The elements as an array, row-major.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when elements of this dtype are not of that Swift type.
  /// - Complexity: O(elements).
  public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) throws -> [Scalar] {
    try withUnsafeScalars(as: type) { Array($0) }
  }

  /// The elements of a string tensor as text.
  ///
  /// - Throws: `GraftError` (`invalidArgument`) when the tensor holds no strings.
  public func strings() throws -> [String] {
    try scalars(as: Bytes.self).map(\.string)
  }
}
