import CGraftVector
import GraftTensor

/// The exponentials of a row of half or bfloat16, and their sum, rounded as TensorFlow rounds them.
struct SteppedExponentials<T: HalfElement> {
  private let count: Int
  private let format: SixteenBits
  private let rounded: UnsafeMutablePointer<T>
  /// What is left of each element without the largest.
  let shifted: UnsafeMutablePointer<Float>
  /// The exponentials of that.
  let powers: UnsafeMutablePointer<Float>
  private(set) var sum: Float = 0

  /// Calls the body with room for a row.
  static func withRow(of count: Int, _ body: (inout SteppedExponentials) -> Void) {
    guard let format = SixteenBits(T.self == Float16.self ? .float16 : .bfloat16) else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: max(2 * count, 1)) { floats in
      withUnsafeTemporaryAllocation(of: T.self, capacity: max(count, 1)) { rounded in
        guard let floats = floats.baseAddress, let rounded = rounded.baseAddress else { return }
        var row = SteppedExponentials(
          count: count, format: format, rounded: rounded, shifted: floats, powers: floats + count)
        body(&row)
      }
    }
  }

  private init(
    count: Int, format: SixteenBits, rounded: UnsafeMutablePointer<T>, shifted: UnsafeMutablePointer<Float>,
    powers: UnsafeMutablePointer<Float>
  ) {
    self.count = count
    self.format = format
    self.rounded = rounded
    self.shifted = shifted
    self.powers = powers
  }

  /// Takes the elements of a row of this number.
  mutating func load(_ values: UnsafePointer<T>, row: Int) {
    format.widen(values, shifted, count)
    run(row)
  }

  /// Takes a row of this number element by element.
  mutating func load(row: Int, _ value: (Int) -> Float) {
    for index in 0..<count { shifted[index] = value(index) }
    run(row)
  }

  private mutating func run(_ row: Int) {
    var largest: Float = 0
    graft_f32_max_rows(shifted, &largest, 1, count)
    for index in 0..<count { shifted[index] -= largest }
    round(shifted)
    graft_f32_exp(shifted, powers, count)
    round(powers)
    sum = format.reduce(powers, count, from: row * count, multiplies: false)
  }

  private func round(_ values: UnsafeMutablePointer<Float>) {
    format.narrow(values, rounded, count)
    format.widen(rounded, values, count)
  }

  /// Rounds numbers into a row.
  func store(_ values: UnsafePointer<Float>, _ target: UnsafeMutablePointer<T>) {
    format.narrow(values, target, count)
  }
}
