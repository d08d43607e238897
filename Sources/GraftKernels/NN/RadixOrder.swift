import GraftTensor

/// The order of numbers by the digits of their bits, which compares none of them: the largest first, and equal ones as
/// they come.
struct RadixOrder {
  /// How long rows are for which this pays, and takes little memory.
  static let lengths = 64...1 << 20

  private static let digitBits = 8
  private static let digits = 1 << digitBits

  private let count: Int
  /// Keys with their places: those that are sorted, and as much room.
  private let pairs: UnsafeMutablePointer<UInt64>

  /// Calls the body with memory for rows of `count` numbers.
  static func withRows(of count: Int, _ body: (RadixOrder) -> Void) {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(2 * count, 1)) { memory in
      guard let pairs = memory.baseAddress else { return }
      body(RadixOrder(count: count, pairs: pairs))
    }
  }

  private init(count: Int, pairs: UnsafeMutablePointer<UInt64>) {
    self.count = count
    self.pairs = pairs
  }

  /// Puts the places of the first `found.count` in order; false, and nothing, where a NaN among the row has no order.
  func sort(_ row: UnsafePointer<Float>, into found: inout [Int32]) -> Bool {
    for place in 0..<count {
      // Both zeros are the same number.
      let number = row[place] + 0
      guard !number.isNaN else { return false }
      let bits = number.bitPattern
      let key = bits >> 31 == 0 ? ~bits ^ 0x8000_0000 : bits
      pairs[place] = UInt64(key) << 32 | UInt64(UInt32(truncatingIfNeeded: place))
    }
    let sorted = sortPairs()
    for position in found.indices { found[position] = Int32(truncatingIfNeeded: sorted[position]) }
    return true
  }

  /// Sorts by one digit of the key after the other, the last one first.
  private func sortPairs() -> UnsafeMutablePointer<UInt64> {
    var (source, target) = (pairs, pairs + count)
    withUnsafeTemporaryAllocation(of: Int.self, capacity: Self.digits) { starts in
      for shift in stride(from: 32, to: 64, by: Self.digitBits) {
        starts.update(repeating: 0)
        for place in 0..<count { starts[digit(source[place], shift)] += 1 }
        // A digit that all have changes nothing.
        if starts[digit(source[0], shift)] == count { continue }
        var start = 0
        for digit in starts.indices { (starts[digit], start) = (start, start + starts[digit]) }
        for place in 0..<count {
          let digit = digit(source[place], shift)
          target[starts[digit]] = source[place]
          starts[digit] += 1
        }
        swap(&source, &target)
      }
    }
    return source
  }

  @inline(__always)
  private func digit(_ pair: UInt64, _ shift: Int) -> Int {
    Int(truncatingIfNeeded: pair >> UInt64(shift)) & (Self.digits - 1)
  }
}
