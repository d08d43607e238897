import GraftGraph
import GraftTensor
import Synchronization

/// A session's reader: takes names of files from a queue, and gives their records one after the other.
final class QueueReader: SessionResource {
  static let kind = "reader"

  /// What a reader does with the strings that it takes from the queue.
  enum Work: Sendable, Equatable {
    /// Passes them on as they are.
    case identity
    case files(RecordFormat, RecordCompression)
  }

  let name: String
  private let work: Work
  private let state = Mutex(State())

  private struct State: @unchecked Sendable {
    var source: RecordSource?
    var current = Bytes()
    var started = 0
    var finished = 0
    var produced = 0

    mutating func finish() {
      source = nil
      finished += 1
    }
  }

  init(name: String, _ work: Work) {
    self.name = name
    self.work = work
  }

  /// How many records were given.
  var produced: Int { state.withLock { $0.produced } }

  /// How many of the queue's strings were worked through.
  var finished: Int { state.withLock { $0.finished } }

  func reset() { state.withLock { $0 = State() } }

  /// Up to `limit` records of one of the queue's strings, at least one.
  ///
  /// - Throws: `GraftError` (`outOfRange`) when the queue is closed and gives no more.
  func read(_ limit: Int, _ queue: SessionQueue, _ context: KernelContext) throws -> [(Bytes, Bytes)] {
    guard limit > 0 else { return [] }
    while true {
      try context.checkpoint()
      if let records = try state.withLock({ try Self.read(limit, &$0) }), !records.isEmpty { return records }
      if state.withLock({ $0.source != nil }) { continue }
      // Nobody else may be kept from the reader while the queue is waited for.
      let taken = try queue.dequeue(1, context).first?.first
      guard let taken, taken.dtype == .string, taken.elementCount == 1 else {
        throw GraftError(
          .invalidArgument, "The reader '\(name)' takes strings from the queue, and found something else.")
      }
      let unit = taken.buffer(as: Bytes.self)[0]
      try state.withLock { state in
        state.started += 1
        state.current = unit
        switch work {
        case .identity:
          state.source = .whole([unit], name: unit.string)
        case .files(let format, let compression):
          do {
            state.source = try format.open(
              try context.files.placeForReading(unit.string), named: unit.string, compression)
          } catch {
            state.finish()
            throw error
          }
        }
      }
    }
  }

  private static func read(_ limit: Int, _ state: inout State) throws -> [(Bytes, Bytes)]? {
    guard var source = state.source else { return nil }
    state.source = nil
    var records: [(Bytes, Bytes)] = []
    var isOver = false
    defer { state.produced += records.count }
    while records.count < limit {
      guard let record = try source.next() else {
        isOver = true
        break
      }
      records.append((record.key, record.value))
    }
    if isOver || source.isExhausted {
      state.finish()
    } else {
      state.source = source
    }
    return records
  }

  // MARK: State

  /// What was read so far, as TensorFlow's `ReaderBaseState`.
  ///
  /// - Throws: `GraftError` (`unimplemented`) for readers in the middle of files, as TensorFlow's.
  func serialized() throws -> Bytes {
    try checkSerializable()
    return state.withLock { state in
      var writer = WireWriter()
      for (field, number) in [(1, state.started), (2, state.finished), (3, state.produced)] where number != 0
      {
        writer.field(UInt32(field), varint: UInt64(number))
      }
      if state.current.count > 0 { writer.field(4, bytes: state.current.bytes) }
      return Bytes(writer.bytes)
    }
  }

  /// Goes on from a state that ``serialized()`` gave.
  func restore(_ serialized: Bytes) throws {
    try checkSerializable()
    var restored = State()
    func invalid() -> GraftError {
      GraftError(.invalidArgument, "The state of the reader '\(name)' is no ReaderBaseState.")
    }
    try serialized.bytes.withUnsafeBytes { bytes in
      var reader = RecordReader(bytes)
      while let tag = reader.next {
        guard reader.skip(1), let number = reader.varint(), let value = Int(exactly: number) else {
          throw invalid()
        }
        switch tag {
        case 1 << 3: restored.started = value
        case 2 << 3: restored.finished = value
        case 3 << 3: restored.produced = value
        case 4 << 3 | 2:
          let first = reader.position
          guard reader.skip(value) else { throw invalid() }
          restored.current = Bytes(Array(bytes[first..<reader.position]))
        default: throw invalid()
        }
      }
    }
    guard restored.started >= restored.finished else { throw invalid() }
    guard restored.started == restored.finished else {
      throw GraftError(.unimplemented, "A state in the middle of a unit of work cannot be restored.")
    }
    state.withLock { $0 = restored }
  }

  private func checkSerializable() throws {
    switch work {
    case .identity, .files(.wholeFile, _): return
    default:
      throw GraftError(
        .unimplemented, "Readers of this kind do not give or take their state, as in TensorFlow.")
    }
  }
}
