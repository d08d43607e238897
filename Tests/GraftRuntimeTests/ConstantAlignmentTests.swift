import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Constants that lie at any address of a graph's bytes, as protobuf puts them.
@Suite struct ConstantAlignmentTests {
  private static let size = 128

  /// Multiplication by a matrix of 64 KB, in bytes in which its place depends on the name of the feed.
  private func bytes(_ feed: String) throws -> [UInt8] {
    var content = ""
    for index in 0..<Self.size * Self.size {
      withUnsafeBytes(of: Float(index % 7).bitPattern.littleEndian) { bytes in
        for byte in bytes { content += "\\" + String(UInt32(byte) + 0o1000, radix: 8).dropFirst() }
      }
    }
    let value =
      "tensor { dtype: DT_FLOAT tensor_shape { dim { size: \(Self.size) } dim { size: \(Self.size) } } "
      + "tensor_content: \"\(content)\" }"
    return try GraphText().placeholder(feed, [1, Self.size])
      .node("w", "Const", [], ["dtype": "type: DT_FLOAT", "value": value])
      .node("product", "MatMul", [feed, "w"], GraphText.float)
      .node("sum", "AddV2", [feed, "w"], GraphText.float)
      .node(
        "column", "GatherV2", ["w", "zero", "one"],
        [
          "Tparams": "type: DT_FLOAT", "Tindices": "type: DT_INT32", "Taxis": "type: DT_INT32",
        ]
      )
      .node(
        "rows", "GatherV2", ["w", "numbers", "zero"],
        [
          "Tparams": "type: DT_FLOAT", "Tindices": "type: DT_INT32", "Taxis": "type: DT_INT32",
        ]
      )
      .node(
        "numbers", "Placeholder", [], ["dtype": "type: DT_INT32", "shape": "shape { unknown_rank: true }"]
      )
      .node("negative", "Neg", ["rows"], GraphText.float)
      .constant("zero", [], [0]).constant("one", [], [1])
      .graph().graphDef()
  }

  @Test(arguments: ["x", "xx", "xxx", "xxxx"], [false, true])
  func aLargeConstantIsReadWhereverItLies(_ feed: String, optimize: Bool) throws {
    let graph = Graph()
    try graph.importGraphDef(bytes: try bytes(feed))
    let session = Session(graph: graph, options: .init(threads: 1, optimize: optimize))
    let x = try Tensor(
      shape: [1, Self.size], scalars: (0..<Self.size).map { Float($0 % 3) })
    for _ in 0..<2 {
      let product = try session.run("product", feeding: [feed: x]).scalars(as: Float.self)
      let expected = (0..<Self.size).map { column in
        (0..<Self.size).reduce(Float(0)) { $0 + Float($1 % 3) * Float(($1 * Self.size + column) % 7) }
      }
      #expect(product == expected)
      let sum = try session.run("sum", feeding: [feed: x]).scalars(as: Float.self)
      #expect(sum == (0..<Self.size * Self.size).map { Float($0 % Self.size % 3) + Float($0 % 7) })
      #expect(
        try session.run("w").scalars(as: Float.self) == (0..<Self.size * Self.size).map { Float($0 % 7) })
      let column = try session.run("column").scalars(as: Float.self)
      #expect(column == (0..<Self.size).map { Float($0 * Self.size % 7) })
      for numbers in [[3], [5, 0, 127]] as [[Int32]] {
        let rows = try session.run("negative", feeding: ["numbers": Tensor(numbers)])
        #expect(rows.shape == [numbers.count, Self.size])
        let expected = numbers.flatMap { row in
          (0..<Self.size).map { -Float((Int(row) * Self.size + $0) % 7) }
        }
        #expect(try rows.scalars(as: Float.self) == expected)
      }
    }
  }

  @Test func aConstantThatIsOnlyPackedOrOnlyPickedFromStaysAView() throws {
    var isView: [Bool] = []
    for feed in ["x", "xx", "xxx", "xxxx"] {
      let graph = Graph()
      try graph.importGraphDef(bytes: try bytes(feed))
      for fetch in ["product", "negative", "sum"] {
        var plan = try graph.pruned(feeds: fetch == "negative" ? ["numbers"] : [feed], fetches: [fetch])
        try Planner.optimize(&plan)
        let constants = plan.nodes.filter { $0.name == "w" }.flatMap { $0.constants ?? [] }
        if fetch == "sum" {
          #expect(constants.allSatisfy { $0.isAligned })
        } else {
          isView += constants.map { !$0.isAligned }
        }
      }
    }
    #expect(isView.count == 8 && isView.count { $0 } == 6)
  }
}
