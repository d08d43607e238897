import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// What is expected is TensorFlow's, by `sparse_csr_matrix_ops` with the same values.
@Suite("Sparse matrices by compressed rows")
struct SparseCompressedRowsTests {
  private let dense: [Float] = [0, 1, 0, 2, 0, 3, 4, 0, 0, 0, 0, 5]
  private let turns: [String: AttributeValue] = [
    "transpose_a": .bool(false), "transpose_b": .bool(false), "adjoint_a": .bool(false),
    "adjoint_b": .bool(false), "transpose_output": .bool(false), "conjugate_output": .bool(false),
  ]

  private func run(
    _ op: String, _ inputs: [Tensor], _ more: [String: AttributeValue] = [:], outputs: [DataType]
  ) throws -> [Tensor] {
    let type = AttributeValue.type(ElementType(.float32))
    return try KernelHarness.run(
      op, in: SparseOps.all, inputs, attributes: ["T": type, "type": type].merging(more) { $1 },
      outputs: outputs)
  }

  private func matrices() throws -> Tensor {
    let indices: [Int64] = [0, 0, 1, 0, 1, 0, 0, 1, 2, 1, 0, 0, 1, 1, 2]
    return try run(
      "DenseToCSRSparseMatrix",
      [try Tensor(shape: [2, 2, 3], scalars: dense), try Tensor(shape: [5, 3], scalars: indices)],
      outputs: [.variant])[0]
  }

  private func dense(_ matrices: Tensor) throws -> [Float] {
    try run("CSRSparseMatrixToDense", [matrices], outputs: [.float32])[0].scalars()
  }

  @Test("From dense matrices and back, and their parts")
  func conversions() throws {
    let matrices = try matrices()
    #expect(try dense(matrices) == dense)
    #expect(
      try run("SparseMatrixNNZ", [matrices], outputs: [.int32])[0].scalars() == [3, 2] as [Int32])
    let parts = try run(
      "CSRSparseMatrixComponents", [matrices, try Tensor(Int32(1))], outputs: [.int32, .int32, .float32])
    #expect(try parts[0].scalars() == [0, 1, 2] as [Int32])
    #expect(try parts[1].scalars() == [0, 2] as [Int32])
    #expect(try parts[2].scalars() == [4, 5] as [Float])
    let sparse = try run(
      "CSRSparseMatrixToSparseTensor", [matrices], outputs: [.int64, .float32, .int64])
    let again = try run("SparseTensorToCSRSparseMatrix", sparse, outputs: [.variant])[0]
    #expect(try dense(again) == dense)
  }

  @Test("Turning and multiplying")
  func products() throws {
    let matrices = try matrices()
    let turned = try run(
      "SparseMatrixTranspose", [matrices], ["conjugate": .bool(true)], outputs: [.variant])[0]
    #expect(try dense(turned) == [0, 2, 1, 0, 0, 3, 4, 0, 0, 0, 0, 5])
    let right = try Tensor(shape: [2, 3, 2], scalars: (0..<12).map { Float($0) })
    let product = try run("SparseMatrixMatMul", [matrices, right], turns, outputs: [.float32])[0]
    #expect(try product.scalars() == [2, 3, 12, 17, 24, 28, 50, 55] as [Float])
    let flipped = try run(
      "SparseMatrixMatMul", [matrices, right], turns.merging(["transpose_output": .bool(true)]) { $1 },
      outputs: [.float32])[0]
    #expect(try flipped.scalars() == [2, 12, 3, 17, 24, 50, 28, 55] as [Float])
    let square = try run("SparseMatrixSparseMatMul", [matrices, turned], turns, outputs: [.variant])[0]
    #expect(try dense(square) == [1, 0, 0, 13, 16, 0, 0, 25])
  }

  @Test("Places beyond the shape, wrong ranks and sizes that do not fit are errors")
  func errors() throws {
    func make(_ indices: [Int64], _ shape: [Int64]) throws {
      _ = try run(
        "SparseTensorToCSRSparseMatrix",
        [
          try Tensor(shape: [indices.count / max(shape.count, 1), shape.count], scalars: indices),
          try Tensor([Float](repeating: 1, count: indices.count / max(shape.count, 1))), try Tensor(shape),
        ], outputs: [.variant])
    }
    #expect(throws: GraftError.self) { try make([0, 5], [2, 2]) }
    #expect(throws: GraftError.self) { try make([0, -1], [2, 2]) }
    #expect(throws: GraftError.self) { try make([1, 0, 0, 0], [2, 2]) }
    #expect(throws: GraftError.self) { try make([0], [2]) }
    #expect(throws: GraftError.self) { try make([], [1 << 40, 1 << 40, 2]) }
    #expect(throws: GraftError.self) { try make([], [-1, 2]) }
    let matrices = try matrices()
    #expect(throws: GraftError.self) {
      try run(
        "SparseMatrixMatMul", [matrices, Tensor(shape: [2, 2, 1], scalars: [1, 2, 3, 4] as [Float])], turns,
        outputs: [.float32])
    }
    #expect(throws: GraftError.self) { try run("SparseMatrixNNZ", [Tensor(Float(1))], outputs: [.int32]) }
  }
}
