import Graft
import GraftTensor
import Testing

@testable import GraftCommand

@Suite struct RepeatedRunsOfCases {
  @Test func changedFeedsKeepTheirElementsButForSingleOnes() throws {
    let changed = ChangedFeeds(recorded: [
      "rows": try Tensor(shape: [2, 2], scalars: [Int32(1), 2, 3, 4]),
      "names": try Tensor(shape: [3], strings: ["a", "b", "c"]),
      "size": try Tensor(Int64(5)), "part": try Tensor([Float(8)]), "on": try Tensor(true),
      "none": try Tensor([Double]()),
    ])
    let rows = try (0..<5).map { try changed.ofRun($0)["rows"] }
    #expect(
      try rows.map { try $0?.scalars(as: Int32.self) } == [
        [1, 2, 3, 4], [4, 1, 2, 3], [3, 4, 1, 2], [1, 2, 3, 4, 1, 2, 3, 4], [1, 2, 3, 4],
      ])
    #expect(rows.map { $0?.shape.dimensions } == [[2, 2], [2, 2], [2, 2], [4, 2], [2, 2]])
    let first = try changed.ofRun(1), second = try changed.ofRun(2), larger = try changed.ofRun(3)
    #expect(try first["names"]?.strings() == ["c", "a", "b"])
    #expect(try larger["names"]?.strings() == ["a", "b", "c", "a", "b", "c"])
    #expect(try [first, second, larger].map { try $0["size"]?.scalars(as: Int64.self) } == [[6], [7], [5]])
    #expect(
      try [first, second, larger].map { try $0["part"]?.scalars(as: Float.self) } == [[7.5], [7], [8, 8]])
    #expect(
      try [first, second, larger].map { try $0["on"]?.scalars(as: Bool.self) } == [[false], [true], [true]])
    #expect([first, second, larger].map { $0["none"]?.elementCount } == [0, 0, 0])
  }

  /// A model that gives `y`, with `x` and other nodes before it.
  private func model(_ nodes: String, optimize: Bool) throws -> CaseModel {
    try withTemporaryFolder { folder in
      let x = #"node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }"#
      try write(x + nodes, to: folder + "/graph.pbtxt")
      try write(#"{"kind": "frozen", "model": "graph.pbtxt"}"#, to: folder + "/case.json")
      return try CaseModel(
        CaseDescription(contentsOf: folder + "/case.json"), in: folder + "/",
        options: SessionOptions(threads: 1, optimize: optimize))
    }
  }

  private func op(_ name: String, _ op: String, _ inputs: String...) -> String {
    let type = #"attr { key: "T" value { type: DT_FLOAT } }"#
    return "node { name: '\(name)' op: '\(op)' \(inputs.map { "input: '\($0)' " }.joined())\(type) }"
  }

  /// What `y` differs by between a plain session of the first nodes and a rewriting one of the second ones.
  private func difference(_ plain: String, _ rewritten: String, _ x: Tensor, count: Int) throws -> String? {
    let run = CaseDescription.Run(
      feeds: [], fetches: ["y:0"], targets: [], signature: nil, expectation: .values([]))
    let runs = RepeatedRuns(
      model: { try model($0 ? rewritten : plain, optimize: $0) }, tolerance: CaseDescription.Tolerance())
    return try runs.difference(run, feeding: ChangedFeeds(recorded: ["x:0": x]), count: count)
  }

  @Test func theFirstRunThatDiffersIsTold() throws {
    let x = try Tensor(Float(2)), sum = op("y", "AddV2", "x", "x"), product = op("y", "Mul", "x", "x")
    #expect(try difference(sum, sum, x, count: 9) == nil)
    // Two and two, and two times two, are the same.
    #expect(try difference(sum, product, x, count: 1) == nil)
    let text = try #require(try difference(sum, product, x, count: 9))
    #expect(text.hasPrefix("repeat 1, with other feeds: y:0: 1 of 1 differ"), "\(text)")
  }

  @Test func anErrorOfOneSessionAloneIsADifference() throws {
    // Vectors are no matrices.
    let x = try Tensor([Float(2), 3]), matrix = op("y", "MatMul", "x", "x"),
      product = op("y", "Mul", "x", "x")
    let start = "repeat 0, with other feeds: with optimize"
    #expect(try difference(matrix, matrix, x, count: 4) == nil)
    #expect(try difference(matrix, product, x, count: 4)?.hasPrefix(start + " off alone: ") == true)
    #expect(try difference(product, matrix, x, count: 4)?.hasPrefix(start + " on alone: ") == true)
  }

  @Test func whatEachSessionDrawsAnewIsNoDifference() throws {
    let random =
      #"node { name: "shape" op: "Shape" input: "x" attr { key: "T" value { type: DT_FLOAT } } }"#
      + #"node { name: "r" op: "RandomUniform" input: "shape" attr { key: "dtype" value { type: DT_FLOAT } } "#
      + #"attr { key: "T" value { type: DT_INT32 } } }"#
    #expect(
      try difference(
        random + op("y", "Mul", "x", "r"), random + op("y", "Mul", "x", "r"), Tensor([Float(2), 3]), count: 4)
        == nil)
  }

  @Test func runsThatWaitForOthersEndSoon() throws {
    // Of a queue that nobody fills.
    let queue =
      #"node { name: "q" op: "FIFOQueueV2" attr { key: "component_types" value { list { type: DT_FLOAT } } } }"#
      + #"node { name: "d" op: "QueueDequeueV2" input: "q" attr { key: "component_types" "#
      + #"value { list { type: DT_FLOAT } } } }"#
    let nodes = queue + op("y", "AddV2", "x", "d")
    #expect(try difference(nodes, nodes, Tensor(Float(1)), count: 100) == nil)
  }
}
