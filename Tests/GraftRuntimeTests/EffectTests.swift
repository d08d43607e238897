import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Graphs of TensorFlow 1 that change variables while others read them, written with what TensorFlow computes by
/// `Scripts/make-effect-fixtures.py`.
@Suite struct EffectTests {
  private static let forms = [
    "steps", "average", "target", "fetched", "loop", "start", "conditional", "moments", "rows", "either",
    "function",
  ]

  @Test(arguments: forms, [false, true])
  func whatReadsAVariableSeesWhatWasAssignedBefore(_ form: String, optimize: Bool) throws {
    let arrays = try NPZ.read(fixture("effects/values.npz"))
    let x = try #require(arrays.first { $0.name == "x" }?.tensor)
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("effects/\(form).pb"))
    let session = Session(graph: graph, options: .init(threads: 1, optimize: optimize))
    _ = try session.run([], targets: ["init"])
    for run in 0..<2 {
      let expected = arrays.filter { $0.name.hasPrefix("\(form)/\(run)/") }
      #expect(!expected.isEmpty)
      let fetches = expected.map { String($0.name.dropFirst(form.count + 3)) }
      let found = try session.run(fetches, feeding: ["x": x])
      for (found, expected) in zip(found, expected) {
        #expect(found.shape == expected.tensor.shape)
        let values = zip(try found.scalars(as: Float.self), try expected.tensor.scalars(as: Float.self))
        for (a, b) in values { #expect(abs(a - b) <= 2e-6 * max(1, abs(b)), "\(expected.name)") }
      }
    }
  }

  /// Three steps read the variable once each, and its value in the end is the fourth.
  @Test func readsBetweenTheSameChangesAreOne() throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("effects/steps.pb"))
    let plan = try Session(graph: graph).callable(feeds: ["x"], fetches: ["y2", "y3"]).planDescription
    #expect(plan.split(separator: "\n").count { $0.contains("_Dereference(") } == 4, "\(plan)")
  }

  /// Effects in a conditional do not keep a loop from being one operation; sides that are none are interpreted.
  @Test(arguments: ["rows": true, "loop": true, "start": true, "either": false])
  func loopsWithConditionalsAreStructured(_ form: String, isStructured: Bool) throws {
    let graph = Graph()
    try graph.importGraphDef(contentsOf: fixture("effects/\(form).pb"))
    let plan = try Session(graph: graph).callable(feeds: ["x"], fetches: ["y0"]).planDescription
    #expect(plan.contains("_While(") == isStructured, "\(plan)")
    #expect(plan.contains("Switch(") != isStructured, "\(plan)")
  }
}
