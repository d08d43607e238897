import GraftTensor

/// Products of sparse matrices by compressed rows.
enum CompressedRowsProductOps {
  static let all: [OpDefinition] = [withDense, withSparse]

  /// Which way round an operand is taken.
  private struct Turn: Sendable {
    let transposes: Bool
    let conjugates: Bool

    init(_ setup: NodeSetup, _ name: String) throws {
      let isAdjoint = try setup.bool("adjoint_\(name)")
      let isTransposed = try setup.bool("transpose_\(name)")
      guard !(isAdjoint && isTransposed) else {
        throw setup.invalid("The attributes 'transpose_\(name)' and 'adjoint_\(name)' are both true.")
      }
      (transposes, conjugates) = (isAdjoint || isTransposed, isAdjoint)
    }

    func turned(_ matrix: CompressedRows) throws -> CompressedRows {
      let conjugated = conjugates ? try matrix.conjugated() : matrix
      return transposes ? try conjugated.transposed() : conjugated
    }
  }

  private static let withDense = OpDefinition(
    "SparseMatrixMatMul", "The product of sparse and dense matrices, as dense ones.",
    types: ["T": CompressedRowsOps.types], shape: ShapeRules.unknown,
    prepare: { setup in
      let dtype = try setup.type("T")
      let (left, right) = (try Turn(setup, "a"), try Turn(setup, "b"))
      let transposesOutput = try setup.bool("transpose_output")
      let conjugatesOutput = try setup.bool("conjugate_output")
      return { context in
        var matrix = try left.turned(try context.compressedRows(0, of: dtype))
        if conjugatesOutput { matrix = try matrix.conjugated() }
        let dense = try context.input(1)
        guard dense.rank == matrix.shape.rank, dense.rank == 2 || dense.shape[0] == matrix.batch else {
          throw ArrayArguments.invalid(
            "Sparse matrices of shape \(matrix.shape) are not multiplied by matrices of shape \(dense.shape).",
            input: 1)
        }
        let (rows, columns) = (dense.shape[dense.rank - 2], dense.shape[dense.rank - 1])
        let (depth, width) = right.transposes ? (columns, rows) : (rows, columns)
        guard depth == matrix.width else {
          throw ArrayArguments.invalid(
            "A sparse matrix with \(matrix.width) columns is not multiplied by one with \(depth) rows.",
            input: 1)
        }
        let shape =
          transposesOutput
          ? matrix.shape(rows: width, columns: matrix.rows) : matrix.shape(rows: matrix.rows, columns: width)
        let output = try context.allocate(0, dtype, try Shape(validating: shape.dimensions))
        output.clear()
        guard output.elementCount > 0 else { return }
        try dtype.withArithmeticElement(
          DenseProduct(
            matrix: matrix, dense: dense, output: output, width: width, isTransposed: right.transposes,
            conjugates: right.conjugates != conjugatesOutput, transposesOutput: transposesOutput))
      }
    })

  private struct DenseProduct: ArithmeticElementTask {
    let matrix: CompressedRows
    let dense: Tensor
    let output: Tensor
    let width: Int
    let isTransposed: Bool
    let conjugates: Bool
    let transposesOutput: Bool

    func run<E: ArithmeticElement>(_ type: E.Type) throws {
      let values = matrix.values.buffer(as: type)
      let source = conjugates ? try conjugated(dense) : dense
      let (right, target) = (source.buffer(as: type), output.mutableBuffer(as: type))
      let (rows, depth) = (matrix.rows, matrix.width)
      for line in 0..<matrix.batch * rows {
        let batch = line / rows
        for element in matrix.starts[line]..<matrix.starts[line + 1] {
          let inner = Int(matrix.columns[element])
          for column in 0..<width {
            let from =
              batch * depth * width + (isTransposed ? column * depth + inner : inner * width + column)
            let to =
              transposesOutput ? (batch * width + column) * rows + line % rows : line * width + column
            target[to] = E.add(target[to], E.multiply(values[element], right[from]))
          }
        }
      }
    }

    private func conjugated(_ tensor: Tensor) throws -> Tensor {
      let flat = tensor.reshaped(unchecked: Shape([tensor.elementCount]))
      return try CompressedRows(shape: [0, 0], columns: [], starts: [0], values: flat).conjugated().values
    }
  }

  private static let withSparse = OpDefinition(
    "SparseMatrixSparseMatMul",
    "The product of sparse matrices, as sparse ones; zeros that come out are kept.",
    types: ["type": CompressedRowsOps.types], shape: ShapeRules.scalar,
    prepare: { setup in
      let dtype = try setup.type("type")
      let (left, right) = (try Turn(setup, "a"), try Turn(setup, "b"))
      return { context in
        let a = try left.turned(try context.compressedRows(0, of: dtype))
        let b = try right.turned(try context.compressedRows(1, of: dtype))
        guard a.shape.rank == b.shape.rank, a.batch == b.batch, a.width == b.rows else {
          throw ArrayArguments.invalid(
            "Sparse matrices of shapes \(a.shape) and \(b.shape) are not multiplied.", input: 1)
        }
        let product = Product()
        try dtype.withArithmeticElement(SparseProduct(a: a, b: b, product: product))
        guard let result = product.matrix else { return }
        try context.setCompressedRows(0, result)
      }
    })

  private final class Product {
    var matrix: CompressedRows?
  }

  private struct SparseProduct: ArithmeticElementTask {
    let a: CompressedRows
    let b: CompressedRows
    let product: Product

    func run<E: ArithmeticElement>(_ type: E.Type) throws {
      let (left, right) = (a.values.buffer(as: type), b.values.buffer(as: type))
      var (columns, starts, values): ([Int32], [Int], [E]) = ([], [0], [])
      var sums: [Int32: E] = [:]
      for line in 0..<a.batch * a.rows {
        sums.removeAll(keepingCapacity: true)
        for element in a.starts[line]..<a.starts[line + 1] {
          let row = line / a.rows * b.rows + Int(a.columns[element])
          for other in b.starts[row]..<b.starts[row + 1] {
            let term = E.multiply(left[element], right[other])
            sums[b.columns[other]] = sums[b.columns[other]].map { E.add($0, term) } ?? term
          }
        }
        for (column, sum) in sums.sorted(by: { $0.key < $1.key }) {
          columns.append(column)
          values.append(sum)
        }
        starts.append(columns.count)
      }
      product.matrix = CompressedRows(
        shape: a.shape(rows: a.rows, columns: b.width), columns: columns, starts: starts,
        values: try Tensor(values))
    }
  }
}
