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

  /// Room for so many positions of so many lines.
  init(positions: Int, count: Int) {
    self.count = count
    let part = positions * count
    memory = .allocate(capacity: 4 * part)
    memory.initialize(repeating: 0, count: 4 * part)
    (real, imaginary) = (memory, memory + part)
    (nextReal, nextImaginary) = (memory + 2 * part, memory + 3 * part)
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
  func exchangeParts() { swap(&real, &imaginary) }

  /// How many lines are transformed together: as many as the widest vectors have places.
  private static let width = 8
  /// About how many elements are transformed before a run may be ended.
  private static let elementsPerTurn = 1 << 22

  /// Calls the body for a few lines after the other, perhaps on several threads, with memory for them.
  ///
  /// - Throws: what ends the run between them, and `resourceExhausted` where there is no room.
  static func forEach(
    _ lines: Int, positions: Int, _ context: KernelContext,
    _ body: @escaping @Sendable (_ memory: FourierLines, _ lines: Range<Int>) -> Void
  ) throws {
    let blocks = (lines + width - 1) / width
    let together = min(context.workers.workers, blocks)
    try MemoryAccount.requireRoom(
      for: try Shape(validating: [together, 4, width, positions]).elementCount,
      bytesEach: MemoryLayout<Double>.stride)
    let turn = max(elementsPerTurn / max(positions * width, 1), together)
    for first in stride(from: 0, to: blocks, by: turn) {
      try context.checkpoint()
      context.workers.forEach(min(turn, blocks - first), cost: positions * width * 4) { range in
        let memory = FourierLines(positions: positions, count: min(width, lines))
        for block in range {
          let start = (first + block) * width
          memory.count = min(width, lines - start)
          body(memory, start..<start + memory.count)
        }
      }
    }
  }
}
