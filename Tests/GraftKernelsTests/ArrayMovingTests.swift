import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Ops that move elements")
struct ArrayMovingTests {
  /// What transposing means, one element at a time.
  private func transposed<T: TensorScalar>(_ values: [T], _ shape: [Int], _ perm: [Int]) -> [T] {
    let strides = Shape(shape).strides
    let target = perm.map { shape[$0] }
    var result: [T] = []
    var index = [Int](repeating: 0, count: shape.count)
    for _ in values {
      result.append(values[zip(index, perm).reduce(0) { $0 + $1.0 * strides[$1.1] }])
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < target[axis] { break }
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }

  private func check<T: TensorScalar & Equatable>(
    _ make: (Int) -> T, _ shape: [Int], _ perm: [Int], threads: Int
  ) throws {
    let values = (0..<shape.reduce(1, *)).map(make)
    let input = try Tensor(shape: shape, scalars: values)
    let output = try KernelHarness.run(
      "Transpose", in: ArrayOps.all, [input, try Tensor(perm.map { Int32($0) })], outputs: [input.dtype],
      threads: threads)[0]
    #expect(output.shape.dimensions == perm.map { shape[$0] })
    #expect(try output.scalars(as: T.self) == transposed(values, shape, perm))
  }

  @Test(
    "Transposing moves every element of every size",
    arguments: [
      ([3, 5], [1, 0]), ([70, 33], [1, 0]), ([2, 7, 9, 3], [0, 3, 1, 2]), ([2, 3, 7, 9], [0, 2, 3, 1]),
      ([4, 1, 5, 2, 3], [4, 2, 0, 3, 1]), ([130, 67], [1, 0]), ([3, 4, 5], [2, 1, 0]),
      ([6, 5, 4], [1, 0, 2]),
      ([5, 3, 37], [0, 2, 1]), ([5, 37, 2], [0, 2, 1]), ([4, 150], [1, 0]), ([9_000, 3], [1, 0]),
      ([2, 4, 21, 2], [0, 2, 3, 1]), ([0, 4], [1, 0]), ([], []), ([2, 3, 4], [0, -1 + 3, 1]),
    ])
  func transposes(shape: [Int], perm: [Int]) throws {
    for threads in [1, 3] {
      try check({ UInt8(truncatingIfNeeded: $0) }, shape, perm, threads: threads)
      try check({ Int16(truncatingIfNeeded: $0) }, shape, perm, threads: threads)
      try check({ Float($0) }, shape, perm, threads: threads)
      try check({ Int64($0) }, shape, perm, threads: threads)
      try check({ Complex128(Double($0), 1) }, shape, perm, threads: threads)
      try check({ Bytes("\($0)") }, shape, perm, threads: threads)
    }
  }

  @Test("A negative dimension of a permutation counts from the end")
  func negativePermutation() throws {
    let result = try ArrayHarness.integers(
      "Transpose", [ArrayHarness.range([2, 3]), ArrayHarness.vector([-1, 0])])
    #expect(result[0].values == [0, 3, 1, 4, 2, 5])
  }

  @Test("Conjugating negates the imaginary parts, without a permutation too")
  func conjugates() throws {
    let input = try Tensor(shape: [1, 2], scalars: [Complex64(1, 2), Complex64(3, -4)])
    let output = try KernelHarness.run(
      "ConjugateTranspose", in: ArrayOps.all, [input, ArrayHarness.vector([1, 0])], outputs: [.complex64])[0]
    #expect(try output.scalars(as: Complex64.self) == [Complex64(1, -2), Complex64(3, 4)])
  }

  @Test("Concatenating takes any dimension, and parts of size zero")
  func concatenates() throws {
    let a = try ArrayHarness.range([2, 1])
    let b = try ArrayHarness.tensor([2, 2], [10, 11, 12, 13])
    let none = try ArrayHarness.tensor([2, 0], [])
    let result = try ArrayHarness.integers("ConcatV2", [a, none, b, try Tensor(Int32(-1))])
    #expect(result[0].shape == [2, 3])
    #expect(result[0].values == [0, 10, 11, 1, 12, 13])
  }

  @Test("Stacking adds a dimension anywhere")
  func stacks() throws {
    let a = try ArrayHarness.range([2])
    let b = try ArrayHarness.tensor([2], [5, 6])
    #expect(try ArrayHarness.integers("Pack", [a, b], ["axis": .int(-1)])[0].values == [0, 5, 1, 6])
    #expect(try ArrayHarness.integers("Pack", [a, b], ["axis": .int(0)])[0].values == [0, 1, 5, 6])
  }

  @Test("Splitting gives pieces along the first and along other dimensions")
  func splits() throws {
    let input = try ArrayHarness.range([2, 4])
    let types: [DataType] = [.int64, .int64]
    let columns = try ArrayHarness.integers("Split", [Tensor(Int32(1)), input], outputs: types)
    #expect(columns.map(\.values) == [[0, 1, 4, 5], [2, 3, 6, 7]])
    let rows = try ArrayHarness.integers("Split", [Tensor(Int32(-2)), input], outputs: types)
    #expect(rows.map(\.values) == [[0, 1, 2, 3], [4, 5, 6, 7]])
    let uneven = try ArrayHarness.integers(
      "SplitV", [input, ArrayHarness.vector([-1, 1]), Tensor(Int32(1))], outputs: types)
    #expect(uneven.map(\.values) == [[0, 1, 2, 4, 5, 6], [3, 7]])
    let entries = try ArrayHarness.integers("Unpack", [input], ["axis": .int(0)], outputs: types)
    #expect(entries.map(\.shape) == [[4], [4]])
    #expect(entries[1].values == [4, 5, 6, 7])
  }

  @Test("Padding with a value, and with what the borders mirror")
  func pads() throws {
    let input = try ArrayHarness.range([2, 3])
    let paddings = try Tensor(shape: [2, 2], scalars: [1, 0, 2, 1] as [Int32])
    let value = try KernelHarness.run(
      "PadV2", in: ArrayOps.all, [input, paddings, try Tensor(Int64(9))], outputs: [.int64])[0]
    #expect(
      try value.scalars(as: Int64.self) == [9, 9, 9, 9, 9, 9, 9, 9, 0, 1, 2, 9, 9, 9, 3, 4, 5, 9])
    let reflect = try ArrayHarness.integers("MirrorPad", [input, paddings], ["mode": .string("REFLECT")])
    #expect(reflect[0].values == [5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4])
    let symmetric = try ArrayHarness.integers("MirrorPad", [input, paddings], ["mode": .string("SYMMETRIC")])
    #expect(symmetric[0].values == [1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 4, 3, 3, 4, 5, 5])
  }

  @Test("The gradient of a mirror adds each image to its original")
  func mirrorGradient() throws {
    let input = try ArrayHarness.tensor([5], [1, 2, 3, 4, 5])
    let paddings = try Tensor(shape: [1, 2], scalars: [1, 2] as [Int32])
    #expect(
      try ArrayHarness.integers("MirrorPadGrad", [input, paddings], ["mode": .string("SYMMETRIC")])[0].values
        == [8, 7])
  }

  @Test("Tiling and broadcasting repeat")
  func repeats() throws {
    let input = try ArrayHarness.range([2, 1])
    #expect(
      try ArrayHarness.integers("Tile", [input, ArrayHarness.vector([2, 3])])[0].values
        == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1])
    let wide = try ArrayHarness.integers("BroadcastTo", [input, ArrayHarness.vector([2, 2, 2])])
    #expect(wide[0].values == [0, 0, 1, 1, 0, 0, 1, 1])
  }

  @Test("A column is repeated along rows of any length", arguments: [31, 32, 33, 255, 257, 700, 1025])
  func repeatsAlongRows(length: Int) throws {
    func repeated<E: TensorScalar & Equatable>(_ column: [E], _ dtype: DataType) throws -> Bool {
      let input = try Tensor(shape: [column.count, 1], scalars: column)
      let result = try KernelHarness.run(
        "BroadcastTo", in: ArrayOps.all, [input, ArrayHarness.vector([Int32(column.count), Int32(length)])],
        outputs: [dtype])[0]
      let wanted = column.flatMap { [E](repeating: $0, count: length) }
      return try result.scalars(as: E.self) == wanted
    }
    #expect(try repeated([1, 2, 255] as [UInt8], .uint8))
    #expect(try repeated([-1, 2, 3] as [Float], .float32))
    #expect(try repeated([-1, 1 << 40, 3] as [Int64], .int64))
    let texts = try KernelHarness.run(
      "BroadcastTo", in: ArrayOps.all,
      [Tensor(shape: [2, 1], strings: ["a text", ""]), ArrayHarness.vector([2, Int32(length)])],
      outputs: [.string])[0]
    #expect(try texts.strings() == ["a text", ""].flatMap { [String](repeating: $0, count: length) })
  }

  @Test("Reversing, rolling and reversing sequences")
  func turns() throws {
    let input = try ArrayHarness.range([2, 3])
    #expect(
      try ArrayHarness.integers("ReverseV2", [input, ArrayHarness.vector([-1])])[0].values == [
        2, 1, 0, 5, 4, 3,
      ])
    #expect(
      try ArrayHarness.integers(
        "Roll", [input, ArrayHarness.vector([1, -1]), ArrayHarness.vector([0, 1])])[0].values
        == [4, 5, 3, 1, 2, 0])
    #expect(
      try ArrayHarness.integers(
        "ReverseSequence", [input, ArrayHarness.vector([2, 0])], ["seq_dim": .int(1), "batch_dim": .int(0)])[
          0
        ].values
        == [1, 0, 2, 3, 4, 5])
    // Rows of several pieces.
    let rows = try ArrayHarness.range([3, 1000])
    let rolled = try ArrayHarness.integers("Roll", [rows, Tensor(Int32(3)), Tensor(Int32(1))])[0].values
    for (place, value) in rolled.enumerated() {
      let (row, column) = (place / 1000, (place + 997) % 1000)
      #expect(value == Int64(row * 1000 + column))
    }
  }

  @Test("Blocks of places go into the depth and the batch, and come back")
  func blocks() throws {
    let input = try ArrayHarness.range([1, 2, 4, 1])
    let deep = try KernelHarness.run(
      "SpaceToDepth", in: ArrayOps.all, [input],
      attributes: ["block_size": .int(2), "data_format": .string("NHWC")], outputs: [.int64])[0]
    #expect(try deep.scalars(as: Int64.self) == [0, 1, 4, 5, 2, 3, 6, 7])
    let back = try KernelHarness.run(
      "DepthToSpace", in: ArrayOps.all, [deep],
      attributes: ["block_size": .int(2), "data_format": .string("NHWC")], outputs: [.int64])[0]
    #expect(try back.scalars(as: Int64.self) == Array(0..<8))

    let blocks = try ArrayHarness.vector([2, 2])
    let paddings = try Tensor(shape: [2, 2], scalars: [0, 0, 1, 1] as [Int32])
    let batched = try KernelHarness.run(
      "SpaceToBatchND", in: ArrayOps.all, [input, blocks, paddings], outputs: [.int64])[0]
    #expect(batched.shape.dimensions == [4, 1, 3, 1])
    #expect(try batched.scalars(as: Int64.self) == [0, 1, 3, 0, 2, 0, 0, 5, 7, 4, 6, 0])
    let space = try KernelHarness.run(
      "BatchToSpaceND", in: ArrayOps.all, [batched, blocks, paddings], outputs: [.int64])[0]
    #expect(try space.scalars(as: Int64.self) == Array(0..<8))
  }

  @Test("Patches have the window's places in their depth, zeros outside of the picture")
  func patches() throws {
    let input = try Tensor(shape: [1, 4, 4, 1], scalars: (0..<16).map { Float($0) })
    let window: AttributeValue = .ints([1, 2, 2, 1])
    let output = try KernelHarness.run(
      "ExtractImagePatches", in: ArrayOps.all, [input],
      attributes: ["ksizes": window, "strides": window, "rates": window, "padding": .string("SAME")],
      outputs: [.float32])[0]
    #expect(output.shape.dimensions == [1, 2, 2, 4])
    #expect(
      try output.scalars(as: Float.self) == [0, 2, 8, 10, 2, 0, 10, 0, 8, 10, 0, 0, 10, 0, 0, 0])
  }
}
