import GraftTensor

/// Matrix products and convolutions of quantized values of 8 bits, exact to the last bit.
///
/// They run on the vectors of floating-point numbers wherever these hold every sum exactly, whatever the order of
/// summing: float32 up to 2^24, float64 up to 2^53. What is larger is summed in whole numbers.
enum WholeNumberProducts {
  /// Quantized values less the one that stands for zero.
  struct Centered {
    let tensor: Tensor
    private let zero: Int32

    init(_ tensor: Tensor, range: (low: Float, high: Float)) {
      self.tensor = tensor
      zero = Int32(truncatingIfNeeded: QuantizedType(tensor.dtype).unclamped(0, range.low, range.high))
    }

    /// The largest magnitude that there may be.
    fileprivate var bound: Int64 {
      let type = QuantizedType(tensor.dtype)
      return max(abs(type.lowest - Int64(zero)), abs(type.highest - Int64(zero)))
    }

    /// The largest sum of magnitudes that a row or a column of this matrix has: each holds `depth` values, next to
    /// each other or as far apart as there are others.
    fileprivate func largestSum(depth: Int, areNext: Bool) -> Int64 {
      func largest<T: FixedWidthInteger>(_ type: T.Type) -> Int64 {
        let values = tensor.buffer(as: T.self)
        let lanes = max(values.count / max(depth, 1), 1)
        var sums = [Int64](repeating: 0, count: lanes)
        sums.withUnsafeMutableBufferPointer { sums in
          for outer in 0..<(areNext ? lanes : depth) {
            for inner in 0..<(areNext ? depth : lanes) {
              let value = values[outer * (areNext ? depth : lanes) + inner]
              sums[areNext ? outer : inner] &+= abs(Int64(value) - Int64(zero))
            }
          }
        }
        return sums.max() ?? 0
      }
      return tensor.dtype == .quint8 ? largest(UInt8.self) : largest(Int8.self)
    }

    /// The values as numbers of a dtype, in memory of this run.
    fileprivate func values(as dtype: DataType, _ context: KernelContext) throws -> Tensor {
      let result = try context.scratch(dtype, tensor.shape)
      switch dtype {
      case .float32: write(into: result, as: Float.self) { Float($0) }
      case .float64: write(into: result, as: Double.self) { Double($0) }
      default: write(into: result, as: Int32.self) { $0 }
      }
      return result
    }

    @inline(__always)
    private func write<To>(into result: Tensor, as type: To.Type, _ convert: (Int32) -> To) {
      @inline(__always)
      func write<From: FixedWidthInteger>(_ from: From.Type) {
        let (source, target) = (tensor.buffer(as: From.self), result.mutableBuffer(as: To.self))
        for index in target.indices {
          target[index] = convert(Int32(truncatingIfNeeded: source[index]) &- zero)
        }
      }
      if tensor.dtype == .quint8 { write(UInt8.self) } else { write(Int8.self) }
    }
  }

  /// The convolution of images, channels last.
  static func convolve(
    _ context: KernelContext, _ attributes: WindowAttributes, _ input: Centered, _ filter: Centered
  ) throws {
    let geometry = try ConvolutionGeometry(
      attributes, input: input.tensor.shape, filter: filter.tensor.shape)
    let output = try context.allocate(0, .qint32, try geometry.outputShape())
    guard output.elementCount > 0 else { return }
    try sum(context, input, filter, depth: geometry.depth, areNext: false, into: output) { x, weights, sums in
      let convolution = Convolution(
        geometry: geometry, filter: weights, scale: nil, isFilterConstant: false)
      try convolution.run(context, x, into: sums, .none)
    }
  }

  /// The product of two matrices, either of them transposed.
  static func multiply(
    _ context: KernelContext, _ a: Centered, transposed transposesA: Bool, _ b: Centered,
    transposed transposesB: Bool
  ) throws {
    let (left, right) = (a.tensor.shape, b.tensor.shape)
    guard left.rank == 2, right.rank == 2, left[transposesA ? 0 : 1] == right[transposesB ? 1 : 0] else {
      throw GraftError(
        .invalidArgument, "Matrices of shapes \(left) and \(right) cannot be multiplied like this.")
    }
    let (m, k, n) = (left[transposesA ? 1 : 0], left[transposesA ? 0 : 1], right[transposesB ? 0 : 1])
    let output = try context.allocate(0, .qint32, Shape([m, n]))
    guard output.elementCount > 0 else { return }
    try sum(context, a, b, depth: k, areNext: transposesB, into: output) { x, y, sums in
      let product = MatrixProduct(
        rows: m, columns: n, depth: k,
        left: MatrixOperand(
          tensor: x, row: transposesA ? 1 : k, column: transposesA ? m : 1, offsets: [0]),
        right: MatrixOperand(
          tensor: y, row: transposesB ? 1 : n, column: transposesB ? k : 1, offsets: [0]))
      try product.run(context, into: sums)
    }
  }

  /// Calls the body with both operands and room for sums of `depth` products, all of a dtype that holds them, and
  /// writes the sums into the output.
  private static func sum(
    _ context: KernelContext, _ a: Centered, _ b: Centered, depth: Int, areNext: Bool, into output: Tensor,
    _ body: (_ a: Tensor, _ b: Tensor, _ sums: Tensor) throws -> Void
  ) throws {
    let dtype = dtype(a, b, depth: depth, areNext: areNext)
    let (x, y) = (try a.values(as: dtype, context), try b.values(as: dtype, context))
    // Results are 32 bits wide; the high bits of larger ones are lost.
    let results = output.reinterpreted(as: .int32)
    guard dtype != .int32 else { return try body(x, y, results) }
    let sums = try context.scratch(dtype, output.shape)
    try body(x, y, sums)
    nonisolated(unsafe) let target = results.mutableBuffer(as: Int32.self)
    context.workers.forEach(target.count, cost: 1) { range in
      if dtype == .float32 {
        let source = sums.buffer(as: Float.self)
        for index in range { target[index] = Int32(source[index]) }
      } else {
        let source = sums.buffer(as: Double.self)
        for index in range { target[index] = Int32(truncatingIfNeeded: Int64(source[index])) }
      }
    }
  }

  /// The narrowest dtype that holds every sum.
  private static func dtype(_ a: Centered, _ b: Centered, depth: Int, areNext: Bool) -> DataType {
    /// The product, or more than any dtype holds.
    func product(_ x: Int64, _ y: Int64) -> Int64 {
      let (result, overflows) = x.multipliedReportingOverflow(by: y)
      return overflows ? .max : result
    }
    let largest = product(product(a.bound, b.bound), Int64(depth))
    if largest <= 1 << 24 { return .float32 }
    guard largest <= 1 << 53 else { return .int32 }
    // Filters mostly have small values.
    return product(a.bound, b.largestSum(depth: depth, areNext: areNext)) <= 1 << 24 ? .float32 : .float64
  }
}
