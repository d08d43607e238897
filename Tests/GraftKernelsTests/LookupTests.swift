import GraftGraph
import GraftKernels
import GraftTensor
import Testing

/// Lookup tables; the values and refusals are TensorFlow 2.21's.
@Suite struct LookupTests {
  private func run(
    _ op: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:],
    outputs: [DataType] = []
  ) throws -> [Tensor] {
    try KernelHarness.run(op, in: LookupOps.all, inputs, attributes: attributes, outputs: outputs)
  }

  private func table(
    _ op: String, _ keys: DataType, _ values: DataType, _ inputs: [Tensor] = [],
    _ others: [String: AttributeValue] = [:]
  ) throws -> Tensor {
    var attributes = others
    attributes["key_dtype"] = .type(ElementType(keys))
    attributes["value_dtype"] = .type(ElementType(values))
    return try run(op, inputs, attributes, outputs: [.resource])[0]
  }

  private func find(_ table: Tensor, _ keys: Tensor, _ standard: Tensor) throws -> [Int64] {
    try run("LookupTableFindV2", [table, keys, standard], outputs: [.int64])[0].scalars()
  }

  private func export(_ table: Tensor, _ keys: DataType = .int64) throws -> (Tensor, Tensor) {
    let entries = try run(
      "LookupTableExportV2", [table],
      ["Tkeys": .type(ElementType(keys)), "Tvalues": .type(ElementType(.int64))], outputs: [keys, .int64])
    return (entries[0], entries[1])
  }

  private func ints(_ values: [Int64]) throws -> Tensor { try Tensor(values) }
  private func strings(_ values: [String]) throws -> Tensor {
    try Tensor(shape: [values.count], strings: values)
  }

  @Test func aTableIsFilledOnce() throws {
    let table = try table("AnonymousHashTable", .string, .int64)
    #expect(throws: GraftError.self) { try find(table, strings(["a"]), Tensor(Int64(-1))) }
    _ = try run("InitializeTableV2", [table, strings(["a", "b"]), ints([10, 20])])
    #expect(try find(table, strings(["b", "x", "a"]), Tensor(Int64(-1))) == [20, -1, 10])
    // As many entries pass for the same, others do not.
    _ = try run("InitializeTableV2", [table, strings(["a", "c"]), ints([10, 20])])
    #expect(try find(table, strings(["c"]), Tensor(Int64(-1))) == [-1])
    #expect(throws: GraftError.self) { try run("InitializeTableV2", [table, strings(["a"]), ints([1])]) }
    #expect(throws: GraftError.self) { try run("LookupTableInsertV2", [table, strings(["a"]), ints([1])]) }
  }

  @Test func twoValuesForAKeyLeaveTheTableEmpty() throws {
    let table = try table("AnonymousHashTable", .int64, .int64)
    #expect(throws: GraftError.self) { try run("InitializeTableV2", [table, ints([1, 1]), ints([3, 4])]) }
    #expect(try run("LookupTableSizeV2", [table], outputs: [.int64])[0].scalars() == [Int64(0)])
    _ = try run("InitializeTableV2", [table, ints([1, 1]), ints([3, 3])])
    #expect(try find(table, ints([1]), Tensor(Int64(0))) == [3])
  }

  @Test func entriesAreExportedInTensorFlowsOrder() throws {
    let table = try table("AnonymousMutableHashTable", .int64, .int64)
    let keys = (0..<20).map { Int64(3 * $0 - 7) }
    _ = try run("LookupTableInsertV2", [table, ints(keys), ints(Array(0..<20))])
    // tf.raw_ops.LookupTableExportV2 after one insertion of range(-7, 53, 3)
    let expected: [Int64] = [
      50, 47, 44, 41, 38, 35, 32, 2, 5, 8, 11, 14, -7, 17, -4, 20, -1, 23, 26, 29,
    ]
    #expect(try export(table).0.scalars() == expected)
    _ = try run("LookupTableRemoveV2", [table, ints([2, 99, -7, 29])])
    let left = expected.filter { ![2, -7, 29].contains($0) }
    #expect(try export(table).0.scalars() == left)
    #expect(try find(table, ints(left), Tensor(Int64(-1))) == left.map { ($0 + 7) / 3 })
  }

  @Test func aDefaultMayBeGivenForEachKey() throws {
    let table = try table("AnonymousMutableHashTable", .int64, .int64)
    _ = try run("LookupTableInsertV2", [table, ints([1, 2]), ints([10, 20])])
    #expect(try find(table, ints([1, 5, 2]), ints([7, 8, 9])) == [10, 8, 20])
    #expect(throws: GraftError.self) { try find(table, ints([1, 5, 2]), ints([7, 8])) }
    #expect(throws: GraftError.self) { try find(table, Tensor([Int32(1)]), Tensor(Int64(0))) }
  }

  @Test func tablesOfVectorsKeepRows() throws {
    let table = try table(
      "AnonymousMutableHashTableOfTensors", .int64, .int64, [], ["value_shape": .shape(PartialShape([2]))])
    let values = try Tensor(shape: [2, 2], scalars: [1, 2, 3, 4] as [Int64])
    _ = try run("LookupTableInsertV2", [table, ints([1, 2]), values])
    let keys = try Tensor(shape: [1, 2], scalars: [2, 9] as [Int64])
    #expect(try find(table, keys, ints([0, 5])) == [3, 4, 0, 5])
    #expect(throws: GraftError.self) { try find(table, keys, Tensor(Int64(3))) }
    #expect(throws: GraftError.self) {
      try self.table(
        "AnonymousMutableHashTableOfTensors", .int64, .int64, [], ["value_shape": .shape(.scalar)])
    }
  }

  private func dense(
    _ buckets: Int64, empty: Int64 = -1, deleted: Int64 = -2, load: Float = 0.8
  ) throws -> Tensor {
    try table(
      "AnonymousMutableDenseHashTable", .int64, .int64, [Tensor(empty), Tensor(deleted)],
      [
        "value_shape": .shape(.scalar), "initial_num_buckets": .int(buckets), "max_load_factor": .float(load),
      ])
  }

  @Test func denseTablesExportTheirBuckets() throws {
    let table = try dense(8)
    _ = try run("LookupTableInsertV2", [table, ints([1, 9, 2]), ints([1, 9, 2])])
    _ = try run("LookupTableRemoveV2", [table, ints([1])])
    _ = try run("LookupTableInsertV2", [table, ints([17]), ints([5])])
    let (keys, values) = try export(table)
    #expect(keys.shape == [8, 1])
    #expect(try keys.scalars(as: Int64.self) == [-1, 17, 9, 2, -1, -1, -1, -1])
    #expect(try values.scalars(as: Int64.self) == [0, 5, 9, 2, 0, 0, 0, 0])
    let grown = try dense(4)
    _ = try run("LookupTableInsertV2", [grown, ints([1, 9, 2, 5, 13]), ints([1, 9, 2, 5, 13])])
    #expect(try export(grown).0.scalars(as: Int64.self) == [-1, 1, 9, 2, -1, 5, 13, -1])
  }

  @Test func denseTablesRefuseTheKeysThatMarkBuckets() throws {
    let table = try dense(8)
    for key in [-1, -2] as [Int64] {
      #expect(throws: GraftError.self) { try find(table, ints([key]), Tensor(Int64(0))) }
      #expect(throws: GraftError.self) {
        try run("LookupTableInsertV2", [table, ints([3, key]), ints([0, 0])])
      }
    }
    #expect(try run("LookupTableSizeV2", [table], outputs: [.int64])[0].scalars() == [Int64(0)])
    #expect(throws: GraftError.self) { try dense(3) }
    #expect(throws: GraftError.self) { try dense(1 << 60) }
    #expect(throws: GraftError.self) { try dense(8, deleted: -1) }
    #expect(throws: GraftError.self) { try dense(8, load: 1) }
  }

  @Test func typesWithoutATableAreNamed() throws {
    #expect(throws: GraftError.self) { try table("AnonymousHashTable", .int32, .int64) }
  }
}
