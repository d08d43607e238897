import GraftTensor

/// Finds which of the features that a node asks for a name in a record is.
struct FeatureNames: Sendable {
  private let names: [[UInt8]]
  /// The number of the name at each place, from a name's hash on; -1 where there is none.
  private let slots: [Int32]

  /// A table of names. Of two that are alike the first one counts, and the other is found nowhere.
  init(_ names: [Bytes]) throws {
    guard names.count < 1 << 24 else {
      throw GraftError(.resourceExhausted, "The node asks for \(names.count) features.")
    }
    var size = 8
    while size < names.count * 2 { size *= 2 }
    var slots = [Int32](repeating: -1, count: size)
    for (number, name) in names.enumerated() {
      var slot = name.bytes.withUnsafeBytes { Self.hash($0, 0..<$0.count) } & (size - 1)
      while slots[slot] >= 0, names[Int(slots[slot])] != name { slot = (slot + 1) & (size - 1) }
      if slots[slot] < 0 { slots[slot] = Int32(number) }
    }
    self.names = names.map(\.bytes)
    self.slots = slots
  }

  /// The number of the name that a part of a record is; nil for one that nobody asks for.
  func number(of text: Range<Int>, in record: UnsafeRawBufferPointer) -> Int? {
    var slot = Self.hash(record, text) & (slots.count - 1)
    while slots[slot] >= 0 {
      let number = Int(slots[slot])
      if names[number].count == text.count, names[number].elementsEqual(record[text]) { return number }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// FNV-1a: names are short. Whoever makes names collide only makes their own record slower to read.
  private static func hash(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for place in range { hash = (hash ^ UInt64(bytes[place])) &* 0x0000_0100_0000_01B3 }
    return Int(truncatingIfNeeded: hash ^ (hash >> 29))
  }
}
