import GraftGraph
import GraftRuntime
import GraftTensor
import Testing

/// Datasets and iterators. Values are those of `tf.raw_ops` and `tf.data.Dataset`.
struct DatasetTests {
  private static let int64 = [
    "output_types": "list { type: DT_INT64 }", "output_shapes": "list { shape { } }",
  ]

  private struct Text {
    var graph = GraphText()

    mutating func number(_ name: String, _ value: Int) {
      graph = graph.node(
        name, "Const", [],
        [
          "dtype": "type: DT_INT64",
          "value": "tensor { dtype: DT_INT64 tensor_shape { } int64_val: \(value) }",
        ])
    }

    mutating func flag(_ name: String, _ value: Bool) {
      graph = graph.node(
        name, "Const", [],
        [
          "dtype": "type: DT_BOOL",
          "value": "tensor { dtype: DT_BOOL tensor_shape { } bool_val: \(value) }",
        ])
    }

    mutating func range(_ count: Int) {
      number("start", 0)
      number("stop", count)
      number("step", 1)
      graph = graph.node("range", "RangeDataset", ["start", "stop", "step"], DatasetTests.int64)
    }
  }

  /// All elements that an op makes of the numbers from 0 on, through an iterator.
  private func elements(
    _ op: String, of count: Int, numbers: [Int] = [], flags: [Bool] = [],
    _ attributes: [String: String] = [:],
    repeated: Int = 1, shape: String = "shape { }"
  ) throws -> [[Int64]] {
    var text = Text()
    text.range(count)
    for (index, number) in numbers.enumerated() { text.number("n\(index)", number) }
    for (index, flag) in flags.enumerated() { text.flag("f\(index)", flag) }
    let inputs = ["range"] + numbers.indices.map { "n\($0)" } + flags.indices.map { "f\($0)" }
    let outputs = ["output_types": "list { type: DT_INT64 }", "output_shapes": "list { \(shape) }"]
    text.number("count", repeated)
    text.graph = text.graph
      .node("made", op, inputs, outputs.merging(attributes) { $1 })
      .node("again", "RepeatDataset", ["made", "count"], outputs)
      .node(
        "iterator", "IteratorV2", [],
        outputs.merging(["shared_name": "s: \"i\"", "container": "s: \"\""]) { $1 }
      )
      .node("begin", "MakeIterator", ["again", "iterator"])
      .node("next", "IteratorGetNext", ["iterator"], outputs)
    let session = Session(graph: try text.graph.graph())
    _ = try session.run([], feeding: [:], targets: ["begin"])
    var result: [[Int64]] = []
    while true {
      do {
        result.append(try session.run("next:0").scalars())
      } catch let error as GraftError where error.code == .outOfRange {
        return result
      }
    }
  }

  @Test func batchesKeepOrDropTheRemainder() throws {
    let vector = "shape { dim { size: -1 } }"
    #expect(
      try elements("BatchDatasetV2", of: 5, numbers: [2], flags: [false], shape: vector) == [
        [0, 1], [2, 3], [4],
      ])
    #expect(
      try elements("BatchDatasetV2", of: 5, numbers: [2], flags: [true], shape: vector) == [[0, 1], [2, 3]])
    #expect(throws: GraftError.self) { try elements("BatchDatasetV2", of: 5, numbers: [0], flags: [true]) }
  }

  @Test func takingSkippingAndRepeating() throws {
    #expect(try elements("TakeDataset", of: 5, numbers: [2]) == [[0], [1]])
    #expect(try elements("TakeDataset", of: 2, numbers: [-1]) == [[0], [1]])
    #expect(try elements("SkipDataset", of: 5, numbers: [3], repeated: 2) == [[3], [4], [3], [4]])
    #expect(try elements("SkipDataset", of: 5, numbers: [-1]) == [])
    #expect(try elements("RepeatDataset", of: 2, numbers: [2]) == [[0], [1], [0], [1]])
    #expect(try elements("RepeatDataset", of: 0, numbers: [-1]) == [])
  }

  @Test func shufflesHaveTensorFlowsOrder() throws {
    let again = ["reshuffle_each_iteration": "b: true"]
    let same = ["reshuffle_each_iteration": "b: false"]
    #expect(
      try elements("ShuffleDataset", of: 10, numbers: [4, 3, 4], same).joined().map { $0 }
        == [1, 0, 3, 5, 7, 2, 4, 6, 9, 8])
    for buffer in [10, 20] {
      #expect(
        try elements("ShuffleDataset", of: 10, numbers: [buffer, 3, 4], again, repeated: 2).joined().map {
          $0
        }
          == [7, 1, 0, 5, 9, 3, 2, 8, 6, 4, 9, 6, 2, 4, 5, 7, 3, 0, 1, 8])
    }
    #expect(
      try elements("ShuffleDataset", of: 7, numbers: [3, 87_654_321, 3], again, repeated: 2).joined().map {
        $0
      }
        == [0, 1, 2, 3, 5, 4, 6, 0, 3, 4, 5, 2, 1, 6])
    #expect(throws: GraftError.self) { try elements("ShuffleDataset", of: 7, numbers: [0, 1, 2], again) }
  }

  @Test func anIteratorWithoutADatasetSaysSo() throws {
    let text = GraphText()
      .node(
        "iterator", "IteratorV2", [],
        Self.int64.merging(["shared_name": "s: \"i\"", "container": "s: \"\""]) { $1 }
      )
      .node("next", "IteratorGetNext", ["iterator"], Self.int64)
    let session = Session(graph: try text.graph())
    #expect(throws: GraftError.self) { try session.run("next:0") }
  }

  @Test func cardinalitiesAreThoseOfTensorFlow() throws {
    func cardinality(_ op: String, _ numbers: [Int]) throws -> [Int64] {
      var text = Text()
      text.range(5)
      for (index, number) in numbers.enumerated() { text.number("n\(index)", number) }
      text.graph = text.graph
        .node("made", op, ["range"] + numbers.indices.map { "n\($0)" }, Self.int64)
        .node("size", "DatasetCardinality", ["made"])
      return try Session(graph: try text.graph.graph()).run("size:0").scalars()
    }
    #expect(try cardinality("RepeatDataset", [-1]) == [-1])
    #expect(try cardinality("BatchDataset", [2]) == [3])
    #expect(try cardinality("UniqueDataset", []) == [-2])
    #expect(try cardinality("TakeDataset", [9]) == [5])
  }

  @Test func theNextElementIsAnOptionalThatIsEmptyAtTheEnd() throws {
    var text = Text()
    text.range(2)
    text.graph = text.graph
      .node(
        "iterator", "IteratorV2", [],
        Self.int64.merging(["shared_name": "s: \"i\"", "container": "s: \"\""]) { $1 }
      )
      .node("begin", "MakeIterator", ["range", "iterator"])
      .node("next", "IteratorGetNextAsOptional", ["iterator"], Self.int64)
      .node("is", "OptionalHasValue", ["next"])
      .node("value", "OptionalGetValue", ["next"], Self.int64)
    let session = Session(graph: try text.graph.graph())
    #expect(throws: GraftError.self) { try session.run("is:0") }
    _ = try session.run([], feeding: [:], targets: ["begin"])
    #expect(try session.run("value:0").scalars(as: Int64.self) == [0])
    #expect(try session.run("is:0").scalars(as: Bool.self) == [true])
    #expect(try session.run("is:0").scalars(as: Bool.self) == [false])
    #expect(throws: GraftError.self) { try session.run("value:0") }
  }

  @Test func aDatasetHasAsManyElementsAsItSays() throws {
    #expect(try elements("AssertCardinalityDataset", of: 3, numbers: [3]) == [[0], [1], [2]])
    #expect(try elements("AssertCardinalityDataset", of: 3, numbers: [-2]) == [[0], [1], [2]])
    for count in [2, 4, -1] {
      #expect(throws: GraftError.self) {
        try elements("AssertCardinalityDataset", of: 3, numbers: [count])
      }
    }
  }

  @Test func windowsMoveOnAndBatchesAreMadeAnew() throws {
    let vector = "shape { dim { size: -1 } }"
    let windows = try elements(
      "SlidingWindowDataset", of: 5, numbers: [2, 3, 1], ["drop_remainder": "b: true"], shape: vector)
    #expect(windows == [[0, 1], [3, 4]])
    #expect(
      try elements("ParallelBatchDataset", of: 5, numbers: [2, 1], flags: [true], shape: vector) == [
        [0, 1], [2, 3],
      ])
    #expect(throws: GraftError.self) {
      try elements("RebatchDatasetV2", of: 5, numbers: [0], flags: [false], shape: vector)
    }
  }

  // tf.data.Dataset.choose_from_datasets with the choices 0, 1, 2, 3, of datasets of 2 and 4 numbers.
  @Test func aDatasetOfNumbersChoosesAmongDatasets() throws {
    func chosen(among count: Int) throws -> [Int64] {
      var text = Text()
      text.range(4)
      text.number("two", 2)
      text.graph = text.graph.node("short", "TakeDataset", ["range", "two"], Self.int64)
      text.graph = text.graph
        .node(
          "made", "DirectedInterleaveDataset",
          Array(["range", "short", "range", "range", "range"].prefix(1 + count)),
          Self.int64.merging(["N": "i: \(count)"]) { $1 })
      text.graph = text.graph.node(
        "batch", "BatchDataset", ["made", "all"],
        ["output_types": "list { type: DT_INT64 }", "output_shapes": "list { shape { dim { size: -1 } } }"])
      text.number("all", 9)
      text.graph = text.graph.node(
        "single", "DatasetToSingleElement", ["batch"],
        ["output_types": "list { type: DT_INT64 }", "output_shapes": "list { shape { dim { size: -1 } } }"])
      return try Session(graph: try text.graph.graph()).run("single:0").scalars()
    }
    #expect(try chosen(among: 4) == [0, 0, 0, 0])
    #expect(throws: GraftError.self) { try chosen(among: 3) }
  }

  @Test func anElementHasANumber() throws {
    func element(_ index: Int) throws -> [Int64] {
      var text = Text()
      text.range(3)
      text.number("index", index)
      text.graph = text.graph.node("element", "GetElementAtIndex", ["range", "index"], Self.int64)
      return try Session(graph: try text.graph.graph()).run("element:0").scalars()
    }
    #expect(try element(2) == [2])
    for index in [3, -1, Int.max] { #expect(throws: GraftError.self) { try element(index) } }
  }
}
