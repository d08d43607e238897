extension WorkerPool {
  /// Splits a product of packed matrices over threads, and calls the body with parts of the result: strips of rows,
  /// or, where there are too few of these, strips of panels of columns, so that each part of the right side is read
  /// by one thread.
  ///
  /// - Parameters:
  ///   - pairs: how many products there are.
  ///   - hasColumnGroups: whether columns belong to several right sides, so that all of them are computed together.
  ///   - grain: how many strips of columns a piece has at least, where each thread gets one.
  func forEachPart<T: VectorElement>(
    pairs: Int = 1, rows m: Int, columns n: Int, depth k: Int, hasColumnGroups: Bool = false, grain: Int = 1,
    _ type: T.Type,
    _ body: @Sendable (_ worker: Int, _ pair: Int, _ rows: Range<Int>, _ columns: Range<Int>) -> Void
  ) {
    let isLow = pairs == 1 ? m < 96 * threads : pairs * m < 12 * threads
    let splitsColumns = threads > 1 && isLow && !hasColumnGroups && n >= 4 * T.panelWidth * threads
    let size = splitsColumns ? T.panelWidth : 1
    let (whole, other) = splitsColumns ? (n, m) : (m, n)
    let strips = (whole + size - 1) / size
    // Of a few rows the right side takes longer to read than to multiply with.
    let cost = size * (splitsColumns ? max(other, 8) : other) * k / 40
    // Two panels are what the widest tiles take; of 96 rows a tile that is not whole is a small part.
    forEachOnWorkers(pairs * strips, cost: cost, grain: splitsColumns ? max(grain, 2) : 96) { worker, range in
      var strip = range.lowerBound
      while strip < range.upperBound {
        let (pair, first) = (strip / strips, strip % strips)
        let last = min(strips, first + range.upperBound - strip)
        let part = first * size..<min(whole, last * size)
        if splitsColumns { body(worker, pair, 0..<m, part) } else { body(worker, pair, part, 0..<n) }
        strip += last - first
      }
    }
  }
}
