import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// Writes small graphs in text format.
struct GraphText {
  private var nodes: [String] = []

  /// Adds a node; attributes are given as the text of an `AttrValue`.
  func node(_ name: String, _ op: String, _ inputs: [String] = [], _ attributes: [String: String] = [:])
    -> GraphText
  {
    var copy = self
    let lines =
      inputs.map { "input: \"\($0)\"" }
      + attributes.sorted { $0.key < $1.key }.map { "attr { key: \"\($0.key)\" value { \($0.value) } }" }
    copy.nodes.append("node { name: \"\(name)\" op: \"\(op)\" \(lines.joined(separator: " ")) }")
    return copy
  }

  /// Adds a float32 placeholder.
  func placeholder(_ name: String, _ shape: [Int]? = nil) -> GraphText {
    let dimensions = shape.map { $0.map { "dim { size: \($0) }" }.joined(separator: " ") }
    return node(
      name, "Placeholder", [],
      ["dtype": "type: DT_FLOAT", "shape": "shape { \(dimensions ?? "unknown_rank: true") }"])
  }

  /// Adds a float32 constant.
  func constant(_ name: String, _ shape: [Int], _ values: [Float]) -> GraphText {
    node(
      name, "Const", [],
      ["dtype": "type: DT_FLOAT", "value": Self.tensor("DT_FLOAT", shape, values.map { "float_val: \($0)" })])
  }

  /// Adds an int32 constant.
  func constant(_ name: String, _ shape: [Int], _ values: [Int]) -> GraphText {
    node(
      name, "Const", [],
      ["dtype": "type: DT_INT32", "value": Self.tensor("DT_INT32", shape, values.map { "int_val: \($0)" })])
  }

  private static func tensor(_ dtype: String, _ shape: [Int], _ values: [String]) -> String {
    let dimensions = shape.map { "dim { size: \($0) }" }.joined(separator: " ")
    return "tensor { dtype: \(dtype) tensor_shape { \(dimensions) } \(values.joined(separator: " ")) }"
  }

  /// The text, with a version of producer that today's graphs have.
  var text: String { (nodes + ["versions { producer: 1882 }"]).joined(separator: "\n") }

  /// The graph, imported.
  func graph() throws -> Graph {
    let graph = Graph()
    try graph.importGraphDef(bytes: Array(text.utf8))
    return graph
  }
}

extension Graph {
  /// The part between feeds and fetches as a plan's graph, before any pass.
  func pruned(feeds: [String], fetches: [String]) throws -> PlanGraph {
    let snapshot = snapshot
    func endpoint(_ name: String) throws -> Endpoint {
      let output = try tensor(named: name)
      return Endpoint(
        node: try #require(snapshot.nodeIndex(named: output.operationName)), output: output.index)
    }
    return try Planner(graph: snapshot, registry: .standard, optimize: false).prune(
      feeds: feeds.map(endpoint), fetches: fetches.map(endpoint), targets: [])
  }
}

extension GraphText {
  /// The ops of the optimised plan for a shape of the placeholder `x`, in the order in which they run.
  func opsRun(_ fetches: [String], x shape: Shape) throws -> [String] {
    var graph = try graph().pruned(feeds: ["x"], fetches: fetches)
    try Planner.optimize(&graph)
    _ = try Planner.specialize(&graph, for: FeedShapes([shape]))
    return try graph.order().map { graph.nodes[$0] }.filter { $0.constants == nil && $0.feed == nil }
      .map(\.op)
  }

  /// What sessions without and with passes give for `x`.
  func results(_ fetch: String, x: Tensor) throws -> (plain: Tensor, optimized: Tensor) {
    func run(optimize: Bool) throws -> Tensor {
      try Session(graph: graph(), options: .init(threads: 1, optimize: optimize)).run(
        fetch, feeding: ["x": x])
    }
    return (try run(optimize: false), try run(optimize: true))
  }

  /// `attr` text of a float dtype, under the name that most ops give it.
  static let float = ["T": "type: DT_FLOAT"]
}

/// Numbers of both signs that repeat late, the same every time.
func variedFloats(_ count: Int) -> [Float] { (0..<count).map { Float($0 * 37 % 23 - 11) / 8 } }
