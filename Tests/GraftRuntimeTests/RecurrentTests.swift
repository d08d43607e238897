import Foundation
import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// The same LSTM as a loop of TensorFlow 1, as `While`, and unrolled; written with what TensorFlow computes by
/// `Scripts/make-recurrent-fixtures.py`.
@Suite struct RecurrentTests {
  private func fixture(_ name: String) -> String {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return tests.path + "/Fixtures/recurrent/" + name
  }

  @Test(arguments: ["v1_loop", "v2_while", "unrolled"], [false, true])
  func anLSTMGivesTheSameInEveryForm(_ form: String, optimize: Bool) throws {
    let arrays = try NPZ.read(fixture("values.npz"))
    let x = try #require(arrays.first { $0.name == "x" }?.tensor)
    let y = try #require(arrays.first { $0.name == "y" }?.tensor)
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("\(form).pb"))
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
    // Fewer steps, another batch: other programs of the same plan.
    if form != "unrolled" {
      let short = try callable.run([Tensor(uninitialized: .float32, shape: [2, 5, 3]).cleared()])[0]
      #expect(short.shape == [2, 5, 4])
    }
  }
}
