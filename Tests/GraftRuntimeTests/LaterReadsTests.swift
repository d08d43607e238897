import CGraftVector
import Testing

@testable import GraftRuntime

/// Which memory the products between two instructions ask for.
@Suite final class LaterReadsTests {
  private static let byteCount = 256 << 10
  private let memory = [UnsafeMutableRawBufferPointer](
    (0..<2).map { _ in .allocate(byteCount: byteCount, alignment: 64) })

  deinit {
    for block in memory { block.deallocate() }
  }

  private func reads(by readers: Int...) -> LaterReads {
    var reads = LaterReads()
    for (block, reader) in zip(memory, readers) { reads.note(UnsafeRawBufferPointer(block), by: reader) }
    return reads
  }

  /// The bytes that products still have to ask for at the beginning of each instruction.
  private func run(
    _ reads: inout LaterReads, _ instructions: Int, multiplyingAt products: Set<Int> = []
  ) -> [Int] {
    defer { reads.end() }
    return (0..<instructions).map { instruction in
      reads.begin(instruction)
      let left = graft_unasked()
      if products.contains(instruction) { multiply() }
      return left
    }
  }

  /// A product of so many rows that its tiles ask for all.
  private func multiply() {
    let (m, k, n) = (126, 256, 256)
    let a = [Float](repeating: 1, count: m * k)
    let packed = [Float](repeating: 1, count: k * n)
    var c = [Float](repeating: 0, count: m * n)
    graft_matrix_product_f32(m, n, k, a, k, 1, packed, &c, n, nil)
  }

  @Test func itIsAskedForBeforeItsReader() {
    var reads = reads(by: 5)
    #expect(run(&reads, 8, multiplyingAt: [0, 4]) == [0, 0, 0, 0, Self.byteCount, 0, 0, 0])
    #expect(graft_unasked() == 0)
  }

  /// What all of was asked for is asked for at the same place in the next run, and what was not one instruction earlier.
  @Test func itIsAskedForEarlierWhereThatWasTooLate() {
    var reads = reads(by: 5)
    let late = [0, 0, 0, 0, Self.byteCount, 0]
    #expect(run(&reads, 6) == late)
    #expect(run(&reads, 6) == [0, 0, 0, Self.byteCount, Self.byteCount, 0])
    for _ in 0..<3 { #expect(run(&reads, 6, multiplyingAt: [2]).firstIndex { $0 > 0 } == 2) }
  }

  @Test func oneIsAskedForAfterTheOther() {
    var reads = reads(by: 4, 5)
    for _ in 0..<4 { _ = run(&reads, 6, multiplyingAt: [1, 2]) }
    #expect(run(&reads, 6, multiplyingAt: [1, 2]) == [0, Self.byteCount, Self.byteCount, 0, 0, 0])
  }

  @Test func whatIsSmallIsNotAskedFor() {
    var reads = LaterReads()
    reads.note(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory[0])[..<1024]), by: 2)
    #expect(reads.isEmpty)
  }

  @Test func aReaderThatIsTheFirstInstructionAsksForNothing() {
    var reads = reads(by: 0)
    for _ in 0..<2 { #expect(run(&reads, 3) == [0, 0, 0]) }
  }

  @Test func aRunThatEndsEarlyLeavesNothingToAskFor() {
    var reads = reads(by: 5)
    #expect(run(&reads, 5).last == Self.byteCount)
    #expect(graft_unasked() == 0)
  }
}
