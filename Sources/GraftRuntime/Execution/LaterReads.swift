import CGraftVector

/// The large constants that a frame's instructions read but once in a run, such as the matrices that single rows are
/// multiplied by.
///
/// Reading them takes as long as the memory needs, while products of many rows before them leave the memory idle: their
/// tiles ask for what is read later, so that it comes while they compute.
struct LaterReads {
  private struct Read {
    let reader: Int
    let memory: UnsafeRawBufferPointer
    /// The instruction from which on it is asked for: as late as leaves time to ask for all.
    var first: Int
  }

  /// In the order of their readers.
  private var reads: [Read] = []
  /// The read that is asked for, or will be next.
  private var current = 0
  private var isAsking = false

  /// What is less is there soon enough.
  private static let fewestBytes = 32 << 10
  /// What is more does not stay in a cache until it is read.
  private static let mostBytes = 8 << 20
  /// How many instructions before its reader something is asked for, at most.
  private static let window = 32

  var isEmpty: Bool { reads.isEmpty }

  /// Takes note of what an instruction reads in every run. Should the memory be gone some day, asking for it does no harm.
  mutating func note(_ memory: UnsafeRawBufferPointer, by reader: Int) {
    // Instructions come in their order; in later runs again, which says nothing new.
    guard memory.count >= Self.fewestBytes, reads.last.map({ $0.reader < reader }) ?? true else { return }
    reads.append(
      Read(
        reader: reader, memory: UnsafeRawBufferPointer(rebasing: memory.prefix(Self.mostBytes)),
        first: max(reader - 1, 0)))
  }

  /// Called before each instruction.
  mutating func begin(_ instruction: Int) {
    if current < reads.count, reads[current].reader <= instruction { endRead() }
    if isAsking, graft_unasked() == 0 {
      current += 1
      isAsking = false
    }
    guard !isAsking, current < reads.count, reads[current].first <= instruction,
      reads[current].reader > instruction
    else { return }
    graft_read_later(reads[current].memory.baseAddress, reads[current].memory.count)
    isAsking = true
  }

  /// Called after each run.
  mutating func end() {
    if isAsking { graft_read_later(nil, 0) }
    current = 0
    isAsking = false
  }

  /// The current one is being read: the next run asks for it earlier where it was not all asked for.
  private mutating func endRead() {
    if !isAsking || graft_unasked() > 0 {
      let earliest = max(reads[current].reader - Self.window, 0)
      reads[current].first = max(reads[current].first - 1, earliest)
      // Those before it make room: none begins after the one that it precedes.
      for index in reads[..<current].indices.reversed() {
        guard reads[index].first > reads[current].first else { break }
        reads[index].first = reads[current].first
      }
    }
    if isAsking { graft_read_later(nil, 0) }
    current += 1
    isAsking = false
  }
}
