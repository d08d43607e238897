import GraftTensor
import Testing

@testable import GraftKernels

@Suite struct PackingConstants {
  private final class Packed: Sendable {}

  /// Keeps what is prepared for one instruction, and packed constants where it is told to.
  private final class Allocator: OutputAllocator {
    var keepsPacked = false
    private var kept: AnyObject?

    func prepared(_ instruction: Int) -> AnyObject? { kept }
    func setPrepared(_ instruction: Int, _ object: any AnyObject & Sendable) { kept = object }
    func isConstant(slot: Int) -> Bool { true }
  }

  @Test func isDoneForOneRunUntilPackedConstantsAreKept() throws {
    let allocator = Allocator()
    let values = UnsafeMutableBufferPointer<Tensor?>.allocate(capacity: 0)
    defer { values.deallocate() }
    let context = KernelContext(values: values, allocator: allocator, workers: WorkerPool(threads: 1))
    let constant = try Tensor([Float(1), 2])
    var count = 0
    func prepare() throws -> Packed {
      try context.prepared {
        try context.packed(constant, form: []) {
          count += 1
          return Packed()
        }
      }
    }
    _ = try prepare()
    _ = try prepare()
    #expect(count == 2)
    allocator.keepsPacked = true
    let kept = try prepare()
    #expect(try prepare() === kept)
    #expect(count == 3)
  }

  @Test func leavesWhatElseIsPreparedToBeKept() throws {
    let values = UnsafeMutableBufferPointer<Tensor?>.allocate(capacity: 0)
    defer { values.deallocate() }
    let context = KernelContext(values: values, allocator: Allocator(), workers: WorkerPool(threads: 1))
    let constant = try Tensor([Float(1), 2])
    _ = try context.packed(constant, form: []) { Packed() }
    let kept = try context.prepared { Packed() }
    #expect(try context.prepared { Packed() } === kept)
  }
}
