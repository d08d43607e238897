import CGraftVector
import GraftTensor

/// Elements of 16 bits, which compute in float32.
protocol HalfElement: FloatElement where Compute == Float {}

extension Float16: HalfElement {}
extension BFloat16: HalfElement {}

/// Products of half and bfloat16 whose sums are rounded at every step, as those TensorFlow kernels do that have no
/// sums in float32: einsums, convolutions of volumes, gradients of convolutions.
///
/// Long sums would lose more with each step; they are made in float32.
enum SteppedProduct {
  /// The longest sum that is rounded at every step.
  static let longest = Int(GRAFT_STEPPED_POSITIONS)

  /// Whether an einsum's sums of so many products are rounded at every step. Those of bfloat16 lose eight times as much,
  /// and where the processor computes with bfloat16 TensorFlow does not round them.
  static func handles(_ dtype: DataType, depth: Int) -> Bool {
    dtype == .float16 ? depth <= longest : dtype == .bfloat16 && depth <= longest / 4
  }

  /// Columns that TensorFlow's kernels compute together, rounding products too; the columns after the last whole
  /// group are computed one by one, and there a product and its sum are rounded once.
  private static let group = 8

  /// Whether the sum's column is one of a whole group.
  @inline(__always)
  static func isGrouped(column: Int, of columns: Int) -> Bool { column < columns / group * group }

  /// The sum and one more product.
  @inline(__always)
  static func add<T: HalfElement>(_ sum: Float, _ a: T, _ b: T, isGrouped: Bool) -> Float {
    // The product of two such numbers is exact in float32.
    let product = a.compute * b.compute
    return T(sum + (isGrouped ? T(product).compute : product)).compute
  }

  /// Writes the products of pairs of matrices, one after the other.
  static func run(_ product: MatrixProduct, into output: Tensor, _ context: KernelContext) throws {
    let (m, n, k) = (product.m, product.n, product.k)
    let (left, right) = (try product.left.widened(context), try product.right.widened(context))
    let memory = try context.scratch(.float32, PackedMatrix.shape(Float.self, right, k: k, n: n)).storage
    let packed = PackedMatrix.pack(Float.self, right, k: k, n: n, into: memory, context.workers)
    let sums = try context.scratch(.float32, output.shape)
    let multiply = output.dtype == .float16 ? graft_stepped_product_half : graft_stepped_product_bfloat16
    let isShared = right.isOneMatrix
    nonisolated(unsafe) let (a, c) = (
      left.tensor.floats, sums.base.assumingMemoryBound(to: Float.self)
    )
    // A step takes about as long as 16 of other products.
    context.workers.forEachPart(pairs: left.offsets.count, rows: m, columns: n, depth: 16 * k, Float.self) {
      _, pair, rows, columns in
      multiply(
        rows.count, columns.count, k, a + left.offsets[pair] + rows.lowerBound * left.row, left.row,
        left.column,
        packed.elements(of: isShared ? 0 : pair) + columns.lowerBound * k,
        c + (pair * m + rows.lowerBound) * n + columns.lowerBound, n)
    }
    withExtendedLifetime(packed) {}
    FloatConversion.narrow(sums, into: output, context.workers)
  }
}
