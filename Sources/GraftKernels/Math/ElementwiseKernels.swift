import GraftTensor

/// Runs rows over whole tensors, on all workers.
enum ElementwiseKernels {
  /// Elements per step of a split loop: a multiple of any vector's length, so that the pieces begin where
  /// blocks do.
  static let block = 1024

  /// A function of one tensor.
  static func unary(_ row: UnaryRow, output: DataType) -> Kernel {
    { context in
      let x = try context.input(0)
      let y = try context.allocate(0, output, x.shape)
      let (source, target, count, workers) = (x.base, y.base, x.elementCount, context.workers)
      context.perform { run(row, source, target, count, workers) }
    }
  }

  /// A function over elements that lie one after the other.
  static func run(
    _ row: UnaryRow, _ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ count: Int, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let (x, y) = (x, y)
    workers.forEach((count + block - 1) / block, cost: row.cost) { blocks in
      let begin = blocks.lowerBound * block
      let end = min(blocks.upperBound * block, count)
      row.body(x + begin * row.inputSize, y + begin * row.outputSize, end - begin)
    }
  }

  /// A function of two tensors that broadcast against each other.
  ///
  /// - Parameter check: Looks at the operands first, where the result has elements.
  static func binary(
    _ row: BinaryRow, output: DataType, check: (@Sendable (Tensor, Tensor) throws -> Void)? = nil
  ) -> Kernel {
    { context in
      let a = try context.input(0)
      let b = try context.input(1)
      if a.shape == b.shape || b.elementCount == 1 && b.rank <= a.rank {
        if let check, a.elementCount > 0 { try check(a, b) }
        let y = try context.allocate(0, output, a.shape)
        let isOne = b.elementCount == 1
        let (left, right, target, count) = (a.base, b.base, y.base, a.elementCount)
        let (body, workers) = (isOne ? row.right : row.pairs, context.workers)
        context.perform(binds: check == nil) {
          run(row, body, left, right, target, count, leftMoves: true, rightMoves: !isOne, workers)
        }
      } else if a.elementCount == 1 && a.rank <= b.rank {
        if let check, b.elementCount > 0 { try check(a, b) }
        let y = try context.allocate(0, output, b.shape)
        let (left, right, target, count) = (a.base, b.base, y.base, b.elementCount)
        let workers = context.workers
        context.perform(binds: check == nil) {
          run(row, row.left, left, right, target, count, leftMoves: false, rightMoves: true, workers)
        }
      } else {
        let plan = try Broadcast([a.shape, b.shape])
        if let check, plan.shape.elementCount > 0 { try check(a, b) }
        let y = try context.allocate(0, output, plan.shape)
        nonisolated(unsafe) let (left, right, target) = (a.base, b.base, y.base)
        let workers = context.workers
        guard plan.shape.elementCount > 0 else { return }
        if let operands = shortRows(row, plan, a, b) {
          context.perform(binds: check == nil) {
            operands.forEachPart(cost: row.cost + 300, workers) { start, count, operands, _ in
              row.pairs(operands[0], operands[1], target + start * row.outputSize, count)
            }
          }
        } else {
          context.perform(binds: check == nil) { run(row, plan, left, right, target, workers) }
        }
      }
    }
  }

  /// One long row.
  private static func run(
    _ row: BinaryRow, _ body: @escaping BinaryRow.Body, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
    _ y: UnsafeMutableRawPointer, _ count: Int, leftMoves: Bool, rightMoves: Bool, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let (a, b, y) = (a, b, y)
    let leftStep = leftMoves ? row.inputSize : 0
    let rightStep = rightMoves ? row.inputSize : 0
    workers.forEach((count + block - 1) / block, cost: row.cost) { blocks in
      let begin = blocks.lowerBound * block
      let end = min(blocks.upperBound * block, count)
      body(a + begin * leftStep, b + begin * rightStep, y + begin * row.outputSize, end - begin)
    }
  }

  /// A function of two tensors with as many elements, place by place.
  static func runPairs(
    _ row: BinaryRow, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ y: UnsafeMutableRawPointer,
    _ count: Int, _ workers: WorkerPool
  ) {
    run(row, row.pairs, a, b, y, count, leftMoves: true, rightMoves: true, workers)
  }

  /// The operands as rows that are longer than those in which they meet; nil where those are long.
  private static func shortRows(
    _ row: BinaryRow, _ plan: Broadcast, _ a: Tensor, _ b: Tensor
  ) -> BroadcastRows? {
    let bothMove = plan.innerStride(0) != 0 && plan.innerStride(1) != 0
    guard plan.sizes.count > 1, plan.rowLength <= (bothMove ? BroadcastRows.shortRow : 32),
      BroadcastRows.takes(size: row.inputSize)
    else { return nil }
    return BroadcastRows(
      [a, b].map { BroadcastPace($0.shape, in: plan.shape) },
      [UnsafeRawPointer(a.base), UnsafeRawPointer(b.base)],
      sizes: [row.inputSize, row.inputSize], count: plan.shape.elementCount)
  }

  /// Row by row.
  private static func run(
    _ row: BinaryRow, _ plan: Broadcast, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
    _ y: UnsafeMutableRawPointer, _ workers: WorkerPool
  ) {
    let length = plan.rowLength
    let (leftMoves, rightMoves) = (plan.innerStride(0) != 0, plan.innerStride(1) != 0)
    let body = leftMoves ? (rightMoves ? row.pairs : row.right) : row.left
    nonisolated(unsafe) let (a, b, y) = (a, b, y)
    if plan.rowCount >= 4 * workers.threads || length < 2 * block {
      let cost = max(row.cost * length / block, 1) + 10
      workers.forEach(plan.rowCount, cost: cost) { rows in
        plan.forEachRow(rows) { index, starts in
          body(
            a + starts[0] * row.inputSize, b + starts[1] * row.inputSize,
            y + index * length * row.outputSize, length)
        }
      }
    } else {
      plan.forEachRow(0..<plan.rowCount) { index, starts in
        run(
          row, body, a + starts[0] * row.inputSize, b + starts[1] * row.inputSize,
          y + index * length * row.outputSize, length, leftMoves: leftMoves, rightMoves: rightMoves, workers)
      }
    }
  }
}
