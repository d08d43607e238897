import CGraftThreads

/// A part for each of a few groups of threads, so far apart in memory that cores which write different parts do not
/// wait for each other.
package struct Striped<Part: ~Copyable & Sendable>: ~Copyable, @unchecked Sendable {
  /// How many parts there are.
  @inlinable package static var count: Int { Int(GRAFT_STRIPES) }

  /// Bytes from one part to the next: two lines of a cache, which some processors read together.
  @usableFromInline static var distance: Int { 128 }

  @usableFromInline let base: UnsafeMutableRawPointer

  /// - Parameter makePart: makes the part of an index.
  /// - Precondition: a part takes no more bytes than lie between two.
  @inlinable
  package init(_ makePart: (Int) -> Part) {
    base = .allocate(byteCount: Self.count * Self.distance, alignment: Self.distance)
    for index in 0..<Self.count { self[index].initialize(to: makePart(index)) }
  }

  @inlinable
  deinit {
    for index in 0..<Self.count { self[index].deinitialize(count: 1) }
    base.deallocate()
  }

  /// One of the parts.
  @inlinable
  package subscript(index: Int) -> UnsafeMutablePointer<Part> {
    (base + index * Self.distance).assumingMemoryBound(to: Part.self)
  }

  /// The part of the group that the calling thread is of.
  @inlinable
  package var own: UnsafeMutablePointer<Part> { self[Int(graft_thread_stripe())] }
}
