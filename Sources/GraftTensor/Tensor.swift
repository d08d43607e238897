/// An array of values of one dtype, row-major.
///
/// A tensor is a value: copies share their memory until one of them is written. The memory may be a part
/// of a mapped file.
public struct Tensor: @unchecked Sendable {
  /// The type of the elements.
  public let dtype: DataType
  /// The size of each dimension.
  public let shape: Shape
  @usableFromInline package var storage: TensorStorage
  @usableFromInline package var byteOffset: Int

  /// A view of storage.
  ///
  /// - Precondition: the storage holds the elements, of this dtype, from `byteOffset` on.
  @inlinable
  package init(dtype: DataType, shape: Shape, storage: TensorStorage, byteOffset: Int = 0) {
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.byteOffset = byteOffset
  }

  /// A tensor whose elements the caller writes next. Strings and handles begin empty, others with
  /// whatever the memory holds.
  ///
  /// - Throws: `GraftError` (`resourceExhausted`) when there is not enough memory.
  package init(uninitialized dtype: DataType, shape: Shape) throws(GraftError) {
    self.init(
      dtype: dtype, shape: shape,
      storage: try TensorStorage(dtype: dtype, elementCount: shape.elementCount))
  }

  /// How many elements there are.
  @inlinable
  public var elementCount: Int { shape.elementCount }

  /// How many dimensions there are.
  @inlinable
  public var rank: Int { shape.rank }

  /// Bytes that the elements take in memory; of strings and handles, not what they refer to.
  public var byteCount: Int { elementCount * dtype.size }

  /// The same elements in another shape, without a copy.
  ///
  /// - Precondition: the shape has as many elements.
  @inlinable
  package func reshaped(unchecked shape: Shape) -> Tensor {
    Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: byteOffset)
  }

  /// The same bytes read as another dtype of the same size, without a copy.
  @inlinable
  package func reinterpreted(as dtype: DataType) -> Tensor {
    Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: byteOffset)
  }
}

// MARK: - Memory

extension Tensor {
  /// The first element's address. It holds while something holds the tensor's storage: inside a kernel,
  /// the run does.
  @inlinable
  package var base: UnsafeMutableRawPointer { storage.base + byteOffset }

  /// The elements, for a kernel to read; see ``base``.
  ///
  /// - Precondition: `T` is how elements of this dtype lie in memory.
  @inlinable
  package func buffer<T>(as type: T.Type = T.self) -> UnsafeBufferPointer<T> {
    UnsafeBufferPointer(start: UnsafePointer(base.assumingMemoryBound(to: T.self)), count: elementCount)
  }

  /// The elements, for a kernel to write into an output of its own; see ``base``.
  ///
  /// - Precondition: nobody else reads the storage, and `T` is how elements of this dtype lie in memory.
  @inlinable
  package func mutableBuffer<T>(as type: T.Type = T.self) -> UnsafeMutableBufferPointer<T> {
    UnsafeMutableBufferPointer(start: base.assumingMemoryBound(to: T.self), count: elementCount)
  }

  /// Calls the closure with the elements' bytes. Not for strings, resources and variants, whose bytes
  /// are addresses: those get none.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) {
      guard case .plain = dtype.layout else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
      return try body(UnsafeRawBufferPointer(start: base, count: byteCount))
    }
  }

  /// A tensor with the same elements in memory of its own.
  package func copied() throws(GraftError) -> Tensor {
    let copy = try Tensor(uninitialized: dtype, shape: shape)
    copy.initializeElements(from: self)
    return copy
  }

  /// The same tensor where its memory stays as it is after the run, else a copy.
  package func persistent() throws(GraftError) -> Tensor {
    storage.isTransient ? try copied() : self
  }

  /// Whether the elements lie at addresses that their type may have; those in a file need not.
  package var isAligned: Bool {
    // Complex numbers need what their parts do.
    let parts = dtype == .complex64 || dtype == .complex128 ? 2 : 1
    return Int(bitPattern: base) % max(dtype.size / parts, 1) == 0
  }

  /// The same tensor where its elements are aligned, else a copy.
  package func aligned() throws(GraftError) -> Tensor {
    isAligned ? self : try copied()
  }

  /// Makes this value the only holder of its memory, by a copy where that is needed.
  package mutating func makeUnique() throws(GraftError) {
    if !storage.isOwned || !isKnownUniquelyReferenced(&storage) { self = try copied() }
  }

  /// Overwrites the elements with another tensor's.
  ///
  /// - Precondition: both have the same dtype and as many elements.
  package func initializeElements(from source: Tensor) {
    withExtendedLifetime((storage, source.storage)) {
      switch dtype.layout {
      case .plain:
        if byteCount > 0 { base.copyMemory(from: source.base, byteCount: byteCount) }
      case .string:
        _ = mutableBuffer(as: Bytes.self).update(from: source.buffer(as: Bytes.self))
      case .handle:
        _ = mutableBuffer(as: TensorHandle.self).update(from: source.buffer(as: TensorHandle.self))
      }
    }
  }
}
