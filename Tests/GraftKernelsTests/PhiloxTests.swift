import GraftTensor
import Testing

@testable import GraftKernels

/// Random blocks that are made a register at a time, beside those that are made one by one.
@Suite struct PhiloxTests {
  /// Counters that carry within the first registers, or do not.
  private static let counters: [Philox.Block] = [
    (0, 0, 0, 0), (0xFFFF_FFF9, 7, 1, 2), (0xFFFF_FFFD, 0xFFFF_FFFF, 0xFFFF_FFFF, 4),
  ]

  @Test(arguments: counters.indices, [1, 3, 4, 63, 257, 4096])
  func blocksAreThoseOfTheDefinition(counter: Int, count: Int) throws {
    let generator = Philox(counter: Self.counters[counter], key: (0x1234_5678, 0x9ABC_DEF0))
    var numbers = PhiloxNumbers(generator)
    let wanted = (0..<count).map { _ in numbers.next() }
    for threads in [1, 2] {
      let workers = WorkerPool(threads: threads)
      let bits = try Tensor(uninitialized: .uint32, shape: [count])
      RandomFill.fillBits(bits, generator, workers)
      #expect(try bits.scalars(as: UInt32.self) == wanted)
      let uniform = try Tensor(uninitialized: .float32, shape: [count])
      RandomFill.fill(uniform, .uniform, from: generator, workers)
      #expect(try uniform.scalars(as: Float.self) == wanted.map { UniformNumber.float($0) })
    }
  }
}
