import GraftTensor

/// Lines of complex numbers to transform: the elements of all lines at one position next to each other, real and
/// imaginary parts in arrays of their own.
final class FourierLines {
  /// How many lines there are.
  var count: Int
  private(set) var real: UnsafeMutablePointer<Double>
  private(set) var imaginary: UnsafeMutablePointer<Double>
  /// Where the next step of a transform writes.
  private(set) var nextReal: UnsafeMutablePointer<Double>
  private(set) var nextImaginary: UnsafeMutablePointer<Double>
  private let memory: UnsafeMutablePointer<Double>
  private let capacity: Int
  private var longer: FourierLines?

  /// Room for so many positions of so many lines.
  init(positions: Int, count: Int) {
    self.count = count
    capacity = positions * count
    memory = .allocate(capacity: 4 * capacity)
    memory.initialize(repeating: 0, count: 4 * capacity)
    (real, imaginary) = (memory, memory + capacity)
    (nextReal, nextImaginary) = (memory + 2 * capacity, memory + 3 * capacity)
  }

  deinit {
    memory.deallocate()
  }

  /// Takes what was written last for the lines.
  func advance() {
    swap(&real, &nextReal)
    swap(&imaginary, &nextImaginary)
  }

  /// Lets real and imaginary parts change places.
  func exchangeParts() {
    swap(&real, &imaginary)
    swap(&nextReal, &nextImaginary)
  }

  /// As many lines with more positions, for what lies in between; the same memory each time.
  func longer(positions: Int) -> FourierLines {
    if let longer, longer.capacity >= positions * count {
      longer.count = count
      return longer
    }
    let made = FourierLines(positions: positions, count: count)
    longer = made
    return made
  }

  /// How many lines that are neighbours in memory are transformed together: the elements of a line of the cache.
  static let width = 8
  /// About how many elements are transformed before a run may be ended.
  private static let elementsPerTurn = 1 << 22

  /// Calls the body for one block of lines after the other, perhaps on several threads, with memory for them.
  ///
  /// - Parameter width: how many lines a block has at most.
  /// - Throws: what ends the run between them, and `resourceExhausted` where there is no room.
  static func forEach(
    _ blocks: Int, width: Int, positions: Int, _ context: KernelContext,
    _ body: @escaping @Sendable (_ memory: FourierLines, _ block: Int) -> Void
  ) throws {
    let together = min(context.workers.workers, blocks)
    try MemoryAccount.requireRoom(
      for: try Shape(validating: [together, 4, width, positions]).elementCount,
      bytesEach: MemoryLayout<Double>.stride)
    let turn = max(elementsPerTurn / max(positions * width, 1), together)
    for first in stride(from: 0, to: blocks, by: turn) {
      try context.checkpoint()
      context.workers.forEach(min(turn, blocks - first), cost: positions * width * 4) { range in
        let memory = FourierLines(positions: positions, count: width)
        for block in range { body(memory, first + block) }
      }
    }
  }
}
