import CGraftVector
import GraftTensor

/// Products of bfloat16 by the processor's instructions for them, summed up in float32 and rounded once: a few rows at
/// a time, whose elements and sums stay in a near cache.
struct BFloat16Product: Sendable {
  /// What stands on the left.
  enum Rows: Sendable {
    /// The rows of matrices.
    case matrices(MatrixOperand)
    /// What lies under a window, a row for each place of it.
    case patches(ConvolutionGeometry, Tensor)
  }

  let m: Int
  let n: Int
  let k: Int
  let left: Rows
  /// Packed in pairs.
  let right: PackedMatrix
  /// Whether all matrices on the left are multiplied by the same one.
  let isShared: Bool
  let finish: Finish
  /// Whether what bfloat16 has no room for is cut off, not rounded.
  let cuts: Bool

  /// Whether the processor has such instructions for the dtype.
  static func handles(_ dtype: DataType) -> Bool { dtype == .bfloat16 && graft_multiplies_bfloat16() != 0 }

  /// Rows that are computed at a time, at least and at most: multiples of a tile's.
  private static let (fewest, most) = (14, 126)
  /// What they and their sums take of a near cache.
  private static let bytes = 256 << 10

  /// Writes the products one after the other.
  func run(_ context: KernelContext, into output: Tensor) throws {
    guard output.elementCount > 0 else { return }
    let width = Int(GRAFT_PANEL_BFLOAT16)
    let pitch = (n + width - 1) / width * width
    let copyPitch = isReadInPlace ? 0 : Self.isCrowded(k) ? k + 32 : k
    let rowBytes =
      (pitch * MemoryLayout<Float>.stride + copyPitch * MemoryLayout<UInt16>.stride + 63) / 64 * 64
    let height = min(max(Self.bytes / rowBytes / Self.fewest * Self.fewest, Self.fewest), Self.most, m)
    let memory = try context.scratch(
      .uint8, Shape(validating: [context.workers.workers, height * rowBytes]))
    nonisolated(unsafe) let (c, scratch, finish) = (
      output.base.assumingMemoryBound(to: UInt16.self), memory.base,
      try finish.widened(context).vector(columns: n)
    )
    context.workers.forEachPart(pairs: pairs, rows: m, columns: n, depth: max(k, 8), Float.self) {
      worker, pair, rows, columns in
      let sums = (scratch + worker * height * rowBytes).assumingMemoryBound(to: Float.self)
      let copies = UnsafeMutableRawPointer(sums + height * pitch).assumingMemoryBound(to: UInt16.self)
      let packed: UnsafePointer<UInt32> = right.elements(of: isShared ? 0 : pair)
      for start in stride(from: rows.lowerBound, to: rows.upperBound, by: height) {
        let count = min(height, rows.upperBound - start)
        let (a, row) = self.rows(start, count, of: pair, copies: copies, pitch: copyPitch)
        graft_bfloat16_product(
          count, columns.count, k, a, row, packed + columns.lowerBound * ((k + 1) / 2), sums, pitch)
        Float.finishRows(
          sums, rows: count, n: columns.count, cRow: pitch,
          finish.from(row: pair * m + start, column: columns.lowerBound, of: Float.self))
        graft_bfloat16_store(
          count, columns.count, sums, pitch, cuts ? 1 : 0, c + (pair * m + start) * n + columns.lowerBound, n)
      }
    }
    withExtendedLifetime(right) {}
  }

  /// Whether lines of rows that lie so many elements apart are in few of the innermost cache's sets.
  private static func isCrowded(_ row: Int) -> Bool { row % 512 == 0 }

  private var pairs: Int {
    switch left {
    case .matrices(let operand): operand.offsets.count
    case .patches: 1
    }
  }

  private var isReadInPlace: Bool {
    switch left {
    case .matrices(let operand): operand.column == 1 && !Self.isCrowded(operand.row)
    case .patches: false
    }
  }

  /// Some of a matrix's rows, and how many elements lie from one to the next: where they are, or copied.
  private func rows(
    _ first: Int, _ count: Int, of pair: Int, copies: UnsafeMutablePointer<UInt16>, pitch: Int
  ) -> (UnsafePointer<UInt16>, row: Int) {
    switch left {
    case .patches(let geometry, let x):
      var shape = geometry.vector
      graft_bfloat16_patches(
        &shape, x.base.assumingMemoryBound(to: UInt16.self), first, count, copies, pitch)
    case .matrices(let operand):
      let elements = UnsafePointer(operand.tensor.base.assumingMemoryBound(to: UInt16.self))
      let source = elements + operand.offsets[pair] + first * operand.row
      if isReadInPlace { return (source, operand.row) }
      for line in 0..<count {
        let (from, to) = (source + line * operand.row, copies + line * pitch)
        if operand.column == 1 {
          to.update(from: from, count: k)
        } else {
          for index in 0..<k { to[index] = from[index * operand.column] }
        }
      }
    }
    return (UnsafePointer(copies), pitch)
  }
}
