import GraftTensor

/// A block of elements that lie in one tensor some steps apart and go into another with other steps:
/// what transposing, slicing, reversing, joining, padding and broadcasting have in common.
///
/// A step is a number of elements: 0 repeats one, a negative one walks backwards. Dimensions that can be
/// walked as one are joined. Rows that are contiguous on both sides are copied at once; where the source
/// is contiguous along another dimension than the target, the block goes in square tiles.
struct StridedCopy: Sendable {
  private var sizes: [Int] = []
  private var sourceSteps: [Int] = []
  private var targetSteps: [Int] = []
  private var isEmpty = false

  /// A block with the given sizes, outermost dimension of the target first.
  init(sizes: [Int], sourceSteps: [Int], targetSteps: [Int]) {
    self.sizes.reserveCapacity(sizes.count)
    self.sourceSteps.reserveCapacity(sizes.count)
    self.targetSteps.reserveCapacity(sizes.count)
    for axis in sizes.indices {
      let size = sizes[axis]
      if size == 0 { isEmpty = true }
      if size <= 1 { continue }
      let source = sourceSteps[axis]
      let target = targetSteps[axis]
      if let last = self.sizes.indices.last, self.sourceSteps[last] == source &* size,
        self.targetSteps[last] == target &* size
      {
        self.sizes[last] = self.sizes[last] &* size
        self.sourceSteps[last] = source
        self.targetSteps[last] = target
      } else {
        self.sizes.append(size)
        self.sourceSteps.append(source)
        self.targetSteps.append(target)
      }
    }
  }

  /// A block of rows that are contiguous on both sides.
  init(rows: Int, length: Int, sourceStep: Int, targetStep: Int) {
    self.init(sizes: [rows, length], sourceSteps: [sourceStep, 1], targetSteps: [targetStep, 1])
  }

  /// Whether the elements follow each other in both tensors, so that a view would do.
  var isContiguous: Bool {
    sizes.isEmpty || sizes.count == 1 && sourceSteps[0] == 1 && targetSteps[0] == 1
  }

  /// Copies the block, from and to the elements given.
  ///
  /// - Precondition: all of the block lies within both tensors, which have the same dtype.
  func run(
    from source: Tensor, at sourceStart: Int = 0, to target: Tensor, startingAt targetStart: Int = 0,
    _ workers: WorkerPool
  ) throws {
    if isEmpty { return }
    try target.dtype.withElement(
      BlockTask(
        copy: self, source: source, sourceStart: sourceStart, target: target, targetStart: targetStart,
        workers: workers))
  }

  private struct BlockTask: ElementTask {
    let copy: StridedCopy
    let source: Tensor
    let sourceStart: Int
    let target: Tensor
    let targetStart: Int
    let workers: WorkerPool

    func run<E: Sendable>(_ type: E.Type) throws {
      copy.run(type, self)
    }
  }

  private func run<E: Sendable>(_ type: E.Type, _ task: BlockTask) {
    guard let last = sizes.indices.last else {
      task.target.element(type, task.targetStart).pointee =
        task.source.element(type, task.sourceStart).pointee
      return
    }
    if isContiguous {
      let bytes = MemoryLayout<E>.stride
      // Pieces of a whole page or more: cutting finer only costs.
      let piece = 16384 / bytes
      task.workers.forEach((sizes[0] + piece - 1) / piece, cost: 1500) { range in
        let start = range.lowerBound * piece
        let count = min(range.upperBound * piece, sizes[0]) - start
        task.target.element(type, task.targetStart + start)
          .copyRow(from: task.source.element(type, task.sourceStart + start), count: count)
      }
      return
    }
    var outer = Array(sizes.indices.dropLast())
    if targetSteps[last] == 1, sourceSteps[last] != 1,
      let side = outer.last(where: { sourceSteps[$0] == 1 })
    {
      outer.removeAll { $0 == side }
      runTiles(type, task, side: side, outer: outer)
    } else {
      let rows = outer.popLast()
      runRows(type, task, rows: rows, outer: outer)
    }
  }

  // MARK: Rows

  private func runRows<E: Sendable>(_ type: E.Type, _ task: BlockTask, rows: Int?, outer: [Int]) {
    let last = sizes.count - 1
    let rowCount = rows.map { sizes[$0] } ?? 1
    let rowSource = rows.map { sourceSteps[$0] } ?? 0
    let rowTarget = rows.map { targetSteps[$0] } ?? 0
    let count = sizes[last]
    let source = sourceSteps[last]
    let target = targetSteps[last]
    let total = rowCount * outer.reduce(1) { $0 * sizes[$1] }
    let cost = max(count * MemoryLayout<E>.stride / 8, 2)
    task.workers.forEach(total, cost: cost) { range in
      var walk = StridedWalk(self, outer, at: range.lowerBound / rowCount)
      var first = range.lowerBound % rowCount
      var left = range.count
      while left > 0 {
        let n = min(rowCount - first, left)
        Self.copyRows(
          task.source.element(type, task.sourceStart + walk.source + first * rowSource),
          task.target.element(type, task.targetStart + walk.target + first * rowTarget),
          rows: n, rowSource, rowTarget, count: count, source, target)
        left -= n
        first = 0
        walk.advance()
      }
    }
  }

  @inline(__always)
  private static func copyRows<E>(
    _ source: UnsafePointer<E>, _ target: UnsafeMutablePointer<E>, rows: Int, _ rowSource: Int,
    _ rowTarget: Int, count: Int, _ sourceStep: Int, _ targetStep: Int
  ) {
    if sourceStep == 1, targetStep == 1 {
      if count * MemoryLayout<E>.stride >= 64 {
        for row in 0..<rows {
          (target + row * rowTarget).copyRow(from: source + row * rowSource, count: count)
        }
      } else {
        for row in 0..<rows {
          let from = source + row * rowSource
          let to = target + row * rowTarget
          for i in 0..<count { to[i] = from[i] }
        }
      }
    } else if sourceStep == 0, targetStep == 1 {
      for row in 0..<rows {
        (target + row * rowTarget).fillRow(with: source[row * rowSource], count: count)
      }
    } else if sourceStep == -1, targetStep == 1 {
      // A step that is known is one that the compiler makes vectors of.
      for row in 0..<rows {
        let from = source + row * rowSource
        let to = target + row * rowTarget
        for i in 0..<count { to[i] = from[-i] }
      }
    } else {
      for row in 0..<rows {
        let from = source + row * rowSource
        let to = target + row * rowTarget
        for i in 0..<count { to[i * targetStep] = from[i * sourceStep] }
      }
    }
  }

  // MARK: Tiles

  /// Rows of a tile: each source line of the tile is as long.
  private static let tileRows = 64
  /// Columns that a thread takes at least.
  private static let tileColumns = 4096
  /// Bytes of a tile's row in the target: a cache line, which is written whole.
  private static let tileRowBytes = 64

  private func runTiles<E: Sendable>(_ type: E.Type, _ task: BlockTask, side: Int, outer: [Int]) {
    let last = sizes.count - 1
    let rows = sizes[side]
    let columns = sizes[last]
    let sourceStep = sourceSteps[last]
    let targetStep = targetSteps[side]
    let across = (columns + Self.tileColumns - 1) / Self.tileColumns
    let blocks = (rows + Self.tileRows - 1) / Self.tileRows * across
    let total = blocks * outer.reduce(1) { $0 * sizes[$1] }
    let area = min(rows, Self.tileRows) * min(columns, Self.tileColumns)
    let cost = max(area * MemoryLayout<E>.stride / 4, 2)
    task.workers.forEach(total, cost: cost) { range in
      var walk = StridedWalk(self, outer, at: range.lowerBound / blocks)
      var block = range.lowerBound % blocks
      for _ in range {
        let row = block / across * Self.tileRows
        let column = block % across * Self.tileColumns
        Self.copyTiles(
          task.source.element(type, task.sourceStart + walk.source + row + column * sourceStep),
          task.target.element(type, task.targetStart + walk.target + row * targetStep + column),
          rows: min(rows - row, Self.tileRows), columns: min(columns - column, Self.tileColumns),
          sourceStep: sourceStep, targetStep: targetStep)
        block += 1
        if block == blocks {
          block = 0
          walk.advance()
        }
      }
    }
  }

  /// Rows lie side by side in the source, columns in the target.
  @inline(__always)
  private static func copyTiles<E>(
    _ source: UnsafePointer<E>, _ target: UnsafeMutablePointer<E>, rows: Int, columns: Int,
    sourceStep: Int, targetStep: Int
  ) {
    if columns <= 4, targetStep == columns {
      return interleave(source, target, rows: rows, lines: columns, step: sourceStep)
    }
    if rows <= 4, sourceStep == rows {
      return separate(source, target, columns: columns, lines: rows, step: targetStep)
    }
    let size = MemoryLayout<E>.size
    // The side of the squares that fit into registers; 0 for elements without.
    let side = size == 4 ? 4 : size <= 2 ? 8 : 0
    var first = 0
    while first < columns {
      let end = min(first + max(tileRowBytes / size, 8), columns)
      var row = 0
      while side > 0, row + side <= rows {
        var column = first
        while column + side <= end {
          TransposedSquare.copy(
            size: size, UnsafeRawPointer(source + column * sourceStep + row), sourceStep * size,
            UnsafeMutableRawPointer(target + row * targetStep + column), targetStep * size)
          column += side
        }
        while column < end {
          let from = source + column * sourceStep + row
          for i in 0..<side { target[(row + i) * targetStep + column] = from[i] }
          column += 1
        }
        row += side
      }
      while row < rows {
        let from = source + row
        let to = target + row * targetStep
        for column in first..<end { to[column] = from[column * sourceStep] }
        row += 1
      }
      first = end
    }
  }

  // Few lines: their number is known in each loop, so that the compiler makes vectors of it.

  /// Two to four source lines to one target line in which their elements take turns.
  @inline(__always)
  private static func interleave<E>(
    _ source: UnsafePointer<E>, _ target: UnsafeMutablePointer<E>, rows: Int, lines: Int, step: Int
  ) {
    let (a, b) = (source, source + step)
    switch lines {
    case 2:
      for row in 0..<rows {
        target[2 * row] = a[row]
        target[2 * row + 1] = b[row]
      }
    case 3:
      let c = b + step
      for row in 0..<rows {
        target[3 * row] = a[row]
        target[3 * row + 1] = b[row]
        target[3 * row + 2] = c[row]
      }
    default:
      let c = b + step
      let d = c + step
      for row in 0..<rows {
        target[4 * row] = a[row]
        target[4 * row + 1] = b[row]
        target[4 * row + 2] = c[row]
        target[4 * row + 3] = d[row]
      }
    }
  }

  /// One source line in which the elements of two to four target lines take turns.
  @inline(__always)
  private static func separate<E>(
    _ source: UnsafePointer<E>, _ target: UnsafeMutablePointer<E>, columns: Int, lines: Int, step: Int
  ) {
    let (a, b) = (target, target + step)
    switch lines {
    case 2:
      for column in 0..<columns {
        a[column] = source[2 * column]
        b[column] = source[2 * column + 1]
      }
    case 3:
      let c = b + step
      for column in 0..<columns {
        a[column] = source[3 * column]
        b[column] = source[3 * column + 1]
        c[column] = source[3 * column + 2]
      }
    default:
      let c = b + step
      let d = c + step
      for column in 0..<columns {
        a[column] = source[4 * column]
        b[column] = source[4 * column + 1]
        c[column] = source[4 * column + 2]
        d[column] = source[4 * column + 3]
      }
    }
  }

  /// Where a walk over some of the block's dimensions, in row-major order, stands in both tensors.
  private struct StridedWalk {
    private let sizes: [Int]
    private let sourceSteps: [Int]
    private let targetSteps: [Int]
    private var index: [Int]
    private(set) var source = 0
    private(set) var target = 0

    init(_ copy: StridedCopy, _ axes: [Int], at position: Int) {
      sizes = axes.map { copy.sizes[$0] }
      sourceSteps = axes.map { copy.sourceSteps[$0] }
      targetSteps = axes.map { copy.targetSteps[$0] }
      index = [Int](repeating: 0, count: axes.count)
      var rest = position
      for axis in stride(from: axes.count - 1, through: 0, by: -1) {
        index[axis] = rest % sizes[axis]
        rest /= sizes[axis]
        source += index[axis] * sourceSteps[axis]
        target += index[axis] * targetSteps[axis]
      }
    }

    mutating func advance() {
      var axis = sizes.count - 1
      while axis >= 0 {
        index[axis] += 1
        source += sourceSteps[axis]
        target += targetSteps[axis]
        if index[axis] < sizes[axis] { return }
        source -= sourceSteps[axis] * sizes[axis]
        target -= targetSteps[axis] * sizes[axis]
        index[axis] = 0
        axis -= 1
      }
    }
  }
}

extension Tensor {
  /// The address of an element.
  @inline(__always)
  func element<E>(_ type: E.Type, _ index: Int) -> UnsafeMutablePointer<E> {
    base.assumingMemoryBound(to: type) + index
  }
}
