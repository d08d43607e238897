import Glibc
import Synchronization

/// Memory that the system maps by huge pages: blocks of middle sizes, cut from chunks, and large ones, of which those
/// given back last are kept for whoever wants as many pages, or down to half as many.
///
/// A first run touches its packed weights and its values for the first time, and a page fault for each four kilobytes
/// of them costs a small network more than its arithmetic; so does a large result that is made anew in each run. What
/// a process takes first of middle sizes comes from the system's allocator nevertheless: a network of a few layers is
/// not to pay for two megabytes.
final class HugePagePool: Sendable {
  /// Where a block lies; nil stands for the system's allocator.
  typealias Owner = Chunk?

  static let shared = HugePagePool()

  /// What is mapped at once where the system is asked to.
  static let pageSize = 2 << 20
  /// The smallest size that is worth it.
  static let smallestSize = 16 << 10
  /// How much of large blocks is kept.
  private static let keptBytes = 32 << 20
  /// How many chunks are kept of which nobody has a block.
  private static let keptChunks = 4
  /// How much of middle sizes comes from the system's allocator before a chunk is made.
  private static let plainLimit = 1 << 20

  /// Two huge pages, and which parts of them are free.
  final class Chunk: @unchecked Sendable {
    static let byteCount = 2 * pageSize

    let base: UnsafeMutableRawPointer
    /// By offset; no two touch.
    fileprivate var free = [0..<byteCount]

    fileprivate init?() {
      var memory: UnsafeMutableRawPointer?
      guard posix_memalign(&memory, pageSize, Self.byteCount) == 0, let memory else { return nil }
      madvise(memory, Self.byteCount, MADV_HUGEPAGE)
      base = memory
    }

    deinit {
      Glibc.free(base)
    }

    fileprivate var isUnused: Bool { free.first?.count == Self.byteCount }

    /// The first place that is large enough.
    fileprivate func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
      guard let index = free.firstIndex(where: { $0.count >= byteCount }) else { return nil }
      let start = free[index].lowerBound
      if free[index].count == byteCount {
        free.remove(at: index)
      } else {
        free[index] = start + byteCount..<free[index].upperBound
      }
      return base + start
    }

    fileprivate func giveBack(_ block: Range<Int>) {
      let index = free.firstIndex { $0.lowerBound > block.lowerBound } ?? free.count
      var block = block
      if index < free.count, free[index].lowerBound == block.upperBound {
        block = block.lowerBound..<free.remove(at: index).upperBound
      }
      if index > 0, free[index - 1].upperBound == block.lowerBound {
        free[index - 1] = free[index - 1].lowerBound..<block.upperBound
      } else {
        free.insert(block, at: index)
      }
    }
  }

  private struct State: @unchecked Sendable {
    var chunks: [Chunk] = []
    /// How much the system's allocator gave that has not come back.
    var plain = 0
    /// Large blocks that nobody has, the one given back last at the end.
    var kept: [(base: UnsafeMutableRawPointer, byteCount: Int)] = []
    var keptBytes = 0
    /// The sizes of blocks that somebody has who asked for less.
    var larger: [UnsafeMutableRawPointer: Int] = [:]
  }

  private let state = Mutex(State())

  /// A block at a multiple of ``TensorStorage/alignment``; nil where the system has no memory left.
  func allocate(_ byteCount: Int) -> (base: UnsafeMutableRawPointer, owner: Owner)? {
    guard byteCount < Self.pageSize else { return allocateLarge(byteCount).map { ($0, nil) } }
    let byteCount = Self.padded(byteCount)
    return state.withLock { state in
      if state.plain + byteCount > Self.plainLimit {
        for chunk in state.chunks {
          if let base = chunk.take(byteCount) { return (base, chunk) }
        }
        if let chunk = Chunk(), let base = chunk.take(byteCount) {
          state.chunks.append(chunk)
          return (base, chunk)
        }
      }
      var memory: UnsafeMutableRawPointer?
      guard posix_memalign(&memory, TensorStorage.alignment, byteCount) == 0, let memory else { return nil }
      state.plain += byteCount
      return (memory, nil)
    }
  }

  /// Takes a block back that ``allocate(_:)`` gave for as many bytes.
  func free(_ base: UnsafeMutableRawPointer, _ byteCount: Int, _ owner: Owner) {
    guard byteCount < Self.pageSize else { return freeLarge(base, byteCount) }
    let byteCount = Self.padded(byteCount)
    state.withLock { state in
      guard let chunk = owner else {
        state.plain -= byteCount
        Glibc.free(base)
        return
      }
      let start = base - chunk.base
      chunk.giveBack(start..<start + byteCount)
      // Some that are free are kept: loops make and drop values in each round, and runs one after the other.
      if chunk.isUnused, state.chunks.count(where: \.isUnused) > Self.keptChunks {
        state.chunks.removeAll { $0 === chunk }
      }
    }
  }

  /// Whole pages: the last one is not mapped in small ones then.
  private static func pages(_ byteCount: Int) -> Int? {
    let (sum, isOverflow) = byteCount.addingReportingOverflow(pageSize - 1)
    return isOverflow ? nil : sum & ~(pageSize - 1)
  }

  private func allocateLarge(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    guard let byteCount = Self.pages(byteCount) else { return nil }
    let kept = state.withLock { state -> UnsafeMutableRawPointer? in
      var best: Int?
      for (index, block) in state.kept.enumerated() where block.byteCount >= byteCount {
        guard block.byteCount / 2 <= byteCount else { continue }
        if best.map({ block.byteCount <= state.kept[$0].byteCount }) ?? true { best = index }
      }
      guard let index = best else { return nil }
      let block = state.kept.remove(at: index)
      state.keptBytes -= block.byteCount
      if block.byteCount > byteCount { state.larger[block.base] = block.byteCount }
      return block.base
    }
    if let kept { return kept }
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, Self.pageSize, byteCount) == 0, let memory else { return nil }
    madvise(memory, byteCount, MADV_HUGEPAGE)
    return memory
  }

  private func freeLarge(_ base: UnsafeMutableRawPointer, _ byteCount: Int) {
    guard let asked = Self.pages(byteCount) else { return Glibc.free(base) }
    state.withLock { state in
      let byteCount = state.larger.removeValue(forKey: base) ?? asked
      guard byteCount <= Self.keptBytes else { return Glibc.free(base) }
      state.kept.append((base, byteCount))
      state.keptBytes += byteCount
      while state.keptBytes > Self.keptBytes {
        let oldest = state.kept.removeFirst()
        state.keptBytes -= oldest.byteCount
        Glibc.free(oldest.base)
      }
    }
  }

  private static func padded(_ byteCount: Int) -> Int {
    (byteCount + TensorStorage.alignment - 1) & ~(TensorStorage.alignment - 1)
  }
}
