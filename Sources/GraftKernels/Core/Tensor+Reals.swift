import GraftTensor

extension Tensor {
  /// The elements of a tensor of real or whole numbers, as wide ones.
  ///
  /// - Throws: `GraftError` for other dtypes.
  func reals() throws -> [Double] {
    switch dtype {
    case .float64: Array(buffer(as: Double.self))
    case .float32: buffer(as: Float.self).map { Double($0) }
    case .float16: buffer(as: Float16.self).map(\.double)
    case .bfloat16: buffer(as: BFloat16.self).map(\.double)
    default: try integers().map { Double($0) }
    }
  }
}
