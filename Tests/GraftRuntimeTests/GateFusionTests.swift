import GraftGraph
import GraftTensor
import Testing

@testable import GraftRuntime

/// Convolutions of single pixels that multiply their input by a gate: what multiplication and convolution give.
@Suite struct GateFusionTests {
  private static let channels = 20

  /// An image `[2, size, size, 20]` times a gate, of which a convolution makes 80 channels.
  private func network(size: Int, gate: [Int], isFirst: Bool = false, groups: Int = 1) -> GraphText {
    let depth = Self.channels / groups
    let values = (0..<depth * 80).map { Float($0 * 37 % 23 - 11) / 32 }
    return GraphText().placeholder("x", [2, size, size, Self.channels])
      .placeholder("gate", gate)
      .constant("filter", [1, 1, depth, 80], values)
      .constant("bias", [80], Array(values[..<80]))
      .node("gated", "Mul", isFirst ? ["gate", "x"] : ["x", "gate"], GraphText.float)
      .node(
        "convolution", "Conv2D", ["gated", "filter"],
        ["T": "type: DT_FLOAT", "strides": "list { i: 1 i: 1 i: 1 i: 1 }", "padding": "s: \"SAME\""]
      )
      .node("biased", "BiasAdd", ["convolution", "bias"], GraphText.float)
      .node("result", "Relu", ["biased"], GraphText.float)
  }

  private func tensor(_ shape: Shape) throws -> Tensor {
    try Tensor(
      shape: shape.dimensions, scalars: (0..<shape.elementCount).map { Float($0 * 31 % 101 - 50) / 25 })
  }

  private func plan(_ text: GraphText, _ shapes: [Shape], _ fetches: [String] = ["result"]) throws -> String {
    var graph = try text.graph().pruned(feeds: ["x", "gate"], fetches: fetches)
    try Planner.optimize(&graph)
    return try Plan(graph, feedCount: 2).specialized(for: FeedShapes(shapes)).description
  }

  @Test(arguments: [1, 3, 5, 30], [false, true])
  func aGatedConvolutionGivesTheBitsOfItsParts(size: Int, isFirst: Bool) throws {
    let shapes: [Shape] = [[2, size, size, Self.channels], [2, 1, 1, Self.channels]]
    let text = network(size: size, gate: [2, 1, 1, Self.channels], isFirst: isFirst)
    #expect(try plan(text, shapes).contains("_GatedConv2D(") == (size > 1))
    let feeds = ["x": try tensor(shapes[0]), "gate": try tensor(shapes[1])]
    // What is fetched is computed apart.
    let apart = try Session(graph: text.graph(), options: .init(threads: 1))
      .run(["result", "gated"], feeding: feeds)[0].scalars(as: Float.self)
    for results in try runs(text, feeds) { #expect(results == apart) }
    let plain = try Session(graph: text.graph(), options: .init(threads: 1, optimize: false))
      .run(["result"], feeding: feeds)[0].scalars(as: Float.self)
    #expect(zip(apart, plain).allSatisfy { abs($0 - $1) <= 1e-5 + 1e-5 * abs($1) })
  }

  /// What two runs with one, two and three threads give: the first records the layout, the second uses it.
  private func runs(_ text: GraphText, _ feeds: [String: Tensor]) throws -> [[Float]] {
    try [1, 2, 3].flatMap { threads in
      let session = try Session(graph: text.graph(), options: .init(threads: threads))
      return try (0..<2).map { _ in
        try session.run(["result"], feeding: feeds)[0].scalars(as: Float.self)
      }
    }
  }

  @Test func ofLargeImagesTheGateMultipliesTheFilter() throws {
    let text = network(size: 40, gate: [2, 1, 1, Self.channels])
    let shapes: [Shape] = [[2, 40, 40, Self.channels], [2, 1, 1, Self.channels]]
    #expect(try plan(text, shapes).contains("_GatedConv2D("))
    let feeds = ["x": try tensor(shapes[0]), "gate": try tensor(shapes[1])]
    let plain = try Session(graph: text.graph(), options: .init(threads: 1, optimize: false))
      .run(["result"], feeding: feeds)[0].scalars(as: Float.self)
    let results = try runs(text, feeds)
    for result in results { #expect(result == results[0]) }
    #expect(zip(results[0], plain).allSatisfy { abs($0 - $1) <= 1e-5 + 1e-5 * abs($1) })
  }

  @Test func whatIsNoGateIsMultipliedApart() throws {
    for gate: [Int] in [[1, 1, 1, Self.channels], [2, 1, 1, 1], [2, 5, 5, Self.channels], [2, 5, 5, 1]] {
      let shapes: [Shape] = [[2, 5, 5, Self.channels], Shape(gate)]
      #expect(try !plan(network(size: 5, gate: gate), shapes).contains("_GatedConv2D("))
    }
    let shapes: [Shape] = [[2, 5, 5, Self.channels], [2, 1, 1, Self.channels]]
    let text = network(size: 5, gate: [2, 1, 1, Self.channels])
    #expect(try !plan(text, shapes, ["gated", "result"]).contains("_GatedConv2D("))
  }

  @Test func convolutionsInGroupsStayApart() throws {
    let shapes: [Shape] = [[2, 5, 5, Self.channels], [2, 1, 1, Self.channels]]
    let text = network(size: 5, gate: [2, 1, 1, Self.channels], groups: 2)
    #expect(try !plan(text, shapes).contains("_GatedConv2D("))
    let result = try Session(graph: text.graph()).run(
      ["result"], feeding: ["x": try tensor(shapes[0]), "gate": try tensor(shapes[1])])
    #expect(result[0].shape == [2, 5, 5, 80])
  }
}
