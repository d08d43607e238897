import Testing

@testable import GraftRuntime

@Suite("Where values lie in an arena")
struct ArenaLayoutTests {
  private func layout(_ regions: [(byteCount: Int, life: ClosedRange<Int>)]) -> ArenaLayout {
    ArenaLayout(
      regions: regions.map { .init(byteCount: $0.byteCount, life: $0.life) }, regionOfSlot: [],
      placements: [],
      scratchRegions: [])
  }

  @Test("values that are alive one after the other meet in the middle of the same memory")
  func valuesMeetInTheMiddle() {
    let layout = layout([(4096, 0...1), (1024, 1...2), (2048, 2...3), (512, 3...3)])
    #expect(layout.regions.map(\.offset) == [0, 4096, 1024, 4096 + 256])
    #expect(layout.byteCount == 5120)
  }

  @Test("many small values that one large one makes room for lie side by side, not each in a lane")
  func smallValuesLieSideBySide() {
    let layout = layout([(4096, 0...0)] + (0..<4).map { _ in (1024, 1...1) })
    #expect(layout.byteCount == 4096)
  }

  @Test("values that are alive together never share memory", arguments: 0..<20)
  func valuesAliveTogetherAreApart(seed: Int) {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func next(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    let layout = layout(
      (0..<60).map { _ in
        let start = next(50)
        return (next(5000), start...start + next(1 + seed))
      })
    for (index, one) in layout.regions.enumerated() {
      #expect(one.offset % 64 == 0)
      #expect(one.offset + one.byteCount <= layout.byteCount)
      for other in layout.regions[..<index] where one.life.overlaps(other.life) {
        #expect(
          one.offset + one.byteCount <= other.offset || other.offset + other.byteCount <= one.offset)
      }
    }
  }
}
