import GraftTensor
import Synchronization

/// A table that lies in buckets one beside the other, probed at growing distances: TensorFlow's
/// `MutableDenseHashTable`, bucket for bucket, since it exports the buckets as they are.
final class DenseTableBody<Key: TableKey & TensorScalar>: LookupTableBody {
  /// What the table was made with.
  struct Layout: Sendable {
    let keyElements: Int
    let valueElements: Int
    let valueType: DataType
    let emptyKey: [Key]
    let deletedKey: [Key]
    let maximumLoad: Float
  }

  private struct Buckets: Sendable {
    /// How many, a power of two unless they were imported.
    var number: Int
    var keys: [Key]
    var values: Tensor
    var count = 0

    init(_ number: Int, _ layout: Layout) throws {
      let (keyCount, overflow) = number.multipliedReportingOverflow(by: layout.keyElements)
      guard number > 0, number <= DenseTableBody.maximumBuckets, !overflow,
        keyCount <= DenseTableBody.maximumBuckets
      else {
        throw GraftError(
          .resourceExhausted,
          "A dense table may have \(DenseTableBody.maximumBuckets) buckets, and \(number) are needed.")
      }
      try MemoryAccount.requireRoom(for: keyCount, bytesEach: MemoryLayout<Key>.stride)
      self.number = number
      keys = (0..<number).flatMap { _ in layout.emptyKey }
      values = try Tensor(
        uninitialized: layout.valueType, shape: Shape(validating: [number, layout.valueElements])
      ).cleared()
    }
  }

  fileprivate static var maximumBuckets: Int { 1 << 28 }

  private let name: String
  private let layout: Layout
  private let buckets: Mutex<Buckets>

  init(name: String, layout: Layout, bucketCount: Int) throws {
    self.name = name
    self.layout = layout
    buckets = Mutex(try Buckets(bucketCount, layout))
  }

  let isFixed = false
  let importsMatrices = true
  let isInitialized = true

  var count: Int { buckets.withLock { $0.count } }

  // MARK: Keys

  private typealias Keys = UnsafeBufferPointer<Key>

  private func hash(_ key: Slice<Keys>) -> UInt64 {
    if layout.keyElements == 1, let only = key.first { return only.tableHash }
    return key.reduce(0) { combinedHash($0, $1.tableHash) }
  }

  private func key(_ number: Int, of keys: Keys) -> Slice<Keys> {
    keys[number * layout.keyElements..<(number + 1) * layout.keyElements]
  }

  private func keyCount(_ keys: Keys) -> Int { keys.count / max(layout.keyElements, 1) }

  /// - Throws: `GraftError` (`invalidArgument`) where a key is one of the two that mark buckets.
  private func check(_ keys: Keys, shape: Shape) throws {
    guard (shape.dimensions.first ?? 1) * layout.keyElements == keys.count else {
      throw GraftError(
        .invalidArgument, "The table '\(name)' takes one list of keys, and their shape is \(shape).")
    }
    for number in 0..<keyCount(keys) {
      let key = key(number, of: keys)
      guard !key.elementsEqual(layout.emptyKey), !key.elementsEqual(layout.deletedKey) else {
        throw GraftError(
          .invalidArgument,
          "The table '\(name)' cannot have the key \(Array(key)): it marks buckets as "
            + (key.elementsEqual(layout.emptyKey) ? "empty." : "deleted."))
      }
    }
  }

  /// Goes through the buckets where a key may be until the closure has seen enough.
  private func probe(
    _ hash: UInt64, _ buckets: Buckets, _ body: (_ bucket: Int, _ key: ArraySlice<Key>) -> Bool
  ) throws {
    let mask = buckets.number - 1
    var bucket = Int(truncatingIfNeeded: hash & UInt64(truncatingIfNeeded: mask))
    for distance in 1...buckets.number {
      let first = bucket * layout.keyElements
      if body(bucket, buckets.keys[first..<first + layout.keyElements]) { return }
      bucket = (bucket &+ distance) & mask
    }
    throw GraftError(
      .internalError, "The table '\(name)' has no free bucket left.",
      remedy: "Import as many buckets as a power of two, some of them empty.")
  }

  /// The bucket of a key.
  private func find(_ key: Slice<Keys>, _ buckets: Buckets) throws -> Int? {
    var found: Int?
    try probe(hash(key), buckets) { bucket, present in
      if present.elementsEqual(key) {
        found = bucket
        return true
      }
      return present.elementsEqual(layout.emptyKey)
    }
    return found
  }

  private func insert(_ keys: Keys, _ values: Tensor, into buckets: inout Buckets, skipsMarks: Bool) throws {
    try buckets.values.makeUnique()
    let elements = layout.valueElements
    let row = Shape([elements])
    for number in 0..<keyCount(keys) {
      let key = key(number, of: keys)
      if skipsMarks, key.elementsEqual(layout.emptyKey) || key.elementsEqual(layout.deletedKey) { continue }
      var target = 0
      var isNew = false
      try probe(hash(key), buckets) { bucket, present in
        target = bucket
        if present.elementsEqual(key) { return true }
        isNew = present.elementsEqual(layout.emptyKey) || present.elementsEqual(layout.deletedKey)
        return isNew
      }
      if isNew {
        let first = target * layout.keyElements
        buckets.keys.replaceSubrange(first..<first + layout.keyElements, with: key)
        buckets.count += 1
      }
      buckets.values.view(firstElement: target * elements, shape: row)
        .initializeElements(from: values.view(firstElement: number * elements, shape: row))
    }
  }
}

// MARK: - The table's operations

extension DenseTableBody {
  func find(_ keys: Tensor, default standard: Tensor, into output: Tensor) throws {
    let list = keys.buffer(as: Key.self)
    try check(list, shape: keys.shape)
    let buckets = buckets.withLock { $0 }
    let elements = layout.valueElements
    let row = Shape([elements])
    for number in 0..<keyCount(list) {
      let bucket = try find(key(number, of: list), buckets)
      output.view(firstElement: number * elements, shape: row).initializeElements(
        from: bucket.map { buckets.values.view(firstElement: $0 * elements, shape: row) }
          ?? standard.view(firstElement: 0, shape: row))
    }
  }

  func insert(_ keys: Tensor, _ values: Tensor) throws {
    let list = keys.buffer(as: Key.self)
    try check(list, shape: keys.shape)
    try buckets.withLock { buckets in
      let needed = buckets.count + (keys.shape.dimensions.first ?? 1)
      var number = buckets.number
      while Float(needed) > Float(number) * layout.maximumLoad, number < Self.maximumBuckets * 2 {
        number *= 2
      }
      if number != buckets.number {
        var larger = try Buckets(number, layout)
        try buckets.keys.withUnsafeBufferPointer {
          try insert($0, buckets.values, into: &larger, skipsMarks: true)
        }
        buckets = larger
      }
      try insert(list, values, into: &buckets, skipsMarks: false)
    }
  }

  func remove(_ keys: Tensor) throws {
    let list = keys.buffer(as: Key.self)
    try check(list, shape: keys.shape)
    try buckets.withLock { buckets in
      for number in 0..<keyCount(list) {
        guard let bucket = try find(key(number, of: list), buckets) else { continue }
        let first = bucket * layout.keyElements
        buckets.keys.replaceSubrange(first..<first + layout.keyElements, with: layout.deletedKey)
        buckets.count -= 1
      }
    }
  }

  func export() throws -> (keys: Tensor, values: Tensor) {
    let buckets = buckets.withLock { $0 }
    return (
      try Tensor(shape: [buckets.number, layout.keyElements], scalars: buckets.keys),
      try buckets.values.copied()
    )
  }

  func replaceAll(_ keys: Tensor, _ values: Tensor) throws {
    let list = keys.buffer(as: Key.self)
    var imported = try Buckets(keys.shape[0], layout)
    imported.keys = Array(list)
    imported.values = try values.copied()
    imported.count = (0..<keyCount(list)).count {
      let key = key($0, of: list)
      return !key.elementsEqual(layout.emptyKey) && !key.elementsEqual(layout.deletedKey)
    }
    buckets.withLock { $0 = imported }
  }

  func initialize(_ keys: Tensor, _ values: Tensor) throws {
    throw GraftError(
      .invalidArgument, "The table '\(name)' is not of the kind that is initialised: it is inserted into.")
  }
}
