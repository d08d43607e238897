import GraftTensor
import Synchronization

/// The entries of tables that hash: those that are filled once, and those that may change.
///
/// Readers take the entries as they are at that moment, and hold no lock while they search.
struct HashTableEntries<Key: TableKey>: Sendable {
  var index = KeyIndex<Key>()
  var rows: TableRows
  var isInitialized = false

  init(valueType: DataType, valueShape: Shape) throws {
    rows = try TableRows(dtype: valueType, shape: valueShape)
  }

  /// Adds entries or replaces their values; later ones count.
  mutating func insert(_ keys: UnsafeBufferPointer<Key>, _ values: Tensor) throws {
    try rows.prepareForWriting(index.rowCount + keys.count)
    try rows.store(values, keys.map { index.add($0).row })
  }
}

/// Finds the values of keys.
private struct Find<Key: TableKey>: ElementTask {
  let entries: HashTableEntries<Key>
  let keys: UnsafeBufferPointer<Key>
  let standard: Tensor
  let output: Tensor
  /// Whether there is a default for each key.
  let hasDefaultForEach: Bool

  func run<E: Sendable>(_ type: E.Type) throws {
    let values = entries.rows.values.buffer(as: E.self)
    let (standard, output) = (standard.buffer(as: E.self), output.mutableBuffer(as: E.self))
    let rowElements = entries.rows.shape.elementCount
    if rowElements == 1 {
      for position in keys.indices {
        if let row = entries.index.row(of: keys[position]) {
          output[position] = values[row]
        } else {
          output[position] = standard[hasDefaultForEach ? position : 0]
        }
      }
      return
    }
    for position in keys.indices {
      let row = entries.index.row(of: keys[position])
      for element in 0..<rowElements {
        output[position * rowElements + element] =
          row.map { values[$0 * rowElements + element] }
          ?? standard[(hasDefaultForEach ? position * rowElements : 0) + element]
      }
    }
  }
}

extension HashTableEntries {
  func find(_ keys: Tensor, _ standard: Tensor, hasDefaultForEach: Bool, into output: Tensor) throws {
    guard keys.elementCount > 0 else { return }
    try withExtendedLifetime(rows.values.storage) {
      try output.dtype.withElement(
        Find(
          entries: self, keys: keys.buffer(as: Key.self), standard: standard, output: output,
          hasDefaultForEach: hasDefaultForEach))
    }
  }

  func export() throws -> (keys: Tensor, values: Tensor) where Key: TensorScalar {
    let order = index.rows
    return (try Tensor(order.map { index.keys[$0] }), try rows.gathered(order))
  }
}

/// A table that is filled once.
final class FixedTableBody<Key: TableKey & TensorScalar>: LookupTableBody {
  private let entries: Mutex<HashTableEntries<Key>>
  private let name: String

  init(name: String, valueType: DataType) throws {
    self.name = name
    entries = Mutex(try HashTableEntries(valueType: valueType, valueShape: .scalar))
  }

  let isFixed = true
  let importsMatrices = false

  var count: Int { entries.withLock { $0.index.count } }
  var isInitialized: Bool { entries.withLock { $0.isInitialized } }

  private func ready() throws -> HashTableEntries<Key> {
    let current = entries.withLock { $0 }
    guard current.isInitialized else {
      throw GraftError(
        .failedPrecondition, "The table '\(name)' is not initialised.",
        remedy: "Fill the tables with Session.initializeTables(), or run the operation that does.")
    }
    return current
  }

  func find(_ keys: Tensor, default standard: Tensor, into output: Tensor) throws {
    try ready().find(keys, standard, hasDefaultForEach: false, into: output)
  }

  func insert(_ keys: Tensor, _ values: Tensor) throws { throw isFixed("insert into") }
  func remove(_ keys: Tensor) throws { throw isFixed("remove from") }

  private func isFixed(_ action: String) -> GraftError {
    GraftError(.unimplemented, "The table '\(name)' is filled once; the graph asks to \(action) it.")
  }

  func export() throws -> (keys: Tensor, values: Tensor) { try ready().export() }

  func replaceAll(_ keys: Tensor, _ values: Tensor) throws { try initialize(keys, values) }

  func initialize(_ keys: Tensor, _ values: Tensor) throws {
    try entries.withLock { entries in
      guard !entries.isInitialized else {
        // As TensorFlow does: other entries are not noticed where they are as many.
        guard keys.elementCount == entries.index.count else {
          throw GraftError(
            .failedPrecondition,
            "The table '\(name)' is initialised already, with \(entries.index.count) entries; now with "
              + "\(keys.elementCount).")
        }
        return
      }
      var filled = entries
      try filled.insertDistinct(keys.buffer(as: Key.self), values, name)
      filled.isInitialized = true
      entries = filled
    }
  }
}

extension HashTableEntries {
  /// Adds entries to none; the same key with another value is an error.
  fileprivate mutating func insertDistinct(
    _ keys: UnsafeBufferPointer<Key>, _ values: Tensor, _ name: String
  ) throws {
    try rows.prepareForWriting(index.rowCount + keys.count)
    var places = [Int](repeating: 0, count: keys.count)
    // Rows are given out one after the other, so that the place in this list is the row.
    var firstPositions: [Int] = []
    var repeated: [(position: Int, first: Int)] = []
    for position in keys.indices {
      let (row, isNew) = index.add(keys[position])
      places[position] = row
      if isNew {
        firstPositions.append(position)
      } else {
        repeated.append((position, firstPositions[row]))
      }
    }
    for (position, first) in repeated
    where !values.hasSameElement(at: position, as: first) {
      throw GraftError(
        .failedPrecondition,
        "The table '\(name)' is initialised with two values for the key \(keys[position]).")
    }
    try rows.store(values, places)
  }
}

extension Tensor {
  /// Whether two elements are equal.
  fileprivate func hasSameElement(at first: Int, as second: Int) -> Bool {
    switch dtype {
    case .string: buffer(as: Bytes.self)[first] == buffer(as: Bytes.self)[second]
    case .float32: buffer(as: Float.self)[first] == buffer(as: Float.self)[second]
    case .float64: buffer(as: Double.self)[first] == buffer(as: Double.self)[second]
    case .int32: buffer(as: Int32.self)[first] == buffer(as: Int32.self)[second]
    case .int64: buffer(as: Int64.self)[first] == buffer(as: Int64.self)[second]
    case .bool: buffer(as: Bool.self)[first] == buffer(as: Bool.self)[second]
    default: false
    }
  }
}

/// A table whose entries may change.
final class MutableTableBody<Key: TableKey & TensorScalar>: LookupTableBody {
  private let entries: Mutex<HashTableEntries<Key>>
  private let name: String

  init(name: String, valueType: DataType, valueShape: Shape) throws {
    self.name = name
    entries = Mutex(try HashTableEntries(valueType: valueType, valueShape: valueShape))
  }

  let isFixed = false
  let importsMatrices = false
  let isInitialized = true

  var count: Int { entries.withLock { $0.index.count } }

  func find(_ keys: Tensor, default standard: Tensor, into output: Tensor) throws {
    let current = entries.withLock { $0 }
    try current.find(
      keys, standard, hasDefaultForEach: standard.elementCount == output.elementCount, into: output)
  }

  func insert(_ keys: Tensor, _ values: Tensor) throws {
    try entries.withLock { try $0.insert(keys.buffer(as: Key.self), values) }
  }

  func remove(_ keys: Tensor) throws {
    try entries.withLock { entries in
      try entries.rows.prepareForWriting(entries.index.rowCount)
      for key in keys.buffer(as: Key.self) {
        if let row = entries.index.remove(key) { entries.rows.clear(row) }
      }
    }
  }

  func export() throws -> (keys: Tensor, values: Tensor) {
    try entries.withLock { $0 }.export()
  }

  func replaceAll(_ keys: Tensor, _ values: Tensor) throws {
    try entries.withLock { entries in
      var replaced = entries
      replaced.index.removeAll()
      replaced.rows = try TableRows(dtype: values.dtype, shape: replaced.rows.shape)
      try replaced.insert(keys.buffer(as: Key.self), values)
      entries = replaced
    }
  }

  func initialize(_ keys: Tensor, _ values: Tensor) throws {
    throw GraftError(
      .invalidArgument, "The table '\(name)' is not of the kind that is initialised: it is inserted into.")
  }
}
