import Foundation
import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// The same LSTM as a loop of TensorFlow 1, as `While`, and unrolled; written with what TensorFlow computes by
/// `Scripts/make-recurrent-fixtures.py`.
@Suite struct RecurrentTests {
  @Test(arguments: ["v1_loop", "v2_while", "v2_rows", "unrolled"], [false, true])
  func anLSTMGivesTheSameInEveryForm(_ form: String, optimize: Bool) throws {
    let arrays = try NPZ.read(fixture("recurrent/values.npz"))
    let x = try #require(arrays.first { $0.name == "x" }?.tensor)
    let y = try #require(arrays.first { $0.name == "y" }?.tensor)
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("recurrent/\(form).pb"))
    let session = Session(graph: graph, options: .init(threads: 1, optimize: optimize))
    let callable = try session.callable(feeds: ["x"], fetches: ["y"])
    // The first run records the layouts, later ones use them.
    for _ in 0..<3 {
      let found = try callable.run([x])[0]
      #expect(found.shape == y.shape)
      for (a, b) in zip(try found.scalars(as: Float.self), try y.scalars(as: Float.self)) {
        #expect(abs(a - b) <= 1e-6)
      }
    }
    if optimize, form != "unrolled" { #expect(callable.planDescription.contains("_While(")) }
    #expect(callable.planDescription.contains("_LSTMGates(") == optimize)
    // The inputs' products are one before the loop, where the rows are known to fit.
    #expect(callable.planDescription.contains("BatchMatMulV2(") == (optimize && form == "v2_rows"))
    // Fewer steps, another batch: other programs of the same plan.
    if form != "unrolled" {
      let short = try callable.run([Tensor(uninitialized: .float32, shape: [2, 5, 3]).cleared()])[0]
      #expect(short.shape == [2, 5, 4])
    }
  }

  /// A cell on a fed state, its gates in another order, with a forget bias.
  @Test(arguments: [[1, 2], [2, 2], [2], [2, 1, 2]]) func aStateOfAnotherShapeIsRepeated(_ shape: [Int])
    throws
  {
    let text = GraphText().placeholder("x", [2, 3]).placeholder("c")
      .constant("w", [3, 8], (0..<24).map { Float($0 % 7) / 5 - 0.5 })
      .constant("axis", [], [1]).constant("one", [], [1.0])
      .node("z", "MatMul", ["x", "w"], GraphText.float)
      .node("split", "Split", ["axis", "z"], ["T": "type: DT_FLOAT", "num_split": "i: 4"])
      .node("f", "AddV2", ["split:1", "one"], GraphText.float)
      .node("sf", "Sigmoid", ["f"], GraphText.float).node("si", "Sigmoid", ["split:3"], GraphText.float)
      .node("tg", "Tanh", ["split"], GraphText.float).node("so", "Sigmoid", ["split:2"], GraphText.float)
      .node("old", "Mul", ["c", "sf"], GraphText.float).node("new", "Mul", ["si", "tg"], GraphText.float)
      .node("next", "AddV2", ["old", "new"], GraphText.float).node("t", "Tanh", ["next"], GraphText.float)
      .node("h", "Mul", ["t", "so"], GraphText.float)
    let count = shape.reduce(1, *)
    let feeds = [
      try Tensor(shape: [2, 3], scalars: (0..<6).map { Float($0) - 2 }),
      try Tensor(shape: shape, scalars: (0..<count).map { Float($0) / 2 - 1 }),
    ]
    var results: [[Tensor]] = []
    for optimize in [false, true] {
      let session = Session(graph: try text.graph(), options: .init(threads: 1, optimize: optimize))
      let callable = try session.callable(feeds: ["x", "c"], fetches: ["h", "next"])
      #expect(callable.planDescription.contains("h = _LSTMGates(z:0, c:0)") == optimize)
      results.append(try callable.run(feeds))
    }
    for (plain, fused) in zip(results[0], results[1]) {
      #expect(plain.shape == fused.shape)
      for (a, b) in zip(try plain.scalars(as: Float.self), try fused.scalars(as: Float.self)) {
        #expect(abs(a - b) <= 1e-6)
      }
    }
  }
}
