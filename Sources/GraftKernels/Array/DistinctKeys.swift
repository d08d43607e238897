import GraftTensor

/// Turns elements into keys that are equal where TensorFlow's ops on sets take the elements to be equal:
/// zeros of both signs are (in float32 and float64), a NaN equals nothing.
enum DistinctKeys {
  /// The elements' keys; nil for one that equals nothing.
  static func plain(_ tensor: Tensor) -> [UInt64?] {
    switch tensor.dtype {
    case .float32: tensor.buffer(as: Float.self).map { $0.isNaN ? nil : $0 == 0 ? 0 : UInt64($0.bitPattern) }
    case .float64: tensor.buffer(as: Double.self).map { $0.isNaN ? nil : $0 == 0 ? 0 : $0.bitPattern }
    case .float16: tensor.buffer(as: Float16.self).map { $0.isNaN ? nil : UInt64($0.bitPattern) }
    case .bfloat16:
      tensor.buffer(as: BFloat16.self).map { Float($0).isNaN ? nil : UInt64($0.bitPattern) }
    case .int16, .uint16: tensor.buffer(as: UInt16.self).map { UInt64($0) }
    case .int32, .uint32: tensor.buffer(as: UInt32.self).map { UInt64($0) }
    case .int64, .uint64: tensor.buffer(as: UInt64.self).map { $0 }
    default: tensor.buffer(as: UInt8.self).map { UInt64($0) }
    }
  }

  /// Which group each key belongs to, groups numbered in the order in which they come up; and the first
  /// member of each.
  static func groups<Key: Hashable>(_ keys: [Key?]) -> (group: [Int], first: [Int]) {
    var numbers: [Key: Int] = [:]
    var group: [Int] = []
    group.reserveCapacity(keys.count)
    var first: [Int] = []
    for (place, key) in keys.enumerated() {
      if let key {
        if let number = numbers[key] {
          group.append(number)
          continue
        }
        numbers[key] = first.count
      }
      group.append(first.count)
      first.append(place)
    }
    return (group, first)
  }

  /// The groups of a tensor's elements, each by itself.
  static func groups(ofElements tensor: Tensor) -> (group: [Int], first: [Int]) {
    if tensor.dtype == .string { return groups(tensor.buffer(as: Bytes.self).map { Optional($0) }) }
    return groups(plain(tensor))
  }

  /// As the other one for keys that are numbers, in a table of its own: hashing them one by one as the
  /// library does takes most of the time. The hash has a secret, so that nobody can choose keys that collide.
  private static func groups(_ keys: [UInt64?]) -> (group: [Int], first: [Int]) {
    var table = [Int](repeating: -1, count: 16)
    var group: [Int] = []
    group.reserveCapacity(keys.count)
    // Each group's first member, and its key.
    var (first, distinct): ([Int], [UInt64]) = ([], [])
    for (place, key) in keys.enumerated() {
      guard let key else {
        group.append(first.count)
        first.append(place)
        distinct.append(0)
        continue
      }
      var slot = slot(key, table.count)
      while table[slot] >= 0, distinct[table[slot]] != key { slot = (slot + 1) & (table.count - 1) }
      if table[slot] >= 0 {
        group.append(table[slot])
        continue
      }
      table[slot] = first.count
      group.append(first.count)
      first.append(place)
      distinct.append(key)
      // A table for what there is, and not for all that could be, stays in the cache.
      if 2 * first.count > table.count { table = larger(table, distinct) }
    }
    return (group, first)
  }

  private static func slot(_ key: UInt64, _ size: Int) -> Int {
    var mixed = (key ^ secret) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 32)) &* (secret | 1)
    return Int(truncatingIfNeeded: mixed >> 20) & (size - 1)
  }

  /// The same groups in a table of four times the size.
  private static func larger(_ table: [Int], _ distinct: [UInt64]) -> [Int] {
    var result = [Int](repeating: -1, count: 4 * table.count)
    for group in table where group >= 0 {
      var slot = slot(distinct[group], result.count)
      while result[slot] >= 0 { slot = (slot + 1) & (result.count - 1) }
      result[slot] = group
    }
    return result
  }

  private static let secret = UInt64.random(in: .min ... .max)

  /// The groups of a dimension's entries.
  static func groups(of tensor: Tensor, alongAxis axis: Int) -> (group: [Int], first: [Int]) {
    let sizes = tensor.shape.dimensions
    // All without elements are the same.
    if tensor.elementCount == 0 {
      return ([Int](repeating: 0, count: sizes[axis]), sizes[axis] > 0 ? [0] : [])
    }
    let inner = ArrayArguments.product(sizes[(axis + 1)...])
    let outer = ArrayArguments.product(sizes[..<axis])
    func gathered<Key: Hashable>(_ keys: [Key?]) -> (group: [Int], first: [Int]) {
      groups(
        (0..<sizes[axis]).map { entry -> [Key]? in
          var key: [Key] = []
          key.reserveCapacity(outer * inner)
          for row in 0..<outer {
            for place in 0..<inner {
              guard let part = keys[(row * sizes[axis] + entry) * inner + place] else { return nil }
              key.append(part)
            }
          }
          return key
        })
    }
    if tensor.dtype == .string { return gathered(tensor.buffer(as: Bytes.self).map { Optional($0) }) }
    return gathered(plain(tensor))
  }
}
