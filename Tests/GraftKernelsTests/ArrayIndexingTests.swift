import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@Suite("Ops that pick and place by index")
struct ArrayIndexingTests {
  @Test("Gathering along a dimension, with and without batches")
  func gathers() throws {
    let params = try ArrayHarness.range([2, 3])
    let picks = try Tensor(shape: [2, 2], scalars: [0, 2, 1, 1] as [Int32])
    let axis = try Tensor(Int32(1))
    let plain = try ArrayHarness.integers("GatherV2", [params, picks, axis], ["batch_dims": .int(0)])
    #expect(plain[0].shape == [2, 2, 2])
    #expect(plain[0].values == [0, 2, 1, 1, 3, 5, 4, 4])
    let batched = try ArrayHarness.integers("GatherV2", [params, picks, axis], ["batch_dims": .int(-1)])
    #expect(batched[0].values == [0, 2, 4, 4])
    let row = try ArrayHarness.integers("Gather", [params, Tensor(Int32(1))])
    #expect(row[0].shape == [3])
    #expect(row[0].values == [3, 4, 5])
  }

  @Test(
    "Gathering along any dimension of many blocks gives the same with any number of threads",
    arguments: [0, 1, 2, 3])
  func gathersFromBlocks(axis: Int) throws {
    let sizes = [3, 40, 5, 70]
    let params = try ArrayHarness.range(sizes)
    let picks: [Int64] = [2, 0, 0, 1]
    let outer = sizes[..<axis].reduce(1, *), length = sizes[(axis + 1)...].reduce(1, *)
    let expected = (0..<outer).flatMap { block in
      picks.flatMap { pick in
        (0..<length).map { Int64((block * sizes[axis] + Int(pick)) * length + $0) }
      }
    }
    for threads in [1, 3] {
      let found = try KernelHarness.run(
        "GatherV2", in: ArrayOps.all, [params, Tensor(picks), Tensor(Int32(axis))],
        attributes: ["batch_dims": .int(0)], outputs: [.int64], threads: threads)[0]
      #expect(try found.scalars(as: Int64.self) == expected)
    }
  }

  @Test("An index out of range is named with its place")
  func gatherErrors() throws {
    let params = try ArrayHarness.range([3])
    let bad = try Tensor(shape: [2, 2], scalars: [0, 1, 2, -1] as [Int32])
    #expect(ArrayHarness.message("Gather", [params, bad]) == "indices[1,1] = -1 is not in [0, 3).")
    #expect(
      ArrayHarness.message("GatherV2", [params, bad, try Tensor(Int32(1))], ["batch_dims": .int(0)]).contains(
        "the input has 1 dimensions"))
    let rows = try ArrayHarness.range([3, 2])
    let deep = try Tensor(shape: [2, 2], scalars: [0, 1, 2, 2] as [Int32])
    #expect(
      ArrayHarness.message("GatherNd", [rows, deep], ["bad_indices_policy": .string("")])
        == "indices[1] = [2, 2] does not index into shape [3,2].")
    #expect(
      try ArrayHarness.integers("GatherNd", [rows, deep], ["bad_indices_policy": .string("IGNORE")])[0].values
        == [1, 0])
  }

  @Test("Gathering slices by their first indices")
  func gatherNd() throws {
    let params = try ArrayHarness.range([3, 2])
    let rows = try Tensor(shape: [2, 1], scalars: [2, 0] as [Int64])
    #expect(try ArrayHarness.integers("GatherNd", [params, rows])[0].values == [4, 5, 0, 1])
    let whole = try Tensor(shape: [2, 0], scalars: [] as [Int32])
    #expect(try ArrayHarness.integers("GatherNd", [params, whole])[0].shape == [2, 3, 2])
  }

  @Test("Scattering adds up what goes to one place, joins strings, and takes bools together")
  func scatters() throws {
    let places = try Tensor(shape: [3, 1], scalars: [1, 1, 0] as [Int32])
    let size = try ArrayHarness.vector([3])
    #expect(
      try ArrayHarness.integers("ScatterNd", [places, ArrayHarness.tensor([3], [5, 6, 7]), size])[0].values
        == [7, 11, 0])
    let strings = try KernelHarness.run(
      "ScatterNd", in: ArrayOps.all, [places, Tensor(shape: [3], strings: ["a", "b", "c"]), size],
      outputs: [.string])[0]
    #expect(try strings.strings() == ["c", "ab", ""])
    let bools = try KernelHarness.run(
      "ScatterNd", in: ArrayOps.all, [places, Tensor([true, false, false]), size], outputs: [.bool])[0]
    #expect(try bools.scalars(as: Bool.self) == [false, true, false])
  }

  @Test("A comparison with NaN keeps what is there")
  func scatterNaN() throws {
    let places = try Tensor(shape: [3, 1], scalars: [0, 1, 2] as [Int32])
    let values: [Float] = [1, .nan, 3]
    let updates = try Tensor([Float.nan, 5, 2])
    let smallest = try KernelHarness.run(
      "TensorScatterMin", in: ArrayOps.all, [Tensor(values), places, updates], outputs: [.float32])[0]
    let result = try smallest.scalars(as: Float.self)
    #expect(result[0] == 1 && result[1].isNaN && result[2] == 2)
  }

  @Test("Indices and updates that do not fit are refused")
  func scatterErrors() throws {
    let places = try Tensor(shape: [1, 1], scalars: [3] as [Int32])
    let tensor = try ArrayHarness.range([3])
    #expect(
      ArrayHarness.message("TensorScatterUpdate", [tensor, places, try ArrayHarness.tensor([1], [1])])
        == "indices[0] = [3] does not index into shape [3].")
    #expect(
      ArrayHarness.message("TensorScatterUpdate", [tensor, places, try ArrayHarness.tensor([2], [1, 2])])
        .contains(
          "want updates of shape [1]"))
    #expect(
      ArrayHarness.message(
        "ScatterNd", [places, try ArrayHarness.tensor([1], [1]), try ArrayHarness.vector([0])]
      ).contains("where one is empty"))
  }

  @Test("Many distinct elements are told apart, however they come")
  func manyDistinct() throws {
    let values = (0..<3000).map { Int64($0 * 7919 % 1009 - 500) }
    let outputs = try ArrayHarness.integers(
      "UniqueWithCounts", [ArrayHarness.tensor([3000], values)], outputs: [.int64, .int32, .int32])
    let (distinct, places, counts) = (outputs[0].values, outputs[1].values, outputs[2].values)
    #expect(Set(distinct).count == distinct.count && Set(distinct) == Set(values))
    #expect(places.map { distinct[Int($0)] } == values)
    #expect(distinct.first == values.first && counts.reduce(0, +) == 3000)
    #expect(counts[0] == Int64(values.count { $0 == values[0] }))
  }

  @Test("Distinct elements in the order in which they come up; a NaN equals nothing")
  func distinct() throws {
    let input = try Tensor([Float.nan, 0, -0.0, .nan, 1])
    let output = try KernelHarness.run(
      "UniqueWithCounts", in: ArrayOps.all, [input], outputs: [.float32, .int32, .int32])
    #expect(try output[1].scalars(as: Int32.self) == [0, 1, 1, 2, 3])
    #expect(try output[2].scalars(as: Int32.self) == [1, 2, 1, 1])
    let rows = try ArrayHarness.integers(
      "UniqueV2", [ArrayHarness.tensor([3, 2], [1, 2, 1, 2, 0, 0]), ArrayHarness.vector([0])],
      outputs: [.int64, .int64])
    #expect(rows[0].values == [1, 2, 0, 0])
    #expect(rows[1].values == [0, 0, 1])
  }

  @Test("Where elements are not zero")
  func nonZero() throws {
    let input = try Tensor(shape: [2, 3], scalars: [0, 1, -0.0, .nan, 0, 2] as [Float])
    let result = try ArrayHarness.integers("Where", [input])
    #expect(result[0].shape == [3, 2])
    #expect(result[0].values == [0, 1, 1, 0, 1, 2])
  }

  @Test("Rows dealt out come back where the indices say; places without an index hold zeros")
  func partitions() throws {
    let data = try ArrayHarness.range([3, 2])
    let parts = try ArrayHarness.integers(
      "DynamicPartition", [data, ArrayHarness.vector([1, 0, 1])], outputs: [.int64, .int64])
    #expect(parts.map(\.values) == [[2, 3], [0, 1, 4, 5]])
    let stitched = try ArrayHarness.integers(
      "DynamicStitch",
      [
        ArrayHarness.vector([0, 5]), ArrayHarness.vector([1]), ArrayHarness.tensor([2], [1, 2]),
        ArrayHarness.tensor([1], [3]),
      ])
    #expect(stitched[0].values == [1, 3, 0, 0, 0, 2])
  }

  @Test("Sparse indices must be sorted and distinct, where that is checked")
  func sparse() throws {
    let indices = try Tensor(shape: [2, 2], scalars: [1, 1, 0, 0] as [Int32])
    let inputs = [
      indices, try ArrayHarness.vector([2, 2]), try ArrayHarness.tensor([2], [2, 3]), try Tensor(Int64(-1)),
    ]
    #expect(
      ArrayHarness.message("SparseToDense", inputs, ["validate_indices": .bool(true)])
        == "indices[1] = [0,0] is out of order.")
    #expect(
      try ArrayHarness.integers("SparseToDense", inputs, ["validate_indices": .bool(false)])[0].values
        == [3, -1, -1, 2])
  }

  @Test("One-hot rows: out of range is off everywhere")
  func oneHot() throws {
    let indices = try Tensor([0, 3, -1] as [Int32])
    let result = try KernelHarness.run(
      "OneHot", in: ArrayOps.all, [indices, Tensor(Int32(2)), Tensor(Float(5)), Tensor(Float(-1))],
      attributes: ["axis": .int(0)], outputs: [.float32])[0]
    #expect(result.shape == [2, 3])
    #expect(try result.scalars(as: Float.self) == [5, -1, -1, -1, -1, -1])
  }
}
