import CGraftVector
import GraftTensor

/// The regularized lower incomplete gamma function over rows of floats: by the loop that is made for vectors where it
/// reaches, and by the general function elsewhere.
enum IncompleteGammaRows {
  static let lower = BinaryRows.FloatLoops(
    pairs: { a, x, y, count in IncompleteGammaRows.run(a, 1, x, 1, y, count) },
    left: { a, x, y, count in IncompleteGammaRows.run(a, 0, x, 1, y, count) },
    right: { a, x, y, count in IncompleteGammaRows.run(a, 1, x, 0, y, count) })

  private static let block = 256

  @inline(__always)
  private static func isPlain(_ a: Float, _ x: Float) -> Bool {
    a > 0 && a <= 1e4 && x >= .leastNormalMagnitude && x <= 30
  }

  private static func run(
    _ a: UnsafePointer<Float>, _ aStep: Int, _ x: UnsafePointer<Float>, _ xStep: Int,
    _ y: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * block) { room in
      guard let base = room.baseAddress else { return }
      // Copies, as the output may be an input.
      base.initialize(repeating: 1, count: 3 * block)
      let (first, second, result) = (base, base + block, base + 2 * block)
      var begin = 0
      while begin < count {
        let length = min(block, count - begin)
        for i in 0..<length {
          let (parameter, value) = (a[(begin + i) * aStep], x[(begin + i) * xStep])
          let isPlain = isPlain(parameter, value)
          first[i] = isPlain ? parameter : 1
          second[i] = isPlain ? value : 1
        }
        graft_f32_igamma(first, second, result, length)
        for i in 0..<length {
          let (parameter, value) = (a[(begin + i) * aStep], x[(begin + i) * xStep])
          y[begin + i] = isPlain(parameter, value) ? result[i] : lower(parameter, value)
        }
        begin += length
      }
    }
  }

  static func lower(_ a: Float, _ x: Float) -> Float {
    Float(
      SpecialFunctions.lowerGamma(Double(a), Double(x), precision: SpecialFunctions.singlePrecision))
  }

  static func upper(_ a: Float, _ x: Float) -> Float {
    Float(
      SpecialFunctions.upperGamma(Double(a), Double(x), precision: SpecialFunctions.singlePrecision))
  }
}
