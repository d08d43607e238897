import GraftGraph
import GraftTensor
import Testing

@testable import GraftKernels

/// Writes records as protocol buffers do.
enum Record {
  static func varint(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + varint(value >> 7)
  }

  static func block(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(UInt64(number << 3 | 2)) + varint(UInt64(bytes.count)) + bytes
  }

  static func integers(_ values: [Int64]) -> [UInt8] {
    block(3, block(1, values.flatMap { varint(UInt64(bitPattern: $0)) }))
  }

  static func floats(_ values: [Float]) -> [UInt8] {
    block(
      2,
      block(1, values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }))
  }

  static func strings(_ values: [String]) -> [UInt8] { block(1, values.flatMap { block(1, Array($0.utf8)) }) }

  /// A map of features, or of lists of features.
  static func map(_ features: [(String, [UInt8])]) -> [UInt8] {
    features.flatMap { block(1, block(1, Array($0.0.utf8)) + block(2, $0.1)) }
  }

  static func example(_ features: [(String, [UInt8])]) -> Bytes { Bytes(block(1, map(features))) }

  static func sequence(_ context: [(String, [UInt8])], lists: [(String, [[UInt8]])]) -> Bytes {
    Bytes(block(1, map(context)) + block(2, map(lists.map { ($0.0, $0.1.flatMap { block(1, $0) }) })))
  }
}

struct ParseExampleTests {
  private func parse(
    _ records: [Bytes], isSingle: Bool = false, dense: [(String, DataType, PartialShape, Tensor)] = [],
    sparse: [(String, DataType)] = [], ragged: [(String, DataType, DataType)] = [], names: [Bytes] = []
  ) throws -> [Tensor] {
    func keys(_ keys: [String]) throws -> Tensor { try Tensor(shape: [keys.count], strings: keys) }
    func types(_ types: [DataType]) -> AttributeValue { .types(types.map { ElementType($0) }) }
    let inputs =
      [
        try Tensor(shape: isSingle ? [] : [records.count], scalars: records), try Tensor(names),
        try keys(sparse.map(\.0)), try keys(dense.map(\.0)), try keys(ragged.map(\.0)),
      ] + dense.map(\.3)
    let indices = [DataType](repeating: .int64, count: sparse.count)
    return try KernelHarness.run(
      "ParseExampleV2", in: ParsingOps.all, inputs,
      attributes: [
        "num_sparse": .int(Int64(sparse.count)), "sparse_types": types(sparse.map(\.1)),
        "Tdense": types(dense.map(\.1)), "dense_shapes": .shapes(dense.map(\.2)),
        "ragged_value_types": types(ragged.map(\.1)), "ragged_split_types": types(ragged.map(\.2)),
      ],
      outputs: indices + sparse.map(\.1) + indices + dense.map(\.1) + ragged.map(\.1) + ragged.map(\.2))
  }

  private let first = Record.example([
    ("a", Record.floats([1, 2])), ("b", Record.integers([1, -2, 3])), ("c", Record.strings(["x"])),
  ])

  @Test func denseSparseAndRaggedFeaturesOfABatch() throws {
    // tf.io.parse_example([first, b"", first], …)
    let result = try parse(
      [first, Bytes(), first], dense: [("a", .float32, PartialShape([2]), try Tensor([Float(7), 8]))],
      sparse: [("b", .int64)], ragged: [("c", .string, .int32)])
    #expect(try result[0].scalars() == [0, 0, 0, 1, 0, 2, 2, 0, 2, 1, 2, 2] as [Int64])
    #expect(try result[1].scalars() == [1, -2, 3, 1, -2, 3] as [Int64])
    #expect(try result[2].scalars() == [3, 3] as [Int64])
    #expect(try result[3].scalars() == [1, 2, 7, 8, 1, 2] as [Float])
    #expect(result[3].shape == [3, 2])
    #expect(try result[4].strings() == ["x", "x"])
    #expect(try result[5].scalars() == [0, 1, 1, 2] as [Int32])
  }

  @Test func oneRecordHasNoBatchDimension() throws {
    let result = try parse(
      [first], isSingle: true,
      dense: [("v", .float32, PartialShape([nil, 2]), try Tensor(Float(0)))], sparse: [("b", .int64)],
      ragged: [("c", .string, .int64)])
    #expect(try result[0].scalars() == [0, 1, 2] as [Int64])
    #expect(result[0].shape == [3, 1])
    #expect(try result[2].scalars() == [3] as [Int64])
    #expect(result[3].shape == [0, 2])
    #expect(result[5].shape == [0])
  }

  @Test func variableRowsAreFilledUpWithTheDefault() throws {
    let result = try parse(
      [first, Bytes()], dense: [("b", .int64, PartialShape([nil]), try Tensor(Int64(9)))])
    #expect(try result[0].scalars() == [1, -2, 3, 9, 9, 9] as [Int64])
    #expect(result[0].shape == [2, 3])
  }

  @Test func theLastOfSeveralEntriesCounts() throws {
    let empty = Record.example([("b", [])])
    let other = Record.example([("a", Record.floats([3, 4]))])
    let dense = try parse(
      [Bytes(first.bytes + other.bytes)],
      dense: [("a", .float32, PartialShape([2]), try Tensor([Float(0), 0]))])
    #expect(try dense[0].scalars() == [3, 4] as [Float])
    // An entry without values hides the one before it in a batch, and does not in a record by itself.
    let both = Bytes(first.bytes + empty.bytes)
    #expect(try parse([both], sparse: [("b", .int64)])[1].elementCount == 0)
    #expect(try parse([both], isSingle: true, sparse: [("b", .int64)])[1].elementCount == 3)
  }

  @Test func numbersMayHaveTagsOfTheirOwnAndUnknownFieldsAreSkipped() throws {
    let floats = Record.block(2, [0x0D, 0, 0, 0x80, 0x3F, 0x0D, 0, 0, 0, 0x40])
    let integers = Record.block(3, [0x08, 5, 0x08, 0x80, 0x01])
    let record = Bytes(
      [0x10, 0x05] + Record.block(3, [1, 2, 3])
        + Record.block(1, Record.map([("a", floats), ("b", integers)])))
    let result = try parse(
      [record], dense: [("a", .float32, PartialShape([2]), try Tensor([Float]()))], sparse: [("b", .int64)])
    #expect(try result[1].scalars() == [5, 128] as [Int64])
    #expect(try result[3].scalars() == [1, 2] as [Float])
  }

  @Test func anEmptyBatchGivesEmptyTensors() throws {
    let result = try parse(
      [], dense: [("v", .float32, PartialShape([nil, 3]), try Tensor(Float(0)))], sparse: [("s", .int64)],
      ragged: [("r", .string, .int64)])
    #expect(result[0].shape == [0, 2])
    #expect(try result[2].scalars() == [0, 0] as [Int64])
    #expect(result[3].shape == [0, 0, 3])
    #expect(try result[5].scalars() == [0] as [Int64])
  }

  @Test func errorsSayWhichRecordAndWhichFeature() throws {
    let none = try Tensor([Float]())
    let error = #expect(throws: GraftError.self) {
      try parse([first, Bytes()], dense: [("a", .float32, PartialShape([2]), none)], names: ["one", "two"])
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("Record 1 ('two'), feature 'a'") == true)
    for (shape, type) in [([3], DataType.float32), ([2], .int64)] {
      let value = try Tensor(uninitialized: type, shape: [0])
      #expect(throws: GraftError.self) {
        try parse([first], dense: [("a", type, PartialShape(shape), value)])
      }
    }
    #expect(throws: GraftError.self) { try parse([first], sparse: [("a", .string)]) }
    #expect(throws: GraftError.self) { try parse(["garbage"], sparse: [("a", .string)]) }
    #expect(throws: GraftError.self) {
      try parse([first], dense: [("b", .int64, PartialShape([nil, 0]), try Tensor(Int64(0)))])
    }
  }

  @Test func noDamageOfARecordIsATrap() throws {
    let whole = first.bytes
    for place in whole.indices {
      for bit in 0..<8 {
        var damaged = whole
        damaged[place] ^= 1 << UInt8(bit)
        for record in [Bytes(damaged), Bytes(Array(damaged[..<place]))] {
          _ = try? parse(
            [record], dense: [("a", .float32, PartialShape([2]), try Tensor([Float(7), 8]))],
            sparse: [("b", .int64)], ragged: [("c", .string, .int32)])
        }
      }
    }
  }
}
