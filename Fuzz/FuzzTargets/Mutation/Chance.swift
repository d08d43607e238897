/// Choices that are the same for the same seed (SplitMix64).
package struct Chance: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(bound, 1), using: &self) }

  mutating func once(in times: Int) -> Bool { below(times) == 0 }

  mutating func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &self) }

  // MARK: - Values that tend to break things

  mutating func integer() -> Int64 {
    let edges: [Int64] = [
      0, 1, -1, 2, 3, -2, 7, 64, 127, 255, 256, -128, 32_767, 65_536, 1 << 20, 1 << 30, 0x7FFF_FFFF,
      -0x8000_0000, 1 << 31, 1 << 32, 1 << 40, 1 << 61, 1 << 62, .max, .min, .max - 1, .min + 1,
    ]
    return once(in: 3) ? Int64(below(12)) - 3 : edges[below(edges.count)]
  }

  mutating func real() -> Double {
    let edges: [Double] = [
      0, -0.0, 1, -1, 0.5, 2, .infinity, -.infinity, .nan, 1e-40, 3.4e38, -3.4e38, 1e300, 2_147_483_648,
      -2_147_483_649, 9.3e18, 255.5, 65_504,
    ]
    return edges[below(edges.count)]
  }

  mutating func text() -> [UInt8] {
    let edges = [
      "", "%s%n", "NHWC", "NCHW", "SAME", "VALID", "EXPLICIT", "\u{0}", "/etc/passwd", "../x", "a,b;c", "[[[",
      "(a|b)*",
      "-", "^", ":0", "\\1\\9", "ab->", "...ij,jk->ik", "UTF-8", "é", "1e999", "-1", "reflect",
    ]
    var bytes = Array(edges[below(edges.count)].utf8)
    if once(in: 4) { bytes.append(UInt8(truncatingIfNeeded: next())) }
    return bytes
  }
}
