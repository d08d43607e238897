/// Changes bytes as fuzzers do: other bits, numbers at their edges, parts that are missing or there twice.
package struct ByteMutator {
  private var chance: Chance

  /// The same seed makes the same changes.
  package init(seed: UInt64) { chance = Chance(seed: seed) }

  /// The bytes with one to four changes.
  package mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...chance.below(4) {
      guard !bytes.isEmpty else { return [UInt8(truncatingIfNeeded: chance.next())] }
      let start = chance.below(bytes.count)
      let end = min(bytes.count, start + 1 + chance.below(16))
      switch chance.below(6) {
      case 0: bytes[start] ^= 1 << UInt8(chance.below(8))
      case 1: bytes[start] = chance.pick([0, 1, 0x7F, 0x80, 0xFF] as [UInt8]) ?? 0
      case 2: bytes.removeSubrange(start..<end)
      case 3: bytes.insert(contentsOf: bytes[start..<end], at: start)
      case 4: bytes.removeSubrange(start...)
      default:
        let number = chance.integer()
        for place in start..<end where place - start < 8 {
          bytes[place] = UInt8(truncatingIfNeeded: number >> Int64(8 * (place - start)))
        }
      }
    }
    return bytes
  }
}
