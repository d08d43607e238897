import Testing

@testable import GraftTensor

@Suite struct HugePagePools {
  private let size = 300_000

  @Test func giveBlocksThatAreAlignedAndDoNotOverlap() throws {
    let pool = HugePagePool()
    let blocks = try (0..<40).map { try #require(pool.allocate(size + $0)) }
    let starts = blocks.map { Int(bitPattern: $0.base) }.sorted()
    for (start, next) in zip(starts, starts.dropFirst()) { #expect(next - start >= size) }
    #expect(starts.allSatisfy { $0.isMultiple(of: TensorStorage.alignment) })
    // What is written to one is not seen in another.
    for (number, block) in blocks.enumerated() {
      block.base.initializeMemory(as: UInt8.self, repeating: UInt8(number), count: size + number)
    }
    for (number, block) in blocks.enumerated() {
      let bytes = UnsafeRawBufferPointer(start: block.base, count: size + number)
      #expect(bytes.allSatisfy { $0 == UInt8(number) })
      pool.free(block.base, size + number, block.owner)
    }
  }

  @Test func keepLargeBlocksForWhoWantsAsManyPages() throws {
    let pool = HugePagePool()
    let large = 5 << 20
    let first = try #require(pool.allocate(large))
    let second = try #require(pool.allocate(large))
    #expect(first.base != second.base)
    pool.free(first.base, large, first.owner)
    // Three pages as well.
    let third = try #require(pool.allocate(large + 1000))
    #expect(third.base == first.base)
    let more = try #require(pool.allocate(large + (2 << 20)))
    #expect(more.base != second.base)
    pool.free(second.base, large, second.owner)
    pool.free(third.base, large + 1000, third.owner)
    pool.free(more.base, large + (2 << 20), more.owner)
    #expect(pool.allocate(.max) == nil)
  }

  @Test func lendLargeBlocksToWhoWantsHalfAsManyPagesAndKnowTheirSizeAfterwards() throws {
    let pool = HugePagePool()
    let (small, large) = (4 << 20, 10 << 20)
    let blocks = try [large, small, large].map { ($0, try #require(pool.allocate($0))) }
    for (size, block) in blocks { pool.free(block.base, size, block.owner) }
    // The smallest that will do; not one of more than twice the pages.
    let tiny = try #require(pool.allocate(2 << 20))
    #expect(tiny.base == blocks[1].1.base)
    let half = try #require(pool.allocate(5 << 20))
    #expect(half.base == blocks[2].1.base)
    let other = try #require(pool.allocate(2 << 20))
    #expect(!blocks.contains { $0.1.base == other.base })
    // It comes back as large as it is.
    pool.free(half.base, 5 << 20, half.owner)
    let whole = try #require(pool.allocate(large))
    #expect(whole.base == half.base)
    for (size, block) in [(2 << 20, tiny), (2 << 20, other), (large, whole)] {
      pool.free(block.base, size, block.owner)
    }
  }

  @Test func takeLittleFromTheSystemAtFirstAndChunksThen() throws {
    let pool = HugePagePool()
    let blocks = try (0..<5).map { _ in try #require(pool.allocate(size)) }
    #expect(blocks.map { $0.owner == nil } == [true, true, true, false, false])
    #expect(blocks[3].owner === blocks[4].owner)
    for block in blocks { pool.free(block.base, size, block.owner) }
  }

  @Test func usePlacesAgainThatWereGivenBackInAnyOrder() throws {
    let pool = HugePagePool()
    let first = try (0..<13).map { _ in try #require(pool.allocate(size)) }
    let chunk = try #require(first[12].owner)
    let mine = first.filter { $0.owner === chunk }
    for block in mine.enumerated().sorted(by: { ($0.offset % 2, $0.offset) < ($1.offset % 2, $1.offset) }) {
      pool.free(block.element.base, size, block.element.owner)
    }
    // The neighbours have become one place again.
    let large = try #require(pool.allocate(HugePagePool.pageSize - 64))
    #expect(large.owner === chunk)
    #expect(large.base == chunk.base)
    pool.free(large.base, HugePagePool.pageSize - 64, large.owner)
    for block in first where block.owner == nil { pool.free(block.base, size, block.owner) }
  }
}
