import Glibc

/// The memory behind tensors: 64-byte aligned and owned, or borrowed from something that is kept alive.
///
/// Elements are always initialised: plain ones to whatever the memory holds, until the kernel that
/// allocated them has written; strings and handles to empty ones. Whoever writes makes sure that nobody
/// else can see the storage; see `Tensor.makeUnique()`.
@usableFromInline
package final class TensorStorage: @unchecked Sendable {
  /// The first byte.
  @usableFromInline package let base: UnsafeMutableRawPointer
  /// How many bytes.
  @usableFromInline package let byteCount: Int
  /// What keeps borrowed memory alive; nil where the memory is this object's own.
  package let owner: AnyObject?
  /// Whether the memory belongs to a run's arena and is written again after the run.
  package let isTransient: Bool
  private let content: Content
  /// Who pays for the memory; nobody where it is borrowed, or was made outside of runs.
  private let account: MemoryAccount.Purse?
  /// What was charged for the contents of strings.
  private var textBytes = 0
  /// The chunk that the memory was cut from, where it was.
  private let chunk: HugePagePool.Owner
  /// What the allocator gave for it, which need not begin where elements do.
  private let block: UnsafeMutableRawPointer?

  private enum Content {
    case plain
    case strings(Int)
    case handles(Int)
  }

  /// The alignment of owned memory, in bytes: a cache line, and the widest vector.
  package static let alignment = 64

  /// The bytes of tensors for which the allocator has blocks at hand.
  private static let smallSize = 960

  /// Fresh memory for plain elements, not cleared.
  ///
  /// - Throws: `GraftError` (`resourceExhausted`) when the system has not that much.
  package init(byteCount: Int) throws(GraftError) {
    account = MemoryAccount.current
    (base, chunk, block) = try Self.allocate(byteCount, account)
    self.byteCount = byteCount
    owner = nil
    isTransient = false
    content = .plain
  }

  /// Fresh memory for elements of the given dtype; strings and handles are made empty.
  package init(dtype: DataType, elementCount: Int) throws(GraftError) {
    byteCount = elementCount * dtype.size
    account = MemoryAccount.current
    (base, chunk, block) = try Self.allocate(byteCount, account)
    owner = nil
    isTransient = false
    switch dtype.layout {
    case .plain: content = .plain
    case .string:
      base.bindMemory(to: Bytes.self, capacity: elementCount).initialize(
        repeating: Bytes(), count: elementCount)
      content = .strings(elementCount)
    case .handle:
      base.bindMemory(to: TensorHandle.self, capacity: elementCount)
        .initialize(repeating: TensorHandle(), count: elementCount)
      content = .handles(elementCount)
    }
  }

  /// Memory of somebody else's, which `owner` keeps alive, and which is not written.
  package init(borrowing base: UnsafeRawPointer, byteCount: Int, owner: AnyObject) {
    self.base = UnsafeMutableRawPointer(mutating: base)
    self.byteCount = byteCount
    self.owner = owner
    isTransient = false
    account = nil
    chunk = nil
    block = nil
    content = .plain
  }

  /// A part of an arena: written by the run that holds the arena, and by later runs again.
  package init(transient base: UnsafeMutableRawPointer, byteCount: Int, arena: AnyObject) {
    self.base = base
    self.byteCount = byteCount
    owner = arena
    isTransient = true
    account = nil
    chunk = nil
    block = nil
    content = .plain
  }

  deinit {
    switch content {
    case .plain: break
    case .strings(let count): base.assumingMemoryBound(to: Bytes.self).deinitialize(count: count)
    case .handles(let count):
      let handles = base.assumingMemoryBound(to: TensorHandle.self)
      for index in 0..<count where isKnownUniquelyReferenced(&handles[index].object) {
        NestedRelease.release(&handles[index].object)
      }
      handles.deinitialize(count: count)
    }
    if owner == nil {
      if byteCount >= HugePagePool.smallestSize {
        HugePagePool.shared.free(base, byteCount, chunk)
      } else {
        free(block)
      }
      account?.release(byteCount + textBytes)
    }
  }

  /// Has the contents of strings paid for that are to be made for these elements. Strings that others have
  /// already, and that are shared, cost nothing.
  ///
  /// - Throws: `GraftError` (`resourceExhausted`) where a limit would be passed.
  package func charge(text byteCount: Int) throws(GraftError) {
    guard let account else { return }
    try account.charge(byteCount, after: textBytes)
    textBytes += byteCount
  }

  /// Makes sure that contents of strings could be paid for which may be as long as that.
  ///
  /// - Throws: `GraftError` (`resourceExhausted`) where a limit would be passed.
  package func check(text byteCount: Int) throws(GraftError) {
    guard let account else { return }
    try account.charge(byteCount, after: textBytes)
    account.release(byteCount)
  }

  /// Lets the system take back the memory of a file's bytes until they are looked at again.
  package func releasePages() {
    guard let file = owner as? MappedFile else { return }
    file.releasePages(UnsafeRawBufferPointer(start: base, count: byteCount))
  }

  /// Whether the memory is this object's own, so that its only holder may write to it.
  package var isOwned: Bool { owner == nil }

  /// Whether the memory is a part of that arena.
  package func isPart(of arena: AnyObject) -> Bool { owner === arena }

  private static func allocate(
    _ byteCount: Int, _ account: MemoryAccount.Purse?
  ) throws(GraftError) -> (UnsafeMutableRawPointer, HugePagePool.Owner, block: UnsafeMutableRawPointer?) {
    try account?.charge(byteCount)
    if byteCount >= HugePagePool.smallestSize {
      if let (base, chunk) = HugePagePool.shared.allocate(byteCount) { return (base, chunk, nil) }
    } else if byteCount <= smallSize {
      // Not from the allocator's own way of aligning, which takes several times as long.
      if let block = malloc(byteCount + alignment) {
        return (block.alignedUp(toMultipleOf: alignment), nil, block)
      }
    } else {
      var memory: UnsafeMutableRawPointer?
      if posix_memalign(&memory, alignment, byteCount) == 0, let memory { return (memory, nil, memory) }
    }
    account?.release(byteCount)
    throw GraftError(
      .resourceExhausted, "The system has no \(byteCount) bytes of memory left for a tensor.",
      remedy: "Use smaller batches, or a machine with more memory.")
  }
}
