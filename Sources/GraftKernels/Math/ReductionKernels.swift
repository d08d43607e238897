import GraftTensor

/// A place among dimensions that were merged, counted row-major.
private struct MergedIndex: Sendable {
  let sizes: [Int]
  let strides: [Int]
  let count: Int

  init(_ dimensions: [(size: Int, stride: Int)]) {
    sizes = dimensions.map(\.size)
    strides = dimensions.map(\.stride)
    count = sizes.reduce(1, *)
  }

  /// Whether places lie at equal distances.
  var isRegular: Bool { sizes.count <= 1 }

  /// How many elements lie before the place of the given number.
  @inline(__always)
  func offset(_ index: Int) -> Int {
    if sizes.count <= 1 { return sizes.isEmpty ? 0 : index * strides[0] }
    var (rest, offset) = (index, 0)
    for axis in stride(from: sizes.count - 1, through: 0, by: -1) {
      offset += rest % sizes[axis] * strides[axis]
      rest /= sizes[axis]
    }
    return offset
  }
}

/// Reduces dimensions of a tensor. How parts are cut depends on sizes alone, so that results are the same
/// for any number of workers.
struct ReductionKernel<R: Reducer>: Sendable {
  /// Elements of a long row that are reduced in one go.
  private static var segment: Int { 1 << 16 }
  /// Rows that are added up before their sum joins the others': sums of many rows stay exact.
  private static var group: Int { 256 }
  /// Columns whose totals stay in the nearest cache.
  private static var columns: Int { 2048 }
  /// Innermost dimensions up to this length are reduced after those outside of them, place by place.
  private static var shortRow: Int { 32 }

  private let kept: MergedIndex
  private let reduced: MergedIndex
  private let rowLength: Int
  private let reducesRows: Bool
  private let geometry: ReductionGeometry
  /// How many neighbours of a row each result is made from; 1 but for short innermost dimensions.
  private let neighbours: Int

  init(_ geometry: ReductionGeometry) {
    self.geometry = geometry
    var sizes = geometry.sizes
    var isReduced = geometry.reducesInnermost
    if isReduced, sizes.count >= 3, let last = sizes.last, last <= Self.shortRow {
      // Together with what is kept outside of it the innermost dimension is a row, whose results are reduced at last.
      neighbours = last
      sizes.removeLast()
      sizes[sizes.count - 1] *= last
      isReduced = false
    } else {
      neighbours = 1
    }
    reducesRows = isReduced
    var stride = 1
    var (kept, reduced): ([(size: Int, stride: Int)], [(size: Int, stride: Int)]) = ([], [])
    for (position, size) in sizes.reversed().enumerated() {
      // The innermost dimension is a row by itself.
      if position > 0 {
        if isReduced { reduced.append((size, stride)) } else { kept.append((size, stride)) }
      }
      stride *= size
      isReduced.toggle()
    }
    self.kept = MergedIndex(kept.reversed())
    self.reduced = MergedIndex(reduced.reversed())
    rowLength = sizes.last ?? 1
  }

  /// Reduces the input into the output.
  func run(_ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, _ workers: WorkerPool) {
    let x = input.assumingMemoryBound(to: R.Element.self)
    let y = output.assumingMemoryBound(to: R.Element.self)
    guard geometry.reducedCount > 0 else {
      y.update(repeating: R.finish(R.identity, count: 0), count: geometry.shape.elementCount)
      return
    }
    guard geometry.shape.elementCount > 0 else { return }
    if reducesRows {
      reduceRows(x, y, workers)
    } else {
      reduceColumns(x, y, workers)
    }
  }

  // MARK: Rows

  /// Each result is made from rows.
  private func reduceRows(
    _ x: UnsafePointer<R.Element>, _ y: UnsafeMutablePointer<R.Element>, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let (x, y) = (x, y)
    let count = geometry.reducedCount
    if reduced.count == 1, kept.isRegular, rowLength <= Self.segment {
      let step = 64
      let rows = kept.count
      workers.forEach((rows + step - 1) / step, cost: rowLength * step / 4 + 50) { steps in
        withUnsafeTemporaryAllocation(of: R.Accumulator.self, capacity: step) { totals in
          guard let totals = totals.baseAddress else { return }
          for index in steps {
            let begin = index * step
            let length = min(step, rows - begin)
            R.reduceRows(x + begin * rowLength, totals, rows: length, count: rowLength)
            for i in 0..<length { y[begin + i] = R.finish(totals[i], count: count) }
          }
        }
      }
      return
    }
    let pieces = (rowLength + Self.segment - 1) / Self.segment
    let parts = reduced.count * pieces
    if kept.count >= 2 * workers.threads || parts == 1 {
      workers.forEach(kept.count, cost: count / 4 + 20) { results in
        withUnsafeTemporaryAllocation(of: R.Accumulator.self, capacity: 1) { next in
          guard let next = next.baseAddress else { return }
          for result in results {
            var total = R.identity
            for index in 0..<parts {
              reducePart(index, of: result, pieces, x, next)
              total = R.combine(total, next[0])
            }
            y[result] = R.finish(total, count: count)
          }
        }
      }
    } else {
      for result in 0..<kept.count {
        withUnsafeTemporaryAllocation(of: R.Accumulator.self, capacity: parts) { totals in
          guard let base = totals.baseAddress else { return }
          nonisolated(unsafe) let totals = base
          workers.forEach(parts, cost: min(rowLength, Self.segment) / 4 + 20) { range in
            for index in range { reducePart(index, of: result, pieces, x, totals + index) }
          }
          var total = R.identity
          for index in 0..<parts { total = R.combine(total, totals[index]) }
          y[result] = R.finish(total, count: count)
        }
      }
    }
  }

  /// One part of one result: a piece of one of its rows.
  @inline(__always)
  private func reducePart(
    _ part: Int, of result: Int, _ pieces: Int, _ x: UnsafePointer<R.Element>,
    _ total: UnsafeMutablePointer<R.Accumulator>
  ) {
    let begin = part % pieces * Self.segment
    let start = kept.offset(result) + reduced.offset(part / pieces) + begin
    R.reduceRows(x + start, total, rows: 1, count: min(Self.segment, rowLength - begin))
  }

  // MARK: Columns

  /// Rows are combined with each other, place by place.
  private func reduceColumns(
    _ x: UnsafePointer<R.Element>, _ y: UnsafeMutablePointer<R.Element>, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let (x, y) = (x, y)
    // All neighbours of a result are in one block.
    let columns = Self.columns / neighbours * neighbours
    let blocks = (rowLength + columns - 1) / columns
    let groups = (reduced.count + Self.group - 1) / Self.group
    let tasks = kept.count * blocks
    if tasks >= 2 * workers.threads || groups == 1 {
      workers.forEach(tasks, cost: min(rowLength, columns) * reduced.count / 4 + 20) { tasks in
        let width = min(rowLength, columns)
        withUnsafeTemporaryAllocation(of: R.Accumulator.self, capacity: 3 * width) { memory in
          guard let totals = memory.baseAddress else { return }
          let (block, next) = (totals + width, totals + 2 * width)
          for task in tasks {
            memory.initialize(repeating: R.identity)
            let first = task % blocks * columns
            let length = min(columns, rowLength - first)
            let start = kept.offset(task / blocks) + first
            for group in 0..<groups {
              combineGroup(group, x + start, length, next)
              combineTotals(next, of: group, among: groups, length, block, totals)
            }
            finish(totals, length, y + (task / blocks * rowLength + first) / neighbours)
          }
        }
      }
      return
    }
    for task in 0..<tasks {
      let first = task % blocks * columns
      let length = min(columns, rowLength - first)
      let start = kept.offset(task / blocks) + first
      withUnsafeTemporaryAllocation(of: R.Accumulator.self, capacity: (groups + 2) * length) { memory in
        guard let base = memory.baseAddress else { return }
        memory.initialize(repeating: R.identity)
        nonisolated(unsafe) let parts = base + 2 * length
        workers.forEach(groups, cost: length * Self.group / 4 + 20) { range in
          for group in range { combineGroup(group, x + start, length, parts + group * length) }
        }
        let (totals, block) = (base, base + length)
        for group in 0..<groups {
          combineTotals(parts + group * length, of: group, among: groups, length, block, totals)
        }
        finish(totals, length, y + (task / blocks * rowLength + first) / neighbours)
      }
    }
  }

  /// Makes results of columns' totals.
  private func finish(
    _ totals: UnsafePointer<R.Accumulator>, _ length: Int, _ results: UnsafeMutablePointer<R.Element>
  ) {
    let count = geometry.reducedCount
    for i in 0..<length / neighbours {
      var total = totals[i * neighbours]
      for next in 1..<neighbours { total = R.combine(total, totals[i * neighbours + next]) }
      results[i] = R.finish(total, count: count)
    }
  }

  /// Takes a group's totals in, by way of a block of groups: sums of many rows lose less so.
  @inline(__always)
  private func combineTotals(
    _ part: UnsafePointer<R.Accumulator>, of group: Int, among groups: Int, _ length: Int,
    _ block: UnsafeMutablePointer<R.Accumulator>, _ totals: UnsafeMutablePointer<R.Accumulator>
  ) {
    for i in 0..<length { block[i] = R.combine(block[i], part[i]) }
    guard (group + 1) % Self.group == 0 || group + 1 == groups else { return }
    for i in 0..<length {
      totals[i] = R.combine(totals[i], block[i])
      block[i] = R.identity
    }
  }

  /// The rows of one group, over some of their columns.
  @inline(__always)
  private func combineGroup(
    _ group: Int, _ x: UnsafePointer<R.Element>, _ length: Int, _ totals: UnsafeMutablePointer<R.Accumulator>
  ) {
    totals.update(repeating: R.identity, count: length)
    let rows = group * Self.group..<min((group + 1) * Self.group, reduced.count)
    if reduced.isRegular {
      let step = reduced.strides.first ?? 0
      R.accumulate(totals, x + rows.lowerBound * step, step: step, rows: rows.count, count: length)
    } else {
      for row in rows { R.accumulate(totals, x + reduced.offset(row), step: 0, rows: 1, count: length) }
    }
  }
}
