import CGraftVector
import GraftTensor

extension PackedMatrix {
  /// Packs one side of a product of bfloat16, in pairs: one matrix where all products have the same.
  ///
  /// - Parameter allocate: makes memory for as many uint32.
  static func paired(
    _ operand: MatrixOperand, k: Int, n: Int, _ workers: WorkerPool,
    _ allocate: (Shape) throws -> TensorStorage
  ) throws -> PackedMatrix {
    let width = Int(GRAFT_PANEL_BFLOAT16)
    let panels = (n + width - 1) / width
    let panel = (k + 1) / 2 * width
    let (row, column) = (operand.row, operand.column)
    let offsets = operand.distinctOffsets
    let storage = try allocate(Shape(validating: [offsets.count, panels * panel]))
    nonisolated(unsafe) let elements = UnsafePointer(
      operand.tensor.base.assumingMemoryBound(to: UInt16.self))
    nonisolated(unsafe) let packed = storage.base.assumingMemoryBound(to: UInt32.self)
    workers.forEach(offsets.count * panels, cost: panel / 8) { range in
      for piece in range {
        let (matrix, first) = (piece / panels, piece % panels * width)
        graft_bfloat16_pack(
          elements + offsets[matrix] + first * column, row, column, k, min(n - first, width),
          packed + piece * panel)
      }
    }
    return PackedMatrix(
      storage: storage, stride: panels * panel * MemoryLayout<UInt32>.stride, isPaired: true)
  }
}
