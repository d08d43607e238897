import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Sparse tensors and sets")
struct SparseOpsTests {
  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:], outputs: [DataType]
  ) throws -> [Tensor] {
    try KernelHarness.run(op, in: SparseOps.all, inputs, attributes: attributes, outputs: outputs)
  }

  private func message(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:], outputs: [DataType]
  ) -> String {
    do {
      _ = try run(op, inputs, attributes, outputs: outputs)
      return "no error"
    } catch let error as GraftError {
      return error.message
    } catch {
      return "\(error)"
    }
  }

  private func indices(_ rows: [[Int64]], columns: Int = 2) throws -> Tensor {
    try Tensor(shape: [rows.count, columns], scalars: rows.flatMap { $0 })
  }

  private func ints(_ tensor: Tensor) throws -> [Int64] { try tensor.scalars(as: Int64.self) }

  @Test("Rows without a value get the default, the others keep their order")
  func fillEmptyRows() throws {
    let output = try run(
      "SparseFillEmptyRows",
      [
        indices([[2, 1], [0, 3], [0, 1]]), Tensor([1, 2, 3] as [Int64]), Tensor([4, 5] as [Int64]),
        Tensor(Int64(9)),
      ],
      outputs: [.int64, .int64, .bool, .int64])
    #expect(try ints(output[0]) == [0, 3, 0, 1, 1, 0, 2, 1, 3, 0])
    #expect(try ints(output[1]) == [2, 3, 9, 1, 9])
    #expect(try output[2].scalars(as: Bool.self) == [false, true, false, true])
    #expect(try ints(output[3]) == [3, 0, 1])
    #expect(
      message(
        "SparseFillEmptyRows",
        [
          try indices([[5, 0]]), try Tensor([1] as [Int64]), try Tensor([3, 5] as [Int64]),
          try Tensor(Int64(9)),
        ],
        outputs: [.int64, .int64, .bool, .int64]
      ).contains("indices(0, 0) is invalid"))
  }

  @Test("Reshaping keeps the places in row-major order")
  func reshape() throws {
    let table = try indices([[0, 1], [1, 2]])
    let output = try run(
      "SparseReshape", [table, Tensor([2, 3] as [Int64]), Tensor([3, -1] as [Int64])],
      outputs: [.int64, .int64])
    #expect(try ints(output[0]) == [0, 1, 2, 1])
    #expect(try ints(output[1]) == [3, 2])
    #expect(
      message(
        "SparseReshape", [table, try Tensor([2, 3] as [Int64]), try Tensor([4, -1] as [Int64])],
        outputs: [.int64, .int64]
      ).contains("multiple of 4"))
  }

  @Test("Concatenating gives ascending indices")
  func concat() throws {
    let output = try run(
      "SparseConcat",
      [
        indices([[0, 1], [1, 2]]), indices([[0, 0]]), Tensor([1, 2] as [Int64]), Tensor([3] as [Int64]),
        Tensor([2, 3] as [Int64]), Tensor([2, 2] as [Int64]),
      ], ["concat_dim": .int(-1)], outputs: [.int64, .int64, .int64])
    #expect(try ints(output[0]) == [0, 1, 0, 3, 1, 2])
    #expect(try ints(output[1]) == [1, 3, 2])
    #expect(try ints(output[2]) == [2, 5])
  }

  @Test("The first pieces of an uneven split are longer; a slice may begin before the first place")
  func pieces() throws {
    let table = try indices([[0, 0], [0, 3], [1, 4]])
    let values = try Tensor([1, 2, 3] as [Int64])
    let shape = try Tensor([2, 5] as [Int64])
    let split = try run(
      "SparseSplit", [Tensor(Int64(1)), table, values, shape],
      outputs: [DataType](repeating: .int64, count: 6))
    #expect(try split.map { try ints($0) } == [[0, 0], [0, 0, 1, 1], [1], [2, 3], [2, 3], [2, 2]])
    let slice = try run(
      "SparseSlice", [table, values, shape, Tensor([0, -1] as [Int64]), Tensor([2, 9] as [Int64])],
      outputs: [.int64, .int64, .int64])
    #expect(try slice.map { try ints($0) } == [[0, 1, 0, 4, 1, 5], [1, 2, 3], [2, 6]])
  }

  @Test("A sum leaves out what is below the threshold where both had a value")
  func add() throws {
    func sum(_ threshold: Float) throws -> [[Float]] {
      let output = try run(
        "SparseAdd",
        [
          indices([[0, 0], [1, 1]]), Tensor([1, 2] as [Float]), Tensor([2, 2] as [Int64]),
          indices([[0, 1], [1, 1]]),
          Tensor([0.5, -2] as [Float]), Tensor([2, 2] as [Int64]), Tensor(threshold),
        ], outputs: [.int64, .float32, .int64])
      return [try ints(output[0]).map { Float($0) }, try output[1].scalars(as: Float.self)]
    }
    #expect(try sum(0) == [[0, 0, 0, 1, 1, 1], [1, 0.5, 0]])
    #expect(try sum(0.6) == [[0, 0, 0, 1], [1, 0.5]])
  }

  @Test("Products with adjoints, values of repeated indices added up")
  func matMul() throws {
    let output = try run(
      "SparseTensorDenseMatMul",
      [
        indices([[0, 0], [0, 0], [2, 1]]), Tensor([Complex64(1, 1), Complex64(1, 0), Complex64(0, 2)]),
        Tensor([3, 2] as [Int64]),
        Tensor(shape: [1, 3], scalars: [Complex64(1, 0), Complex64(9, 9), Complex64(0, 1)]),
      ], ["adjoint_a": .bool(true), "adjoint_b": .bool(true)], outputs: [.complex64])[0]
    #expect(output.shape == [2, 1])
    #expect(try output.scalars(as: Complex64.self) == [Complex64(2, -1), Complex64(-2, 0)])
  }

  @Test("Reductions to dense and sparse tensors")
  func reduce() throws {
    let inputs = [
      try indices([[0, 0], [2, 2], [2, 1]]), try Tensor([1, 2, 3] as [Int64]), try Tensor([3, 3] as [Int64]),
      try Tensor(Int32(-1)),
    ]
    let keep: [String: AttributeValue] = ["keep_dims": .bool(false)]
    #expect(try ints(run("SparseReduceSum", inputs, keep, outputs: [.int64])[0]) == [1, 0, 5])
    #expect(try ints(run("SparseReduceMax", inputs, keep, outputs: [.int64])[0]) == [1, 0, 3])
    let sparse = try run(
      "SparseReduceSumSparse", inputs, ["keep_dims": .bool(true)], outputs: [.int64, .int64, .int64])
    #expect(try sparse.map { try ints($0) } == [[0, 0, 2, 0], [1, 5], [3, 1]])
  }

  @Test("Sets are distinct values in ascending order")
  func sets() throws {
    let a = try Tensor(shape: [2, 3], scalars: [3, 1, 1, 2, 2, 2] as [Int64])
    let b = try Tensor(shape: [2, 2], scalars: [1, 5, 2, 2] as [Int64])
    func result(_ operation: Bytes) throws -> [[Int64]] {
      try run(
        "DenseToDenseSetOperation", [a, b],
        ["set_operation": .string(operation), "validate_indices": .bool(true)],
        outputs: [.int64, .int64, .int64]
      ).map { try ints($0) }
    }
    #expect(try result("union") == [[0, 0, 0, 1, 0, 2, 1, 0], [1, 3, 5, 2], [2, 3]])
    #expect(try result("a-b") == [[0, 0], [3], [2, 1]])
    #expect(try result("intersection") == [[0, 0, 1, 0], [1, 2], [2, 1]])
    #expect(throws: GraftError.self) { try result("foo") }
  }

  @Test("Edit distances, relative to what was meant")
  func editDistance() throws {
    let inputs = [
      try indices([[0, 0], [0, 1], [2, 0]]), try Tensor([1, 2, 3] as [Int64]), try Tensor([3, 2] as [Int64]),
      try indices([[0, 0], [1, 0]]), try Tensor([1, 2] as [Int64]), try Tensor([4, 3] as [Int64]),
    ]
    let relative = try run("EditDistance", inputs, ["normalize": .bool(true)], outputs: [.float32])[0]
    #expect(try relative.scalars(as: Float.self) == [1, 1, .infinity, 0])
    let absolute = try run("EditDistance", inputs, ["normalize": .bool(false)], outputs: [.float32])[0]
    #expect(try absolute.scalars(as: Float.self) == [1, 1, 1, 0])
  }

  @Test("Counting in rows")
  func counts() throws {
    let output = try run(
      "DenseCountSparseOutput",
      [Tensor(shape: [2, 3], scalars: [1, 1, 3, 2, 0, 0] as [Int32]), Tensor([] as [Float])],
      ["minlength": .int(-1), "maxlength": .int(-1), "binary_output": .bool(false)],
      outputs: [.int64, .float32, .int64])
    #expect(try ints(output[0]) == [0, 1, 0, 3, 1, 0, 1, 2])
    #expect(try output[1].scalars(as: Float.self) == [2, 1, 2, 1])
    #expect(try ints(output[2]) == [2, 4])
  }

  @Test("Crosses as text and as buckets")
  func cross() throws {
    let table = try indices([[0, 0], [0, 1], [1, 0]])
    let shape = try Tensor([2, 2] as [Int64])
    let words = [
      table, try Tensor(shape: [3], strings: ["a", "b", "c"]), shape,
      try Tensor(shape: [2, 1], strings: ["x", "y"]),
    ]
    let numbers = [
      table, try Tensor([1, 2, 3] as [Int64]), shape, try Tensor(shape: [2, 1], scalars: [7, 8] as [Int64]),
    ]
    func attributes(
      hashed: Bool, buckets: Int64, key: Int64, of type: DataType = .string
    ) -> [String: AttributeValue] {
      [
        "N": .int(1), "hashed_output": .bool(hashed), "num_buckets": .int(buckets), "hash_key": .int(key),
        "sparse_types": .types([ElementType(type)]), "dense_types": .types([ElementType(type)]),
        "internal_type": .type(ElementType(type)),
      ]
    }
    let text = try run(
      "SparseCross", words, attributes(hashed: false, buckets: 0, key: 1), outputs: [.int64, .string, .int64])
    #expect(try text[1].strings() == ["a_X_x", "b_X_x", "c_X_y"])
    #expect(try ints(text[2]) == [2, 2])
    let hashes = try run(
      "SparseCross", words, attributes(hashed: true, buckets: 0, key: 956_888_297_470),
      outputs: [.int64, .int64, .int64])
    #expect(
      try ints(hashes[1]) == [
        1_484_974_617_627_318_892, 3_552_177_129_620_670_004, 6_571_367_263_544_129_360,
      ])
    let buckets = try run(
      "SparseCross", numbers, attributes(hashed: true, buckets: 100, key: 5, of: .int64),
      outputs: [.int64, .int64, .int64])
    #expect(try ints(buckets[1]) == [6, 77, 33])
    let salt = try Tensor([1, 2] as [Int64])
    func salted(_ inputs: [Tensor], _ buckets: Int64, _ isStrong: Bool) throws -> [Int64] {
      try ints(
        run(
          "SparseCrossHashed", inputs + [Tensor(buckets), Tensor(isStrong), salt], ["N": .int(1)],
          outputs: [.int64, .int64, .int64])[1])
    }
    #expect(
      try salted(words, 0, false) == [
        598_440_913_169_127_831, 4_641_000_509_844_720_313, 5_351_530_424_226_319_396,
      ])
    #expect(try salted(words, 100, true) == [34, 16, 93])
  }
}
