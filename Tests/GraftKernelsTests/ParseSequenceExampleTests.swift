import GraftGraph
import GraftTensor
import Testing

@testable import GraftKernels

struct ParseSequenceExampleTests {
  private let records = [
    Record.sequence(
      [("c", Record.floats([1, 2]))],
      lists: [
        ("f", [Record.integers([1, 2]), Record.integers([3, 4]), Record.integers([5, 6])]),
        ("g", [Record.strings(["x"]), [], Record.strings(["y", "z"])]),
      ]),
    Record.sequence([("c", Record.floats([3, 4]))], lists: [("f", [Record.integers([7, 8])])]),
  ]

  private func parse(
    _ records: [Bytes], assumesEmpty: Bool = true, row: PartialShape = PartialShape([2])
  ) throws -> [Tensor] {
    func keys(_ keys: [String]) throws -> Tensor { try Tensor(shape: [keys.count], strings: keys) }
    return try KernelHarness.run(
      "ParseSequenceExampleV2", in: ParsingOps.all,
      [
        try Tensor(records), try keys([]), try keys([]), try keys(["c"]), try keys([]), try keys(["g"]),
        try keys(["f"]), try keys([]), try Tensor([assumesEmpty]), try Tensor([Float(8), 9]),
      ],
      attributes: [
        "context_sparse_types": .emptyList, "Tcontext_dense": .types([ElementType(.float32)]),
        "context_dense_shapes": .shapes([PartialShape([2])]), "context_ragged_value_types": .emptyList,
        "context_ragged_split_types": .emptyList,
        "feature_list_sparse_types": .types([ElementType(.string)]),
        "feature_list_dense_types": .types([ElementType(.int64)]),
        "feature_list_dense_shapes": .shapes([row]), "feature_list_ragged_value_types": .emptyList,
        "feature_list_ragged_split_types": .emptyList,
      ],
      outputs: [.float32, .int64, .string, .int64, .int64, .int64])
  }

  @Test func listsAreFilledUpToTheLongest() throws {
    // tf.io.parse_sequence_example of the records and an empty one.
    let result = try parse(records + [Bytes()])
    #expect(try result[0].scalars() == [1, 2, 3, 4, 8, 9] as [Float])
    #expect(try result[1].scalars() == [0, 0, 0, 0, 2, 0, 0, 2, 1] as [Int64])
    #expect(try result[2].strings() == ["x", "y", "z"])
    #expect(try result[3].scalars() == [3, 3, 2] as [Int64])
    #expect(result[4].shape == [3, 3, 2])
    #expect(try result[4].scalars() == [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] as [Int64])
    #expect(try result[5].scalars() == [3, 1, 0] as [Int64])
  }

  @Test func raggedListsHaveSplitsOfRowsAndOfValues() throws {
    func keys(_ keys: [String]) throws -> Tensor { try Tensor(shape: [keys.count], strings: keys) }
    let none = try keys([])
    let result = try KernelHarness.run(
      "ParseSequenceExampleV2", in: ParsingOps.all,
      [
        try Tensor(records), none, none, none, try keys(["c"]), none, none, try keys(["g"]),
        try Tensor([Bool]()),
      ],
      attributes: [
        "context_sparse_types": .emptyList, "Tcontext_dense": .emptyList, "context_dense_shapes": .emptyList,
        "context_ragged_value_types": .types([ElementType(.float32)]),
        "context_ragged_split_types": .types([ElementType(.int64)]),
        "feature_list_sparse_types": .emptyList, "feature_list_dense_types": .emptyList,
        "feature_list_dense_shapes": .emptyList,
        "feature_list_ragged_value_types": .types([ElementType(.string)]),
        "feature_list_ragged_split_types": .types([ElementType(.int32)]),
      ],
      outputs: [.float32, .int64, .string, .int32, .int32])
    #expect(try result[0].scalars() == [1, 2, 3, 4] as [Float])
    #expect(try result[1].scalars() == [0, 2, 4] as [Int64])
    #expect(try result[2].strings() == ["x", "y", "z"])
    #expect(try result[3].scalars() == [0, 3, 3] as [Int32])
    #expect(try result[4].scalars() == [0, 1, 1, 3] as [Int32])
  }

  @Test func whatDoesNotFitIsAnError() throws {
    #expect(throws: GraftError.self) { try parse([Bytes()], assumesEmpty: false) }
    #expect(throws: GraftError.self) { try parse(records, row: PartialShape([3])) }
    #expect(throws: GraftError.self) { try parse(records, row: PartialShape([nil])) }
    #expect(throws: GraftError.self) { try parse(["garbage"]) }
  }

  @Test func noDamageOfARecordIsATrap() throws {
    let whole = records[0].bytes
    for place in whole.indices {
      for bit in 0..<8 {
        var damaged = whole
        damaged[place] ^= 1 << UInt8(bit)
        _ = try? parse([Bytes(damaged), Bytes(Array(damaged[..<place]))])
      }
    }
  }
}
