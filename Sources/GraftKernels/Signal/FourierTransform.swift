import CGraftVector
import GraftTensor

/// Discrete Fourier transforms of one length, in double precision.
///
/// - Complexity: O(n log n) for any length: lengths with a large prime factor become convolutions of a power of two.
final class FourierTransform: Sendable {
  let length: Int
  private let stages: [Stage]
  private let convolution: Convolution?

  private static let plans = FourierPlans<FourierTransform>()

  /// The transform of a length, which other calls have too.
  static func shared(_ length: Int) -> FourierTransform { plans.plan(length) { FourierTransform(length) } }

  private init(_ length: Int) {
    self.length = length
    let factors = Self.factors(of: length)
    if (factors.max() ?? 1) > Int(GRAFT_FOURIER_LARGEST_RADIX) {
      stages = []
      convolution = Convolution(length)
    } else {
      var rest = length
      stages = factors.map { radix in
        defer { rest /= radix }
        return Stage(radix: radix, parts: rest / radix)
      }
      convolution = nil
    }
  }

  /// The prime factors, of twos as many eights as there are; no single two where there is another.
  private static func factors(of length: Int) -> [Int] {
    guard length > 1 else { return [] }
    let twos = length.trailingZeroBitCount
    let last = twos == 1 ? [2] : twos % 3 == 1 ? [4, 4] : twos % 3 == 2 ? [4] : []
    var result = [Int](repeating: 8, count: twos == 1 ? 0 : (twos - 2 * last.count) / 3) + last
    var (rest, factor) = (length >> twos, 3)
    while factor * factor <= rest {
      while rest % factor == 0 {
        result.append(factor)
        rest /= factor
      }
      factor += 2
    }
    if rest > 1 { result.append(rest) }
    return result
  }

  /// Transforms the lines, of which each has as many elements as the length; with `inverse` the inverse way, without
  /// dividing by the length.
  func run(_ lines: FourierLines, inverse: Bool = false) {
    // The inverse is the transform with imaginary and real parts exchanged on both sides.
    if inverse { lines.exchangeParts() }
    if let convolution {
      convolution.run(lines)
    } else {
      var interleaved = 1
      for stage in stages {
        stage.run(lines, interleaved: interleaved)
        interleaved *= stage.radix
      }
    }
    if inverse { lines.exchangeParts() }
  }

  /// Puts `radix` transforms of a part of the length together.
  private struct Stage: Sendable {
    let radix: Int
    let parts: Int
    private let turns: FourierRoots
    private let roots: FourierRoots

    init(radix: Int, parts: Int) {
      self.radix = radix
      self.parts = parts
      let count = radix * parts
      turns = FourierRoots(count, { 2 * ($0 / parts * ($0 % parts) % count) }, of: count)
      roots = FourierRoots(radix, { 2 * $0 }, of: radix)
    }

    func run(_ lines: FourierLines, interleaved: Int) {
      var stage = graft_fourier_stage(
        radix: radix, parts: parts, count: interleaved * lines.count, xr: lines.real, xi: lines.imaginary,
        yr: lines.nextReal, yi: lines.nextImaginary, wr: turns.real, wi: turns.imaginary, rr: roots.real,
        ri: roots.imaginary)
      graft_fourier_run_stage(&stage)
      lines.advance()
    }
  }

  /// A transform as a convolution with a chirp.
  private final class Convolution: Sendable {
    private let length: Int
    private let chirp: FourierRoots
    private let spectrum: FourierRoots
    private let inner: FourierTransform

    init(_ length: Int) {
      self.length = length
      var size = 1
      while size < 2 * length { size *= 2 }
      inner = FourierTransform.shared(size)
      // The square is reduced first: large angles lose precision.
      chirp = FourierRoots(length, { $0 * $0 % (2 * length) }, of: length)
      let kernel = FourierLines(positions: size, count: 1)
      for index in 0..<length {
        // The inverse transform below is not divided.
        let (real, imaginary) = (chirp.real[index] / Double(size), -chirp.imaginary[index] / Double(size))
        for place in [index, (size - index) % size] {
          kernel.real[place] = real
          kernel.imaginary[place] = imaginary
        }
      }
      inner.run(kernel)
      spectrum = FourierRoots(copying: kernel, size)
    }

    func run(_ lines: FourierLines) {
      let count = lines.count
      let (used, rest) = (length * count, (inner.length - length) * count)
      let padded = lines.longer(positions: inner.length)
      padded.real.update(from: lines.real, count: used)
      padded.imaginary.update(from: lines.imaginary, count: used)
      (padded.real + used).update(repeating: 0, count: rest)
      (padded.imaginary + used).update(repeating: 0, count: rest)
      graft_fourier_multiply(padded.real, padded.imaginary, chirp.real, chirp.imaginary, length, count)
      inner.run(padded)
      graft_fourier_multiply(
        padded.real, padded.imaginary, spectrum.real, spectrum.imaginary, inner.length, count)
      inner.run(padded, inverse: true)
      graft_fourier_multiply(padded.real, padded.imaginary, chirp.real, chirp.imaginary, length, count)
      lines.real.update(from: padded.real, count: used)
      lines.imaginary.update(from: padded.imaginary, count: used)
    }
  }
}
