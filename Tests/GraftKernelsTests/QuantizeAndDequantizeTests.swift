import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Ranges and numbers such that nothing is rounded but by the op: float32 gives what float64 does, which is computed
/// one by one.
@Suite("Numbers rounded to what a quantized dtype holds")
struct QuantizeAndDequantizeTests {
  /// Eighths, halves of steps among them, some beyond the ranges, and more than threads take at once.
  private static func numbers(_ shape: [Int]) -> [Double] {
    (0..<shape.reduce(1, *)).map { (index: Int) -> Double in
      let place: Int = (index * 37 + index / 1000) % 1201
      return Double(place - 600) / 8
    }
  }

  private func run<T: TensorScalar & BinaryFloatingPoint>(
    _ type: T.Type, _ shape: [Int], axis: Int, isGiven: Bool, mode: String, threads: Int
  ) throws -> [Double] {
    let ranges = axis < 0 ? 1 : shape[axis]
    let low = (0..<ranges).map { (range: Int) -> T in T(-64 * (range % 2 + 1)) }
    let high = (0..<ranges).map { (range: Int) -> T in T((range % 2 + 1) * 127) / 2 }
    func range(_ values: [T]) throws -> Tensor {
      try Tensor(shape: axis < 0 ? [] : [ranges], scalars: values)
    }
    var values = Self.numbers(shape)
    if !isGiven {
      // The range that is found: a number of steps that is a power of two.
      for index in values.indices { values[index] = max(-64, min(values[index], 63.5)) }
    }
    let x = try Tensor(shape: shape, scalars: values.map { T($0) })
    return try KernelHarness.run(
      "QuantizeAndDequantizeV2", in: QuantizationOps.all, [x, range(low), range(high)],
      attributes: [
        "signed_input": .bool(true), "num_bits": .int(8), "range_given": .bool(isGiven),
        "round_mode": .string(Bytes(mode)), "narrow_range": .bool(false), "axis": .int(Int64(axis)),
      ], types: ["T": T.dataType], outputs: [T.dataType], threads: threads)[0]
      .scalars(as: T.self).map { Double($0) }
  }

  @Test(arguments: [-1, 0, 1, 2], ["HALF_TO_EVEN", "HALF_UP"])
  func theWiderTypeGivesTheSame(axis: Int, mode: String) throws {
    let shape = [4, 301, 36]
    for isGiven in [true, false] {
      let expected = try run(Double.self, shape, axis: axis, isGiven: isGiven, mode: mode, threads: 1)
      #expect(Set(expected).count > 50)
      for threads in [1, 3] {
        let found = try run(Float.self, shape, axis: axis, isGiven: isGiven, mode: mode, threads: threads)
        #expect(found == expected)
      }
    }
  }

  /// `tf.quantization.quantize_and_dequantize_v2`.
  @Test(arguments: [
    ("HALF_TO_EVEN", [-64, -0.5, 0, 0, 1, 63.5] as [Float]), ("HALF_UP", [-64, -0.5, 0, 0.5, 1, 63.5]),
  ])
  func halvesGoWhereTheModeSays(_ mode: (name: String, expected: [Float])) throws {
    let x = try Tensor([-100, -0.6, -0.2, 0.25, 0.75 + 0.125, 1000] as [Float])
    let found = try KernelHarness.run(
      "QuantizeAndDequantizeV2", in: QuantizationOps.all, [x, Tensor(Float(-64)), Tensor(Float(63.5))],
      attributes: [
        "signed_input": .bool(true), "num_bits": .int(8), "range_given": .bool(true),
        "round_mode": .string(Bytes(mode.name)), "narrow_range": .bool(false), "axis": .int(-1),
      ], types: ["T": .float32], outputs: [.float32])[0].scalars(as: Float.self)
    #expect(found == mode.expected)
  }
}
