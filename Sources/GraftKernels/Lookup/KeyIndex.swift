import GraftTensor

/// Which row belongs to which key: a hash table with chains.
///
/// The chains are linked as those of `std::unordered_map` in libstdc++ are, which TensorFlow uses: walking
/// them gives the order in which TensorFlow exports a table.
///
/// - Complexity: finding, adding and removing are O(1) on average, walking is O(rows).
struct KeyIndex<Key: TableKey>: Sendable {
  /// The keys by row; rows of removed keys are used again.
  private(set) var keys: [Key] = []
  private var hashes: [UInt64] = []
  /// The next row in the chain that goes through all; `end` after the last.
  private var next: [Int] = []
  /// For each bucket the row before its first one: `head` where that is the first of all, `empty` for none.
  private var buckets: [Int] = [Self.empty]
  private var first = Self.end
  private var free: [Int] = []
  /// How many keys there are before the buckets become more.
  private var limit = 0
  private(set) var count = 0

  private static var end: Int { -1 }
  private static var head: Int { -2 }
  private static var empty: Int { -3 }

  /// How many rows there are, those of removed keys included.
  var rowCount: Int { keys.count }

  /// The row of a key.
  @inline(__always)
  func row(of key: Key) -> Int? {
    let hash = key.tableHash
    guard let previous = predecessor(of: key, hash, in: bucket(hash)) else { return nil }
    return successor(previous)
  }

  /// The row of a key, added where there is none; and whether it was.
  mutating func add(_ key: Key) -> (row: Int, isNew: Bool) {
    let hash = key.tableHash
    if let previous = predecessor(of: key, hash, in: bucket(hash)) { return (successor(previous), false) }
    if count + 1 > limit { grow() }
    let row: Int
    if let reused = free.popLast() {
      row = reused
      keys[row] = key
      hashes[row] = hash
    } else {
      row = keys.count
      keys.append(key)
      hashes.append(hash)
      next.append(Self.end)
    }
    link(row)
    count += 1
    return (row, true)
  }

  /// Forgets a key; gives its row, which holds nothing any more.
  @discardableResult
  mutating func remove(_ key: Key) -> Int? {
    let hash = key.tableHash
    let bucket = bucket(hash)
    guard let previous = predecessor(of: key, hash, in: bucket) else { return nil }
    let row = successor(previous)
    let following = next[row]
    let nextBucket = following == Self.end ? nil : self.bucket(hashes[following])
    if previous == buckets[bucket] {
      if nextBucket != bucket {
        if let nextBucket { buckets[nextBucket] = previous }
        buckets[bucket] = Self.empty
      }
    } else if let nextBucket, nextBucket != bucket {
      buckets[nextBucket] = previous
    }
    setSuccessor(previous, following)
    free.append(row)
    count -= 1
    return row
  }

  /// Forgets all keys; the buckets stay as many.
  mutating func removeAll() {
    keys = []
    hashes = []
    next = []
    free = []
    first = Self.end
    count = 0
    for index in buckets.indices { buckets[index] = Self.empty }
  }

  /// The rows, in the order of the chain.
  var rows: [Int] {
    var rows: [Int] = []
    rows.reserveCapacity(count)
    var row = first
    while row != Self.end {
      rows.append(row)
      row = next[row]
    }
    return rows
  }

  // MARK: Chains

  @inline(__always)
  private func bucket(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash % UInt64(truncatingIfNeeded: buckets.count))
  }

  @inline(__always)
  private func successor(_ row: Int) -> Int { row == Self.head ? first : next[row] }

  private mutating func setSuccessor(_ row: Int, _ successor: Int) {
    if row == Self.head { first = successor } else { next[row] = successor }
  }

  /// The row before a key's.
  @inline(__always)
  private func predecessor(of key: Key, _ hash: UInt64, in bucket: Int) -> Int? {
    var previous = buckets[bucket]
    guard previous != Self.empty else { return nil }
    var row = successor(previous)
    while true {
      if hashes[row] == hash, keys[row] == key { return previous }
      let following = next[row]
      guard following != Self.end, self.bucket(hashes[following]) == bucket else { return nil }
      previous = row
      row = following
    }
  }

  /// Puts a row first in its bucket.
  private mutating func link(_ row: Int) {
    let bucket = bucket(hashes[row])
    let previous = buckets[bucket]
    if previous == Self.empty {
      next[row] = first
      if first != Self.end { buckets[self.bucket(hashes[first])] = row }
      first = row
      buckets[bucket] = Self.head
    } else {
      next[row] = successor(previous)
      setSuccessor(previous, row)
    }
  }

  private mutating func grow() {
    let size = Self.sizes.first { $0 > buckets.count } ?? buckets.count
    // With the last size the chains become longer.
    limit = size > buckets.count ? size : .max
    let order = rows
    buckets = Array(repeating: Self.empty, count: size)
    first = Self.end
    for row in order { link(row) }
  }

  private static var sizes: [Int] {
    [
      13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172_933, 351_061, 712_697,
      1_447_153, 2_938_679, 5_967_347, 12_117_689, 24_607_243, 49_969_847, 101_473_717,
    ]
  }
}
