import GraftTensor

/// The matrices in the last two dimensions of a tensor.
struct MatrixBatch<F: MatrixField> {
  let batch: [Int]
  let rows: Int
  let columns: Int
  private let elements: [F]

  /// - Throws: `GraftError` for fewer than two dimensions.
  init(_ tensor: Tensor, input: Int) throws {
    guard tensor.rank >= 2 else {
      throw GraftError(
        .invalidArgument, "Matrices are expected, and a tensor of shape \(tensor.shape) was found.",
        at: .init(input: input))
    }
    batch = Array(tensor.shape.dimensions.dropLast(2))
    rows = tensor.shape[tensor.rank - 2]
    columns = tensor.shape[tensor.rank - 1]
    elements = F.read(tensor)
    guard elements.count > 0 || count <= Self.mostEmpty else {
      throw GraftError(
        .resourceExhausted,
        "\(count) matrices without elements are more than the \(Self.mostEmpty) that one op takes.",
        at: .init(input: input))
    }
  }

  /// Each matrix has a result, though it has no elements.
  private static var mostEmpty: Int { 1 << 20 }

  /// How many matrices there are.
  var count: Int { batch.reduce(1, *) }

  subscript(index: Int) -> Matrix<F> {
    let size = rows * columns
    return Matrix(rows: rows, columns: columns, elements: Array(elements[index * size..<(index + 1) * size]))
  }

  /// - Throws: `GraftError` where the matrices are not square.
  func checkSquare(input: Int) throws {
    guard rows == columns else {
      throw GraftError(
        .invalidArgument, "Square matrices are expected, and matrices of \(rows) by \(columns) were found.",
        at: .init(input: input))
    }
  }
}

/// The results for batches of matrices.
enum MatrixResult {
  /// Writes matrices one after the other into an output.
  static func write<F: MatrixField>(
    _ matrices: [Matrix<F>], batch: [Int], rows: Int, columns: Int, output: Int, _ dtype: DataType,
    _ context: KernelContext
  ) throws {
    let tensor = try context.allocate(output, dtype, Shape(validating: batch + [rows, columns]))
    F.write(matrices.flatMap(\.elements), into: tensor)
  }
}

/// Work that is the same for real and complex matrices.
protocol MatrixWork {
  func run<F: MatrixField>(_ type: F.Type, _ context: KernelContext, _ dtype: DataType) throws
}

extension MatrixWork {
  /// Does the work in the field of the dtype.
  func run(_ context: KernelContext, _ dtype: DataType) throws {
    if dtype.isComplex {
      try run(Complex128.self, context, dtype)
    } else {
      try run(Double.self, context, dtype)
    }
  }
}
