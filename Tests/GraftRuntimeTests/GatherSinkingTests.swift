import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// Products of gathered rows: the plan for one shape of `x`, and that it gives what the plain one does.
@Suite struct GatherSinkingTests {
  private let shape: Shape = [3, 24]

  /// Three nodes of a graph, `x`, with twelve edges between them: what is known of the edges, `e`, and of the
  /// nodes that they go from and to.
  private var edges: GraphText {
    let gather = [
      "Tparams": "type: DT_FLOAT", "Tindices": "type: DT_INT32", "Taxis": "type: DT_INT32",
    ]
    return GraphText().placeholder("x").constant("sizes", [2], [12, 6]).constant("axis", [], [0])
      .constant("from", [12], [0, 0, 1, 2, 2, 1, 0, 1, 2, 0, 1, 2])
      .constant("to", [12], [1, 2, 2, 1, 0, 0, 2, 0, 0, 1, 1, 2])
      .node("e", "Reshape", ["x", "sizes"], ["T": "type: DT_FLOAT", "Tshape": "type: DT_INT32"])
      .node("f", "Reshape", ["x", "sizes"], ["T": "type: DT_FLOAT", "Tshape": "type: DT_INT32"])
      .node("s", "GatherV2", ["x", "from", "axis"], gather)
      .node("t", "GatherV2", ["x", "to", "axis"], gather)
  }

  /// A layer of what stands side by side.
  private func layer(_ parts: [String], width: Int) -> GraphText {
    edges.constant("columns", [], [1])
      .node(
        "side", "ConcatV2", parts + ["columns"],
        ["T": "type: DT_FLOAT", "Tidx": "type: DT_INT32", "N": "i: \(parts.count)"]
      )
      .constant("w", [width, 5], variedFloats(width * 5)).constant("b", [5], variedFloats(5))
      .node("m", "MatMul", ["side", "w"], GraphText.float).node("a", "BiasAdd", ["m", "b"], GraphText.float)
      .node("y", "Relu", ["a"], GraphText.float)
  }

  private func expectSame(_ text: GraphText) throws {
    let x = try Tensor(shape: shape.dimensions, scalars: variedFloats(72))
    let (expected, found) = try text.results("y", x: x)
    #expect(found.shape == expected.shape)
    for (a, b) in zip(try found.scalars(as: Float.self), try expected.scalars(as: Float.self)) {
      #expect(abs(a - b) <= 1e-5 + 1e-5 * abs(b))
    }
  }

  @Test(arguments: [["e", "s", "t"], ["s", "e", "t"], ["s", "t", "e"]])
  func nodesOfEdgesAreMultipliedBeforeTheyAreGathered(parts: [String]) throws {
    let text = layer(parts, width: 54)
    let ops = try text.opsRun(["y"], x: shape)
    #expect(
      ops.sorted() == ["AddV2", "GatherV2", "GatherV2", "MatMul", "MatMul", "Reshape", "_FusedMatMul"])
    #expect(ops.last == "_FusedMatMul")
    try expectSame(text)
  }

  @Test func partsThatStayAreStillPutSideBySide() throws {
    let text = layer(["e", "s", "f"], width: 36)
    let ops = try text.opsRun(["y"], x: shape)
    #expect(ops.sorted() == ["ConcatV2", "GatherV2", "MatMul", "Reshape", "_FusedMatMul"])
    try expectSame(text)
  }

  @Test func onePartStaysWhereAllAreGathered() throws {
    let text = layer(["s", "t"], width: 48)
    let ops = try text.opsRun(["y"], x: shape)
    #expect(ops.sorted() == ["GatherV2", "GatherV2", "MatMul", "_FusedMatMul"])
    try expectSame(text)
  }

  @Test func layersOfGatheredRowsAreLayersOfTheRows() throws {
    let text = edges.constant("w", [24, 5], variedFloats(120)).constant("v", [5, 5], variedFloats(25))
      .node("m", "MatMul", ["s", "w"], GraphText.float).node("a", "Relu", ["m"], GraphText.float)
      .node("y", "MatMul", ["a", "v"], GraphText.float)
    #expect(try text.opsRun(["y"], x: shape) == ["_FusedMatMul", "GatherV2", "MatMul"])
    try expectSame(text)
  }

  @Test func narrowRowsAndThoseOfATableThatIsLargerAreGatheredFirst() throws {
    for (rows, columns) in [(4, 18), (12, 6)] {
      let ops = try layer(["e", "s"], width: 6 + columns).opsRun(["y"], x: Shape([rows, columns]))
      #expect(ops == ["Reshape", "GatherV2", "ConcatV2", "_FusedMatMul"])
    }
  }
}
