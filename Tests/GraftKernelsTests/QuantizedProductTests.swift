import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Products of quantized values, against sums of whole numbers.
///
/// TensorFlow 2.21 gives the same: `tf.raw_ops.QuantizedMatMul`, `tf.raw_ops.QuantizedConv2D`.
@Suite("Quantized products")
struct QuantizedProductTests {
  private static func bytes(_ count: Int, seed: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 73 &+ seed) &* 1_103_515_245 >> 7) }
  }

  private func quantized(_ values: [UInt8], _ shape: [Int]) throws -> Tensor {
    try Tensor(shape: shape, scalars: values).reinterpreted(as: .quint8)
  }

  private func ranges(_ ends: Float...) throws -> [Tensor] { try ends.map { try Tensor($0) } }

  // As many products as float32, and as float64, is needed for. Values of a range around zero have their zero in the
  // middle, at 128.
  @Test("A product of matrices is exact, however many products are summed", arguments: [5, 300, 1300])
  func matrixProduct(depth: Int) throws {
    let (m, n) = (7, 9)
    for (transposesA, transposesB) in [(false, false), (true, false), (false, true), (true, true)] {
      for largest in [false, true] {
        let a = largest ? [UInt8](repeating: 255, count: m * depth) : Self.bytes(m * depth, seed: 1)
        let b = largest ? [UInt8](repeating: 255, count: n * depth) : Self.bytes(n * depth, seed: 2)
        let outputs = try KernelHarness.run(
          "QuantizedMatMul", in: QuantizationOps.all,
          [
            try quantized(a, transposesA ? [depth, m] : [m, depth]),
            try quantized(b, transposesB ? [n, depth] : [depth, n]),
          ] + (try ranges(0, 255, largest ? 0 : -128, largest ? 255 : 127)),
          attributes: ["transpose_a": .bool(transposesA), "transpose_b": .bool(transposesB)],
          outputs: [.qint32, .float32, .float32], threads: 2)
        let zero = largest ? 0 : 128
        let expected = (0..<m * n).map { place in
          let (row, column) = (place / n, place % n)
          return Int32(
            (0..<depth).reduce(0) { sum, step in
              sum + Int(a[transposesA ? step * m + row : row * depth + step])
                * (Int(b[transposesB ? column * depth + step : step * n + column]) - zero)
            })
        }
        #expect(try outputs[0].reinterpreted(as: .int32).scalars(as: Int32.self) == expected)
      }
    }
  }

  @Test("A convolution is exact, and padding counts as zero", arguments: ["SAME", "VALID"], [1, 2])
  func convolution(padding: String, stride: Int) throws {
    let (height, width, depth, channels) = (6, 5, 70, 18)
    let x = Self.bytes(height * width * depth, seed: 3)
    let filter = Self.bytes(9 * depth * channels, seed: 4)
    let outputs = try KernelHarness.run(
      "QuantizedConv2D", in: QuantizationOps.all,
      [try quantized(x, [1, height, width, depth]), try quantized(filter, [3, 3, depth, channels])]
        + (try ranges(-64, 191, -100, 155)),
      attributes: [
        "strides": .ints([1, Int64(stride), Int64(stride), 1]), "dilations": .ints([1, 1, 1, 1]),
        "padding": .string(Bytes(padding)),
      ], outputs: [.qint32, .float32, .float32])
    let isSame = padding == "SAME"
    func size(_ input: Int) -> Int { isSame ? (input + stride - 1) / stride : (input - 3) / stride + 1 }
    func before(_ input: Int) -> Int { isSame ? max((size(input) - 1) * stride + 3 - input, 0) / 2 : 0 }
    var expected: [Int32] = []
    for row in 0..<size(height) {
      for column in 0..<size(width) {
        for channel in 0..<channels {
          var sum = 0
          for place in 0..<9 {
            let y = row * stride - before(height) + place / 3
            let z = column * stride - before(width) + place % 3
            guard 0..<height ~= y, 0..<width ~= z else { continue }
            for step in 0..<depth {
              let value = Int(x[(y * width + z) * depth + step]) - 64
              sum += value * (Int(filter[(place * depth + step) * channels + channel]) - 100)
            }
          }
          expected.append(Int32(sum))
        }
      }
    }
    #expect(outputs[0].shape.dimensions == [1, size(height), size(width), channels])
    #expect(try outputs[0].reinterpreted(as: .int32).scalars(as: Int32.self) == expected)
  }
}
