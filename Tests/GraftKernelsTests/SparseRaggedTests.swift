import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Ragged tensors")
struct SparseRaggedTests {
  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:], outputs: [DataType]
  ) throws -> [Tensor] {
    try KernelHarness.run(op, in: SparseOps.all, inputs, attributes: attributes, outputs: outputs)
  }

  private func ints(_ tensor: Tensor) throws -> [Int64] { try tensor.scalars(as: Int64.self) }

  @Test("Ranges up and down, and ranges that hold no number")
  func ranges() throws {
    let output = try run(
      "RaggedRange",
      [Tensor([0, 5, 3] as [Int64]), Tensor([3, 1, 3] as [Int64]), Tensor([1, -2, 1] as [Int64])],
      ["Tsplits": .type(ElementType(.int64))], outputs: [.int64, .int64])
    #expect(try output.map { try ints($0) } == [[0, 3, 5, 5], [0, 1, 2, 5, 3]])
  }

  @Test("Ranges without an end that can be counted are refused")
  func endless() throws {
    for (limit, delta) in [(Float.nan, Float(1)), (.infinity, 1), (1, 0)] {
      #expect(throws: GraftError.self) {
        try run(
          "RaggedRange", [Tensor(Float(0)), Tensor(limit), Tensor(delta)], outputs: [.int64, .float32])
      }
    }
    let wide = try run(
      "RaggedRange", [Tensor(Int64.min), Tensor(Int64.max), Tensor(Int64.max)], outputs: [.int64, .int64])
    #expect(try ints(wide[1]) == [.min, -1, .max - 1])
  }

  @Test("Gathering rows, and rows of rows")
  func gather() throws {
    let splits = try Tensor([0, 2, 3, 3] as [Int64])
    let values = try Tensor([1, 2, 3] as [Int64])
    let rows = try run(
      "RaggedGather", [splits, values, Tensor([2, 0] as [Int32])], outputs: [.int64, .int64])
    #expect(try rows.map { try ints($0) } == [[0, 0, 2], [1, 2]])
    let nested = try run(
      "RaggedGather", [splits, values, Tensor(shape: [1, 2], scalars: [0, 1] as [Int32])],
      outputs: [.int64, .int64, .int64])
    #expect(try nested.map { try ints($0) } == [[0, 2], [0, 2, 3], [1, 2, 3]])
    let one = try run("RaggedGather", [splits, values, Tensor(Int32(0))], outputs: [.int64])
    #expect(try ints(one[0]) == [1, 2])
  }

  @Test(
    "Splits that decrease or point past the values are refused",
    arguments: [[0, 3, 2], [0, 2, 7], [-1, 2, 3], []])
  func badSplits(places: [Int64]) throws {
    #expect(throws: GraftError.self) {
      try run(
        "RaggedGather", [Tensor(places), Tensor([1, 2, 3] as [Int64]), Tensor([0] as [Int32])],
        outputs: [.int64, .int64])
    }
  }

  @Test("As a sparse tensor, inner dimensions included")
  func sparse() throws {
    let output = try run(
      "RaggedTensorToSparse",
      [Tensor([0, 2, 2] as [Int64]), Tensor(shape: [2, 2], scalars: [1, 2, 3, 4] as [Int64])],
      outputs: [.int64, .int64, .int64])
    #expect(try ints(output[0]) == [0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1])
    #expect(try ints(output[1]) == [1, 2, 3, 4])
    #expect(try ints(output[2]) == [2, 2, 2])
  }

  private func dense(_ shape: Tensor, _ partitions: [(Bytes, [Int64])]) throws -> (
    shape: [Int], values: [Int64]
  ) {
    var inputs = [shape, try Tensor([1, 2, 3] as [Int64]), try Tensor(Int64(9))]
    for (type, values) in partitions {
      inputs.append(type == "FIRST_DIM_SIZE" ? try Tensor(values[0]) : try Tensor(values))
    }
    let output = try run(
      "RaggedTensorToTensor", inputs, ["row_partition_types": .strings(partitions.map(\.0))],
      outputs: [.int64])[0]
    return (output.shape.dimensions, try ints(output))
  }

  @Test("As a dense tensor: rows are cut or filled up")
  func toTensor() throws {
    let splits: [(Bytes, [Int64])] = [("ROW_SPLITS", [0, 2, 3, 3])]
    let open = try Tensor([-1, -1] as [Int64])
    #expect(try dense(open, splits) == ([3, 2], [1, 2, 3, 9, 9, 9]))
    #expect(try dense(Tensor(Int64(-1)), splits) == ([3, 2], [1, 2, 3, 9, 9, 9]))
    #expect(try dense(Tensor([4, 1] as [Int64]), splits) == ([4, 1], [1, 3, 9, 9]))
    #expect(
      try dense(open, [("FIRST_DIM_SIZE", [3]), ("VALUE_ROWIDS", [0, 0, 2])]) == (
        [3, 2], [1, 2, 9, 9, 3, 9]
      ))
    #expect(
      try dense(
        Tensor([-1, -1, -1] as [Int64]), [("ROW_SPLITS", [0, 2, 2]), ("ROW_SPLITS", [0, 1, 3])])
        == ([2, 2, 2], [1, 9, 2, 3, 9, 9, 9, 9]))
  }

  @Test(
    "Row partitions that do not fit are refused",
    arguments: [
      [("VALUE_ROWIDS", [0, 0, 2])], [("FIRST_DIM_SIZE", [2]), ("VALUE_ROWIDS", [0, 0, 2])],
      [("ROW_SPLITS", [0, 2, 9])], [("ROW_SPLITS", [1, 2, 3])], [("ROW_SPLITS", [0, 3, 2])],
      [("ROW_SPLITS", [0, .max])],
    ] as [[(String, [Int64])]])
  func badPartitions(partitions: [(String, [Int64])]) throws {
    #expect(throws: GraftError.self) {
      try dense(
        Tensor([3] + [Int64](repeating: 2, count: partitions.last?.0 == "ROW_SPLITS" ? partitions.count : 1)),
        partitions.map { (Bytes($0.0), $0.1) })
    }
  }

  @Test("Rows as variants, and back")
  func variants() throws {
    let splits = try Tensor([0, 1, 2] as [Int64])
    let inner = try Tensor([0, 2, 3] as [Int64])
    let values = try Tensor([1, 2, 3] as [Int64])
    let rows = try run(
      "RaggedTensorToVariant", [splits, inner, values], ["batched_input": .bool(true)], outputs: [.variant])[
        0]
    #expect(rows.shape == [2])
    let back = try run(
      "RaggedTensorFromVariant", [rows],
      [
        "input_ragged_rank": .int(-1), "Tvalues": .type(ElementType(.int64)),
        "Tsplits": .type(ElementType(.int64)),
      ], outputs: [.int64, .int64, .int64])
    #expect(try back.map { try ints($0) } == [[0, 1, 2], [0, 2, 3], [1, 2, 3]])
  }

  // tf.raw_ops.ZerosLike and AddN of what tf.raw_ops.RaggedTensorToVariant gives, as gradients of tf.map_fn have it
  @Test("Zeros like variants of ragged tensors, and their sums")
  func arithmetic() throws {
    func variant(_ splits: [Int64]) throws -> Tensor {
      try run(
        "RaggedTensorToVariant", [Tensor(splits), Tensor([1, 2, 3] as [Int64])],
        ["batched_input": .bool(false)], outputs: [.variant])[0]
    }
    func registered(_ op: String, _ inputs: [Tensor]) throws -> Tensor {
      let format: [String: AttributeValue] = [
        "precision": .int(-1), "width": .int(-1), "scientific": .bool(false), "shortest": .bool(false),
        "fill": .string(""),
      ]
      return try KernelHarness.run(
        op, in: OpRegistry.standard.all, inputs, attributes: op == "AsString" ? format : [:],
        outputs: [op == "AsString" ? .string : .variant])[0]
    }
    func contents(_ value: Tensor) throws -> [[Int64]] {
      try run(
        "RaggedTensorFromVariant", [value],
        [
          "input_ragged_rank": .int(1), "Tvalues": .type(ElementType(.int64)),
          "Tsplits": .type(ElementType(.int64)),
        ], outputs: [.int64, .int64]
      ).map { try ints($0) }
    }
    let first = try variant([0, 2, 3])
    #expect(try contents(registered("ZerosLike", [first])) == [[0, 2, 3], [0, 0, 0]])
    #expect(try contents(registered("AddN", [first, variant([0, 2, 3])])) == [[0, 2, 3], [2, 4, 6]])
    let error = #expect(throws: GraftError.self) { try registered("AddN", [first, variant([0, 1, 3])]) }
    #expect(error?.message.contains("splits") == true)
    #expect(
      try registered("AsString", [first]).scalars(as: Bytes.self) == [
        "Variant<type: RaggedTensorVariant value: RaggedTensorVariant(dtype=int64, ragged_rank=1, splits_dtype=int64>"
      ])
  }
}
