import CGraftVector
import Glibc
import GraftTensor

/// Discrete Fourier transforms of one length, in double precision.
///
/// - Complexity: O(n log n) for any length: lengths with a large prime factor become convolutions of a power of two.
final class FourierTransform: Sendable {
  let length: Int
  private let stages: [Stage]
  private let convolution: Convolution?

  /// The largest prime factor that is transformed by its definition.
  private static let largestFactor = 61

  init(_ length: Int) {
    self.length = length
    let factors = Self.factors(of: length)
    if (factors.max() ?? 1) > Self.largestFactor {
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

  /// The prime factors, of twos as many fours as there are.
  private static func factors(of length: Int) -> [Int] {
    var (rest, factor, result): (Int, Int, [Int]) = (length, 2, [])
    while rest > 1, rest.isMultiple(of: 4) {
      result.append(4)
      rest /= 4
    }
    while rest > 1, factor * factor <= rest {
      while rest % factor == 0 {
        result.append(factor)
        rest /= factor
      }
      factor += 1
    }
    return rest > 1 ? result + [rest] : result
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
    private let turns: Roots
    private let roots: Roots

    init(radix: Int, parts: Int) {
      self.radix = radix
      self.parts = parts
      let count = radix * parts
      turns = Roots(count, { 2 * ($0 / radix * ($0 % radix) % count) }, of: count)
      roots = Roots(radix, { 2 * $0 }, of: radix)
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
    private let chirp: Roots
    private let spectrum: Roots
    private let inner: FourierTransform

    init(_ length: Int) {
      self.length = length
      var size = 1
      while size < 2 * length { size *= 2 }
      inner = FourierTransform(size)
      // The square is reduced first: large angles lose precision.
      chirp = Roots(length, { $0 * $0 % (2 * length) }, of: length)
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
      spectrum = Roots(copying: kernel, size)
    }

    func run(_ lines: FourierLines) {
      let count = lines.count
      let padded = FourierLines(positions: inner.length, count: count)
      padded.real.update(from: lines.real, count: length * count)
      padded.imaginary.update(from: lines.imaginary, count: length * count)
      graft_fourier_multiply(padded.real, padded.imaginary, chirp.real, chirp.imaginary, length, count)
      inner.run(padded)
      graft_fourier_multiply(
        padded.real, padded.imaginary, spectrum.real, spectrum.imaginary, inner.length, count)
      inner.run(padded, inverse: true)
      graft_fourier_multiply(padded.real, padded.imaginary, chirp.real, chirp.imaginary, length, count)
      lines.real.update(from: padded.real, count: length * count)
      lines.imaginary.update(from: padded.imaginary, count: length * count)
    }
  }
}

/// Fourier transforms of real lines of one length: one of half the length, where that is even.
final class RealFourierTransform: Sendable {
  let length: Int
  private let inner: FourierTransform
  /// Those that even and odd elements are put together with; nil for an odd length.
  private let roots: Roots?

  init(_ length: Int) {
    self.length = length
    let isEven = length > 0 && length.isMultiple(of: 2)
    inner = FourierTransform(isEven ? length / 2 : length)
    roots = isEven ? Roots(length / 2 + 1, { $0 }, of: length / 2) : nil
  }

  /// How many numbers of a line's transform say all.
  var frequencies: Int { length / 2 + 1 }

  /// How many positions the lines need.
  var positions: Int { max(inner.length, frequencies) }

  /// Where the element of a real line stands.
  @inline(__always)
  func place(of index: Int) -> (position: Int, isImaginary: Bool) {
    roots == nil ? (index, false) : (index / 2, !index.isMultiple(of: 2))
  }

  /// Puts the elements of a real line in their places.
  @inline(__always)
  func load(_ lines: FourierLines, _ lane: Int, _ element: (Int) -> Double) {
    if roots == nil {
      for index in 0..<length {
        lines.real[index * lines.count + lane] = element(index)
        lines.imaginary[index * lines.count + lane] = 0
      }
    } else {
      for position in 0..<inner.length {
        lines.real[position * lines.count + lane] = element(2 * position)
        lines.imaginary[position * lines.count + lane] = element(2 * position + 1)
      }
    }
  }

  /// Makes of real lines the first ``frequencies`` numbers of their transforms.
  func run(_ lines: FourierLines) {
    inner.run(lines)
    guard let roots else { return }
    graft_fourier_unfold(
      lines.real, lines.imaginary, lines.nextReal, lines.nextImaginary, roots.real, roots.imaginary,
      inner.length, lines.count)
    lines.advance()
  }

  /// Makes of the first ``frequencies`` numbers of transforms real lines, times ``divisor``. The imaginary parts of
  /// those that have none do not count.
  func runInverse(_ lines: FourierLines) {
    let count = lines.count
    guard let roots else {
      for position in 1..<max(frequencies, 1) {
        for lane in 0..<count {
          let (from, to) = (position * count + lane, (length - position) * count + lane)
          lines.real[to] = lines.real[from]
          lines.imaginary[to] = -lines.imaginary[from]
        }
      }
      return inner.run(lines, inverse: true)
    }
    for lane in 0..<count {
      lines.imaginary[lane] = 0
      lines.imaginary[inner.length * count + lane] = 0
    }
    graft_fourier_fold(
      lines.real, lines.imaginary, lines.nextReal, lines.nextImaginary, roots.real, roots.imaginary,
      inner.length, count)
    lines.advance()
    inner.run(lines, inverse: true)
  }

  /// What the result of ``runInverse(_:)`` is to be divided by.
  var divisor: Double { Double(max(inner.length, 1)) }
}

/// Numbers of magnitude one, or others to multiply lines by.
private final class Roots: @unchecked Sendable {
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
