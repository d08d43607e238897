import CGraftVector
import GraftTensor

/// Fourier transforms of single real lines of one length: of half the length, where that is even.
final class RealFourierTransform: Sendable {
  let length: Int
  private let inner: FourierTransform
  /// Those that even and odd elements are put together with; nil for an odd length.
  private let roots: FourierRoots?

  private static let plans = FourierPlans<RealFourierTransform>()

  /// The transform of a length, which other calls have too.
  static func shared(_ length: Int) -> RealFourierTransform {
    plans.plan(length) { RealFourierTransform(length) }
  }

  private init(_ length: Int) {
    self.length = length
    let isEven = length > 0 && length.isMultiple(of: 2)
    inner = FourierTransform.shared(isEven ? length / 2 : length)
    roots = isEven ? FourierRoots(length / 2 + 1, { $0 }, of: length / 2) : nil
  }

  /// How many numbers of a line's transform say all.
  var frequencies: Int { length / 2 + 1 }

  /// How many positions the line needs.
  var positions: Int { max(inner.length, frequencies) }

  /// Puts the elements of a real line in their places.
  @inline(__always)
  func load(_ line: FourierLines, _ element: (Int) -> Double) {
    if roots == nil {
      for index in 0..<length {
        line.real[index] = element(index)
        line.imaginary[index] = 0
      }
    } else {
      for position in 0..<inner.length {
        line.real[position] = element(2 * position)
        line.imaginary[position] = element(2 * position + 1)
      }
    }
  }

  /// The same from memory; zeros follow the elements where there are fewer.
  func load<T: FourierScalar>(_ line: FourierLines, _ source: UnsafePointer<T>, count: Int) {
    let used = min(count, length)
    var filled = used
    if roots == nil {
      for index in 0..<used { line.real[index] = Double(source[index]) }
      line.imaginary.update(repeating: 0, count: used)
    } else {
      filled = used / 2
      T.split(source, row: 0, line, rows: 1, count: filled)
      if !used.isMultiple(of: 2) {
        (line.real[filled], line.imaginary[filled]) = (Double(source[used - 1]), 0)
        filled += 1
      }
    }
    (line.real + filled).update(repeating: 0, count: inner.length - filled)
    (line.imaginary + filled).update(repeating: 0, count: inner.length - filled)
  }

  /// Writes what ``runInverse(_:)`` made to memory.
  func store<T: FourierScalar>(_ line: FourierLines, _ target: UnsafeMutablePointer<T>) {
    let factor = 1 / Double(max(inner.length, 1))
    if roots == nil {
      for index in 0..<length { target[index] = T(line.real[index] * factor) }
    } else {
      T.join(line, target, row: 0, rows: 1, count: inner.length, factor: factor)
    }
  }

  /// Makes of a real line the first ``frequencies`` numbers of its transform.
  func run(_ line: FourierLines) {
    inner.run(line)
    guard let roots else { return }
    graft_fourier_unfold(
      line.real, line.imaginary, line.nextReal, line.nextImaginary, roots.real, roots.imaginary, inner.length)
    line.advance()
  }

  /// Makes of the first ``frequencies`` numbers of a transform the real line, times a factor that
  /// ``store(_:_:)`` knows. The imaginary parts of those that have none do not count.
  func runInverse(_ line: FourierLines) {
    if let roots {
      graft_fourier_fold(
        line.real, line.imaginary, line.nextReal, line.nextImaginary, roots.real, roots.imaginary,
        inner.length)
      line.advance()
    } else {
      for position in 1..<max(frequencies, 1) {
        line.real[length - position] = line.real[position]
        line.imaginary[length - position] = -line.imaginary[position]
      }
    }
    inner.run(line, inverse: true)
  }
}
