/// FarmHash's Fingerprint128 (the 128-bit hash of CityHash 1.1): the same on every machine and in every version.
enum Fingerprint128 {
  private static let k0: UInt64 = 0xC3A5_C85C_97CB_3127
  private static let k1: UInt64 = 0xB492_B66F_BE98_F273

  /// The fingerprint of some bytes.
  static func of(_ bytes: [UInt8]) -> (low: UInt64, high: UInt64) {
    let text = Text(bytes: bytes[...])
    return bytes.count < 16
      ? short(text, k0, k1) : seeded(Text(bytes: bytes[16...]), text.word(0), text.word(8) &+ k0)
  }

  private static func seeded(_ text: Text, _ low: UInt64, _ high: UInt64) -> (low: UInt64, high: UInt64) {
    text.count < 128 ? short(text, low, high) : long(text, low, high)
  }

  /// For texts of less than 128 bytes.
  private static func short(_ text: Text, _ low: UInt64, _ high: UInt64) -> (low: UInt64, high: UInt64) {
    var (a, b, c, d) = (low, high, UInt64(0), UInt64(0))
    let count = text.count
    if count <= 16 {
      a = folded(a &* k1) &* k1
      c = b &* k1 &+ Fingerprint64.of(Array(text.bytes))
      d = folded(a &+ (count >= 8 ? text.word(0) : c))
    } else {
      c = pair(text.word(count - 8) &+ k1, a)
      d = pair(b &+ UInt64(count), c &+ text.word(count - 16))
      a &+= d
      for offset in stride(from: 0, to: count - 16, by: 16) {
        a = (a ^ folded(text.word(offset) &* k1) &* k1) &* k1
        b ^= a
        c = (c ^ folded(text.word(offset + 8) &* k1) &* k1) &* k1
        d ^= c
      }
    }
    a = pair(a, c)
    b = pair(d, b)
    return (a ^ b, pair(b, a))
  }

  private static func long(_ text: Text, _ low: UInt64, _ high: UInt64) -> (low: UInt64, high: UInt64) {
    var (x, y, z) = (low, high, UInt64(text.count) &* k1)
    let first = rotated(y ^ k1, 49) &* k1 &+ text.word(0)
    var v = (first, rotated(first, 42) &* k1 &+ text.word(8))
    var w = (rotated(y &+ z, 35) &* k1 &+ x, rotated(x &+ text.word(88), 53) &* k1)
    var offset = 0
    var left = text.count
    while left >= 128 {
      for _ in 0..<2 {
        x = rotated(x &+ y &+ v.0 &+ text.word(offset + 8), 37) &* k1
        y = rotated(y &+ v.1 &+ text.word(offset + 48), 42) &* k1
        x ^= w.1
        y &+= v.0 &+ text.word(offset + 40)
        z = rotated(z &+ w.0, 33) &* k1
        v = text.weak(offset, v.1 &* k1, x &+ w.0)
        w = text.weak(offset + 32, z &+ w.1, y &+ text.word(offset + 16))
        (x, z) = (z, x)
        offset += 64
      }
      left -= 128
    }
    x &+= rotated(v.0 &+ z, 49) &* k0
    y = y &* k0 &+ rotated(w.1, 37)
    z = z &* k0 &+ rotated(w.0, 27)
    w.0 = w.0 &* 9
    v.0 = v.0 &* k0
    // What is left, in pieces of 32 bytes from the end, which may reach into what was read already.
    for end in stride(from: 0, to: left, by: 32) {
      let piece = text.count - end - 32
      y = rotated(x &+ y, 42) &* k0 &+ v.1
      w.0 &+= text.word(piece + 16)
      x = x &* k0 &+ w.0
      z &+= w.1 &+ text.word(piece)
      w.1 &+= v.0
      v = text.weak(piece, v.0 &+ z, v.1)
      v.0 = v.0 &* k0
    }
    x = pair(x, v.0)
    y = pair(y &+ z, w.0)
    return (pair(x &+ v.1, w.1) &+ y, pair(x &+ w.1, y &+ v.1))
  }

  // MARK: - Parts

  private static func rotated(_ value: UInt64, _ by: UInt64) -> UInt64 { value >> by | value << (64 - by) }

  private static func folded(_ value: UInt64) -> UInt64 { value ^ (value >> 47) }

  private static func pair(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let multiplier: UInt64 = 0x9DDF_EA08_EB38_2D69
    let first = folded((a ^ b) &* multiplier)
    return folded((b ^ first) &* multiplier) &* multiplier
  }

  /// Little-endian words out of bytes.
  private struct Text {
    let bytes: ArraySlice<UInt8>

    var count: Int { bytes.count }

    func word(_ offset: Int) -> UInt64 {
      bytes[bytes.startIndex + offset..<bytes.startIndex + offset + 8].reversed()
        .reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Two words out of four of the text and two seeds.
    func weak(_ offset: Int, _ first: UInt64, _ second: UInt64) -> (UInt64, UInt64) {
      var a = first &+ word(offset)
      var b = Fingerprint128.rotated(second &+ a &+ word(offset + 24), 21)
      let c = a
      a &+= word(offset + 8) &+ word(offset + 16)
      b &+= Fingerprint128.rotated(a, 44)
      return (a &+ word(offset + 24), b &+ c)
    }
  }
}
