import GraftGraph
import GraftTensor
import Synchronization
import Testing

@testable import GraftRuntime

/// A first run packs weights for itself; later runs keep them.
@Suite struct FirstRunTests {
  private func weights(_ count: Int) -> [Float] { (0..<count).map { Float($0 * 37 % 23 - 11) / 64 } }

  /// Convolutions of 3x3 with and without strides, of single pixels, and a product, each with weights of its own.
  private func network() -> GraphText {
    func attributes(_ stride: Int) -> [String: String] {
      [
        "T": "type: DT_FLOAT", "padding": "s: \"SAME\"",
        "strides": "list { i: 1 i: \(stride) i: \(stride) i: 1 }",
      ]
    }
    return GraphText().placeholder("x", [1, 20, 20, 32])
      .constant("f1", [3, 3, 32, 32], weights(9 * 32 * 32))
      .constant("f2", [3, 3, 32, 208], weights(9 * 32 * 208))
      .constant("f3", [1, 1, 208, 48], weights(208 * 48))
      .constant("size", [2], [100, 48])
      .constant("w", [48, 40], weights(48 * 40))
      .node("winograd", "Conv2D", ["x", "f1"], attributes(1))
      .node("strided", "Conv2D", ["winograd", "f2"], attributes(2))
      .node("pointwise", "Conv2D", ["strided", "f3"], attributes(1))
      .node("rows", "Reshape", ["pointwise", "size"], ["T": "type: DT_FLOAT", "Tshape": "type: DT_INT32"])
      .node("product", "MatMul", ["rows", "w"], GraphText.float)
  }

  @Test func givesTheBitsOfLaterOnesWhateverTheNumberOfThreads() throws {
    let x = try Tensor(shape: [1, 20, 20, 32], scalars: weights(20 * 20 * 32))
    let fetches = ["winograd", "strided", "pointwise", "product"]
    var first: [[Float]] = []
    for threads in 1...3 {
      let session = try Session(graph: network().graph(), options: .init(threads: threads))
      for _ in 0..<3 {
        let results: [[Float]] = try session.run(fetches, feeding: ["x": x]).map {
          try $0.scalars(as: Float.self)
        }
        if first.isEmpty { first = results }
        for (found, expected) in zip(results, first) {
          #expect(zip(found, expected).allSatisfy { $0.bitPattern == $1.bitPattern })
        }
      }
    }
    let plain = try Session(graph: network().graph(), options: .init(threads: 1, optimize: false))
    for (found, tensor) in zip(first, try plain.run(fetches, feeding: ["x": x])) {
      let expected = try tensor.scalars(as: Float.self)
      let largest = expected.reduce(0) { max($0, abs($1)) }
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 * largest })
    }
  }

  @Test(arguments: [1, 2, 7, 8], [1, 32, 45])
  func aProductOfFewRowsGivesTheBitsOfLaterOnes(rows: Int, columns: Int) throws {
    try expectSameBits("MatMul", rows, columns)
  }

  @Test(arguments: [1, 2, 7, 8], [1, 32, 45])
  func aConvolutionOfFewPixelsGivesTheBitsOfLaterOnes(pixels: Int, channels: Int) throws {
    try expectSameBits("Conv2D", pixels, channels)
  }

  /// A service may batch requests: what one of them gets does not hang on the others, not even on infinite ones.
  @Test(arguments: [1, 2, 3, 4, 45, 96], [800, 803])
  func aRowOfAProductHasTheSameBitsInEveryBatch(columns: Int, depth: Int) throws {
    let most = 130
    let graph = try GraphText().placeholder("x").constant("w", [depth, columns], weights(depth * columns))
      .node("y", "MatMul", ["x", "w"], GraphText.float).graph()
    var values = weights(most * depth).map { $0 * 1.01 }
    values[(most - 1) * depth] = .infinity
    func product(_ rows: Int, threads: Int) throws -> [Float] {
      let x = try Tensor(shape: [rows, depth], scalars: Array(values.prefix(rows * depth)))
      let session = Session(graph: graph, options: .init(threads: threads))
      return try session.run("y", feeding: ["x": x]).scalars(as: Float.self)
    }
    let all = try product(most, threads: 1)
    #expect(all.last?.isFinite == false && all.dropLast(columns).allSatisfy(\.isFinite))
    for (rows, threads) in [(1, 1), (2, 2), (7, 1), (8, 2), (97, 1), (97, 2), (most, 2)] {
      let found = try product(rows, threads: threads)
      #expect(zip(found, all).allSatisfy { $0.bitPattern == $1.bitPattern }, "\(rows) rows")
    }
  }

  /// Planning may take long, and a service has runs of other shapes meanwhile.
  @Test func aRunOfKnownShapesDoesNotWaitForThePlanOfOthers() throws {
    let graph = try GraphText().placeholder("x").node("y", "Relu", ["x"], GraphText.float).graph()
    let programs = PlanPrograms(
      plan: try Plan(graph.pruned(feeds: ["x"], fetches: ["y"]), feedCount: 1))
    let known = FeedShapes([[3]])
    let first = try #require(try programs.nestedProgram(for: known) {})
    let asked = Mutex(0)
    let other = try programs.nestedProgram(for: FeedShapes([[4]])) {
      guard try programs.nestedProgram(for: known, checkpoint: {}) === first else { return }
      asked.withLock { $0 += 1 }
    }
    #expect(other != nil && other !== first)
    #expect(asked.withLock { $0 } > 0)
  }

  private func expectSameBits(_ op: String, _ rows: Int, _ columns: Int) throws {
    let depth = 800
    let ones = op == "Conv2D" ? [1, 1] : []
    let attributes =
      op == "Conv2D" ? ["padding": "s: \"SAME\"", "strides": "list { i: 1 i: 1 i: 1 i: 1 }"] : [:]
    let text = GraphText().placeholder("x", ones + [rows, depth])
      .constant("w", ones + [depth, columns], weights(depth * columns))
      .constant("b", [columns], weights(columns))
      .node("product", op, ["x", "w"], attributes.merging(GraphText.float) { $1 })
      .node("sum", "BiasAdd", ["product", "b"], GraphText.float).node("y", "Relu", ["sum"], GraphText.float)
    let x = try Tensor(shape: ones + [rows, depth], scalars: weights(rows * depth).map { $0 * 1.01 })
    for threads in 1...2 {
      let session = try Session(graph: text.graph(), options: .init(threads: threads))
      let results = try (0..<3).map { _ in try session.run("y", feeding: ["x": x]).scalars(as: Float.self) }
      #expect(results[0].contains { $0 > 0 })
      for later in results.dropFirst() {
        #expect(zip(results[0], later).allSatisfy { $0.bitPattern == $1.bitPattern })
      }
    }
  }
}
