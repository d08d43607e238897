import GraftGraph
import GraftKernels
import GraftTensor
import Testing

@testable import GraftRuntime

/// Passes that need the feeds' shapes: the plan for one shape, and that it gives what the plain one does.
@Suite struct ShapePassTests {
  /// The ops of the plan for a shape of `x`, in the order in which they run.
  private func ops(_ text: GraphText, _ fetch: String, _ shape: Shape) throws -> [String] {
    try text.opsRun([fetch], x: shape)
  }

  private func expectSame(
    _ text: GraphText, _ fetch: String, _ shape: [Int], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let x = try Tensor(shape: shape, scalars: variedFloats(shape.reduce(1, *)))
    let plain = try Session(graph: text.graph(), options: .init(threads: 1, optimize: false))
    let optimized = try Session(graph: text.graph(), options: .init(threads: 1))
    let expected = try plain.run(fetch, feeding: ["x": x])
    for _ in 0..<2 {
      let found = try optimized.run(fetch, feeding: ["x": x])
      #expect(found.shape == expected.shape, sourceLocation: sourceLocation)
      let pairs = zip(try found.scalars(as: Float.self), try expected.scalars(as: Float.self))
      #expect(
        pairs.allSatisfy { abs($0 - $1) <= 1e-5 + 1e-5 * abs($1) }, "\(found) \(expected)",
        sourceLocation: sourceLocation)
    }
  }

  /// The rows of `x` normalised as channels of one image, as Keras 2 has it.
  private func normalizedChannels(ones: [Float], result: [Int]) -> GraphText {
    let reshape = ["T": "type: DT_FLOAT", "Tshape": "type: DT_INT32"]
    return GraphText().placeholder("x").constant("channels", [4], [1, 6, 8, 1])
      .constant("ones", [6], ones).constant("zeros", [6], [Float](repeating: 0, count: 6))
      .constant("nothing", [0], [Float]()).constant("shape", [result.count], result)
      .node("image", "Reshape", ["x", "channels"], reshape)
      .node(
        "norm", "FusedBatchNormV3", ["image", "ones", "zeros", "nothing", "nothing"],
        [
          "T": "type: DT_FLOAT", "U": "type: DT_FLOAT", "is_training": "b: true", "epsilon": "f: 0.001",
          "data_format": "s: \"NCHW\"",
        ]
      )
      .node("rows", "Reshape", ["norm", "shape"], reshape)
  }

  @Test func batchNormalisationOfRowsIsThatOfTheirLayer() throws {
    let rows = normalizedChannels(ones: [Float](repeating: 1, count: 6), result: [2, 3, 8])
    let text = rows.constant("scale", [8], variedFloats(8)).constant(
      "offset", [8], variedFloats(8).reversed()
    )
    .node("scaled", "Mul", ["rows", "scale"], GraphText.float)
    .node("y", "AddV2", ["scaled", "offset"], GraphText.float)
    #expect(try ops(text, "y", [2, 3, 8]) == ["_LayerNorm"])
    try expectSame(text, "y", [2, 3, 8])
    #expect(try ops(rows, "rows", [2, 3, 8]) == ["_LayerNorm"])
    try expectSame(rows, "rows", [2, 3, 8])
  }

  @Test(arguments: [([1, 1, 2, 1, 1, 1], [2, 3, 8]), ([1, 1, 1, 1, 1, 1], [6, 8])] as [([Float], [Int])])
  func batchNormalisationOfRowsInAnotherWayStays(ones: [Float], result: [Int]) throws {
    let text = normalizedChannels(ones: ones, result: result)
    #expect(try !ops(text, "rows", [2, 3, 8]).contains("_LayerNorm"))
    try expectSame(text, "rows", [2, 3, 8])
  }

  @Test func sumsOfAFewAreFusedWithWhatTheyAddUp() throws {
    let text = GraphText().placeholder("x").constant("two", [], [2.0]).constant("row", [5], variedFloats(5))
      .node("a", "Mul", ["x", "two"], GraphText.float).node("b", "Mul", ["x", "row"], GraphText.float)
      .node("sum", "AddN", ["a", "x", "b"], ["T": "type: DT_FLOAT", "N": "i: 3"])
      .node("y", "Tanh", ["sum"], GraphText.float)
    #expect(try ops(text, "y", [4, 5]) == ["_FusedElementwise"])
    try expectSame(text, "y", [4, 5])
  }

  @Test(arguments: ["NHWC", "NCHW"])
  func batchNormalisationWithoutAConvolutionIsFusedWithWhatFollows(_ format: String) throws {
    var text = GraphText().placeholder("x")
    for (name, values) in [
      ("scale", [1.5, 0.5, 1]), ("offset", [0.25, -1.0, 0]), ("mean", [0.5, 2.0, -1]),
      ("variance", [4.0, 0.25, 1]),
    ] as [(String, [Float])] {
      text = text.constant(name, [3], values)
    }
    text = text.node(
      "norm", "FusedBatchNormV3", ["x", "scale", "offset", "mean", "variance"],
      [
        "T": "type: DT_FLOAT", "U": "type: DT_FLOAT", "is_training": "b: false", "epsilon": "f: 0.001",
        "data_format": "s: \"\(format)\"",
      ]
    ).node("y", "Relu6", ["norm"], GraphText.float)
    let shape = format == "NHWC" ? [2, 4, 5, 3] : [2, 3, 4, 5]
    #expect(try ops(text, "y", Shape(shape)) == ["_FusedElementwise"])
    try expectSame(text, "y", shape)
  }

  @Test func whatWasInferredBeforeAChangeHoldsOnlyWhereNothingBeforeItChanged() throws {
    let text = GraphText().placeholder("x").constant("order", [2], [1, 0])
      .node("t", "Transpose", ["x", "order"], ["T": "type: DT_FLOAT", "Tperm": "type: DT_INT32"])
      .node("y", "Relu", ["t"], GraphText.float).node("z", "Relu", ["x"], GraphText.float)
    var graph = try text.graph().pruned(feeds: ["x"], fetches: ["y", "z"])
    try ConstantEvaluation.run(&graph)
    let feeds = FeedShapes([[2, 3]])
    let before = ShapeInference(graph, feeds: feeds)
    #expect(graph.fetches.map { before.shape(of: $0).fullyDefined } == [[3, 2], [2, 3]])
    let transpose = try #require(graph.nodes.firstIndex { $0.op == "Transpose" })
    let other = try #require(graph.nodes.first { $0.name == "z" })
    graph.nodes[transpose] = other
    let after = ShapeInference(graph, feeds: feeds, earlier: before)
    #expect(graph.fetches.map { after.shape(of: $0).fullyDefined } == [[2, 3], [2, 3]])
  }

  @Test func whatWasInferredBeforeAChangeIsGoneWhereAValueChangedAndNotItsShape() throws {
    let text = GraphText().placeholder("x").constant("order", [2], [1, 0])
      .node("t", "Transpose", ["x", "order"], ["T": "type: DT_FLOAT", "Tperm": "type: DT_INT32"])
      .node("y", "Relu", ["t"], GraphText.float)
    var graph = try text.graph().pruned(feeds: ["x"], fetches: ["y"])
    try ConstantEvaluation.run(&graph)
    let before = ShapeInference(graph, feeds: FeedShapes([[2, 3]]))
    let order = try #require(graph.nodes.firstIndex { $0.name == "order" })
    graph.nodes[order] = PlanNode(constants: [try Tensor([Int32(0), 1])], name: "order")
    let after = ShapeInference(graph, feeds: FeedShapes([[2, 3]]), earlier: before)
    #expect(before.shape(of: graph.fetches[0]).fullyDefined == [3, 2])
    #expect(after.shape(of: graph.fetches[0]).fullyDefined == [2, 3])
  }

  // MARK: - Einsums

  private func einsum(_ equation: String, _ sizes: [Int], first: Bool = false) -> GraphText {
    let count = sizes.reduce(1, *)
    return GraphText().placeholder("x").constant("w", sizes, variedFloats(count))
      .node(
        "e", "Einsum", first ? ["w", "x"] : ["x", "w"],
        ["T": "type: DT_FLOAT", "N": "i: 2", "equation": "s: '\(equation)'"])
  }

  @Test(arguments: [
    ("abc,cde->abde", [6, 2, 4], [2, 3, 6]), ("abcd,cde->abe", [2, 3, 5], [2, 4, 2, 3]),
    ("abcd,ecd->abe", [5, 2, 3], [2, 4, 2, 3]), ("...c,cd->...d", [4, 6], [2, 3, 4]),
    ("ab,bc->ac", [4, 6], [3, 4]),
  ])
  func einsumsOfRowsWithAConstantArePlainProducts(equation: String, weights: [Int], x: [Int]) throws {
    let text = einsum(equation, weights)
    let shape = try Shape(validating: x)
    let ops = try ops(text, "e", shape)
    #expect(ops.contains("MatMul") && !ops.contains("Einsum"), "\(ops)")
    try expectSame(text, "e", x)
  }

  @Test func einsumsWithTheConstantFirstArePlainProducts() throws {
    let text = einsum("cd,abc->abd", [4, 6], first: true)
    #expect(try ops(text, "e", [2, 3, 4]).contains("MatMul"))
    try expectSame(text, "e", [2, 3, 4])
  }

  @Test(arguments: [
    // Columns before rows, a batch, dimensions in another order, a sum of one operand alone.
    ("abc,cd->dab", [4, 6], [2, 3, 4]), ("abc,acd->abd", [2, 4, 6], [2, 3, 4]),
    ("abcd,dce->abe", [3, 2, 5], [2, 4, 2, 3]), ("abc,ced->abd", [4, 2, 6], [2, 3, 4]),
    ("abc,cd->bd", [4, 6], [2, 3, 4]),
  ])
  func einsumsThatAreNoPlainProductsStay(equation: String, weights: [Int], x: [Int]) throws {
    let text = einsum(equation, weights)
    let shape = try Shape(validating: x)
    #expect(try ops(text, "e", shape) == ["Einsum"])
    try expectSame(text, "e", x)
  }

  @Test func whatFollowsAnEinsumIsFusedIntoTheProduct() throws {
    let text = einsum("abc,cde->abde", [6, 2, 4]).constant("b", [2, 4], variedFloats(8))
      .node("sum", "AddV2", ["e", "b"], GraphText.float).node("y", "Relu", ["sum"], GraphText.float)
    let ops = try ops(text, "y", [2, 3, 6])
    #expect(ops == ["Reshape", "_FusedMatMul", "Reshape"], "\(ops)")
    try expectSame(text, "y", [2, 3, 6])
  }

  // MARK: - Products between transposes

  private func transposing(_ text: GraphText, _ name: String, _ input: String, _ permutation: [Int])
    -> GraphText
  {
    text.constant(name + "/perm", [permutation.count], permutation)
      .node(name, "Transpose", [input, name + "/perm"], ["T": "type: DT_FLOAT", "Tperm": "type: DT_INT32"])
  }

  private func product(adjoint: Bool = false) -> [String: String] {
    ["T": "type: DT_FLOAT", "adj_x": "b: false", "adj_y": "b: \(adjoint)"]
  }

  /// What two heads of attention do with `x` of [2, 3, 2, 4]: scores and, with their transpose, a mean of values.
  private func attention(_ keys: [Int], adjoint: Bool) -> GraphText {
    var text = GraphText().placeholder("x").node("negated", "Neg", ["x"], GraphText.float)
    text = transposing(text, "queries", "x", [0, 2, 1, 3])
    text = transposing(text, "keys", "negated", keys)
    text = text.node("scores", "BatchMatMulV2", ["queries", "keys"], product(adjoint: adjoint))
      .node("weights", "Softmax", ["scores"], GraphText.float).node("powers", "Exp", ["x"], GraphText.float)
    text = transposing(text, "values", "powers", [0, 2, 1, 3])
    text = text.node("means", "BatchMatMulV2", ["weights", "values"], product())
    return transposing(text, "y", "means", [0, 2, 1, 3])
  }

  @Test(arguments: [([0, 2, 3, 1], false), ([0, 2, 1, 3], true)])
  func attentionReadsHeadsWhereTheyLie(keys: [Int], adjoint: Bool) throws {
    let text = attention(keys, adjoint: adjoint)
    let ops = try ops(text, "y", [2, 3, 2, 4])
    #expect(!ops.contains("Transpose") && ops.filter { $0 == "Einsum" }.count == 2, "\(ops)")
    try expectSame(text, "y", [2, 3, 2, 4])
  }

  @Test func aTransposeThatOthersReadStays() throws {
    let text = transposing(GraphText().placeholder("x"), "turned", "x", [0, 2, 1])
      .node("squares", "BatchMatMulV2", ["x", "turned"], product())
      .node("y", "BatchMatMulV2", ["turned", "squares"], product())
    #expect(try ops(text, "y", [2, 3, 4]) == ["Transpose", "BatchMatMulV2", "BatchMatMulV2"])
  }

  @Test func aTransposeThatScattersAMatrixStays() throws {
    let text = transposing(GraphText().placeholder("x"), "turned", "x", [2, 1, 0])
      .node("square", "BatchMatMulV2", ["x", "turned"], product())
    #expect(
      try ops(transposing(text, "y", "square", [1, 2, 0]), "y", [3, 3, 3]) == [
        "Transpose", "BatchMatMulV2", "Transpose",
      ])
  }

  // MARK: - Layer normalisation

  private static let mean = ["T": "type: DT_FLOAT", "keep_dims": "b: true", "Tidx": "type: DT_INT32"]

  /// The beginning that all ways of writing it share: `mean`, and `sum`, the variance and epsilon.
  private func moments(axis: Int) -> GraphText {
    GraphText().placeholder("x").constant("axis", [1], [axis])
      .node("mean", "Mean", ["x", "axis"], Self.mean)
      .node("squares", "SquaredDifference", ["x", "mean"], GraphText.float)
      .node("variance", "Mean", ["squares", "axis"], Self.mean).constant("epsilon", [], [0.001])
      .node("sum", "AddV2", ["variance", "epsilon"], GraphText.float)
      .constant("scale", [1, 1, 5], [1.0, -2.0, 0.5, 3.0, 1.5]).constant("offset", [5], [0.5, 1, -1, 2, 0])
  }

  enum Writing: CaseIterable {
    case asBatchNormalization, withNegatedMean, withRoot, withDivision, withoutParameters
  }

  private func normalization(_ writing: Writing, axis: Int = -1) -> GraphText {
    let text = moments(axis: axis)
    func binary(_ text: GraphText, _ rows: [(String, String, String, String)]) -> GraphText {
      rows.reduce(text) { $0.node($1.0, $1.1, [$1.2, $1.3], GraphText.float) }
    }
    let root = text.node("root", "Rsqrt", ["sum"], GraphText.float)
    switch writing {
    case .asBatchNormalization:
      return binary(
        root,
        [
          ("m", "Mul", "root", "scale"), ("a", "Mul", "x", "m"), ("c", "Mul", "mean", "m"),
          ("d", "Sub", "offset", "c"), ("y", "AddV2", "a", "d"),
        ])
    case .withNegatedMean:
      return binary(
        root.node("negative", "Neg", ["mean"], GraphText.float),
        [
          ("m", "Mul", "root", "scale"), ("a", "Mul", "m", "x"), ("c", "Mul", "negative", "m"),
          ("d", "AddV2", "c", "offset"), ("y", "AddV2", "d", "a"),
        ])
    case .withRoot:
      return binary(
        root,
        [
          ("centered", "Sub", "x", "mean"), ("a", "Mul", "centered", "root"), ("b", "Mul", "scale", "a"),
          ("y", "AddV2", "b", "offset"),
        ])
    case .withDivision:
      return binary(
        text.node("deviation", "Sqrt", ["sum"], GraphText.float),
        [
          ("centered", "Sub", "x", "mean"), ("a", "RealDiv", "centered", "deviation"),
          ("b", "Mul", "a", "scale"), ("y", "AddV2", "b", "offset"),
        ])
    case .withoutParameters:
      return binary(root, [("centered", "Sub", "x", "mean"), ("y", "Mul", "centered", "root")])
    }
  }

  @Test(arguments: Writing.allCases) func layerNormalisationIsFoundHoweverItIsWritten(_ writing: Writing)
    throws
  {
    let text = normalization(writing)
    #expect(try ops(text, "y", [2, 3, 5]) == ["_LayerNorm"])
    try expectSame(text, "y", [2, 3, 5])
  }

  @Test func normalisationAlongAnotherAxisStaysWhatItIs() throws {
    let text = normalization(.withRoot, axis: 1)
    #expect(try ops(text, "y", [2, 3, 5]).contains("Mean"))
    try expectSame(text, "y", [2, 3, 5])
  }

  @Test func layerNormalisationKeepsTheRankThatItsFactorsGive() throws {
    try expectSame(normalization(.withRoot), "y", [2, 5])
    try expectSame(normalization(.asBatchNormalization), "y", [2, 5])
  }

  // MARK: - Convolutions

  private func convolution(_ padding: String = "VALID") -> [String: String] {
    [
      "T": "type: DT_FLOAT", "strides": "list { i: 1 i: 1 i: 1 i: 1 }", "padding": "s: \"\(padding)\"",
    ]
  }

  private static let blocks = ["T": "type: DT_FLOAT", "Tblock_shape": "type: DT_INT32"]
  private static let toBatch = blocks.merging(["Tpaddings": "type: DT_INT32"]) { $1 }
  private static let toSpace = blocks.merging(["Tcrops": "type: DT_INT32"]) { $1 }

  @Test func spaceMovedIntoTheBatchAndBackIsADilation() throws {
    let text = GraphText().placeholder("x").constant("block", [2], [2, 3])
      .constant("paddings", [2, 2], [2, 3, 3, 4]).constant("crops", [2, 2], [0, 1, 1, 0])
      .node("spread", "SpaceToBatchND", ["x", "block", "paddings"], Self.toBatch)
      .constant("w", [3, 3, 2, 4], variedFloats(72))
      .node("c", "Conv2D", ["spread", "w"], convolution())
      .node("back", "BatchToSpaceND", ["c", "block", "crops"], Self.toSpace)
      .constant("b", [4], [1.0, 2, 3, 4]).node("s", "BiasAdd", ["back", "b"], GraphText.float)
      .node("y", "Relu", ["s"], GraphText.float)
    #expect(try ops(text, "y", [2, 9, 11, 2]) == ["_FusedConv2D"])
    try expectSame(text, "y", [2, 9, 11, 2])
  }

  @Test func dilationsOfOneDimensionAreFoundAndPadForThemselves() throws {
    let text = GraphText().placeholder("x").constant("p", [3, 2], [0, 0, 4, 0, 0, 0])
      .node("pad", "Pad", ["x", "p"], ["T": "type: DT_FLOAT", "Tpaddings": "type: DT_INT32"])
      .constant("block", [1], [2]).constant("none", [1, 2], [0, 1]).constant("axis", [], [-3])
      .node("spread", "SpaceToBatchND", ["pad", "block", "none"], Self.toBatch)
      .node("image", "ExpandDims", ["spread", "axis"], ["T": "type: DT_FLOAT", "Tdim": "type: DT_INT32"])
      .constant("w", [1, 3, 2, 4], variedFloats(24)).constant("v", [1, 3, 2, 4], variedFloats(25).suffix(24))
    let both = ["w", "v"].reduce(text) { text, filter in
      text.node("c" + filter, "Conv2D", ["image", filter], convolution())
        .node(
          "row" + filter, "Squeeze", ["c" + filter],
          ["T": "type: DT_FLOAT", "squeeze_dims": "list { i: -3 }"]
        )
        .node("y" + filter, "BatchToSpaceND", ["row" + filter, "block", "none"], Self.toSpace)
    }.node("y", "Sub", ["yw", "yv"], GraphText.float)
    // 7 and 4 before it: the last of 12 is what was added to make them even.
    let found = try ops(both, "y", [2, 7, 2])
    #expect(found.filter { $0 == "Conv2D" }.count == 2)
    #expect(found.allSatisfy { ["Conv2D", "ExpandDims", "Squeeze", "Sub"].contains($0) })
    try expectSame(both, "y", [2, 7, 2])
  }

  @Test(arguments: [1, 2]) func asManyGroupsAsChannelsAreADepthwiseConvolution(_ multiplier: Int) throws {
    let text = GraphText().placeholder("x").constant(
      "w", [3, 3, 1, 4 * multiplier], variedFloats(36 * multiplier)
    )
    .node("c", "Conv2D", ["x", "w"], convolution("SAME"))
    .constant("f", [4 * multiplier], variedFloats(4 * multiplier)).node(
      "m", "Mul", ["c", "f"], GraphText.float
    )
    .constant("b", [4 * multiplier], variedFloats(4 * multiplier)).node(
      "y", "AddV2", ["m", "b"], GraphText.float)
    #expect(try ops(text, "y", [1, 5, 6, 4]) == ["_FusedDepthwiseConv2dNative"])
    try expectSame(text, "y", [1, 5, 6, 4])
  }

  // MARK: - Reshapes

  /// A dense layer of sequences, as Keras writes it.
  private func dense(_ name: String, _ input: String, _ width: (from: Int, to: Int), in text: GraphText)
    -> GraphText
  {
    text.constant(name + "/rows", [2], [-1, width.from])
      .constant(name + "/back", [3], [-1, 3, width.to]).constant(
        name + "/w", [width.from, width.to], variedFloats(width.from * width.to)
      )
      .constant(name + "/b", [width.to], variedFloats(width.to))
      .node(name + "/flat", "Reshape", [input, name + "/rows"], GraphText.float)
      .node(name + "/product", "MatMul", [name + "/flat", name + "/w"], GraphText.float)
      .node(name + "/sequence", "Reshape", [name + "/product", name + "/back"], GraphText.float)
      .node(name, "BiasAdd", [name + "/sequence", name + "/b"], GraphText.float)
  }

  @Test func denseLayersOfSequencesFuseWhatFollowsThem() throws {
    var text = dense("first", "x", (4, 8), in: GraphText().placeholder("x"))
      .constant("half", [], [0.5]).node("h", "Mul", ["half", "first"], GraphText.float)
      .node("negative", "Neg", ["first"], GraphText.float).constant("root", [], [0.70710677])
      .node("r", "Mul", ["negative", "root"], GraphText.float).node("e", "Erfc", ["r"], GraphText.float)
      .node("gelu", "Mul", ["h", "e"], GraphText.float)
    text = dense("second", "gelu", (8, 4), in: text).node("y", "AddV2", ["x", "second"], GraphText.float)
    // The shortcut and the result are reshaped, and nothing between the layers.
    #expect(
      try ops(text, "y", [2, 3, 4]).sorted() == [
        "Reshape", "Reshape", "Reshape", "_FusedMatMul", "_FusedMatMul",
      ])
    try expectSame(text, "y", [2, 3, 4])
  }

  @Test func productsOfSequencesWithOneMatrixArePlainOnes() throws {
    let text = GraphText().placeholder("x").constant("w", [4, 6], variedFloats(24))
      .node("m", "BatchMatMulV2", ["x", "w"], GraphText.float).constant("heads", [4], [-1, 3, 2, 3])
      .node("split", "Reshape", ["m", "heads"], GraphText.float)
      // A value for each place of both axes that were one.
      .constant("b", [2, 3], variedFloats(6)).node("y", "AddV2", ["split", "b"], GraphText.float)
    #expect(try ops(text, "y", [2, 3, 4]) == ["Reshape", "_FusedMatMul", "Reshape"])
    try expectSame(text, "y", [2, 3, 4])
  }

  @Test func whatIsAddedAlongAnotherAxisStaysAfterTheReshape() throws {
    let text = GraphText().placeholder("x").constant("w", [4, 6], variedFloats(24))
      .node("m", "MatMul", ["x", "w"], GraphText.float).constant("split", [3], [-1, 2, 3])
      .node("r", "Reshape", ["m", "split"], GraphText.float)
      .constant("b", [3], [1.0, 2, 3]).node("y", "AddV2", ["r", "b"], GraphText.float)
    #expect(try ops(text, "y", [5, 4]) == ["MatMul", "Reshape", "AddV2"])
    try expectSame(text, "y", [5, 4])
  }

  @Test func convolutionsOfOneDimensionFuseWhatFollowsThem() throws {
    let text = GraphText().placeholder("x").constant("axis", [], [1])
      .node("image", "ExpandDims", ["x", "axis"], ["T": "type: DT_FLOAT", "Tdim": "type: DT_INT32"])
      .constant("w", [1, 3, 2, 4], variedFloats(24)).node("c", "Conv2D", ["image", "w"], convolution("SAME"))
      .node("row", "Squeeze", ["c"], ["T": "type: DT_FLOAT", "squeeze_dims": "list { i: 1 }"])
      .constant("b", [4], variedFloats(4)).node("s", "BiasAdd", ["row", "b"], GraphText.float)
      .constant("f", [1, 1, 4], variedFloats(4)).node("m", "Mul", ["s", "f"], GraphText.float)
      .node("y", "Relu", ["m"], GraphText.float)
    #expect(try ops(text, "y", [2, 7, 2]) == ["ExpandDims", "_FusedConv2D", "Reshape"])
    try expectSame(text, "y", [2, 7, 2])
  }
}
