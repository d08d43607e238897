import CGraftThreads

/// Splits loops over the processor's cores.
///
/// The pieces do not depend on which thread takes them, so results are the same bits for any number of
/// threads wherever a piece's result does not depend on where the pieces are cut. All pools share the
/// process's threads: runs that overlap do not keep more of them busy than there are processors.
package final class WorkerPool: Sendable {
  /// How many threads work on one loop, the caller's included.
  package let threads: Int

  /// How many workers ``forEachOnWorkers(_:cost:_:)`` tells apart.
  package let workers: Int

  /// Pieces for each thread: where one is held up, others take over its share.
  private static let piecesPerThread = 4

  /// A pool of the given width.
  package init(threads: Int) {
    self.threads = max(threads, 1)
    workers = Int(graft_threads_workers(Int32(clamping: self.threads)))
  }

  /// Calls the body with ranges that together are `0..<count`, perhaps on several threads at once.
  ///
  /// - Parameters:
  ///   - cost: about how many nanoseconds one step takes: what is over soon is not split.
  ///   - grain: how many steps a piece has at least, where each thread gets one: for pieces that all read the
  ///     same large operand.
  @inlinable
  package func forEach(_ count: Int, cost: Int, grain: Int = 1, _ body: @Sendable (Range<Int>) -> Void) {
    guard count > 0 else { return }
    let cut = cut(count, cost, grain)
    if cut.pieces <= 1 {
      body(0..<count)
    } else {
      split(count, cut, body)
    }
  }

  /// How steps are split.
  @usableFromInline
  package struct Cut {
    @usableFromInline let pieces: Int
    /// Whether there is enough to do to wake threads that sleep.
    @usableFromInline let wakes: Bool

    @usableFromInline init(pieces: Int, wakes: Bool) {
      self.pieces = pieces
      self.wakes = wakes
    }
  }

  /// Pieces of 10 microseconds. Where these are too few, for each of a few threads one of 2.5 at least, which is enough
  /// for threads that are awake.
  @inlinable
  package func cut(_ count: Int, _ cost: Int, _ grain: Int) -> Cut {
    guard threads > 1 else { return Cut(pieces: 1, wakes: false) }
    let minimum = max(10_000 / max(cost, 1), 1)
    let pieces = (count + minimum - 1) / minimum
    guard pieces >= threads else {
      let short = min(threads, 4, count / max(minimum / 4, 1))
      return Cut(pieces: max(pieces, short), wakes: pieces > 1)
    }
    guard grain > 1, pieces > threads else { return Cut(pieces: pieces, wakes: true) }
    // Fewer, of some steps each, that are as many for every thread.
    return Cut(pieces: min(pieces, max(count / grain / threads, 1) * threads), wakes: true)
  }

  @usableFromInline
  package func split(_ count: Int, _ cut: Cut, _ body: @Sendable (Range<Int>) -> Void) {
    split(count, cut) { _, range in body(range) }
  }

  /// As ``forEach(_:cost:_:)``, and tells the body which of the ``workers`` calls it, for memory of its
  /// own.
  package func forEachOnWorkers(
    _ count: Int, cost: Int, grain: Int = 1, _ body: @Sendable (_ worker: Int, _ range: Range<Int>) -> Void
  ) {
    guard count > 0 else { return }
    split(count, cut(count, cost, grain), body)
  }

  private func split(
    _ count: Int, _ cut: Cut, _ body: @Sendable (_ worker: Int, _ range: Range<Int>) -> Void
  ) {
    let pieces = min(cut.pieces, threads * Self.piecesPerThread)
    guard pieces > 1 else { return body(0, 0..<count) }
    withoutActuallyEscaping(body) { body in
      var loop = Loop(count: count, pieces: pieces, body: body)
      withUnsafeMutablePointer(to: &loop) { loop in
        graft_threads_split(
          pieces, Int32(clamping: threads - 1), cut.wakes ? 1 : 0,
          { loop, piece, worker in
            loop.assumingMemoryBound(to: Loop.self).pointee.run(piece, Int(worker))
          }, loop)
      }
    }
  }

  private struct Loop {
    let count: Int
    let pieces: Int
    let body: @Sendable (_ worker: Int, _ range: Range<Int>) -> Void

    func run(_ piece: Int, _ worker: Int) {
      body(worker, count * piece / pieces..<count * (piece + 1) / pieces)
    }
  }
}
