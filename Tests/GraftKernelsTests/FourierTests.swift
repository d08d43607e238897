import Glibc
import GraftKernels
import GraftTensor
import Testing

@testable import GraftKernels

/// Against the definition: lengths of every kind of stage, and those that become convolutions (67, 134).
@Suite struct FourierTransforms {
  static let lengths = [1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 24, 31, 32, 61, 64, 67, 96, 100, 128, 134, 512]

  private func numbers(_ count: Int, _ seed: Double) -> [Double] {
    (0..<count).map { sin(Double($0 * $0) * 0.37 + seed) }
  }

  private func transform(_ values: [Complex128], _ sign: Double) -> [Complex128] {
    let count = values.count
    return (0..<count).map { frequency in
      var sum = Complex128(0)
      for (index, value) in values.enumerated() {
        let angle = sign * 2 * Double.pi * Double(index * frequency % count) / Double(count)
        sum += value * Complex128(cos(angle), sin(angle))
      }
      return sum
    }
  }

  private func expectClose(_ found: [Complex128], _ expected: [Complex128], _ length: Int) {
    #expect(found.count == expected.count)
    let limit = 1e-13 * Double(length)
    #expect(
      zip(found, expected).allSatisfy {
        abs($0.real - $1.real) <= limit && abs($0.imaginary - $1.imaginary) <= limit
      }, "length \(length)")
  }

  /// Fewer lines than are transformed together, and more.
  @Test(arguments: lengths, [1, 3, 19])
  func areThoseOfTheDefinitionAndBack(length: Int, lines: Int) throws {
    let values = zip(numbers(length * lines, 0), numbers(length * lines, 1)).map { Complex128($0, $1) }
    let input = try Tensor(shape: [lines, length], scalars: values)
    let spectrum = try KernelHarness.run(
      "FFT", in: FourierOps.all, [input], outputs: [.complex128], threads: 2)[0]
    let expected = stride(from: 0, to: values.count, by: length)
      .flatMap { transform(Array(values[$0..<$0 + length]), -1) }
    expectClose(try spectrum.scalars(as: Complex128.self), expected, length)
    let back = try KernelHarness.run("IFFT", in: FourierOps.all, [spectrum], outputs: [.complex128])[0]
    expectClose(try back.scalars(as: Complex128.self), values, length)
  }

  @Test(arguments: lengths)
  func ofRealNumbersAreTheFirstHalfAndGoBack(length: Int) throws {
    let values = numbers(3 * length, 2)
    let size = try Tensor([Int32(length)])
    let input = try Tensor(shape: [3, length], scalars: values)
    let half = try KernelHarness.run(
      "RFFT", in: FourierOps.all, [input, size], outputs: [.complex128])[0]
    let expected = stride(from: 0, to: values.count, by: length).flatMap { first in
      transform(values[first..<first + length].map { Complex128($0) }, -1).prefix(length / 2 + 1)
    }
    expectClose(try half.scalars(as: Complex128.self), expected, length)
    let back = try KernelHarness.run("IRFFT", in: FourierOps.all, [half, size], outputs: [.float64])[0]
    expectClose(
      try back.scalars(as: Double.self).map { Complex128($0) }, values.map { Complex128($0) }, length)
  }

  @Test func anotherLineThatIsNotFiniteSpoilsNone() throws {
    let input = try Tensor(shape: [2, 8], scalars: [Double](repeating: .nan, count: 8) + numbers(8, 0))
    let half = try KernelHarness.run(
      "RFFT", in: FourierOps.all, [input, try Tensor([Int32(8)])], outputs: [.complex128])[0]
    let values = try half.scalars(as: Complex128.self)
    #expect(values.prefix(5).allSatisfy { $0.real.isNaN })
    #expect(values.suffix(5).allSatisfy { $0.real.isFinite && $0.imaginary.isFinite })
  }
}
