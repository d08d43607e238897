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

  /// Where each region begins, and what they take together.
  private typealias Places = (offsets: [Int], byteCount: Int)

  /// Places the largest first: in lanes, unless these take much more than what is alive at once.
  private mutating func place() {
    let order = regions.indices.sorted {
      (regions[$0].byteCount, -$0) > (regions[$1].byteCount, -$1)
    }
    let (laned, least) = (laned(order), mostAlive)
    let places = laned.byteCount <= least + least / 4 ? laned : dense(order)
    for (index, offset) in places.offsets.enumerated() { regions[index].offset = offset }
    byteCount = places.byteCount
  }

  /// The most bytes that are alive at once: no layout takes less.
  private var mostAlive: Int {
    var changes = [Int](repeating: 0, count: (regions.map(\.life.upperBound).max() ?? 0) + 2)
    for region in regions {
      changes[region.life.lowerBound] += Self.padded(region.byteCount)
      changes[region.life.upperBound + 1] -= Self.padded(region.byteCount)
    }
    var (alive, most) = (0, 0)
    for change in changes {
      alive += change
      most = max(most, alive)
    }
    return most
  }

  /// Each at the lowest offset where it meets nobody who lives at that time.
  private func dense(_ order: [Int]) -> Places {
    var places: Places = (Array(repeating: 0, count: regions.count), 0)
    var placed: [Int] = []
    for index in order {
      let size = Self.padded(regions[index].byteCount)
      let neighbours = placed.filter { regions[$0].life.overlaps(regions[index].life) }
        .sorted { places.offsets[$0] < places.offsets[$1] }
      var offset = 0
      for neighbour in neighbours {
        if places.offsets[neighbour] >= offset + size { break }
        offset = max(offset, places.offsets[neighbour] + Self.padded(regions[neighbour].byteCount))
      }
      places.offsets[index] = offset
      places.byteCount = max(places.byteCount, offset + size)
      placed.append(index)
    }
    return places
  }

  /// Memory for one value at a time.
  private struct Lane {
    let offset: Int
    let byteCount: Int
    /// When it is taken, in order.
    var lives: [ClosedRange<Int>]

    /// Takes the lane for a life, and says whether it was free.
    mutating func take(_ life: ClosedRange<Int>) -> Bool {
      let place = lives.partitioningIndex { $0.upperBound >= life.lowerBound }
      guard place == lives.count || lives[place].lowerBound > life.upperBound else { return false }
      lives.insert(life, at: place)
      return true
    }
  }

  /// Each in the middle of a lane of its size or larger, where nobody else lives at that time.
  ///
  /// Of two threads that compute a value one writes its first half and one its second. The halves of values in a
  /// lane meet at the same address, so that a thread writes where it wrote before: what another core wrote last, in
  /// another cache, takes several times as long.
  private func laned(_ order: [Int]) -> Places {
    var places: Places = (Array(repeating: 0, count: regions.count), 0)
    var lanes: [Lane] = []
    for index in order {
      let (size, life) = (Self.padded(regions[index].byteCount), regions[index].life)
      let free = lanes.indices.first { lanes[$0].take(life) }
      if free == nil {
        lanes.append(Lane(offset: places.byteCount, byteCount: size, lives: [life]))
        places.byteCount += size
      }
      let lane = lanes[free ?? lanes.endIndex - 1]
      places.offsets[index] = lane.offset + Self.padded((lane.byteCount - size) / 2)
    }
    return places
  }

  /// The bytes up to where the next value may begin.
  static func padded(_ byteCount: Int) -> Int {
    (byteCount + TensorStorage.alignment - 1) & ~(TensorStorage.alignment - 1)
  }
}
