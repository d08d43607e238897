import Glibc

/// Numbers of magnitude one, or others to multiply lines by.
final class FourierRoots: @unchecked Sendable {
  let real: UnsafeMutablePointer<Double>
  let imaginary: UnsafeMutablePointer<Double>

  /// For each index exp(-pi i · turn(index) / half).
  init(_ count: Int, _ turn: (Int) -> Int, of half: Int) {
    real = .allocate(capacity: max(count, 1))
    imaginary = .allocate(capacity: max(count, 1))
    for index in 0..<count {
      let angle = -Double.pi * Double(turn(index)) / Double(half)
      (real + index).initialize(to: cos(angle))
      (imaginary + index).initialize(to: sin(angle))
    }
  }

  /// The elements of a single line.
  init(copying line: FourierLines, _ count: Int) {
    real = .allocate(capacity: count)
    imaginary = .allocate(capacity: count)
    real.initialize(from: line.real, count: count)
    imaginary.initialize(from: line.imaginary, count: count)
  }

  deinit {
    real.deallocate()
    imaginary.deallocate()
  }
}
