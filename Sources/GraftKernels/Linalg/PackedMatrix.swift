import CGraftVector
import GraftTensor

/// Matrices in the layout that products read fastest: panels of a few columns, one after the other.
///
/// Made once where the matrices are constant.
final class PackedMatrix: Sendable {
  private let storage: TensorStorage
  /// Bytes from one matrix to the next.
  private let stride: Int
  /// Whether they are of bfloat16, in pairs, as ``BFloat16Product`` reads them.
  let isPaired: Bool

  init(storage: TensorStorage, stride: Int, isPaired: Bool = false) {
    self.storage = storage
    self.stride = stride
    self.isPaired = isPaired
  }

  /// The elements of one of the matrices.
  func elements<T>(of matrix: Int, as type: T.Type = T.self) -> UnsafePointer<T> {
    UnsafePointer((storage.base + matrix * stride).assumingMemoryBound(to: T.self))
  }

  /// All matrices.
  var memory: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage.base, count: storage.byteCount) }

  /// How many elements a packed matrix has.
  static func count<T: VectorElement>(_ type: T.Type, k: Int, n: Int) -> Int {
    (n + T.panelWidth - 1) / T.panelWidth * T.panelWidth * k
  }

  /// One side of a product, constant and of floats, packed and kept: half as float32, and bfloat16 where it is not
  /// computed with as it is.
  static func kept(_ operand: MatrixOperand, k: Int, n: Int, _ context: KernelContext) throws -> PackedMatrix
  {
    try context.prepared {
      let form = [operand.row, operand.column, k, n] + operand.offsets
      return try context.packed(operand.tensor, form: form) { try pack(operand, k: k, n: n, context) }
    }
  }

  /// One side of a product of floats, packed into memory of its own: half as float32, and bfloat16 where it is not
  /// computed with as it is.
  static func pack(
    _ operand: MatrixOperand, k: Int, n: Int, _ context: KernelContext
  ) throws -> PackedMatrix {
    if operand.tensor.dtype == .float64 {
      return try packed(Double.self, operand, k: k, n: n, context.workers)
    }
    if BFloat16Product.handles(operand.tensor.dtype) {
      return try paired(operand, k: k, n: n, context.workers) {
        try Tensor(uninitialized: .uint32, shape: $0).storage
      }
    }
    return try packed(Float.self, try operand.widened(context), k: k, n: n, context.workers)
  }

  private static func packed<T: VectorElement>(
    _ type: T.Type, _ operand: MatrixOperand, k: Int, n: Int, _ workers: WorkerPool
  ) throws -> PackedMatrix {
    let memory = try Tensor(uninitialized: T.dataType, shape: try shape(T.self, operand, k: k, n: n))
    return pack(T.self, operand, k: k, n: n, into: memory.storage, workers)
  }

  /// The memory that one side of a product takes when it is packed: one matrix where all pairs have the same.
  static func shape<T: VectorElement>(
    _ type: T.Type, _ operand: MatrixOperand, k: Int, n: Int
  ) throws -> Shape {
    try Shape(validating: [operand.isOneMatrix ? 1 : operand.offsets.count, count(T.self, k: k, n: n)])
  }

  /// Packs one side of a product into memory of the ``shape(_:_:k:n:)``.
  static func pack<T: VectorElement>(
    _ type: T.Type, _ operand: MatrixOperand, k: Int, n: Int, into storage: TensorStorage,
    _ workers: WorkerPool
  ) -> PackedMatrix {
    pack(
      T.self, UnsafePointer(operand.tensor.base.assumingMemoryBound(to: T.self)),
      offsets: operand.distinctOffsets,
      row: operand.row, column: operand.column, k: k, n: n, into: storage, workers)
  }

  /// Packs matrices of k rows and n columns.
  ///
  /// - Parameters:
  ///   - offsets: where each begins among the elements.
  ///   - scale: what the columns of all matrices, one after the other, are multiplied by.
  static func pack<T: VectorElement>(
    _ type: T.Type, _ elements: UnsafePointer<T>, offsets: [Int], row: Int, column: Int, k: Int, n: Int,
    scale: UnsafePointer<T>? = nil, into storage: TensorStorage, _ workers: WorkerPool
  ) -> PackedMatrix {
    nonisolated(unsafe) let elements = elements
    nonisolated(unsafe) let scale = scale
    let width = T.panelWidth
    let panels = (n + width - 1) / width
    let count = count(T.self, k: k, n: n)
    nonisolated(unsafe) let packed = storage.base.assumingMemoryBound(to: T.self)
    workers.forEach(offsets.count * panels, cost: k * width / 2) { range in
      var piece = range.lowerBound
      while piece < range.upperBound {
        let matrix = piece / panels
        let first = piece % panels
        let last = min(panels, first + range.upperBound - piece)
        let columns = min(n, last * width) - first * width
        T.pack(
          elements + offsets[matrix] + first * width * column, row: row, column: column, k: k, n: columns,
          scale: scale.map { $0 + matrix * n + first * width },
          into: packed + matrix * count + first * width * k)
        piece += last - first
      }
    }
    return PackedMatrix(storage: storage, stride: count * MemoryLayout<T>.stride)
  }
}
