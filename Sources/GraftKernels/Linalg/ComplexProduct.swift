import GraftTensor

extension MatrixProduct {
  /// Whether products of complex numbers are made of real ones: they are where matrices are large, and each of the right
  /// one's elements is used often.
  private var isSplit: Bool { m >= 4 && k > 0 && m * n >= (1 << 14) / k }

  /// Products of complex matrices by way of real ones, which run on the processor's vectors.
  ///
  /// An element's parts stand side by side: the left matrix has a row (re, -im, ...) for the results' real parts, and
  /// one (im, re, ...) for their imaginary ones; the right matrix has a row of each part.
  func complex<Real: VectorElement>(_ type: Real.Type, _ context: KernelContext, _ output: Tensor) throws {
    guard output.elementCount > 0, isSplit else { return try plain(Complex<Real>.self, context, output) }
    let real = Real.dataType
    let rows = try context.scratch(real, Shape(validating: [2, m, k, 2]))
    let columns = try context.scratch(real, Shape(validating: [k, 2, n]))
    let sums = try context.scratch(real, Shape(validating: [2, m, n]))
    let product = MatrixProduct(
      rows: 2 * m, columns: n, depth: 2 * k,
      left: MatrixOperand(tensor: rows, row: 2 * k, column: 1, offsets: [0]),
      right: MatrixOperand(tensor: columns, row: n, column: 1, offsets: [0]))
    for pair in left.offsets.indices {
      left.splitRows(pair, m, k, into: rows, Real.self, context.workers)
      if pair == 0 || !right.isOneMatrix {
        right.splitColumns(pair, k, n, into: columns, Real.self, context.workers)
      }
      try product.run(context, into: sums)
      join(sums, into: output, pair, Real.self, context.workers)
    }
  }

  private func join<Real: VectorElement>(
    _ sums: Tensor, into output: Tensor, _ pair: Int, _ type: Real.Type, _ workers: WorkerPool
  ) {
    let count = m * n
    nonisolated(unsafe) let source = UnsafePointer(sums.base.assumingMemoryBound(to: Real.self))
    nonisolated(unsafe) let target = output.base.assumingMemoryBound(to: Real.self) + 2 * pair * count
    workers.forEach(m, cost: n) { range in
      for i in range.lowerBound * n..<range.upperBound * n {
        target[2 * i] = source[i]
        target[2 * i + 1] = source[count + i]
      }
    }
  }
}

extension MatrixOperand {
  fileprivate func splitRows<Real: VectorElement>(
    _ pair: Int, _ m: Int, _ k: Int, into rows: Tensor, _ type: Real.Type, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source =
      UnsafePointer(tensor.base.assumingMemoryBound(to: Real.self)) + 2 * offsets[pair]
    nonisolated(unsafe) let target = rows.base.assumingMemoryBound(to: Real.self)
    let (row, column, sign): (Int, Int, Real) = (row, column, conjugated ? -1 : 1)
    workers.forEach(m, cost: 2 * k) { range in
      for i in range {
        let (from, reals) = (source + 2 * i * row, target + 2 * i * k)
        let imaginaries = reals + 2 * m * k
        for p in 0..<k {
          let (re, im) = (from[2 * p * column], sign * from[2 * p * column + 1])
          (reals[2 * p], reals[2 * p + 1]) = (re, -im)
          (imaginaries[2 * p], imaginaries[2 * p + 1]) = (im, re)
        }
      }
    }
  }

  fileprivate func splitColumns<Real: VectorElement>(
    _ pair: Int, _ k: Int, _ n: Int, into columns: Tensor, _ type: Real.Type, _ workers: WorkerPool
  ) {
    nonisolated(unsafe) let source =
      UnsafePointer(tensor.base.assumingMemoryBound(to: Real.self)) + 2 * offsets[pair]
    nonisolated(unsafe) let target = columns.base.assumingMemoryBound(to: Real.self)
    let (row, column, sign): (Int, Int, Real) = (row, column, conjugated ? -1 : 1)
    workers.forEach(k, cost: 2 * n) { range in
      for p in range {
        let (from, reals) = (source + 2 * p * row, target + 2 * p * n)
        let imaginaries = reals + n
        for j in 0..<n {
          reals[j] = from[2 * j * column]
          imaginaries[j] = sign * from[2 * j * column + 1]
        }
      }
    }
  }
}
