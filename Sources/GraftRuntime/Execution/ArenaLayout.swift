import GraftTensor

/// Where values lie in an arena.
struct ArenaLayout: Sendable {
  /// A stretch of memory that values share which are never alive together, or are views of each other.
  struct Region: Sendable {
    var byteCount: Int
    /// The first and the last instruction that needs it.
    var life: ClosedRange<Int>
    var offset = 0
  }

  var regions: [Region]
  /// The region that each slot's value lies in, its own or another's that it is a view of; -1 for none.
  let regionOfSlot: [Int]
  /// How each slot's value gets its memory.
  let placements: [Placement]
  /// The regions that each instruction uses for itself while it runs.
  let scratchRegions: [[Int]]
  private(set) var byteCount = 0

  /// How a slot's value gets its memory.
  enum Placement: Sendable {
    /// Not in the arena.
    case separate
    /// In its region.
    case own
    /// In its region, where the value of the given slot lies, which dies then.
    case overwriting(slot: Int)
  }

  init(regions: [Region], regionOfSlot: [Int], placements: [Placement], scratchRegions: [[Int]]) {
    self.regions = regions
    self.regionOfSlot = regionOfSlot
    self.placements = placements
    self.scratchRegions = scratchRegions
    place()
  }

  /// Places the largest first, each at the lowest offset where it meets nobody who lives at that time.
  private mutating func place() {
    let order = regions.indices.sorted {
      (regions[$0].byteCount, -$0) > (regions[$1].byteCount, -$1)
    }
    var placed: [Int] = []
    for index in order {
      let size = Self.padded(regions[index].byteCount)
      let neighbours = placed.filter { regions[$0].life.overlaps(regions[index].life) }
        .sorted { regions[$0].offset < regions[$1].offset }
      var offset = 0
      for neighbour in neighbours {
        if regions[neighbour].offset >= offset + size { break }
        offset = max(offset, regions[neighbour].offset + Self.padded(regions[neighbour].byteCount))
      }
      regions[index].offset = offset
      byteCount = max(byteCount, offset + size)
      placed.append(index)
    }
  }

  /// The bytes up to where the next value may begin.
  static func padded(_ byteCount: Int) -> Int {
    (byteCount + TensorStorage.alignment - 1) & ~(TensorStorage.alignment - 1)
  }
}
