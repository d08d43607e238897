import CGraftVector
import GraftTensor

/// One side of a product: a tensor read as matrices.
struct MatrixOperand {
  var tensor: Tensor
  /// Elements from one row to the next.
  let row: Int
  /// Elements from one column to the next.
  let column: Int
  /// Whether elements are conjugated.
  var conjugated = false
  /// Where each matrix begins among the elements.
  let offsets: [Int]
  /// The kernel's input that it is, as it lies in memory; nil for what the kernel made of one.
  var input: Int?

  /// Whether every pair has the same matrix.
  var isOneMatrix: Bool { offsets.allSatisfy { $0 == offsets[0] } }

  /// Where the matrices begin; one of them where every pair has the same.
  var distinctOffsets: [Int] { isOneMatrix ? Array(offsets.prefix(1)) : offsets }
}

/// The products of matrices, pair by pair: m by k times k by n.
///
/// float32 and float64 run on the processor's vectors, half and bfloat16 as float32, large complex ones as products of
/// real ones, everything else in a plain loop. However the work is split over threads, the result is the same bits.
struct MatrixProduct {
  let m: Int
  let n: Int
  let k: Int
  var left: MatrixOperand
  var right: MatrixOperand
  var finish = Finish.none
  /// The right side, packed before.
  var packed: PackedMatrix?
  /// Where the products of several columns of float32 or float64 lie, if not one after the other: elements from one row
  /// to the next, and where each product begins. There is no finish then.
  var places: (row: Int, offsets: [Int])?

  /// Writes the products one after the other.
  ///
  /// - Parameter binds: whether the kernel does nothing but that, so that it may be bound.
  /// - Precondition: `output` has m * n elements for each pair, and both sides have its dtype.
  func run(_ context: KernelContext, into output: Tensor, binds: Bool = false) throws {
    switch output.dtype {
    case .float32: try vector(Float.self, context, output, binds: binds)
    case .float64: try vector(Double.self, context, output, binds: binds)
    case .float16, .bfloat16: try widened(context, into: output, cuts: true)
    case .int16: try plain(Int16.self, context, output)
    case .int32: try plain(Int32.self, context, output)
    case .int64: try plain(Int64.self, context, output)
    case .complex64: try complex(Float.self, context, output)
    case .complex128: try complex(Double.self, context, output)
    default: throw GraftError(.unimplemented, "There is no product of matrices of \(output.dtype).")
    }
  }

  /// Packs the right side where it is an input that stays the same: a constant for good, what no round of a loop
  /// changes for as long as that goes on. What is not packed is read from where it is aligned.
  mutating func prepareRight(_ context: KernelContext) throws {
    if let input = right.input, right.tensor.dtype.isFloatingPoint, n > 1, context.isConstant(input) {
      return try packConstantRight(context)
    }
    right.tensor = try right.tensor.aligned()
    if let input = right.input { try packHeldRight(input, context) }
  }

  /// Packs the right side, constant and of floats at any address, and keeps it.
  ///
  /// A run that would not keep it reads a matrix for few rows once, as it is.
  private mutating func packConstantRight(_ context: KernelContext) throws {
    let isReadAsItIs =
      isReadOnce && left.offsets.count == 1 && right.column == 1 && right.tensor.dtype.size > 2
    guard context.keepsPacked || !isReadAsItIs else { return }
    let kept = try PackedMatrix.kept(right, k: k, n: n, context)
    if isReadOnce, left.offsets.count == 1 { context.readsOnce(kept.memory) }
    packed = kept
  }

  /// Packs the right side where it is the same in every round of a loop, for as long as the loop goes on.
  private mutating func packHeldRight(_ input: Int, _ context: KernelContext) throws {
    let dtype = right.tensor.dtype
    guard dtype == .float32 || dtype == .float64, n > 1, !isReadOnce, context.isFixed, context.isHeld(input)
    else {
      return
    }
    packed = try PackedMatrix.pack(right, k: k, n: n, context)
  }

  /// Whether there are so few rows that a matrix is read but once for them, and not worth packing. The sums
  /// are those of the packed matrix. Of many pairs the rows are fewer.
  static func isReadOnce(rows: Int, columns: Int, pairs: Int = 1) -> Bool {
    columns > 1 && rows < (pairs == 1 ? 8 : 4)
  }

  /// Elements of the result from one row to the next.
  private var rowStep: Int { places?.row ?? n }

  /// The element of the result at which a row begins.
  private func place(_ pair: Int, row: Int) -> Int {
    places.map { $0.offsets[pair] + row * $0.row } ?? (pair * m + row) * n
  }

  /// The products of so few numbers that they are not worth sharing out.
  private static let undivided = 1 << 18

  private var isReadOnce: Bool { Self.isReadOnce(rows: m, columns: n, pairs: left.offsets.count) }

  // MARK: - Half and bfloat16

  /// Rows that are converted at a time, at most, and the bytes that they and their results take of a near cache.
  private static let mostRows = 126
  private static let rowBytes = 256 << 10

  /// Writes the products of half or bfloat16, summed up in float32.
  ///
  /// - Parameter cuts: whether what bfloat16 has no room for is cut off, not rounded.
  func widened(_ context: KernelContext, into output: Tensor, cuts: Bool) throws {
    if BFloat16Product.handles(output.dtype) {
      let pairs =
        try packed
        ?? PackedMatrix.paired(right, k: k, n: n, context.workers) {
          try context.scratch(.uint32, $0).storage
        }
      return try BFloat16Product(
        m: m, n: n, k: k, left: .matrices(left), right: pairs, isShared: right.isOneMatrix, finish: finish,
        cuts: cuts
      ).run(context, into: output)
    }
    if let packed, left.column == 1, left.offsets.count == 1, let short = SixteenBits(output.dtype) {
      return try byRows(short, packed, context, output, cuts: cuts)
    }
    var wide = self
    wide.left = try left.widened(context)
    if packed == nil { wide.right = try right.widened(context) }
    wide.finish = try finish.widened(context)
    let sums = try context.scratch(.float32, output.shape)
    try wide.vector(Float.self, context, sums)
    FloatConversion.narrow(sums, into: output, context.workers, cuts: cuts)
  }

  /// A few rows at a time, whose elements and results as float32 stay in a cache.
  private func byRows(
    _ short: SixteenBits, _ packed: PackedMatrix, _ context: KernelContext, _ output: Tensor, cuts: Bool
  ) throws {
    guard output.elementCount > 0 else { return }
    let (m, n, k, row) = (m, n, k, left.row)
    let height = min(max(Self.rowBytes / ((k + n) * MemoryLayout<Float>.stride), 14), Self.mostRows)
    let memory = try context.scratch(
      .float32, Shape(validating: [context.workers.workers, height, k + n]))
    nonisolated(unsafe) let (a, c, first, finish) = (
      left.tensor.base + 2 * left.offsets[0], output.base, memory.base.assumingMemoryBound(to: Float.self),
      try finish.widened(context).vector(columns: n)
    )
    context.workers.forEachPart(rows: m, columns: n, depth: max(k, 8), Float.self) {
      worker, _, rows, columns in
      let values = first + worker * height * (k + n)
      let sums = values + height * k
      for start in stride(from: rows.lowerBound, to: rows.upperBound, by: height) {
        let count = min(height, rows.upperBound - start)
        for line in 0..<count { short.widen(a + 2 * (start + line) * row, values + line * k, k) }
        Float.product(
          m: count, n: columns.count, k: k, values, row: k, column: 1,
          packed: packed.elements(of: 0) + columns.lowerBound * k, into: sums, cRow: columns.count,
          finish.from(row: start, column: columns.lowerBound, of: Float.self))
        for line in 0..<count {
          short.narrow(
            sums + line * columns.count, c + 2 * ((start + line) * n + columns.lowerBound), columns.count,
            cuts: cuts)
        }
      }
    }
    withExtendedLifetime(packed) {}
  }

  private init(m: Int, n: Int, k: Int, left: MatrixOperand, right: MatrixOperand, finish: Finish) {
    self.m = m
    self.n = n
    self.k = k
    self.left = left
    self.right = right
    self.finish = finish
  }

  // MARK: - float32 and float64

  private func vector<T: VectorElement>(
    _ type: T.Type, _ context: KernelContext, _ output: Tensor, binds: Bool = false
  ) throws {
    guard output.elementCount > 0 else { return }
    let (product, workers, finish) = (self, context.workers, finish.vector(columns: n))
    if let packed {
      return context.perform(binds: binds) { product.multiply(T.self, workers, output, packed, finish) }
    }
    if n == 1, right.row == 1 || k == 1, left.column == 1 {
      return context.perform(binds: binds) { product.vectorOnTheRight(T.self, workers, output, finish) }
    }
    if isReadOnce, right.column == 1 {
      return context.perform(binds: binds) { product.few(T.self, workers, output, finish) }
    }
    if isReadOnce, right.row == 1, left.column == 1 {
      return context.perform(binds: binds) { product.dots(T.self, workers, output, finish) }
    }
    let memory = try context.scratch(T.dataType, PackedMatrix.shape(T.self, right, k: k, n: n)).storage
    context.perform(binds: binds) {
      let packed = PackedMatrix.pack(
        T.self, product.right, k: product.k, n: product.n, into: memory, workers)
      product.multiply(T.self, workers, output, packed, finish)
    }
  }

  private func multiply<T: VectorElement>(
    _ type: T.Type, _ workers: WorkerPool, _ output: Tensor, _ packed: PackedMatrix, _ finish: graft_finish
  ) {
    nonisolated(unsafe) let a = UnsafePointer(left.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let c = output.base.assumingMemoryBound(to: T.self)
    let (m, n, k, row, column, offsets) = (m, n, k, left.row, left.column, left.offsets)
    if offsets.count == 1, m * n * k < Self.undivided {
      return T.product(
        m: m, n: n, k: k, a + offsets[0], row: row, column: column, packed: packed.elements(of: 0),
        into: c + place(0, row: 0), cRow: rowStep, finish)
    }
    nonisolated(unsafe) let finish = finish
    let isShared = right.isOneMatrix
    workers.forEachPart(pairs: offsets.count, rows: m, columns: n, depth: max(k, 8), T.self) {
      _, pair, rows, columns in
      T.product(
        m: rows.count, n: columns.count, k: k, a + offsets[pair] + rows.lowerBound * row, row: row,
        column: column,
        packed: packed.elements(of: isShared ? 0 : pair, as: T.self) + columns.lowerBound * k,
        into: c + place(pair, row: rows.lowerBound) + columns.lowerBound, cRow: rowStep,
        finish.from(row: pair * m + rows.lowerBound, column: columns.lowerBound, of: T.self))
    }
  }

  /// Few rows by a matrix that lies row after row: read once, it is not worth packing.
  private func few<T: VectorElement>(
    _ type: T.Type, _ workers: WorkerPool, _ output: Tensor, _ finish: graft_finish
  ) {
    nonisolated(unsafe) let a = UnsafePointer(left.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let b = UnsafePointer(right.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let c = output.base.assumingMemoryBound(to: T.self)
    nonisolated(unsafe) let finish = finish
    let (m, n, k, row, column, offsets) = (m, n, k, left.row, left.column, left.offsets)
    let (bRow, bOffsets) = (right.row, right.offsets)
    let width = 4 * T.panelWidth
    // The last one also has the columns that are left: a few by themselves would be added up in another order.
    let strips = max(n / width, 1)
    workers.forEach(offsets.count * strips, cost: m * width * max(k, 8) / 20) { range in
      var strip = range.lowerBound
      while strip < range.upperBound {
        let pair = strip / strips
        let first = strip % strips
        let last = min(strips, first + range.upperBound - strip)
        let columns = first * width..<(last == strips ? n : last * width)
        T.productUnpacked(
          m: m, n: columns.count, k: k, a + offsets[pair], row: row, column: column,
          b + bOffsets[pair] + columns.lowerBound, bRow: bRow,
          into: c + place(pair, row: 0) + columns.lowerBound, cRow: rowStep,
          finish.from(row: pair * m, column: columns.lowerBound, of: T.self))
        strip += last - first
      }
    }
  }

  /// Few rows by a matrix that lies column after column.
  private func dots<T: VectorElement>(
    _ type: T.Type, _ workers: WorkerPool, _ output: Tensor, _ finish: graft_finish
  ) {
    nonisolated(unsafe) let a = UnsafePointer(left.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let b = UnsafePointer(right.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let c = output.base.assumingMemoryBound(to: T.self)
    nonisolated(unsafe) let finish = finish
    let (m, n, k, row, offsets) = (m, n, k, left.row, left.offsets)
    let (bColumn, bOffsets) = (right.column, right.offsets)
    let width = 16
    let strips = (n + width - 1) / width
    workers.forEach(offsets.count * m * strips, cost: width * max(k, 8) / 10) { range in
      for strip in range {
        let line = strip / strips
        let pair = line / m
        let columns = strip % strips * width..<min(n, (strip % strips + 1) * width)
        T.dots(
          n: columns.count, k: k, a + offsets[pair] + line % m * row,
          b + bOffsets[pair] + columns.lowerBound * bColumn, bColumn: bColumn,
          into: c + place(pair, row: line % m) + columns.lowerBound,
          finish.from(row: line, column: columns.lowerBound, of: T.self))
      }
    }
  }

  /// A matrix by a vector: each row by the vector.
  private func vectorOnTheRight<T: VectorElement>(
    _ type: T.Type, _ workers: WorkerPool, _ output: Tensor, _ finish: graft_finish
  ) {
    nonisolated(unsafe) let a = UnsafePointer(left.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let b = UnsafePointer(right.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let c = output.base.assumingMemoryBound(to: T.self)
    let (m, k, row, offsets, bOffsets) = (m, k, left.row, left.offsets, right.offsets)
    let height = 16
    let strips = (m + height - 1) / height
    workers.forEach(offsets.count * strips, cost: height * max(k, 8) / 10) { range in
      for strip in range {
        let pair = strip / strips
        let rows = strip % strips * height..<min(m, (strip % strips + 1) * height)
        T.dots(
          n: rows.count, k: k, b + bOffsets[pair], a + offsets[pair] + rows.lowerBound * row, bColumn: row,
          into: c + pair * m + rows.lowerBound, graft_finish())
      }
    }
    T.finishRows(c, rows: offsets.count * m, n: 1, cRow: 1, finish)
  }

  // MARK: - Everything else

  /// For so many rows it is worth it to lay a matrix's columns side by side.
  private static let manyRows = 4

  func plain<T: MatrixElement>(_ type: T.Type, _ context: KernelContext, _ output: Tensor) throws {
    guard output.elementCount > 0 else { return }
    let isCopied = right.column != 1 && n > 1 && m >= Self.manyRows
    let right = isCopied ? try right.byRows(T.self, k: k, n: n, context) : right
    nonisolated(unsafe) let a = UnsafePointer(left.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let b = UnsafePointer(right.tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let c = output.base.assumingMemoryBound(to: T.self)
    let (m, n, k, row, column, offsets) = (m, n, k, left.row, left.column, left.offsets)
    let (bRow, bColumn, bOffsets) = (right.row, right.column, right.offsets)
    let isComplex = output.dtype.isComplex
    let (conjugateLeft, conjugateRight) = (isComplex && left.conjugated, isComplex && right.conjugated)
    context.workers.forEach(offsets.count * m, cost: n * max(k, 1)) { range in
      for line in range {
        let pair = line / m
        let target = c + line * n
        let source = a + offsets[pair] + line % m * row
        for j in 0..<n { target[j] = T.zero }
        if bColumn == 1, !conjugateLeft, !conjugateRight {
          T.addProducts(source, step: column, k: k, b + bOffsets[pair], row: bRow, to: target, n)
          continue
        }
        for p in 0..<k {
          let value = conjugateLeft ? T.conjugate(source[p * column]) : source[p * column]
          let other = b + bOffsets[pair] + p * bRow
          if conjugateRight {
            for j in 0..<n {
              target[j] = T.add(target[j], T.multiply(value, T.conjugate(other[j * bColumn])))
            }
          } else {
            for j in 0..<n { target[j] = T.add(target[j], T.multiply(value, other[j * bColumn])) }
          }
        }
      }
    }
  }
}

extension MatrixProduct {
  /// Products of pairs of matrices.
  init(
    rows m: Int, columns n: Int, depth k: Int, left: MatrixOperand, right: MatrixOperand,
    finish: Finish = .none, packed: PackedMatrix? = nil
  ) {
    self.init(m: m, n: n, k: k, left: left, right: right, finish: finish)
    self.packed = packed
  }
}

extension MatrixOperand {
  /// The same matrices row after row.
  fileprivate func byRows<T: MatrixElement>(
    _ type: T.Type, k: Int, n: Int, _ context: KernelContext
  ) throws -> MatrixOperand {
    let places = distinctOffsets
    let copy = try context.scratch(tensor.dtype, Shape(validating: [places.count, k, n]))
    nonisolated(unsafe) let source = UnsafePointer(tensor.base.assumingMemoryBound(to: T.self))
    nonisolated(unsafe) let target = copy.base.assumingMemoryBound(to: T.self)
    context.workers.forEach(places.count * k, cost: n) { lines in
      for line in lines {
        let (from, to) = (source + places[line / k] + line % k * row, target + line * n)
        for j in 0..<n { to[j] = from[j * column] }
      }
    }
    return MatrixOperand(
      tensor: copy, row: n, column: 1, conjugated: conjugated,
      offsets: offsets.indices.map { places.count == 1 ? 0 : $0 * k * n })
  }

  /// The same as float32.
  func widened(_ context: KernelContext) throws -> MatrixOperand {
    MatrixOperand(
      tensor: try FloatConversion.widen(tensor, context), row: row, column: column, offsets: offsets)
  }
}
